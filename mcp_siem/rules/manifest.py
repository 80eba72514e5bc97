"""pack.toml: what a pack is called, which mcp-siem it needs, and example values for its variables."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import mcp_siem
from mcp_siem.errors import Issue
from mcp_siem.rules.files import read_text

__all__ = ["Manifest", "pack_root", "read_manifest"]

_FILE = "pack.toml"
_HIGHEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What pack.toml says; rules without one are named after their directory."""

    name: str
    version: str = "0"
    minimum: str = "0"
    example_vars: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def pack_root(path: Path) -> Path:
    """The directory of the pack that a path belongs to: the nearest above it with a pack.toml, else its own."""
    own = path if path.is_dir() else path.parent
    above = [own, *own.resolve().parents[:_HIGHEST]]
    return next((folder for folder in above if (folder / _FILE).is_file()), own)


def read_manifest(root: Path) -> tuple[Manifest, list[Issue]]:
    """What the pack.toml of a directory says, and what is wrong with it."""
    file = root / _FILE
    if not file.is_file():
        return _named(root), []
    text, unreadable = read_text(file)
    return (_named(root), [unreadable]) if unreadable else _parsed(text, file)


def _named(root: Path) -> Manifest:
    return Manifest(name=root.resolve().name or "rules")


def _parsed(text: str, file: Path) -> tuple[Manifest, list[Issue]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        return _named(file.parent), [_issue(f"not valid TOML: {error}", file, line, "correct the line")]
    issues: list[Issue] = []

    def wrong(key: str, says: str) -> None:
        found = re.search(rf"(?m)^\s*\[?{re.escape(key)}\b", text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        issues.append(_issue(says, file, line, "see the pack.toml of the shipped pack"))

    for key in ("name", "version", "minimum"):
        if not isinstance(data.get(key, ""), str):
            wrong(key, f"'{key}' must be text")
    if not data.get("name"):
        wrong("name", "the pack has no name")
    minimum = str(data.get("minimum", "0"))
    if _number(minimum) > _number(mcp_siem.__version__):
        wrong("minimum", f"the pack needs mcp-siem {minimum}, this is {mcp_siem.__version__}: upgrade mcp-siem")
    examples, bad = _examples(data.get("example_vars", {}))
    for key in bad:
        wrong(key, f"example_vars '{key}' must be text or a list of texts")
    return (
        Manifest(
            name=str(data.get("name") or file.parent.resolve().name),
            version=str(data.get("version", "0")),
            minimum=minimum,
            example_vars=examples,
        ),
        issues,
    )


def _examples(table: object) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    if not isinstance(table, dict):
        return {}, ["example_vars"]
    good: dict[str, tuple[str, ...]] = {}
    for name, value in table.items():
        items = value if isinstance(value, list) else [value]
        if items and all(isinstance(item, str) for item in items):
            good[name] = tuple(items)
    return good, [name for name in table if name not in good]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _issue(message: str, file: Path, line: int, hint: str) -> Issue:
    return Issue(code="MS009", message=message, path=str(file), line=line, hint=hint)
