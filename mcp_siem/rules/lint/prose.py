"""Known gaps beat unknown ones, and an alert without a next step is a riddle."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]


def _run(subject: Subject) -> Iterator[Fault]:
    if not subject.rule.alerts:
        return
    gaps = subject.data.get("known_gaps")
    if not isinstance(gaps, list) or not gaps:
        at = ("known_gaps",) if gaps else ("title",)
        yield Fault(at=at, message="the rule has no list of known_gaps", hint="list what it does not see, in words")
    for index, gap in enumerate(gaps if isinstance(gaps, list) else []):
        if not isinstance(gap, str) or not gap.strip():
            hint = "put it in quotes: YAML reads 'a: b' as a mapping"
            yield Fault(at=("known_gaps", index), message="a known gap is not text", hint=hint)
    response = subject.data.get("response")
    if not isinstance(response, str) or not response.strip():
        at = ("response",) if response else ("title",)
        yield Fault(at=at, message="the rule has no response note", hint="say what the analyst does with an alert")


CHECK = Check(code="MS210", says="gaps and response are written down", severity="error", run=_run)
