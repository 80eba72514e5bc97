"""A field that events of this logsource do not have."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject
from mcp_siem.rules.lint.unknown_field import named_fields
from mcp_siem.rules.lint.unknown_logsource import datasets_of

__all__ = ["CHECK"]


def _run(subject: Subject) -> Iterator[Fault]:
    seen = {name for source in subject.sources() for name in datasets_of(source, subject.taxonomy)}
    for name, at in named_fields(subject):
        field = subject.taxonomy.fields.get(name)
        if seen and field and field.datasets and seen.isdisjoint(field.datasets):
            places = ", ".join(field.datasets)
            message = f"events of {', '.join(sorted(seen))} have no field '{name}'"
            yield Fault(at=at, message=message, hint=f"it occurs in {places}: change the logsource or the field")


CHECK = Check(code="MS202", says="every field occurs in the logsource", severity="error", run=_run)
