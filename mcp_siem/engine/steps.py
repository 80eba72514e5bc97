"""What an event does to the row of a group: one step for each correlation, over slots that the row keeps for it.

A row is a list: the time of its newest event, then for each stream of events its newest hits, for each correlation what it
counts. A step takes up the event and says whether its correlation alerts: whether the condition holds now and, unless every
event is asked for, did not just before. It knows conditions that ask for a number to be reached; what they say is what the
measures of `measure` say, which the tests compare.
"""

import math
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.predicates import OPERATORS

__all__ = ["NEVER", "Layout", "Row", "Slots", "Step", "Stream", "is_simple", "step_of", "whole_of"]

# Earlier than any time there is.
NEVER = -(1 << 62)
_HUNDRED = 100
# How slots begin: those of these kinds with an empty list, others as said here.
_LISTS = frozenset({"hits", "times", "numbers", "ordered"})
_FIRST: Mapping[str, object] = {"last": NEVER, "place": 0, "total": 0, "held": False}
# So many numbers that left every window are let go at once.
_LEFT = 64

Row = list[Any]
# Takes the row, the time, what is counted, and where the rules that held are in the row (last first).
Step = Callable[[Row, int, tuple[Any, ...], tuple[int, ...]], bool]


def is_simple(correlation: Correlation) -> bool:
    """Says whether a step can be made: a positive number to be reached, the same fields in the events of all rules."""
    reached = correlation.reached
    if reached is None or reached[1] <= 0:
        return False
    if len({(one.group_fields, one.counted_fields) for one in correlation.members}) != 1:
        return False
    return correlation.type != "temporal_ordered" or whole_of(correlation) == len(correlation.members)


class Layout:
    """Which slot of a row holds what: the kinds, by slot, and how a row begins."""

    def __init__(self) -> None:
        self.kinds: list[str] = ["last"]
        self._first: Row = [NEVER]
        self._lists: list[int] = []

    def slot(self, kind: str) -> int:
        """A new slot of this kind."""
        at = len(self.kinds)
        self.kinds.append(kind)
        self._first.append(_FIRST.get(kind))
        if kind in _LISTS:
            self._lists.append(at)
        return at

    def fresh(self) -> Row:
        """A row of which nothing is known."""
        row = self._first.copy()
        for at in self._lists:
            row[at] = []
        return row


