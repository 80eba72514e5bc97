"""What the engine says when a rule holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp_siem.events.event import Event

__all__ = ["Alert", "Evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One field value that made the rule hold."""

    field: str
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule held: for one event, or for a group of events of a correlation.

    `time` is that of the event which completed it (microseconds since the epoch; None if it has none).
    `group` is the group-by key of a correlation, else None. `events` are the events that made it, oldest
    first; a correlation holds at most the last 100 of its window. `evidence` is from those events.
    """

    rule_id: str
    stem: str
    title: str
    level: str
    time: int | None
    group: Mapping[str, object] | None
    events: tuple[Event, ...]
    evidence: tuple[Evidence, ...]
