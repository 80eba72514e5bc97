"""What a window measures: one small class per correlation type, kept up to date as events enter and leave."""

from bisect import bisect_left, insort
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from mcp_siem.engine.correlation import Correlation, Seen, Threshold

__all__ = ["Entry", "Measure", "measure_of"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a window: its time, the places of the rules it matched, the values it brings to be counted."""

    time: int
    members: tuple[int, ...]
    values: tuple[object, ...]


class Measure(Protocol):
    """The state of one window."""

    def add(self, entry: Entry) -> None:
        """An event enters, the newest."""

    def remove(self, entry: Entry) -> None:
        """The oldest event leaves."""

    def holds(self, floor: int) -> bool:
        """Says whether the condition holds for the events at `floor` or later; never asked of an empty window."""

    def dump(self) -> object:
        """What adding the events of the window again would not tell, as plain data."""

    def load(self, dumped: Any) -> None:
        """Takes up what was dumped, after the events of the window were added."""


def measure_of(correlation: Correlation) -> Measure:  # noqa: PLR0911 - one return per type
    """A fresh measure for a window of this correlation."""
    condition = correlation.condition
    if isinstance(condition, Seen):
        return _Members(condition)
    match correlation.type:
        case "event_count":
            return _Count(condition)
        case "value_count":
            return _Distinct(condition)
        case "temporal":
            return _Members(condition)
        case "temporal_ordered":
            return _Chain(condition, len(correlation.members))
        case "value_sum":
            return _Sum(condition, mean=False)
        case "value_avg":
            return _Sum(condition, mean=True)
        case "value_median" | "value_percentile":
            return _Percentile(condition, 50 if correlation.type == "value_median" else correlation.percentile)


class _OfWindow:
    """A measure that follows from the events of the window alone."""

    def dump(self) -> object:
        return None

    def load(self, dumped: Any) -> None:
        del dumped


class _Count(_OfWindow):
    """event_count: how many events."""

    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold
        self._events = 0

    def add(self, entry: Entry) -> None:
        del entry
        self._events += 1

    def remove(self, entry: Entry) -> None:
        del entry
        self._events -= 1

    def holds(self, floor: int) -> bool:
        del floor
        return self._threshold.holds(self._events)


class _Distinct(_OfWindow):
    """value_count: how many different values."""

    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold
        self._seen: Counter[object] = Counter()

    def add(self, entry: Entry) -> None:
        self._seen.update(entry.values)

    def remove(self, entry: Entry) -> None:
        for value in entry.values:
            self._seen[value] -= 1
            if not self._seen[value]:
                del self._seen[value]

    def holds(self, floor: int) -> bool:
        del floor
        return self._threshold.holds(len(self._seen))


class _Members(_OfWindow):
    """temporal: which of the rules were seen, in any order."""

    def __init__(self, condition: Threshold | Seen) -> None:
        self._condition = condition
        self._seen: Counter[int] = Counter()

    def add(self, entry: Entry) -> None:
        self._seen.update(entry.members)

    def remove(self, entry: Entry) -> None:
        for member in entry.members:
            self._seen[member] -= 1
            if not self._seen[member]:
                del self._seen[member]

    def holds(self, floor: int) -> bool:
        del floor
        if isinstance(self._condition, Seen):
            return self._condition.holds(self._seen.keys())
        return self._condition.holds(len(self._seen))


class _Chain:
    """temporal_ordered: the most rules that can be picked in the listed order, each by a later event than the last.

    `starts[n][k]` is the latest start of a pick of n + 1 rules that ends with rule k. A pick lies in the window
    exactly if its start does, so nothing has to be undone when events leave.
    """

    def __init__(self, threshold: Threshold, members: int) -> None:
        self._threshold = threshold
        self._starts: list[list[int | None]] = [[None] * members for _ in range(members)]

    def add(self, entry: Entry) -> None:
        grown = [
            (length, member, max(shorter))
            for member in entry.members
            for length in range(1, member + 1)
            if (shorter := [start for start in self._starts[length - 1][:member] if start is not None])
        ]
        for member in entry.members:
            self._starts[0][member] = entry.time
        for length, member, start in grown:
            held = self._starts[length][member]
            self._starts[length][member] = start if held is None else max(held, start)

    def remove(self, entry: Entry) -> None:
        """Leaves everything as it is: a start that left the window is told by its time."""

    def holds(self, floor: int) -> bool:
        longest = sum(any(start is not None and start >= floor for start in row) for row in self._starts)
        return self._threshold.holds(longest)

    def dump(self) -> object:
        return self._starts

    def load(self, dumped: Any) -> None:
        places = range(len(self._starts))
        self._starts = [[_start(dumped[length][member]) for member in places] for length in places]


def _start(dumped: Any) -> int | None:
    return None if dumped is None else int(dumped)


class _Sum(_OfWindow):
    """value_sum and value_avg, exact: every float is a fraction, so neither order nor rounding matters."""

    def __init__(self, threshold: Threshold, *, mean: bool) -> None:
        self._threshold = threshold
        self._mean = mean
        self._sum = Fraction(0)
        self._count = 0

    def add(self, entry: Entry) -> None:
        self._sum += sum(map(_exact, entry.values))
        self._count += len(entry.values)

    def remove(self, entry: Entry) -> None:
        self._sum -= sum(map(_exact, entry.values))
        self._count -= len(entry.values)

    def holds(self, floor: int) -> bool:
        del floor
        return self._threshold.holds(self._sum / self._count if self._mean else self._sum)


class _Percentile(_OfWindow):
    """value_percentile and value_median: between the two nearest values in proportion, so the median is the middle."""

    def __init__(self, threshold: Threshold, percentile: int) -> None:
        self._threshold = threshold
        self._percentile = percentile
        self._sorted: list[Fraction] = []

    def add(self, entry: Entry) -> None:
        for value in entry.values:
            insort(self._sorted, _exact(value))

    def remove(self, entry: Entry) -> None:
        for value in entry.values:
            del self._sorted[bisect_left(self._sorted, _exact(value))]

    def holds(self, floor: int) -> bool:
        del floor
        place = Fraction(self._percentile * (len(self._sorted) - 1), 100)
        below = int(place)
        above = min(below + 1, len(self._sorted) - 1)
        low, high = self._sorted[below], self._sorted[above]
        return self._threshold.holds(low + (high - low) * (place - below))


def _exact(value: object) -> Fraction:
    return Fraction(value) if isinstance(value, int | float) else Fraction(0)
