"""The mutants that may live: `mutants.toml` of a pack, each with its reason, and what `check --mutate` finds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mcp_siem.errors import ConfigError
from mcp_siem.events.toml import read_toml
from mcp_siem.prove.mutate import Mutated, Survivor
from mcp_siem.rules.files import read_text
from mcp_siem.rules.finding import Finding

__all__ = ["LEAST_NOTICED", "MUTANTS_FILE", "mutant_findings", "mutant_notes", "read_survivors"]

MUTANTS_FILE = "mutants.toml"
LEAST_NOTICED = 0.95
_KEYS = ("rule", "mutant", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """The reasons by rule and mutant, and where they stand."""

    path: str
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)


def read_survivors(root: Path) -> _Listed:
    """The mutants that the pack lets live; none if it has no such file. Raises ConfigError for one that cannot be read."""
    file = root / MUTANTS_FILE
    if not file.is_file():
        return _Listed(path=str(file))
    text, issue = read_text(file)
    if issue:
        raise ConfigError(issue.message, source=str(file), hint=issue.hint)
    listed = read_toml(text, str(file)).get("lives", [])
    if not isinstance(listed, list):
        raise ConfigError("`lives` is a list of tables", source=str(file), hint="write [[lives]] above each")
    return _Listed(path=str(file), reasons=dict(_reason(one, str(file)) for one in listed))


def _reason(one: object, path: str) -> tuple[tuple[str, str], str]:
    if not isinstance(one, dict) or not all(isinstance(one.get(key), str) and one[key].strip() for key in _KEYS):
        raise ConfigError(f"each of `lives` needs {', '.join(_KEYS)}", source=path, hint="say why no case notices it")
    return (one["rule"], one["mutant"]), one["reason"]


def mutant_findings(mutated: Sequence[Mutated], listed: _Listed, *, whole: bool) -> Iterator[Finding]:
    """What lives unlisted, what is listed and does not live, and a pack of which too little is noticed."""
    living = {(one.rule.stem, str(survivor.mutant)) for one in mutated for survivor in one.survivors}
    for one in mutated:
        for survivor in one.survivors:
            if (one.rule.stem, str(survivor.mutant)) not in listed.reasons:
                yield _lives(one, survivor)
    stems = {one.rule.stem for one in mutated}
    for stem, mutant in listed.reasons:
        if (stem, mutant) not in living and (stem in stems or whole):
            message = f"{stem}: {mutant!r} is listed and does not live"
            yield _finding("MS311", listed.path, 1, message, "take it from the list")
    total = sum(one.mutants for one in mutated)
    noticed = sum(one.noticed for one in mutated)
    if whole and total and noticed < LEAST_NOTICED * total:
        message = f"the cases notice {noticed} of {total} mutants, less than {LEAST_NOTICED:.0%}"
        yield _finding("MS312", listed.path, 1, message, "write cases for the rules with the most survivors")


def _lives(one: Mutated, survivor: Survivor) -> Finding:
    place = str(survivor.mutant.part).partition(": ")[2] or survivor.mutant.part
    path, line = one.rule.place(place)
    message = f"{one.rule.stem}: no case notices when this is changed: {survivor.mutant}"
    if survivor.covered:
        return _finding("MS310", path, line, f"{message}; {survivor.covered} says it too", "take the value out")
    hint = f"write a case that does, or list it with a reason in {MUTANTS_FILE}"
    return _finding("MS310", path, line, message, hint)


def mutant_notes(mutated: Iterable[Mutated]) -> Iterator[str]:
    """Per rule how many mutants are noticed and how many live, and the sum."""
    total = noticed = 0
    for one in mutated:
        total, noticed = total + one.mutants, noticed + one.noticed
        yield f"{one.rule.stem}: {one.noticed} of {one.mutants} mutants noticed, {len(one.survivors)} live"
    if total:
        yield f"all rules: {noticed} of {total} mutants noticed ({noticed / total:.1%})"


def _finding(code: str, path: str, line: int, message: str, hint: str) -> Finding:
    return Finding(code=code, severity="error", path=path, line=line, message=message, hint=hint)