@dataclass(slots=True, kw_only=True)
class Stream:
    """Events of the same rules that bring the same values: the slot of the newest hits, and of all numbers with their times.

    `keep` hits are kept; `longest` is the time span after which no correlation needs a number, and `place` the slot that says
    which is the first it needs.
    """

    hits: int
    keep: int
    times: int = 0
    numbers: int = 0
    longest: int = 0
    place: int = 0
    places: list[int] = field(default_factory=list)

    def take(self, row: Row, now: int, values: tuple[Any, ...]) -> None:
        """Takes up the numbers of an event, after the steps of all correlations, and lets go hits that are too many."""
        if len(row[self.hits]) > 2 * self.keep:
            del row[self.hits][: -self.keep]
        if not self.times:
            return
        times = row[self.times]
        for value in values:
            times.append(now)
            row[self.numbers].append(value)
        left = row[self.place]
        if left > _LEFT and left * 2 > len(times):
            del times[:left]
            del row[self.numbers][:left]
            for place in self.places:
                row[place] -= left


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The step of one correlation and where in a row it keeps what it needs."""

    step: Step
    stream: Stream
    members: tuple[int, ...] = ()
    counted: int = 0


def step_of(one: Correlation, stream: Stream, layout: Layout, *, every: bool) -> Slots:
    """The step of a simple correlation."""
    match one.type:
        case "event_count":
            return Slots(step=_count(one, stream, every=every), stream=stream)
        case "value_count":
            counted = layout.slot("distinct")
            return Slots(step=_distinct(one, counted, every=every), stream=stream, counted=counted)
        case "temporal" | "temporal_ordered":
            members = tuple(layout.slot("last") for _ in one.members)
            made = _members if one.type == "temporal" else _order
            return Slots(step=made(one, members, every=every), stream=stream, members=members)
        case _:
            return _numeric(one, stream, layout, every=every)


def _numeric(one: Correlation, stream: Stream, layout: Layout, *, every: bool) -> Slots:
    place = layout.slot("place")
    stream.places.append(place)
    if one.timespan > stream.longest:
        stream.longest, stream.place = one.timespan, place
    if one.type in ("value_sum", "value_avg"):
        return Slots(step=_sum(one, stream, (place, layout.slot("total")), every=every), stream=stream, counted=place)
    slots = (place, layout.slot("ordered"), layout.slot("held"))
    return Slots(step=_percentile(one, stream, slots, every=every), stream=stream, counted=place)


def whole_of(one: Correlation) -> int:
    """The least whole number that reaches the one asked for."""
    operator, number = _reached(one)
    return math.floor(number) + 1 if operator == "gt" else math.ceil(number)


def _reached(one: Correlation) -> tuple[str, int | Fraction]:
    if one.reached is None:
        raise TypeError(one.type)
    return one.reached


def _count(one: Correlation, stream: Stream, *, every: bool) -> Step:
    hits, timespan, number = stream.hits, one.timespan, whole_of(one)
    others = number - 1

    def step(row: Row, now: int, values: tuple[Any, ...], places: tuple[int, ...]) -> bool:
        del values, places
        seen = row[hits]
        size = len(seen)
        if size < others:
            return False
        floor = now - timespan
        if others and seen[-others][0] < floor:
            return False
        return every or size < number or seen[-number][0] < floor

    return step


def _distinct(one: Correlation, slot: int, *, every: bool) -> Step:
    timespan, number = one.timespan, whole_of(one)

    def step(row: Row, now: int, values: tuple[Any, ...], places: tuple[int, ...]) -> bool:
        del places
        seen = row[slot]
        if seen is None:
            seen = row[slot] = OrderedDict()
        was = False
        if len(seen) + len(values) >= number:
            floor = now - timespan
            while seen and next(iter(seen.values())) < floor:
                seen.popitem(last=False)
            was = len(seen) >= number
        for value in values:
            seen[value] = now
            seen.move_to_end(value)
        return len(seen) >= number and (every or not was)

    return step


def _members(one: Correlation, members: tuple[int, ...], *, every: bool) -> Step:
    timespan, number = one.timespan, whole_of(one)
    first, end = members[0], members[-1] + 1

    def step(row: Row, now: int, values: tuple[Any, ...], places: tuple[int, ...]) -> bool:
        del values
        floor = now - timespan
        seen = sum(map(floor.__le__, row[first:end]))
        was = seen >= number
        for place in places:
            if row[place] < floor:
                seen += 1
            row[place] = now
        return seen >= number and (every or not was)

    return step


def _order(one: Correlation, members: tuple[int, ...], *, every: bool) -> Step:
    """Of each step of the order, the latest start of a pick that ends with it."""
    timespan, first, last = one.timespan, members[0], members[-1]

    def step(row: Row, now: int, values: tuple[Any, ...], places: tuple[int, ...]) -> bool:
        del values
        floor = now - timespan
        was = row[last] >= floor
        for place in places:
            row[place] = now if place == first else row[place - 1]
        return row[last] >= floor and (every or not was)

    return step


def _sum(one: Correlation, stream: Stream, slots: tuple[int, int], *, every: bool) -> Step:
    place, total = slots
    times_slot, numbers_slot, timespan = stream.times, stream.numbers, one.timespan
    (operator, number), mean = _reached(one), one.type == "value_avg"
    passes = OPERATORS[operator]

    def step(row: Row, now: int, values: tuple[Any, ...], places: tuple[int, ...]) -> bool:
        del places
        times, at, summed = row[times_slot], row[place], row[total]
        size, floor = len(times), now - timespan
        was = size and passes(summed, number * (size - at) if mean else number)
        if at < size and times[at] < floor:
            numbers = row[numbers_slot]
            while at < size and times[at] < floor:
                summed -= numbers[at]
                at += 1
            row[place] = at
            was = was and at < size and passes(summed, number * (size - at) if mean else number)
        for value in values:
            summed += value
        row[total] = summed
        holds = passes(summed, number * (size + len(values) - at) if mean else number)
        return holds and (every or not was)

    return step


def _percentile(one: Correlation, stream: Stream, slots: tuple[int, int, int], *, every: bool) -> Step:
    place, ordered_slot, held = slots
    times_slot, numbers_slot, timespan = stream.times, stream.numbers, one.timespan
    operator, number = _reached(one)
    passes = OPERATORS[operator]
    percentile = 50 if one.type == "value_median" else one.percentile
    hundredfold = number * _HUNDRED

    def holds(ordered: list[int | Fraction]) -> bool:
        below, share = divmod(percentile * (len(ordered) - 1), _HUNDRED)
        low = ordered[below]
        if not share or passes(low, number):
            return passes(low, number)
        return passes(low * (_HUNDRED - share) + ordered[below + 1] * share, hundredfold)

    def step(row: Row, now: int, values: tuple[Any, ...], places: tuple[int, ...]) -> bool:
        del places
        times, at, ordered, was = row[times_slot], row[place], row[ordered_slot], row[held]
        size, floor = len(times), now - timespan
        if at < size and times[at] < floor:
            numbers = row[numbers_slot]
            while at < size and times[at] < floor:
                del ordered[bisect_left(ordered, numbers[at])]
                at += 1
            row[place] = at
            was = was and at < size and holds(ordered)
        for value in values:
            insort(ordered, value)
        row[held] = now_holds = holds(ordered)
        return now_holds and (every or not was)

    return step
