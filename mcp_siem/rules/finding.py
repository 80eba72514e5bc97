"""What `check` found: a code that never changes its meaning, where, what, and what to do next."""

from dataclasses import dataclass
from typing import Literal

from mcp_siem.errors import Issue
from mcp_siem.rules.rule import spelled

__all__ = ["Finding", "Severity", "finding_of"]

_TEXTS = ("path", "message", "hint")

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    r"""One fault of a pack. `error`: the rule is wrong. `warning`: it is weaker than it looks. `info`: good to know.

    A file name need not be UTF-8, and no report could hold the rest of it: its bytes are spelled (`\udcff`).
    """

    code: str
    severity: Severity
    path: str
    line: int
    message: str
    hint: str | None = None

    def __post_init__(self) -> None:
        for name in _TEXTS:
            text = getattr(self, name)
            object.__setattr__(self, name, text and spelled(text))


def finding_of(issue: Issue, severity: Severity = "error") -> Finding:
    """The finding for an issue of a pack that other verbs refuse."""
    return Finding(
        code=issue.code,
        severity=severity,
        path=issue.path,
        line=issue.line,
        message=issue.message,
        hint=issue.hint,
    )
