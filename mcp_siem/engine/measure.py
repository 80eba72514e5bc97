"""What a window measures: one small class per correlation type, kept up to date as events enter and leave."""

from bisect import bisect_left, insort
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, Protocol

from mcp_siem.engine.correlation import Correlation, Seen, Threshold

__all__ = ["Essential", "Measure", "Members", "Values", "measure_of"]

# Earlier than any time there is.
_NEVER = -(1 << 62)
_HUNDRED = 100

Members = tuple[int, ...]
Values = tuple[Any, ...]
Essential = Callable[[Members, Values], bool]


class Measure(Protocol):
    """The state of one window. An event has a time, the places of the rules it matched, and values to be counted."""

    def enter(self, time: int, members: Members, values: Values, floor: int) -> bool:
        """The newest event enters; says whether the condition holds for the events at `floor` or later."""

    def leave(self, members: Members, values: Values) -> None:
        """An event leaves."""

    def holds(self, floor: int) -> bool:
        """Says whether the condition holds for the events at `floor` or later; never asked of an empty window."""

    def progress(self, floor: int) -> float:
        """How near the condition is: 0 for nothing of it, 1 where it holds."""

    def essential(self) -> Essential | None:
        """Asked of every event from the newest to the oldest: whether the condition needs it, now or in any later window.

        What it does not need may leave, and every verdict stays the same. None says that each event is needed.
        """

    def dump(self) -> object:
        """What adding the events of the window again would not tell, as plain data."""

    def load(self, dumped: Any) -> None:
        """Takes up what was dumped, after the events of the window were added."""


def measure_of(correlation: Correlation) -> Callable[[], Measure]:  # noqa: PLR0911 - one return per type
    """Makes a fresh measure for a window of this correlation."""
    condition = correlation.condition
    members = len(correlation.members)
    if isinstance(condition, Seen):
        return partial(_Extended, condition, members)
    asked = _Asked(condition)
    match correlation.type:
        case "event_count":
            return partial(_Count, asked)
        case "value_count":
            return partial(_Distinct, asked)
        case "temporal":
            return partial(_Members, asked, members)
        case "temporal_ordered":
            return partial(_Chain, asked, members)
        case "value_sum" | "value_avg":
            return partial(_Sum, asked, correlation.type == "value_avg")
        case "value_median" | "value_percentile":
            return partial(_Percentile, asked, 50 if correlation.type == "value_median" else correlation.percentile)


class _Asked:
    """What all windows of a correlation are asked."""

    __slots__ = ("most", "nearness", "passes")

    def __init__(self, threshold: Threshold) -> None:
        self.passes, self.most, self.nearness = threshold.passes, threshold.most, threshold.nearness


class _OfWindow:
    """A measure that follows from the events of the window alone."""

    __slots__ = ()

    def dump(self) -> object:
        return None

    def load(self, dumped: Any) -> None:
        del dumped


class _Count(_OfWindow):
    """event_count: how many events. Of any window the newest decide, one more than the number they are compared with."""

    __slots__ = ("_asked", "_events")

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._events = 0

    def enter(self, time: int, members: Members, values: Values, floor: int) -> bool:
        del time, members, values, floor
        self._events += 1
        asked = self._asked
        return asked.passes(self._events, 1)

    def leave(self, members: Members, values: Values) -> None:
        del members, values
        self._events -= 1

    def holds(self, floor: int) -> bool:
        del floor
        return self._asked.passes(self._events, 1)

    def progress(self, floor: int) -> float:
        del floor
        return self._asked.nearness(self._events)

    def essential(self) -> Essential | None:
        left = self._asked.most + 1

        def needed(members: Members, values: Values) -> bool:
            nonlocal left
            del members, values
            left -= 1
            return left >= 0

        return needed


class _Distinct(_OfWindow):
    """value_count: how many different values. Of equal values the newest decides, of all one more than the number."""

    __slots__ = ("_asked", "_seen")

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._seen: dict[object, int] = {}

    def enter(self, time: int, members: Members, values: Values, floor: int) -> bool:
        del time, members, floor
        seen = self._seen
        for value in values:
            seen[value] = seen.get(value, 0) + 1
        return self._asked.passes(len(seen), 1)

    def leave(self, members: Members, values: Values) -> None:
        del members
        seen = self._seen
        for value in values:
            if seen[value] == 1:
                del seen[value]
            else:
                seen[value] -= 1

    def holds(self, floor: int) -> bool:
        del floor
        return self._asked.passes(len(self._seen), 1)

    def progress(self, floor: int) -> float:
        del floor
        return self._asked.nearness(len(self._seen))

    def essential(self) -> Essential | None:
        found: set[object] = set()

        def needed(members: Members, values: Values) -> bool:
            del members
            if len(found) > self._asked.most or found.issuperset(values):
                return False
            found.update(values)
            return True

        return needed


class _Members(_OfWindow):
    """temporal: how many of the rules were seen, in any order. Of each rule the newest event decides."""

    __slots__ = ("_asked", "_counts", "_seen")

    def __init__(self, asked: _Asked, members: int) -> None:
        self._asked = asked
        self._counts = [0] * members
        self._seen = 0

    def enter(self, time: int, members: Members, values: Values, floor: int) -> bool:
        del time, values
        counts = self._counts
        for member in members:
            if not counts[member]:
                self._seen += 1
            counts[member] += 1
        return self.holds(floor)

    def leave(self, members: Members, values: Values) -> None:
        del values
        counts = self._counts
        for member in members:
            counts[member] -= 1
            if not counts[member]:
                self._seen -= 1

    def holds(self, floor: int) -> bool:
        del floor
        return self._asked.passes(self._seen, 1)

    def progress(self, floor: int) -> float:
        del floor
        return self._asked.nearness(self._seen)

    def essential(self) -> Essential | None:
        found: set[int] = set()

        def needed(members: Members, values: Values) -> bool:
            del values
            if found.issuperset(members):
                return False
            found.update(members)
            return True

        return needed


