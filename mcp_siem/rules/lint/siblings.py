"""A rule without cases is a claim without proof."""

from collections import Counter
from collections.abc import Iterator, Mapping

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_LEAST: Mapping[str, tuple[int, str]] = {
    "match": (1, "events that must alert"),
    "miss": (2, "benign twins that must not alert"),
    "evade": (3, "evasions with their verdict"),
}


def _run(subject: Subject) -> Iterator[Fault]:
    # No engine here runs a native rule, so no case can prove it.
    if not subject.rule.alerts or subject.rule.kind == "native":
        return
    there = Counter[str](fixture.kind for fixture in subject.fixtures)
    for kind, (least, what) in _LEAST.items():
        if there[kind] < least:
            message = f"{there[kind]} of at least {least} {'case' if least == 1 else 'cases'} of {what}"
            yield Fault(at=(), message=message, hint=f"write them to {subject.rule.stem}.{kind}.jsonl, one a line")


CHECK = Check(code="MS211", says="match, miss and evade cases are there", severity="error", run=_run)
