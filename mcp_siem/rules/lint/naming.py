"""One stem for the rule, its file, its goldens and its place in the docs."""

import re
from collections.abc import Iterator
from pathlib import Path

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


def _run(subject: Subject) -> Iterator[Fault]:
    rule = subject.rule
    stem = Path(rule.path).stem
    if not _SNAKE.fullmatch(stem):
        hint = "name the file mcp_<family>_<what it sees>.yml"
        yield Fault(at=(), message=f"the file name '{stem}' is not snake_case", hint=hint)
    if not rule.alerts:
        return
    if rule.stem != stem:
        message = f"the stem '{stem}' belongs to another rule"
        yield Fault(at=("title",), message=message, hint="give each rule that alerts a file of its own")
    elif rule.name not in (None, stem):
        message = f"the name '{rule.name}' is not the stem of the file"
        yield Fault(at=("name",), message=message, hint=f"write 'name: {stem}', or rename the file and its siblings")


CHECK = Check(code="MS205", says="file, name and stem are one", severity="error", run=_run)
