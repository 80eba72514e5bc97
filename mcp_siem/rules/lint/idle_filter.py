"""A filter that reaches no rule: the exception its author counts on is not there."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]


def _run(subject: Subject) -> Iterator[Fault]:
    if subject.rule.kind == "filter" and not subject.reached:
        message = "the filter applies to no rule that is loaded"
        hint = "name a rule by id or name, and a logsource that holds that rule's"
        yield Fault(at=("filter", "rules"), message=message, hint=hint)


CHECK = Check(code="MS105", says="every filter applies to a rule", severity="warning", run=_run, ours=False)
