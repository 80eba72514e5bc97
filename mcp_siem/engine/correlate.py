"""Correlations over sliding windows, one hit at a time.

Sources: Sigma correlation rules specification 2.1. The meaning, exactly:

- The window of an event at t holds the events x of its group with t - timespan <= x <= t, to the microsecond.
  Events of one instant count in the order of the input.
- Group keys and counted values compare by their canonical text (`values`), case included. An event counts in the
  group of every combination of the values of its group-by fields; one that lacks a key counts in none. Without
  group-by there is one group.
- An event that matched several rules of a correlation is one event, and has seen all these rules. It serves only one
  step of an order.
- An event without a value to count (for sums, averages and percentiles: a number) is not part of the correlation.
- An alert is given where the condition becomes true for a group, and again only after it was false: after an event,
  or by what the window still holds just before the next. An empty window is no group, so nothing holds for it.
- A correlation that another builds on matches at every event at which it holds, with its group as fields.

State is bounded: beyond the limits below the oldest leave first, and are counted.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.engine.correlation import Correlation, Member, Seen
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.measure import Entry, Measure, measure_of
from mcp_siem.engine.values import number_of, text_of
from mcp_siem.events.event import Event

__all__ = ["MAX_EVENTS", "MAX_GROUPS", "MAX_GROUPS_PER_EVENT", "MAX_HELD", "MAX_SHOWN", "Correlator"]

# Per correlation: groups, events of one group, events of all groups; per event: groups; per alert: events.
MAX_GROUPS = 100_000
MAX_EVENTS = 100_000
MAX_HELD = 200_000
MAX_GROUPS_PER_EVENT = 1_000
MAX_SHOWN = 100

_NUMERIC = frozenset({"value_sum", "value_avg", "value_percentile", "value_median"})

Key = tuple[str, ...]


class Correlator:
    """All correlations of a pack. A hit earlier than one before it counts as of the newest time."""

    def __init__(self, correlations: Sequence[Correlation], *, every: bool) -> None:
        self._runs = [_Run(one) for one in _inner_first(correlations)]
        self._every = every
        self._newest: int | None = None
        self.bases = frozenset(member.rule_id for one in correlations for member in one.members)
        self.fields = tuple(sorted({name for one in correlations for name in one.fields}))

    @property
    def dropped(self) -> int:
        """How many events left a window early because of the limits."""
        return sum(run.dropped for run in self._runs)

    def feed(self, hit: Hit) -> list[Alert]:
        """The alerts that this hit completes."""
        self._newest = hit.time if self._newest is None else max(hit.time, self._newest)
        sources = [_Source(rule_ids=hit.rule_ids, fields=hit.fields)]
        alerts: list[Alert] = []
        matched = set(hit.rule_ids)
        for run in self._runs:
            if run.rule_ids.isdisjoint(matched):
                continue
            rule = run.correlation.rule
            for held in run.feed(hit, self._newest, sources):
                if rule.alerts and (held.fresh or self._every):
                    alerts.append(run.alert(hit, held))
                if rule.id in self.bases:
                    group = {name: (value,) for name, value in held.group.items()}
                    matched.add(rule.id)
                    sources.append(_Source(rule_ids=frozenset({rule.id}), fields={**hit.fields, **group}))
        return alerts

    def dump(self) -> dict[str, object]:
        """All that is held, as plain data."""
        hits: dict[int, tuple[int, Hit]] = {}
        runs = [run.dump(hits) for run in self._runs]
        return {"newest": self._newest, "hits": [_dumped(hit) for _, hit in hits.values()], "runs": runs}

    def load(self, document: Mapping[str, Any]) -> None:
        """Goes on from what `dump` gave for the same correlations; any error leaves everything as it was."""
        hits = [_loaded(one) for one in document["hits"]]
        newest = document["newest"]
        runs = [_Run(run.correlation) for run in self._runs]
        for run, dumped in zip(runs, document["runs"], strict=True):
            run.load(dumped, hits)
        self._newest = None if newest is None else int(newest)
        self._runs = runs


def _dumped(hit: Hit) -> list[object]:
    """What an alert shows of a hit; what it was counted by is in the windows."""
    return [hit.event.data, hit.event.time, hit.event.raw_ref, [(one.field, one.value) for one in hit.evidence]]


def _loaded(dumped: Any) -> Hit:
    data, time, ref, found = dumped
    evidence = tuple(Evidence(field=str(name), value=_scalar(value)) for name, value in found)
    event = Event(data=dict(data), time=int(time), raw_ref=None if ref is None else str(ref))
    return Hit(rule_ids=frozenset(), time=int(time), order=0, fields={}, event=event, evidence=evidence)


def _scalar(value: Any) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(type(value).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What happened at an event: rules that matched, with the fields to read; one more per correlation that held."""

    rule_ids: frozenset[str]
    fields: Mapping[str, tuple[object, ...]]


