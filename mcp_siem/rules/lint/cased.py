"""`cased` is right for encoded data and wrong for almost all else: a change of case evades it."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]


def _run(subject: Subject) -> Iterator[Fault]:
    for item in subject.items():
        if "cased" in item.modifiers:
            message = f"'{'|'.join([item.field or '', *item.modifiers])}' is evaded by a change of case"
            yield Fault(at=item.at, message=message, hint="leave cased out unless case carries meaning here")


CHECK = Check(code="MS215", says="cased is meant", severity="info", run=_run)
