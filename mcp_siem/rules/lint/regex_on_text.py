"""Regular expressions on long texts are the last resort, and on the original rather than the twin an open door."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]


def _run(subject: Subject) -> Iterator[Fault]:
    twins = {field.twin_of: name for name, field in subject.taxonomy.fields.items() if field.twin_of}
    for item in subject.items():
        if "re" in item.modifiers and item.field in twins:
            message = f"a regular expression on '{item.field}' sees no evasion that its twin closes"
            yield Fault(at=item.at, message=message, hint=f"match '{twins[item.field]}', or a typed field")


CHECK = Check(code="MS213", says="regular expressions read the twin", severity="info", run=_run)