@dataclass(slots=True, kw_only=True)
class _Part:
    """What one event brings to one group."""

    group: Mapping[str, object]
    members: set[int] = field(default_factory=set)
    values: dict[tuple[str, ...], tuple[object, ...]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Group:
    """The window of one group, what it measures, and its newest hits for the alert."""

    measure: Measure
    window: deque[Entry] = field(default_factory=deque)
    recent: deque[tuple[int, Hit]] = field(default_factory=lambda: deque(maxlen=MAX_SHOWN))
    alerted: bool = False

    def leave_before(self, floor: int) -> int:
        """Lets events go that are earlier than the window; says how many."""
        gone = 0
        while self.window and self.window[0].time < floor:
            self.measure.remove(self.window.popleft())
            gone += 1
        while self.recent and self.recent[0][0] < floor:
            self.recent.popleft()
        return gone

    def holds(self, floor: int) -> bool:
        """Says whether the condition holds now."""
        return bool(self.window) and self.measure.holds(floor)

    def dump(self, hits: dict[int, tuple[int, Hit]]) -> list[object]:
        """What is held, as plain data."""
        recent = [(time, hits.setdefault(id(hit), (len(hits), hit))[0]) for time, hit in self.recent]
        window = [(entry.time, entry.members, entry.values) for entry in self.window]
        return [self.alerted, window, recent, self.measure.dump()]

    def load(self, dumped: Any, hits: Sequence[Hit]) -> None:
        """Holds what was dumped."""
        alerted, window, recent, measured = dumped
        self.alerted = bool(alerted)
        for time, members, values in window:
            entry = Entry(int(time), tuple(map(int, members)), tuple(map(_hashable, values)))
            self.window.append(entry)
            self.measure.add(entry)
        self.measure.load(measured)
        self.recent.extend((int(time), hits[place]) for time, place in recent)

    def shown(self) -> list[Hit]:
        """The newest hits that are still in the window, oldest first."""
        first = self.window[0].time
        return [hit for time, hit in self.recent if time >= first]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A correlation holds for a group; `fresh` if it did not before."""

    group: Mapping[str, object]
    fresh: bool
    state: _Group


class _Run:
    """The state of one correlation."""

    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
        self.dropped = 0
        self._groups: OrderedDict[Key, _Group] = OrderedDict()
        self._held = 0
        self._places: dict[str, list[int]] = {}
        for place, member in enumerate(correlation.members):
            self._places.setdefault(member.rule_id, []).append(place)
        self.rule_ids = frozenset(self._places)
        needed = 0 if isinstance(correlation.condition, Seen) else correlation.condition.number
        self._max_events = max(MAX_EVENTS, 2 * needed)
        self._max_held = max(MAX_HELD, 2 * needed)

    def feed(self, hit: Hit, now: int, sources: Iterable[_Source]) -> list[_Held]:
        """Takes what an event brings into every group it belongs to; returns the groups for which it holds now."""
        parts = self._parts(sources)
        if not parts:
            return []
        floor = now - self.correlation.timespan
        self._forget_idle(floor)
        return [held for key, part in parts.items() if (held := self._take(key, part, hit, now)) is not None]

    def _parts(self, sources: Iterable[_Source]) -> dict[Key, _Part]:
        parts: dict[Key, _Part] = {}
        for source in sources:
            for rule_id in sorted(source.rule_ids & self._places.keys()):
                for place in self._places[rule_id]:
                    self._add_member(parts, place, source.fields)
        return {key: part for key, part in parts.items() if not self._counts_values or any(part.values.values())}

    @property
    def _counts_values(self) -> bool:
        return bool(self.correlation.members[0].counted_fields)

    def _add_member(self, parts: dict[Key, _Part], place: int, fields: Mapping[str, tuple[object, ...]]) -> None:
        member = self.correlation.members[place]
        counted = _counted(member, fields, numeric=self.correlation.type in _NUMERIC)
        for values in self._combinations(member, fields):
            key = tuple(text for _, text in values)
            group = dict(zip(self.correlation.group_by, (value for value, _ in values), strict=True))
            part = parts.setdefault(key, _Part(group=group))
            part.members.add(place)
            part.values[member.counted_fields] = counted

    def _combinations(
        self, member: Member, fields: Mapping[str, tuple[object, ...]]
    ) -> Iterator[tuple[tuple[object, str], ...]]:
        """Every combination of group-by values, each once, with its text; up to a limit, the rest is dropped."""
        choices = [list(_texts(fields.get(name, ())).items()) for name in member.group_fields]
        total = 1
        for choice in choices:
            total *= len(choice)
        self.dropped += max(0, total - MAX_GROUPS_PER_EVENT)
        swapped = ([(value, text) for text, value in choice] for choice in choices)
        return islice(product(*swapped), MAX_GROUPS_PER_EVENT)

    def _take(self, key: Key, part: _Part, hit: Hit, now: int) -> _Held | None:
        floor = now - self.correlation.timespan
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(measure=measure_of(self.correlation))
        self._groups.move_to_end(key)
        self._held -= group.leave_before(floor)
        was = group.alerted and group.holds(floor)
        values = tuple(value for found in part.values.values() for value in found)
        entry = Entry(now, tuple(sorted(part.members)), values)
        group.measure.add(entry)
        group.window.append(entry)
        group.recent.append((now, hit))
        self._held += 1
        self._shrink(group)
        group.alerted = group.holds(floor)
        if not group.alerted:
            return None
        return _Held(group=part.group, fresh=not was, state=group)

    def _forget_idle(self, floor: int) -> None:
        """Forgets groups whose newest event left the window: they hold nothing, and nothing holds for them."""
        while self._groups:
            key, group = next(iter(self._groups.items()))
            if group.window and group.window[-1].time >= floor:
                return
            self._held -= len(group.window)
            del self._groups[key]

    def _shrink(self, group: _Group) -> None:
        while len(group.window) > self._max_events:
            group.measure.remove(group.window.popleft())
            self._held -= 1
            self.dropped += 1
        while len(self._groups) > MAX_GROUPS or (self._held > self._max_held and len(self._groups) > 1):
            _, oldest = self._groups.popitem(last=False)
            self._held -= len(oldest.window)
            self.dropped += len(oldest.window)

    def dump(self, hits: dict[int, tuple[int, Hit]]) -> list[object]:
        """What is held, as plain data; each hit shown is added to `hits` once."""
        return [self.dropped, [[key, *group.dump(hits)] for key, group in self._groups.items()]]

    def load(self, dumped: Any, hits: Sequence[Hit]) -> None:
        """Holds what was dumped."""
        dropped, groups = dumped
        self.dropped = int(dropped)
        for key, *rest in groups:
            group = _Group(measure=measure_of(self.correlation))
            group.load(rest, hits)
            self._groups[tuple(map(str, key))] = group
            self._held += len(group.window)

    def alert(self, hit: Hit, held: _Held) -> Alert:
        """The alert of a group that holds at this hit."""
        rule = self.correlation.rule
        hits = held.state.shown()
        found: dict[Evidence, None] = {}
        for one in hits:
            found.update(dict.fromkeys(one.evidence))
        return Alert(
            rule_id=rule.id,
            stem=rule.stem,
            title=rule.title,
            level=rule.level,
            time=hit.time,
            group=held.group,
            events=tuple(one.event for one in hits),
            evidence=tuple(islice(found, MAX_SHOWN)),
        )


def _hashable(value: Any) -> object:
    """A counted value as it was: JSON makes lists of tuples."""
    return tuple(map(str, value)) if isinstance(value, list) else value


def _texts(values: Iterable[object]) -> dict[str, object]:
    """The values by their text, each once; what has no text is no key."""
    found: dict[str, object] = {}
    for value in values:
        text = text_of(value)
        if text is not None:
            found.setdefault(text, value)
    return found


def _counted(member: Member, fields: Mapping[str, tuple[object, ...]], *, numeric: bool) -> tuple[object, ...]:
    """What an event brings to be counted: numbers, or different texts; of several fields, every combination."""
    if numeric:
        values = fields.get(member.counted_fields[0], ())
        return tuple(number for value in values if (number := number_of(value)) is not None)
    if not member.counted_fields:
        return ()
    choices = [list(_texts(fields.get(name, ()))) for name in member.counted_fields]
    return tuple(islice(product(*choices), MAX_GROUPS_PER_EVENT))


def _inner_first(correlations: Sequence[Correlation]) -> list[Correlation]:
    """Correlations after those they build on."""
    by_id = {one.rule.id: one for one in correlations}
    ordered: dict[str, Correlation] = {}

    def visit(one: Correlation, above: frozenset[str]) -> None:
        for member in one.members:
            inner = by_id.get(member.rule_id)
            if inner is not None and member.rule_id not in above:
                visit(inner, above | {member.rule_id})
        ordered.setdefault(one.rule.id, one)

    for one in correlations:
        visit(one, frozenset({one.rule.id}))
    return list(ordered.values())