class _Extended(_Members):
    """temporal with an extended condition: which of the rules were seen."""

    __slots__ = ("_condition",)

    def __init__(self, condition: Seen, members: int) -> None:
        super().__init__(_Asked(Threshold(bounds=(("gte", members),))), members)
        self._condition = condition

    def holds(self, floor: int) -> bool:
        del floor
        return self._condition.holds({member for member, count in enumerate(self._counts) if count})


class _Chain:
    """temporal_ordered: the most rules that can be picked in the listed order, each by a later event than the last.

    `starts[n][k]` is the latest start of a pick of n + 1 rules that ends with rule k, `latest[n]` that of any such pick.
    A pick lies in the window exactly if its start does, so nothing has to be undone when events leave.
    """

    __slots__ = ("_asked", "_latest", "_starts")

    def __init__(self, asked: _Asked, members: int) -> None:
        self._asked = asked
        self._starts = [[_NEVER] * members for _ in range(members)]
        self._latest = [_NEVER] * members

    def enter(self, time: int, members: Members, values: Values, floor: int) -> bool:
        del values
        starts = self._starts
        # an event serves one step only: what it ends is worked out before any of it counts
        grown = [
            (length, member, start)
            for member in members
            for length in range(1, member + 1)
            if (start := max(starts[length - 1][:member])) != _NEVER
        ]
        for member in members:
            starts[0][member] = time
        self._latest[0] = time
        for length, member, start in grown:
            if start > starts[length][member]:
                starts[length][member] = start
                self._latest[length] = max(start, self._latest[length])
        return self.holds(floor)

    def leave(self, members: Members, values: Values) -> None:
        """Leaves everything as it is: a start that left the window is told by its time."""

    def holds(self, floor: int) -> bool:
        asked = self._asked
        return asked.passes(self._longest(floor), 1)

    def progress(self, floor: int) -> float:
        return self._asked.nearness(self._longest(floor))

    def _longest(self, floor: int) -> int:
        longest = 0
        for start in self._latest:
            if start < floor:
                break
            longest += 1
        return longest

    def essential(self) -> Essential | None:
        return lambda members, values: False  # noqa: ARG005 - what the events leave behind is in the starts

    def dump(self) -> object:
        return self._starts

    def load(self, dumped: Any) -> None:
        places = range(len(self._starts))
        self._starts = [[int(dumped[length][member]) for member in places] for length in places]
        self._latest = [max(row) for row in self._starts]


class _Sum(_OfWindow):
    """value_sum and value_avg, exact: every float is a fraction, so neither order nor rounding matters."""

    __slots__ = ("_asked", "_count", "_mean", "_rest", "_whole")

    def __init__(self, asked: _Asked, mean: bool) -> None:  # noqa: FBT001 - of `measure_of` alone
        self._asked = asked
        self._mean = mean
        self._whole = 0
        self._rest: int | Fraction = 0
        self._count = 0

    def enter(self, time: int, members: Members, values: Values, floor: int) -> bool:
        del time, members, floor
        for value in values:
            if value.__class__ is int:
                self._whole += value
            else:
                self._rest += Fraction(value)
        self._count += len(values)
        asked = self._asked
        total = self._whole + self._rest if self._rest else self._whole
        return asked.passes(total, self._count if self._mean else 1)

    def leave(self, members: Members, values: Values) -> None:
        del members
        for value in values:
            if value.__class__ is int:
                self._whole -= value
            else:
                self._rest -= Fraction(value)
        self._count -= len(values)

    def holds(self, floor: int) -> bool:
        del floor
        total = self._whole + self._rest if self._rest else self._whole
        return self._asked.passes(total, self._count if self._mean else 1)

    def progress(self, floor: int) -> float:
        del floor
        total = self._whole + self._rest
        return self._asked.nearness(total / self._count if self._mean and self._count else total)

    def essential(self) -> Essential | None:
        return None


class _Percentile(_OfWindow):
    """value_percentile and value_median: between the two nearest values in proportion, so the median is the middle."""

    __slots__ = ("_asked", "_percentile", "_sorted")

    def __init__(self, asked: _Asked, percentile: int) -> None:
        self._asked = asked
        self._percentile = percentile
        self._sorted: list[float] = []

    def enter(self, time: int, members: Members, values: Values, floor: int) -> bool:
        del time, members
        for value in values:
            insort(self._sorted, value)
        return self.holds(floor)

    def leave(self, members: Members, values: Values) -> None:
        del members
        for value in values:
            del self._sorted[bisect_left(self._sorted, value)]

    def holds(self, floor: int) -> bool:
        del floor
        return self._asked.passes(self._hundredfold(), _HUNDRED)

    def progress(self, floor: int) -> float:
        del floor
        return self._asked.nearness(Fraction(self._hundredfold()) / _HUNDRED if self._sorted else 0)

    def _hundredfold(self) -> int | Fraction:
        """A hundred times the percentile, exactly."""
        below, share = divmod(self._percentile * (len(self._sorted) - 1), _HUNDRED)
        low = _exact(self._sorted[below])
        if not share:
            return low * _HUNDRED
        return low * _HUNDRED + (_exact(self._sorted[below + 1]) - low) * share

    def essential(self) -> Essential | None:
        return None


def _exact(value: float) -> int | Fraction:
    return value if isinstance(value, int) else Fraction(value)
