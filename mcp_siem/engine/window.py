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

from mcp_siem.engine.bounds import Bound, Losses
from mcp_siem.engine.correlation import Correlation, Threshold
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.measure import Measure, Members, Values, measure_of

__all__ = ["MAX_EVENTS", "MAX_GROUPS", "MAX_HELD", "MAX_SHOWN", "Group", "Key", "Windows"]

# Per correlation: groups, events of one group, events of all groups (counted by their values); per alert: events.
MAX_GROUPS = 100_000
MAX_EVENTS = 100_000
MAX_HELD = 200_000
MAX_SHOWN = 100
# A group of so many events is looked through for what it does not need; one in so many groups makes room for others.
_THINNED_AT = 1_024
_MADE_FREE = 10
_LATELY = 4

Key = tuple[str, ...]
Entry = tuple[int, Members, Values, Hit | None]


class Group:
    """The window of one group and what it measures. `fresh` says that its condition was false before the newest event."""

    __slots__ = ("alerted", "fresh", "measure", "thinned", "thinned_at", "window")

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.window: deque[Entry] = deque()
        self.alerted = False
        self.fresh = False
        self.thinned = False
        self.thinned_at = _THINNED_AT

    def shown(self) -> list[Hit]:
        """The newest hits of the window, oldest first."""
        newest = islice(reversed(self.window), MAX_SHOWN)
        return [hit for _, _, _, hit in newest if hit is not None][::-1]

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


