"""A correlation of a shelf, and its windows read off a row: what an alert shows of one, and all of it as `window` keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.engine import window
from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.counting import counted_of, inexact
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.measure import Members
from mcp_siem.engine.steps import NEVER, Row, Slots
from mcp_siem.engine.window import Entry, Windows

__all__ = ["Lane", "counting_of", "entries_of"]

_NUMERIC = frozenset({"value_sum", "value_avg", "value_percentile", "value_median"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A correlation of a shelf: its place among all, its windows for when there is too much, its slots in a row."""

    number: int
    correlation: Correlation
    windows: Windows
    slots: Slots
    places: Mapping[str, tuple[int, ...]]

    def shown(self, row: Row | Hit) -> list[Hit]:
        """The newest hits of its window, oldest first."""
        if isinstance(row, Hit):
            return [row]
        hits = row[self.slots.stream.hits]
        floor = hits[-1][0] - self.correlation.timespan
        return [hit for time, hit in hits[-window.MAX_SHOWN :] if time >= floor]

    def members(self, rule_ids: frozenset[str]) -> Members:
        """The places of those of its rules that held."""
        return tuple(sorted(place for rule_id in rule_ids for place in self.places.get(rule_id, ())))


def counting_of(one: Correlation) -> tuple[tuple[str, ...], bool]:
    """The fields that it counts, and whether as numbers."""
    return one.members[0].counted_fields, one.type in _NUMERIC


def entries_of(lane: Lane, row: Row | Hit) -> tuple[list[Entry], list[list[int]] | None]:
    """The window of a correlation, event by event; of an order what lies behind its events as well."""
    return _of_hit(lane, row) if isinstance(row, Hit) else _of_row(lane, row)


def _of_hit(lane: Lane, hit: Hit) -> tuple[list[Entry], None]:
    names, numeric = counting_of(lane.correlation)
    members = lane.members(hit.rule_ids)
    values, _ = counted_of(hit.fields, names, numeric=numeric)
    return ([(hit.time, members, values, hit)] if members and (values or not names) else []), None


def _of_row(lane: Lane, row: Row) -> tuple[list[Entry], list[list[int]] | None]:
    one, slots = lane.correlation, lane.slots
    hits = row[slots.stream.hits]
    if not hits:
        return [], None
    floor = hits[-1][0] - one.timespan
    shown: list[Entry] = [(time, (), (), hit) for time, hit in hits if time >= floor]
    found: list[Entry] = []
    starts = None
    match one.type:
        case "value_count":
            found = [(time, (), (value,), None) for value, time in (row[slots.counted] or {}).items()]
        case "temporal":
            found = [(row[slot], (place,), (), None) for place, slot in enumerate(slots.members)]
        case "temporal_ordered":
            starts = _starts([row[slot] for slot in slots.members])
        case "event_count":
            pass
        case _:
            times, numbers, at = row[slots.stream.times], row[slots.stream.numbers], row[slots.counted]
            found = [(time, (), (inexact(value),), None) for time, value in zip(times[at:], numbers[at:], strict=True)]
            return _joined(found, shown), None
    return sorted([*shown, *(entry for entry in found if entry[0] >= floor)], key=lambda entry: entry[0]), starts


def _joined(numbers: list[Entry], shown: list[Entry]) -> list[Entry]:
    """The numbers of a window, each with the hit it came with; of several of one event one has it."""
    found: list[Entry] = []
    for time, members, values, _ in reversed(numbers):
        hit = shown.pop()[3] if shown and shown[-1][0] == time else None
        found.append((time, members, values, hit))
    return found[::-1]


def _starts(latest: Sequence[int]) -> list[list[int]]:
    """Of each length and last step the latest start of a pick, as far as it matters: of picks without a gap."""
    size = len(latest)
    return [[latest[length] if length == member else NEVER for member in range(size)] for length in range(size)]
