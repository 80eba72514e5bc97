"""What a rule must say of itself before anyone can judge its alerts."""

from collections.abc import Iterator, Mapping

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_NEEDED: Mapping[str, str] = {
    "description": "say what it sees and why that matters",
    "status": "use stable, test, experimental, deprecated or unsupported",
    "level": "use informational, low, medium, high or critical",
    "author": "name who answers for it",
    "date": "write the day of its first version as YYYY-MM-DD",
    "references": "list where the attack is described",
    "falsepositives": "list what else looks like it",
    "tags": "see sigma_rules/README.md for the namespaces",
}
_SHORTEST_DESCRIPTION = 40


def _run(subject: Subject) -> Iterator[Fault]:
    if not subject.rule.alerts:
        return
    for key, hint in _NEEDED.items():
        if not subject.data.get(key):
            yield Fault(at=("title",), message=f"the rule has no {key}", hint=hint)
    description = str(subject.data.get("description") or "")
    if 0 < len(description.strip()) < _SHORTEST_DESCRIPTION:
        yield Fault(
            at=("description",), message="the description is too short to judge by", hint=_NEEDED["description"]
        )


CHECK = Check(code="MS207", says="the rule explains itself", severity="error", run=_run)
