"""How a backend says that a rule cannot mean the same on its target: a stable code, never a wrong query."""

from dataclasses import dataclass

from sigma.exceptions import SigmaFeatureNotSupportedByBackendError

__all__ = ["Limit", "RefusedError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Something a target cannot say: `code` never changes its meaning, `hint` is what to write instead."""

    code: str
    reason: str
    hint: str


class RefusedError(SigmaFeatureNotSupportedByBackendError):  # type: ignore[misc]  # pySigma is untyped here
    """A part of a rule met a limit of the target; `where` names the part. sigma-cli reports it as its own kind."""

    def __init__(self, limit: Limit, where: str) -> None:
        super().__init__(f"{limit.code}: {where}: {limit.reason} ({limit.hint})")
        self.limit = limit
        self.where = where
