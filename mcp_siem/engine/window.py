"""The windows of one correlation: a group for each key, bounded in number and in what they hold.

What leaves when there is too much is chosen so that nobody can push out what would have alerted:

- Many events of one group. A group first gives up events that no verdict needs, now or later: of a count all but the
  newest that reach its number, of values all but the newest of each. That loses nothing. Only sums, averages and
  percentiles need every event; there the oldest of the largest groups leave, so who floods a group shortens its own.
- Many groups. A flood of new keys makes groups that are far from their condition. Of those not among the most lately
  touched quarter, groups that have alerted already leave first, for nothing of them can be hidden any more, then the
  farthest from the condition. To push out a group at nine of ten, a tenth of all groups must be at nine of ten as well:
  that many near alerts, of which each further event makes a real one.

Whatever is lost all the same is counted, and told as an alert of its own (`bounds`).
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any

from mcp_siem.engine.alone import alone_of
from mcp_siem.engine.bounds import Bound, Losses
from mcp_siem.engine.correlation import Correlation, Threshold
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.measure import Measure, Members, Values, measure_of

__all__ = ["MAX_EVENTS", "MAX_GROUPS", "MAX_HELD", "MAX_SHOWN", "Entry", "Group", "Key", "Lone", "Windows", "hashable"]

# Per correlation: groups, events of one group, events of all groups (counted by their values); per alert: events.
MAX_GROUPS = 100_000
MAX_EVENTS = 100_000
MAX_HELD = 200_000
MAX_SHOWN = 100
# A group of so many events is looked through for what it does not need; one in so many groups makes room for others.
_THINNED_AT = 1_024
_MADE_FREE = 10
_LATELY = 4
# How often in a time span groups are looked for whose window has passed.
_LOOKS = 8

Key = tuple[str, ...]
Entry = tuple[int, Members, Values, Hit | None]


class Group:
    """The window of one group and what it measures. `fresh` says that its condition was false before the newest event."""

    __slots__ = ("alerted", "fresh", "measure", "thinned", "thinned_at", "window")

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        # a list while it is short: most windows are, and a deque takes as much room as sixty events
        self.window: list[Entry] | deque[Entry] = []
        self.alerted = False
        self.fresh = False
        self.thinned = False
        self.thinned_at = _THINNED_AT

    def shown(self) -> list[Hit]:
        """The newest hits of the window, oldest first."""
        newest = islice(reversed(self.window), MAX_SHOWN)
        return [hit for _, _, _, hit in newest if hit is not None][::-1]

    def forget(self, count: int) -> None:
        """Takes the oldest events out of the window."""
        window = self.window
        if isinstance(window, list):
            del window[:count]
        else:
            for _ in range(count):
                window.popleft()

    def thin(self) -> int:
        """Lets go what no verdict needs and no alert would show; says how much."""
        essential = self.measure.essential()
        if essential is None:
            return 0
        kept: deque[Entry] = deque()
        gone = 0
        for place, entry in enumerate(reversed(self.window)):
            _, members, values, _ = entry
            if essential(members, values) or place < MAX_SHOWN:
                kept.appendleft(entry)
            else:
                self.measure.leave(members, values)
                gone += len(values) or 1
        self.window = kept
        self.thinned = self.thinned or bool(gone)
        return gone


class Lone:
    """A group of a single event, as most are while keys are many: what an alert asks of it."""

    __slots__ = ("_hit",)

    fresh = True

    def __init__(self, hit: Hit) -> None:
        self._hit = hit

    def shown(self) -> list[Hit]:
        """The hit."""
        return [self._hit]


class Windows:
    """All groups of one correlation. Of a group of a single event nothing is kept but that event."""

    def __init__(self, correlation: Correlation) -> None:
        self.losses = Losses(correlation.timespan)
        self._timespan = correlation.timespan
        self._made, self.alone = measure_of(correlation), alone_of(correlation)
        self._groups: dict[Key, Group | Entry] = {}
        self._held = 0
        # When to look after a group again whose newest event may have left the window; in about the order of time.
        self._due = -(1 << 62)
        self._waiting: deque[tuple[int, Key]] = deque()
        # a number of events or of values has to fit
        condition = correlation.condition
        counts = isinstance(condition, Threshold) and correlation.type in ("event_count", "value_count")
        self._needed = max(0, condition.most) * 2 if isinstance(condition, Threshold) and counts else 0

    def take(self, key: Key, members: Members, values: Values, now: int, hit: Hit) -> Group | Lone | None:
        """Takes the newest event into a group; returns the group if its condition holds now."""
        floor = now - self._timespan
        if self._due < floor:
            self._forget_idle(floor)
        groups = self._groups
        group = groups.get(key)
        if group is None:
            self._waiting.append((now, key))
        elif group.__class__ is Group:
            return self._grow(group, members, values, now, floor, hit)
        elif group[0] >= floor:  # type: ignore[index]
            return self._grow(self._grown(key), members, values, now, floor, hit)
        else:
            self._held -= len(group[2]) or 1  # type: ignore[index]
        groups[key] = (now, members, values, hit)
        self._held += len(values) or 1
        if self._held > MAX_HELD or len(groups) > MAX_GROUPS:
            self._shrink(floor)
        return Lone(hit) if self.alone(members, values) else None

    def _grown(self, key: Key) -> Group:
        """The group of a key with all that a window of several events needs."""
        held = self._groups[key]
        if isinstance(held, Group):
            return held
        time, members, values, _ = held
        group = self._groups[key] = Group(self._made())
        group.window.append(held)
        group.alerted = group.measure.enter(time, members, values, time)
        return group

    def _grow(self, group: Group, members: Members, values: Values, now: int, floor: int, hit: Hit) -> Group | None:
        window = group.window
        was = group.alerted
        if window[0][0] < floor:
            self._leave_before(group, floor)
            was = was and bool(window) and group.measure.holds(floor)
        elif was and group.thinned:  # what left the window may be what was let go before
            was = group.measure.holds(floor)
        window.append((now, members, values, hit))
        self._held += len(values) or 1
        holds = group.measure.enter(now, members, values, floor)
        if len(window) > MAX_SHOWN:
            if isinstance(window, list):
                group.window = deque(window)
            self._shorten(group)
            holds = group.measure.holds(floor)
        if self._held > MAX_HELD:
            self._shrink(floor)
            holds = group.measure.holds(floor)
        group.alerted = holds
        group.fresh = not was
        return group if holds else None

    def _leave_before(self, group: Group, floor: int) -> None:
        gone = 0
        for time, members, values, _ in group.window:
            if time >= floor:
                break
            group.measure.leave(members, values)
            self._held -= len(values) or 1
            gone += 1
        group.forget(gone)

    def _forget_idle(self, floor: int) -> None:
        """Forgets groups whose newest event left the window: they hold nothing, and nothing holds for them."""
        waiting, groups = self._waiting, self._groups
        while waiting and waiting[0][0] < floor:
            _, key = waiting.popleft()
            group = groups[key]
            newest = group.window[-1][0] if isinstance(group, Group) else group[0]
            if newest < floor:
                self._drop(key)
            else:
                waiting.append((newest, key))
        # not at every event: a few at once cost less
        self._due = floor + self._timespan // _LOOKS

    def _drop(self, key: Key) -> int:
        group = self._groups.pop(key)
        if not isinstance(group, Group):
            self._held -= len(group[2]) or 1
            return 1
        for _, _, values, _ in group.window:
            self._held -= len(values) or 1
        return len(group.window)

    def _shorten(self, group: Group) -> None:
        """Lets go what no alert of the group would show, then what no verdict needs, then what is over the limit."""
        window = group.window
        time, members, values, _ = window[-MAX_SHOWN - 1]
        window[-MAX_SHOWN - 1] = (time, members, values, None)
        if len(window) >= group.thinned_at:
            self._held -= group.thin()
            group.thinned_at = max(_THINNED_AT, 2 * len(group.window))
        self._cut(group, max(MAX_EVENTS, self._needed), Bound.GROUP_EVENTS)

    def _shrink(self, floor: int) -> None:
        """Makes room if all groups together hold too much, or are too many."""
        if self._held > max(MAX_HELD, self._needed):
            self._free_events(floor)
        if len(self._groups) > MAX_GROUPS:
            self._free_groups(len(self._groups) - MAX_GROUPS + MAX_GROUPS // _MADE_FREE, 0, floor, Bound.GROUPS)

    def _cut(self, group: Group, most: int, bound: Bound) -> None:
        """Lets the oldest events of a group go until it has as many as it may."""
        while len(group.window) > most:
            _, members, values, _ = group.window[0]
            group.forget(1)
            group.measure.leave(members, values)
            self._held -= len(values) or 1
            self.losses.add(bound, 1)

    def _free_events(self, floor: int) -> None:
        """Makes room for events: by what is not needed, then by the oldest of the largest groups, then by whole groups."""
        most = max(MAX_HELD, self._needed)
        target = most - most // _MADE_FREE
        groups = [group for group in self._groups.values() if isinstance(group, Group)]
        large = sorted(groups, key=lambda group: len(group.window), reverse=True)
        for group in large:
            if len(group.window) <= MAX_SHOWN:
                break
            self._held -= group.thin()
        size = len(large[0].window) if large else 0
        while self._held > target and size > max(_THINNED_AT, self._needed):
            size //= 2
            for group in large:
                self._cut(group, max(size, _THINNED_AT, self._needed), Bound.EVENTS)
        if self._held > target:
            self._free_groups(0, target, floor, Bound.EVENTS)

    def _free_groups(self, count: int, held: int, floor: int, bound: Bound) -> None:
        """Drops at least so many groups, and as many as it takes to hold no more than that (0: whatever is held)."""
        by_touch = sorted(self._groups, key=lambda key: _newest(self._groups[key]))
        older = by_touch[: max(1, len(by_touch) - len(by_touch) // _LATELY)]
        ranked = sorted(older, key=lambda key: self._rank(self._groups[key], floor))
        for key in (*ranked, *by_touch[len(older) :]):
            if (count <= 0 and (not held or self._held <= held)) or len(self._groups) == 1:
                break
            self.losses.add(bound, self._drop(key))
            count -= 1
        self._waiting = deque(
            sorted(((_newest(group), key) for key, group in self._groups.items()), key=lambda one: one[0])
        )

    def _rank(self, group: Group | Entry, floor: int) -> float:
        if isinstance(group, Group):
            return -1.0 if group.alerted else group.measure.progress(floor)
        time, members, values, _ = group
        measure = self._made()
        return -1.0 if measure.enter(time, members, values, floor) else measure.progress(floor)

    def adopt(self, key: Key, entries: Sequence[Entry], starts: object) -> None:
        """Takes over a group with all its events, and what of an order lies behind them."""
        self._held += sum(len(values) or 1 for _, _, values, _ in entries)
        newest = entries[-1][0]
        self._waiting.append((newest, key))
        group = self._groups[key] = Group(self._made())
        for entry in entries:
            group.measure.enter(entry[0], entry[1], entry[2], entry[0])
            group.window.append(entry)
        if starts is not None:
            group.measure.load(starts)
        group.alerted, group.thinned = group.measure.holds(newest - self._timespan), True
        group.thinned_at = max(_THINNED_AT, 2 * len(entries))
        if len(entries) > MAX_SHOWN:
            group.window = deque(group.window)

    def dump(self, hits: dict[int, tuple[int, Hit]]) -> list[object]:
        """What is held, as plain data; each hit that could be shown is added to `hits` once."""
        places = {key: place for place, key in enumerate(self._groups)}
        waiting = [(time, places[key]) for time, key in self._waiting]
        return [
            self.losses.dump(),
            self._due,
            waiting,
            [[key, *_dumped(group, hits)] for key, group in self._groups.items()],
        ]

    def load(self, dumped: Any, hits: Sequence[Hit]) -> None:
        """Holds what was dumped, in place of nothing."""
        losses, due, waiting, groups = dumped
        self._due = int(due)
        self.losses.load(losses)
        for key, *rest in groups:
            group = _loaded(self._made(), rest, hits)
            self._groups[tuple(map(str, key))] = group
            window = group.window if isinstance(group, Group) else [group]
            self._held += sum(len(values) or 1 for _, _, values, _ in window)
        keys = list(self._groups)
        self._waiting.extend((int(time), keys[place]) for time, place in waiting)
        if sorted(key for _, key in self._waiting) != sorted(keys):
            raise ValueError("a group that nobody looks after")


def _newest(group: Group | Entry) -> int:
    return group.window[-1][0] if isinstance(group, Group) else group[0]


def _dumped(group: Group | Entry, hits: dict[int, tuple[int, Hit]]) -> list[object]:
    window = [
        (time, members, values, None if hit is None else hits.setdefault(id(hit), (len(hits), hit))[0])
        for time, members, values, hit in (group.window if isinstance(group, Group) else [group])
    ]
    if not isinstance(group, Group):
        return [window, None]
    return [window, [group.alerted, group.thinned, group.thinned_at, group.measure.dump()]]


def _loaded(measure: Measure, dumped: Any, hits: Sequence[Hit]) -> Group | Entry:
    window, state = dumped
    first, *others = [_entry(one, hits) for one in window]
    if state is None and not others:
        return first
    group = Group(measure)
    for entry in (first, *others):
        time, members, values, _ = entry
        measure.enter(time, members, values, time)
        group.window.append(entry)
    alerted, thinned, thinned_at, measured = state
    group.alerted, group.thinned, group.thinned_at = bool(alerted), bool(thinned), int(thinned_at)
    measure.load(measured)
    return group


def _entry(dumped: Any, hits: Sequence[Hit]) -> Entry:
    time, members, values, place = dumped
    return (int(time), tuple(map(int, members)), tuple(map(hashable, values)), None if place is None else hits[place])


def hashable(value: Any) -> object:
    """A counted value as it was: JSON makes lists of tuples."""
    return tuple(map(str, value)) if isinstance(value, list) else value
