"""A session id is optional, and gone since the revision of 2026-07-28: whoever leaves it out would never be counted."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_SESSION = frozenset({"mcp.session.id"})


def _run(subject: Subject) -> Iterator[Fault]:
    group = set(subject.group_by())
    aliases = subject.correlation.get("aliases")
    for alias, mapping in aliases.items() if isinstance(aliases, dict) else ():
        if alias in group and isinstance(mapping, dict) and set(mapping.values()) <= _SESSION:
            group = (group - {alias}) | _SESSION
    if group and group <= _SESSION:
        message = "the correlation groups by the session id alone"
        yield Fault(at=("correlation", "group-by"), message=message, hint="group by mcp.principal")


CHECK = Check(code="MS214", says="no correlation hangs on the session id", severity="error", run=_run)
