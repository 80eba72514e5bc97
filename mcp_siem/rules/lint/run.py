"""Runs the table of checks over a rule, and looks for siblings that belong to no rule."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mcp_siem.rules.finding import Finding
from mcp_siem.rules.lint.subject import Subject
from mcp_siem.rules.lint.table import CHECKS

__all__ = ["lint_rule", "orphans"]


def lint_rule(subject: Subject) -> Iterator[Finding]:
    """What the checks find on one rule, in the order of the table."""
    for check in CHECKS:
        if check.ours and not subject.ours:
            continue
        for fault in check.run(subject):
            yield Finding(
                code=check.code,
                severity=check.severity,
                path=subject.document.path,
                line=subject.document.line_of(*fault.at),
                message=fault.message,
                hint=fault.hint,
            )


def orphans(siblings: Sequence[Path], owned: set[Path]) -> Iterator[Finding]:
    """Fixture and golden files beside rules of which none has their stem: nothing runs them."""
    for file in siblings:
        stem = file.name.rsplit(".", 2)[0]
        if file.with_name(stem) not in owned:
            yield Finding(
                code="MS106",
                severity="warning",
                path=str(file),
                line=1,
                message=f"no rule that alerts has the stem '{stem}'",
                hint="rename the file after its rule, or remove it",
            )
