"""An id that never changes: alerts, exceptions and deployed rules hang on it."""

from collections.abc import Iterator
from uuid import RFC_4122, UUID

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_RANDOM = 4


def _run(subject: Subject) -> Iterator[Fault]:
    given = subject.data.get("id")
    hint = "give it a random UUID (uuidgen makes one) and never change it"
    if given is None:
        yield Fault(at=("title",), message="the rule has no id", hint=hint)
        return
    number = UUID(str(given))
    if number.version != _RANDOM or number.variant != RFC_4122 or str(given) != str(number):
        yield Fault(at=("id",), message=f"the id {given} is not a UUID of version 4 in lower case", hint=hint)


CHECK = Check(code="MS204", says="the id is a random UUID", severity="error", run=_run)
