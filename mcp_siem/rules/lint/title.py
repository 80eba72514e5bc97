"""A title an analyst can read in a queue."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_SHORTEST, _LONGEST = 10, 110


def _run(subject: Subject) -> Iterator[Fault]:
    title = subject.rule.title
    hint = f"say what was seen in {_SHORTEST} to {_LONGEST} characters, without a full stop"
    if not _SHORTEST <= len(title) <= _LONGEST:
        yield Fault(at=("title",), message=f"the title has {len(title)} characters", hint=hint)
    elif title.endswith(".") or title != " ".join(title.split()):
        yield Fault(at=("title",), message="the title ends with a full stop or has odd spaces", hint=hint)


CHECK = Check(code="MS206", says="the title can be read in a queue", severity="warning", run=_run)
