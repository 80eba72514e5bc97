"""The short way through correlations: of each group key one row, which holds the windows of all that group by the same.

Most keys are seen once in a while: of these the row is the hit alone. Nothing is limited here. A shelf that comes near to a
limit of `window` is taken apart into the windows of its correlations, which know what to let go, and stays so. That changes
no verdict, whenever it is done.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

from mcp_siem.engine import window
from mcp_siem.engine.bounds import Bound, Losses
from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.counting import Place, counted_of, exact, inexact, places_of
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.lane import Lane, counting_of, entries_of
from mcp_siem.engine.measure import Members, Values
from mcp_siem.engine.steps import Layout, Row, Stream, is_simple, step_of, whole_of
from mcp_siem.engine.window import Key, Windows, hashable

__all__ = ["Due", "Lane", "Shelf", "ShelfPlan", "shelves_of"]

_LOOKS = 8
_MOST_PLANS = 1_024
# A shelf is taken apart where so small a part of a limit is left.
_LEFT = 5
_NUMERIC = frozenset({"value_sum", "value_avg", "value_percentile", "value_median"})
_UNCOUNTED: Values = (None,)

# A correlation that alerts, by its place among all; the values of the group; and what shows its events.
Due = tuple[int, tuple[object, ...], Row | Hit]


class ShelfPlan:
    """What to do with an event on which certain rules hold."""

    __slots__ = ("alone", "countings", "lanes", "steps", "streams")

    def __init__(self, rule_ids: frozenset[str], lanes: Sequence[Lane]) -> None:
        self.lanes = [lane for lane in lanes if lane.members(rule_ids)]
        # what is counted: the one field and the class of a usual value, then all that reading it takes
        self.countings: list[tuple[str, type, tuple[str, ...], bool]] = []
        self.steps = []
        self.alone = []
        self.streams: list[tuple[int, int, int, Stream]] = []
        taken: set[int] = set()
        for lane in self.lanes:
            names, numeric = counting_of(lane.correlation)
            at = self._counted(names, numeric=numeric)
            members = lane.members(rule_ids)
            slots = lane.slots
            places = tuple(slots.members[place] for place in reversed(members)) if slots.members else ()
            self.steps.append((slots.step, lane.number, at, places))
            if _may_hold_alone(lane.correlation, members):
                self.alone.append((lane, at, members))
            if slots.stream.hits not in taken:
                taken.add(slots.stream.hits)
                self.streams.append((slots.stream.hits, 2 * slots.stream.keep, at, slots.stream))

    def _counted(self, names: tuple[str, ...], *, numeric: bool) -> int:
        if not names:
            return 0
        one = (names[0] if len(names) == 1 else "", int if numeric else str, names, numeric)
        if one not in self.countings:
            self.countings.append(one)
        return self.countings.index(one) + 1


class Shelf:
    """The rows of correlations that group by the same fields."""

    def __init__(
        self, group_fields: tuple[str, ...], runs: Sequence[tuple[int, Correlation, Windows]], *, every: bool
    ) -> None:
        self._layout = Layout()
        self._names = group_fields
        self._name = group_fields[0] if len(group_fields) == 1 else ""
        self._streams: dict[object, Stream] = {}
        self.lanes = [self._lane(*run, every=every) for run in runs]
        self.rule_ids = frozenset(rule_id for lane in self.lanes for rule_id in lane.places)
        self._longest = max(lane.correlation.timespan for lane in self.lanes)
        self._plans: dict[frozenset[str], ShelfPlan] = {}
        self._rows: dict[Key, Row | Hit] = {}
        self._waiting: deque[tuple[int, Key]] = deque()
        self.look_at = -(1 << 62)
        self.taken = self.full_at = 0

    def _lane(self, number: int, one: Correlation, windows: Windows, *, every: bool) -> Lane:
        names, numeric = counting_of(one)
        rule_ids = frozenset(member.rule_id for member in one.members)
        stream = self._streams.get((rule_ids, names, numeric))
        if stream is None:
            stream = Stream(hits=self._layout.slot("hits"), keep=window.MAX_SHOWN)
            self._streams[rule_ids, names, numeric] = stream
            if numeric:
                stream.times, stream.numbers = self._layout.slot("times"), self._layout.slot("numbers")
        if one.type == "event_count":
            stream.keep = max(stream.keep, whole_of(one))
        places: dict[str, tuple[int, ...]] = {}
        for place, member in enumerate(one.members):
            places[member.rule_id] = (*places.get(member.rule_id, ()), place)
        slots = step_of(one, stream, self._layout, every=every)
        return Lane(number=number, correlation=one, windows=windows, slots=slots, places=places)

    def plan(self, rule_ids: frozenset[str]) -> ShelfPlan:
        """What to do with events of these rules."""
        plan = self._plans.get(rule_ids)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[rule_ids] = ShelfPlan(rule_ids, self.lanes)
        return plan

    def has_room(self, now: int) -> bool:
        """Forgets what is over; says whether the shelf is far from every limit."""
        if now > self.look_at:
            self._forget(now - self._longest)
            self.look_at = now + self._longest // _LOOKS
        return self.taken < self.full_at or self._audit(now)

    def feed(self, plan: ShelfPlan, hit: Hit, now: int, due: list[Due]) -> Sequence[Lane]:
        """Takes an event into each of its groups, adds what is due; returns the correlations that could not take all of it."""
        fields = hit.fields
        counted: list[Values] = [_UNCOUNTED]
        beyond: list[tuple[int, Bound, int]] = []
        for at, (name, kind, names, numeric) in enumerate(plan.countings, 1):
            values = fields.get(name, ())
            if len(values) != 1 or values[0].__class__ is not kind:
                values, more = counted_of(fields, names, numeric=numeric)
                self.taken += len(values)
                if numeric:
                    values = tuple(map(exact, values))
                if more:
                    beyond.append((at, Bound.EVENT_VALUES, more))
            counted.append(values)
        key: Key = fields.get(self._name, ())  # type: ignore[assignment]
        if len(key) == 1 and key[0].__class__ is str:
            self._take(plan, hit, now, (key, key), counted, due)
        else:
            places, more = places_of(fields, self._names)
            self.taken += len(places) * sum(map(len, counted))
            beyond += [(at, Bound.EVENT_GROUPS, more) for at, values in enumerate(counted) if more and values]
            for place in places:
                self._take(plan, hit, now, place, counted, due)
        return _told(plan, beyond) if beyond else ()

    def _take(
        self, plan: ShelfPlan, hit: Hit, now: int, place: Place, counted: Sequence[Values], due: list[Due]
    ) -> None:
        key, group = place
        self.taken += 1
        row: Any = self._rows.get(key)
        if row.__class__ is not list:
            row = self._begun(key, row, hit, now)
            if row is None:
                due += [
                    (lane.number, group, hit)
                    for lane, at, members in plan.alone
                    if counted[at] and lane.windows.alone(members, counted[at])
                ]
                return
        row[0] = now
        for step, number, at, members in plan.steps:
            values = counted[at]
            if values and step(row, now, values, members):
                due.append((number, group, row))
        entry = (now, hit)
        for slot, most, at, stream in plan.streams:
            if counted[at]:
                hits = row[slot]
                hits.append(entry)
                if len(hits) > most or stream.times:
                    stream.take(row, now, counted[at])

    def _begun(self, key: Key, row: Any, hit: Hit, now: int) -> Any:
        """A row for the hit, if it is more than the hit itself; `row` is what there is of the key."""
        if row is None:
            self._waiting.append((now, key))
        elif row.time >= now - self._longest:
            return self._grown(key, row)
        if hit.time == now and hit.is_light:
            self._rows[key] = hit
            return None
        fresh = self._rows[key] = self._layout.fresh()
        return fresh

    def _grown(self, key: Key, hit: Hit) -> Row:
        """The row of a key of which but one event was known."""
        row = self._rows[key] = self._layout.fresh()
        row[0] = hit.time
        plan = self.plan(hit.rule_ids)
        counted: list[Values] = [
            _UNCOUNTED,
            *(_counted(hit, names, numeric=numeric) for _, _, names, numeric in plan.countings),
        ]
        for step, _, at, members in plan.steps:
            if counted[at]:
                step(row, hit.time, counted[at], members)
        for slot, _, at, stream in plan.streams:
            if counted[at]:
                row[slot].append((hit.time, hit))
                stream.take(row, hit.time, counted[at])
        return row

    def _forget(self, floor: int) -> None:
        """Forgets rows whose newest event has left every window."""
        waiting, rows = self._waiting, self._rows
        while waiting and waiting[0][0] < floor:
            _, key = waiting.popleft()
            newest = _newest(rows[key])
            if newest < floor:
                del rows[key]
            else:
                waiting.append((newest, key))

    def _audit(self, now: int) -> bool:
        """Counts what is held, and says after how many events to look again; False if there is too little room."""
        self._forget(now - self._longest)
        rows = [row for row in self._rows.values() if isinstance(row, list)]
        kinds = [at for at, kind in enumerate(self._layout.kinds) if kind in ("hits", "times", "distinct")]
        sizes = [len(row[at] or ()) for row in rows for at in kinds]
        lanes = len(self.lanes)
        left = (
            (window.MAX_GROUPS - len(self._rows), window.MAX_GROUPS),
            ((window.MAX_HELD - (sum(sizes) + len(self._rows)) // lanes) // 2, window.MAX_HELD),
            (window.MAX_EVENTS - max(sizes, default=0), window.MAX_EVENTS),
        )
        self.full_at = self.taken + min(room for room, _ in left)
        return all(room > most // _LEFT for room, most in left)

    def clear(self) -> None:
        """Takes the rows apart into the windows of the correlations."""
        for key, row in sorted(self._rows.items(), key=lambda item: _newest(item[1])):
            for lane in self.lanes:
                entries, starts = entries_of(lane, row)
                if entries:
                    lane.windows.adopt(key, entries, starts)
        self._rows.clear()
        self._waiting.clear()

    def dump(self, hits: dict[int, tuple[int, Hit]]) -> list[object]:
        """What is held, as plain data; each hit that could be shown is added to `hits` once."""
        places = {key: place for place, key in enumerate(self._rows)}

        def named(hit: Hit) -> int:
            return hits.setdefault(id(hit), (len(hits), hit))[0]

        return [
            [self.taken, self.full_at, self.look_at],
            [(time, places[key]) for time, key in self._waiting],
            [
                [key, named(row) if isinstance(row, Hit) else self._dumped(row, named)]
                for key, row in self._rows.items()
            ],
        ]

    def _dumped(self, row: Row, named: Callable[[Hit], int]) -> list[object]:
        found: list[object] = []
        for kind, what in zip(self._layout.kinds, row, strict=True):
            match kind:
                case "hits":
                    found.append([(time, named(hit)) for time, hit in what])
                case "distinct":
                    found.append(None if what is None else list(what.items()))
                case "numbers":
                    found.append(list(map(inexact, what)))
                case "total" | "ordered":
                    found.append(None)  # which the numbers tell
                case _:
                    found.append(what)
        return found

    def load(self, dumped: Any, hits: Sequence[Hit]) -> None:
        """Holds what was dumped, in place of nothing."""
        (taken, full_at, look_at), waiting, rows = dumped
        self.taken, self.full_at, self.look_at = int(taken), int(full_at), int(look_at)
        for key, row in rows:
            held = hits[row] if isinstance(row, int) else self._loaded(row, hits)
            self._rows[tuple(map(str, key))] = held
        keys = list(self._rows)
        self._waiting.extend((int(time), keys[place]) for time, place in waiting)
        if sorted(key for _, key in self._waiting) != sorted(keys):
            raise ValueError("a group that nobody looks after")

    def _loaded(self, dumped: Any, hits: Sequence[Hit]) -> Row:
        row: Row = [_slot(kind, what, hits) for kind, what in zip(self._layout.kinds, dumped, strict=True)]
        for stream in self._streams.values():
            if stream.times and len(row[stream.times]) != len(row[stream.numbers]):
                raise ValueError("numbers without a time")
            if stream.times and any(not 0 <= row[place] <= len(row[stream.times]) for place in stream.places):
                raise ValueError("a window beyond its numbers")
        for lane in self.lanes:
            if lane.slots.stream.times:
                place = lane.slots.counted
                numbers = row[lane.slots.stream.numbers][row[place] :]
                # what is made of the numbers stands beside the place
                row[place + 1] = sum(numbers) if self._layout.kinds[place + 1] == "total" else sorted(numbers)
        return row


def shelves_of(runs: Sequence[tuple[int, Correlation, Windows]], *, every: bool) -> list[Shelf]:
    """Shelves for the simple ones of these correlations, each with its place among all."""
    together: dict[tuple[str, ...], list[tuple[int, Correlation, Windows]]] = {}
    for run in runs:
        if is_simple(run[1]):
            together.setdefault(run[1].members[0].group_fields, []).append(run)
    return [Shelf(names, some, every=every) for names, some in together.items()]


def _counted(hit: Hit, names: tuple[str, ...], *, numeric: bool) -> Values:
    values, _ = counted_of(hit.fields, names, numeric=numeric)
    return tuple(map(exact, values)) if numeric else values


def _may_hold_alone(one: Correlation, members: Members) -> bool:
    """Says whether there is an event of these rules for which the condition holds by itself."""
    match one.type:
        case "event_count" | "temporal_ordered":
            return whole_of(one) == 1
        case "temporal":
            return whole_of(one) <= len(members)
        case _:
            return True


def _told(plan: ShelfPlan, beyond: Sequence[tuple[int, Bound, int]]) -> Sequence[Lane]:
    """Counts what of an event could not be taken, for each correlation that counts it."""
    lanes = []
    for lane, (_, _, counted, _) in zip(plan.lanes, plan.steps, strict=True):
        losses: Losses = lane.windows.losses
        for at, bound, more in beyond:
            if at == counted:
                losses.add(bound, more)
                lanes.append(lane)
    return lanes


def _newest(row: Row | Hit) -> int:
    newest: int = row.time if isinstance(row, Hit) else row[0]
    return newest


def _slot(kind: str, what: Any, hits: Sequence[Hit]) -> Any:
    read: dict[str, Callable[[Any], Any]] = {
        "hits": lambda some: [(int(time), hits[place]) for time, place in some],
        "distinct": lambda some: some and OrderedDict((hashable(value), int(time)) for value, time in some),
        "times": lambda some: list(map(int, some)),
        "numbers": lambda some: list(map(exact, some)),
        "held": bool,
        "total": lambda some: some,
        "ordered": lambda some: some,
    }
    return read.get(kind, int)(what)
