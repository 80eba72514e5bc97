"""What correlations lost because something reached its limit, told as an alert: nobody may hide behind a full window."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.hit import Hit

__all__ = ["BOUND_RULE_ID", "BOUND_STEM", "Bound", "Losses", "bound_alert"]

BOUND_RULE_ID = "5b1c0f4e-6a55-4f5e-9d0a-6c1f3f5c7d21"
BOUND_STEM = "engine_bound_reached"
_TITLE = "Correlation state dropped because a limit of the engine was reached"


class Bound(Enum):
    """What reached its limit."""

    GROUPS = "groups of a correlation"
    GROUP_EVENTS = "events of one group"
    EVENTS = "events of all groups"
    EVENT_GROUPS = "groups of one event"
    EVENT_VALUES = "values of one event"


class Losses:
    """Counts what one correlation lost. Each bound is told at most once in the time span of the correlation."""

    def __init__(self, timespan: int) -> None:
        self.total = 0
        self.pending: dict[Bound, int] = {}
        self._timespan = timespan
        self._told: dict[Bound, int] = {}

    def add(self, bound: Bound, count: int) -> None:
        """Counts what was lost."""
        self.total += count
        self.pending[bound] = self.pending.get(bound, 0) + count

    def due(self, now: int) -> Iterator[tuple[Bound, int]]:
        """The bounds to be told now, each with what was lost since it was told last."""
        for bound in list(self.pending):
            told = self._told.get(bound)
            if told is None or now - told > self._timespan:
                self._told[bound] = now
                yield bound, self.pending.pop(bound)

    def dump(self) -> list[object]:
        """All counts, as plain data."""
        pending = [(bound.name, count) for bound, count in self.pending.items()]
        return [self.total, pending, [(bound.name, time) for bound, time in self._told.items()]]

    def load(self, dumped: Any) -> None:
        """Takes up what was dumped."""
        total, pending, told = dumped
        self.total = int(total)
        self.pending = {Bound[name]: int(count) for name, count in pending}
        self._told = {Bound[name]: int(time) for name, time in told}


def bound_alert(correlation: Correlation, bound: Bound, lost: int, hit: Hit) -> Alert:
    """The alert that a correlation lost so much, found at this hit."""
    return Alert(
        rule_id=BOUND_RULE_ID,
        stem=BOUND_STEM,
        title=_TITLE,
        level="high",
        time=hit.time,
        group=None,
        events=(hit.event,),
        evidence=(
            Evidence(field="correlation", value=correlation.rule.stem),
            Evidence(field="limit", value=bound.value),
            Evidence(field="dropped", value=lost),
        ),
    )
