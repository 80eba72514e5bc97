"""ATT&CK as numbered since v19, which revoked what most rules on logging were tagged with."""

import re
from collections.abc import Iterator, Mapping

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_TECHNIQUE = re.compile(r"attack\.t\d{4}(\.\d{3})?")
_NO_TACTIC = re.compile(r"attack\.[tgs]\d{4}.*")
# Revoked in v19 -> what took its place, as SigmaHQ migrated on 2026-04-29.
_SUCCESSORS: Mapping[str, tuple[str, ...]] = {
    "t1562": ("t1685",),
    "t1562.001": ("t1685",),
    "t1562.002": ("t1685.001",),
    "t1562.003": ("t1690",),
    "t1562.004": ("t1686", "t1686.001", "t1686.003"),
    "t1562.006": ("t1685",),
    "t1562.007": ("t1686.001",),
    "t1562.008": ("t1685.002",),
    "t1562.010": ("t1689",),
    "t1562.012": ("t1685.004",),
    "t1070.001": ("t1685.005",),
    "t1070.002": ("t1685.006",),
    "defense-evasion": ("stealth", "defense-impairment"),
}


def _run(subject: Subject) -> Iterator[Fault]:
    tags = subject.rule.tags
    current = {tag.removeprefix("attack.") for tag in tags if tag.startswith("attack.")}
    for index, tag in enumerate(tags):
        new = _SUCCESSORS.get(tag.removeprefix("attack.")) if tag.startswith("attack.") else None
        if new and current.isdisjoint(new):
            message = f"'{tag}' is no longer part of ATT&CK (v19)"
            yield Fault(at=("tags", index), message=message, hint=f"add attack.{new[0]}; the old id may stay beside it")
    if not subject.rule.alerts or not tags:
        return
    if not any(_TECHNIQUE.fullmatch(tag) for tag in tags):
        yield Fault(at=("tags",), message="no ATT&CK technique among the tags", hint="add attack.tNNNN (v19)")
    if not any(tag.startswith("attack.") and not _NO_TACTIC.fullmatch(tag) for tag in tags):
        yield Fault(at=("tags",), message="no ATT&CK tactic among the tags", hint="add for example attack.execution")


CHECK = Check(code="MS209", says="ATT&CK ids are those of v19", severity="error", run=_run)
