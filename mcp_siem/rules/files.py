"""Reads the files of a pack: the only place below rules/ that touches a disk."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcp_siem.errors import Issue

__all__ = ["read_text", "rule_files", "sibling_files"]

_MAX_BYTES = 16 * 1024 * 1024
_SUFFIXES = (".yml", ".yaml")
# SigmaHQ's samples stand in a folder of this name, with an info.yml that is no rule (prove/regression.py).
_SAMPLES = "regression_data"
_SIBLINGS = (".match.jsonl", ".miss.jsonl", ".evade.jsonl", ".elastic.json", ".splunk.spl")


def read_text(path: Path) -> tuple[str, Issue | None]:
    """The text of a file (UTF-8, a byte order mark is fine), or "" and why it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        return "", _issue("MS003", f"cannot be read: {error.strerror or error}", path, "check the path and its rights")
    if len(data) > _MAX_BYTES:
        return "", _issue("MS008", f"larger than {_MAX_BYTES >> 20} MiB", path, "split the file")
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8"
        return "", Issue(code="MS002", message="not valid UTF-8", path=str(path), line=line, hint=hint)


def _issue(code: str, message: str, path: Path, hint: str) -> Issue:
    return Issue(code=code, message=message, path=str(path), hint=hint)


def rule_files(paths: Sequence[Path]) -> tuple[list[Path], list[Issue]]:
    """The rule files below the paths, each once, in a stable order; a pack's directory stands for its rules/."""
    files: dict[str, Path] = {}
    issues: list[Issue] = []
    for path in paths:
        if path.is_dir():
            found = list(_walk(path / "rules" if (path / "pack.toml").is_file() else path, issues))
            if not found:
                issues.append(
                    _issue("MS004", "no rule (*.yml) in this directory", path, "name a directory with Sigma rules")
                )
        elif os.path.lexists(path):
            found = [path]
        else:
            issues.append(_issue("MS003", "no such file or directory", path, "check the path given with --rules"))
            continue
        for file in found:
            files.setdefault(os.path.realpath(file), file)
    return list(files.values()), issues


def _walk(directory: Path, issues: list[Issue]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        where = Path(str(error.filename))
        issues.append(_issue("MS003", f"cannot be read: {error.strerror}", where, "check the path and its rights"))

    for folder, names, files in os.walk(directory, onerror=unreadable):
        names[:] = sorted(name for name in names if not name.startswith(".") and name != _SAMPLES)
        for name in sorted(files):
            file = Path(folder, name)
            # A FIFO that happens to end in .yml would block for ever.
            if name.endswith(_SUFFIXES) and not name.startswith(".") and not file.is_fifo():
                yield file


def sibling_files(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """What stands in the folders of these rule files: fixtures and goldens, and rule files that are not among them."""
    known = {os.path.realpath(file) for file in files}
    beside = [file for folder in sorted({file.parent for file in files}) for file in sorted(folder.iterdir())]
    others = [file for file in beside if file.suffix in _SUFFIXES and os.path.realpath(file) not in known]
    return [file for file in beside if file.name.endswith(_SIBLINGS)], others
