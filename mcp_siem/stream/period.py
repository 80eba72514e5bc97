"""The stretch of time that a replay is asked about."""

from collections.abc import Iterable
from dataclasses import dataclass

from mcp_siem.engine.compile import compile_correlation
from mcp_siem.engine.correlation import Correlation
from mcp_siem.rules.rule import RulePack

__all__ = ["EARLIEST", "Period", "correlations_of", "reach_of"]

EARLIEST = -(2**63)
_LATEST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Alerts from `since` on and before `until`; events from `reach` on count in windows (microseconds since 1970, UTC).

    Of an event without a time nobody can say that it is outside.
    """

    since: int = EARLIEST
    until: int = _LATEST
    reach: int = EARLIEST

    @property
    def whole(self) -> bool:
        """Says whether nothing is outside."""
        return self == Period()

    def counts(self, time: int | None) -> bool:
        """Says whether an event matters at all."""
        return time is None or self.reach <= time < self.until

    def shows(self, time: int | None) -> bool:
        """Says whether an alert of that time is asked for."""
        return time is None or self.since <= time < self.until


def correlations_of(pack: RulePack) -> tuple[Correlation, ...]:
    """The correlations of a pack that run."""
    return tuple(compile_correlation(rule) for rule in pack if rule.kind == "correlation" and rule.off is None)


def reach_of(correlations: Iterable[Correlation]) -> int:
    """How far back before a moment events decide what correlations say at it, in microseconds.

    Twice the timespan: the window must be whole, and it must be known whether the condition held before. Where one
    builds on another, their windows add up.
    """
    by_id = {one.rule.id: one for one in correlations}
    known: dict[str, int] = {}

    def span(one: Correlation) -> int:
        if one.rule.id not in known:
            known[one.rule.id] = 0  # a ring ends here; packs that have one are refused elsewhere
            inner = [span(by_id[member.rule_id]) for member in one.members if member.rule_id in by_id]
            known[one.rule.id] = one.timespan + max(inner, default=0)
        return known[one.rule.id]

    return 2 * max(map(span, by_id.values()), default=0)