class Windows:
    """All groups of one correlation."""

    def __init__(self, correlation: Correlation) -> None:
        self.losses = Losses(correlation.timespan)
        self._correlation = correlation
        self._timespan = correlation.timespan
        self._groups: dict[Key, Group] = {}
        self._held = 0
        # When to look after a group again whose newest event may have left the window; in about the order of time.
        self._waiting: deque[tuple[int, Key]] = deque()
        # a number of events or of values has to fit
        condition = correlation.condition
        counts = isinstance(condition, Threshold) and correlation.type in ("event_count", "value_count")
        self._needed = max(0, condition.number) * 2 if isinstance(condition, Threshold) and counts else 0

    def take(self, key: Key, members: Members, values: Values, now: int, hit: Hit) -> Group | None:
        """Takes the newest event into a group; returns the group if its condition holds now."""
        floor = now - self._timespan
        waiting = self._waiting
        if waiting and waiting[0][0] < floor:
            self._forget_idle(floor)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(measure_of(self._correlation))
            waiting.append((now, key))
        window = group.window
        was = group.alerted
        if window and window[0][0] < floor:
            self._leave_before(group, floor)
            was = was and bool(window) and group.measure.holds(floor)
        elif was and group.thinned:  # what left the window may be what was let go before
            was = group.measure.holds(floor)
        window.append((now, members, values, hit))
        self._held += len(values) or 1
        holds = group.measure.enter(now, members, values, floor)
        if len(group.window) > MAX_SHOWN or self._held > MAX_HELD or len(self._groups) > MAX_GROUPS:
            self._shrink(group, floor)
            holds = group.measure.holds(floor)
        group.alerted = holds
        group.fresh = not was
        return group if holds else None

    def _leave_before(self, group: Group, floor: int) -> None:
        window, measure = group.window, group.measure
        while window and window[0][0] < floor:
            _, members, values, _ = window.popleft()
            measure.leave(members, values)
            self._held -= len(values) or 1

    def _forget_idle(self, floor: int) -> None:
        """Forgets groups whose newest event left the window: they hold nothing, and nothing holds for them."""
        waiting = self._waiting
        while waiting and waiting[0][0] < floor:
            _, key = waiting.popleft()
            group = self._groups[key]
            newest = group.window[-1][0]
            if newest < floor:
                self._drop(key)
            else:
                waiting.append((newest, key))

    def _drop(self, key: Key) -> int:
        window = self._groups.pop(key).window
        self._held -= sum(len(values) or 1 for _, _, values, _ in window)
        return len(window)

    def _shrink(self, group: Group, floor: int) -> None:
        window = group.window
        if len(window) > MAX_SHOWN:
            time, members, values, _ = window[-MAX_SHOWN - 1]
            window[-MAX_SHOWN - 1] = (time, members, values, None)  # which no alert will show
        if len(window) >= group.thinned_at:
            self._held -= group.thin()
            group.thinned_at = max(_THINNED_AT, 2 * len(group.window))
        self._cut(group, max(MAX_EVENTS, self._needed), Bound.GROUP_EVENTS)
        if self._held > max(MAX_HELD, self._needed):
            self._free_events(floor)
        if len(self._groups) > MAX_GROUPS:
            self._free_groups(len(self._groups) - MAX_GROUPS + MAX_GROUPS // _MADE_FREE, 0, floor, Bound.GROUPS)

    def _cut(self, group: Group, most: int, bound: Bound) -> None:
        """Lets the oldest events of a group go until it has as many as it may."""
        while len(group.window) > most:
            _, members, values, _ = group.window.popleft()
            group.measure.leave(members, values)
            self._held -= len(values) or 1
            self.losses.add(bound, 1)

    def _free_events(self, floor: int) -> None:
        """Makes room for events: by what is not needed, then by the oldest of the largest groups, then by whole groups."""
        most = max(MAX_HELD, self._needed)
        target = most - most // _MADE_FREE
        large = sorted(self._groups.values(), key=lambda group: len(group.window), reverse=True)
        for group in large:
            if len(group.window) <= MAX_SHOWN:
                break
            self._held -= group.thin()
        size = max(1, len(large[0].window))
        while self._held > target and size > max(_THINNED_AT, self._needed):
            size //= 2
            for group in large:
                self._cut(group, max(size, _THINNED_AT, self._needed), Bound.EVENTS)
        if self._held > target:
            self._free_groups(0, target, floor, Bound.EVENTS)

    def _free_groups(self, count: int, held: int, floor: int, bound: Bound) -> None:
        """Drops at least so many groups, and as many as it takes to hold no more than that (0: whatever is held)."""
        by_touch = sorted(self._groups, key=lambda key: self._groups[key].window[-1][0])
        older = by_touch[: max(1, len(by_touch) - len(by_touch) // _LATELY)]
        ranked = sorted(older, key=lambda key: self._rank(self._groups[key], floor))
        for key in (*ranked, *by_touch[len(older) :]):
            if (count <= 0 and (not held or self._held <= held)) or len(self._groups) == 1:
                break
            self.losses.add(bound, self._drop(key))
            count -= 1
        self._waiting = deque(
            sorted(((group.window[-1][0], key) for key, group in self._groups.items()), key=lambda one: one[0])
        )

    def _rank(self, group: Group, floor: int) -> float:
        return -1.0 if group.alerted else group.measure.progress(floor)

    def dump(self, hits: dict[int, tuple[int, Hit]]) -> list[object]:
        """What is held, as plain data; each hit that could be shown is added to `hits` once."""
        places = {key: place for place, key in enumerate(self._groups)}
        waiting = [(time, places[key]) for time, key in self._waiting]
        return [self.losses.dump(), waiting, [[key, *_dumped(group, hits)] for key, group in self._groups.items()]]

    def load(self, dumped: Any, hits: Sequence[Hit]) -> None:
        """Holds what was dumped, in place of nothing."""
        losses, waiting, groups = dumped
        self.losses.load(losses)
        for key, *rest in groups:
            group = Group(measure_of(self._correlation))
            _load(group, rest, hits)
            self._groups[tuple(map(str, key))] = group
            self._held += sum(len(values) or 1 for _, _, values, _ in group.window)
        keys = list(self._groups)
        self._waiting.extend((int(time), keys[place]) for time, place in waiting)
        if sorted(key for _, key in self._waiting) != sorted(keys):
            raise ValueError("a group that nobody looks after")


def _dumped(group: Group, hits: dict[int, tuple[int, Hit]]) -> list[object]:
    window = [
        (time, members, values, None if hit is None else hits.setdefault(id(hit), (len(hits), hit))[0])
        for time, members, values, hit in group.window
    ]
    return [group.alerted, group.thinned, group.thinned_at, window, group.measure.dump()]


def _load(group: Group, dumped: Any, hits: Sequence[Hit]) -> None:
    alerted, thinned, thinned_at, window, measured = dumped
    group.alerted = bool(alerted)
    group.thinned = bool(thinned)
    group.thinned_at = int(thinned_at)
    for time, members, values, place in window:
        entry = (int(time), tuple(map(int, members)), tuple(map(_hashable, values)))
        group.measure.enter(*entry, entry[0])
        group.window.append((*entry, None if place is None else hits[place]))
    group.measure.load(measured)
    if not group.window:
        raise ValueError("a group without events")


def _hashable(value: Any) -> object:
    """A counted value as it was: JSON makes lists of tuples."""
    return tuple(map(str, value)) if isinstance(value, list) else value
