"""Every error that mcp-siem raises on purpose, with the exit code it ends a command with."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "FINDINGS",
    "AuthError",
    "BackendError",
    "ConfigError",
    "Issue",
    "McpSiemError",
    "NoInputError",
    "PackError",
    "StalePlanError",
    "UsageError",
]


FINDINGS = 10
"""Exit code of a command that did its work and found something: lint, drift, pending changes, alerts."""


class McpSiemError(Exception):
    """Base of all errors a user can meet: what happened, where, and what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, source: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.source}: {self.message}" if self.source else self.message


class UsageError(McpSiemError):
    """The command was called in a way that has no meaning."""

    exit_code = 2


class ConfigError(McpSiemError):
    """mcp-siem.toml, an environment variable or a credential is missing or wrong."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One located fault of a pack: `path:line`, what is wrong, what to do next."""

    code: str
    message: str
    path: str
    line: int = 1
    hint: str | None = None


class PackError(McpSiemError):
    """The rule pack cannot be used; holds every issue found, not only the first."""

    exit_code = 2

    def __init__(self, issues: Sequence[Issue]) -> None:
        first = issues[0]
        more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
        super().__init__(first.message + more, source=f"{first.path}:{first.line}", hint=first.hint)
        self.issues = tuple(issues)


class NoInputError(McpSiemError):
    """Nothing to read: no file matched, or the input held no record."""

    exit_code = 3


class AuthError(McpSiemError):
    """The SIEM refused our credentials or our rights."""

    exit_code = 4


class BackendError(McpSiemError):
    """The SIEM could not be reached or failed; `retryable` says whether trying again can help."""

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retryable: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.request_id = request_id
        self.retryable = retryable


class StalePlanError(McpSiemError):
    """The SIEM changed after the plan was made; nothing of that address was written."""

    exit_code = 6
