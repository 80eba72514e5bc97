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

State is bounded (`window`), and what is lost by that is an alert of its own (`bounds`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.engine.bounds import Bound, bound_alert
from mcp_siem.engine.correlation import Correlation, Member
from mcp_siem.engine.counting import Fields, Place, counted_of, places_of
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.lane import Lane
from mcp_siem.engine.measure import Members, Values
from mcp_siem.engine.rows import Due, Shelf, ShelfPlan, shelves_of
from mcp_siem.engine.steps import Row
from mcp_siem.engine.window import MAX_SHOWN, Group, Key, Lone, Windows

__all__ = ["Correlator"]

# Sets of rules that hold together: few in practice, and only what is worked out again depends on it.
_MOST_PLANS = 1_024

_NUMERIC = frozenset({"value_sum", "value_avg", "value_percentile", "value_median"})

T = TypeVar("T")
# A group for which a correlation holds, and the values of its key.
Held = tuple[Group | Lone, tuple[object, ...]]


class Correlator:
    """All correlations of a pack. A hit earlier than one before it counts as of the newest time."""

    def __init__(self, correlations: Sequence[Correlation], *, every: bool) -> None:
        self.bases = frozenset(member.rule_id for one in correlations for member in one.members)
        self.fields = tuple(sorted({name for one in correlations for name in one.fields}))
        self._runs = [_Run(number, one) for number, one in enumerate(_inner_first(correlations))]
        self._inner = self.bases & {one.rule.id for one in correlations}
        self._every = every
        self._newest: int | None = None
        self._plans: dict[frozenset[str], _Plan] = {}
        self._shelves = self._put_up()
        # correlations on a shelf that lost something which was not told yet
        self._telling: set[int] = set()

    @property
    def dropped(self) -> int:
        """How many events left a window early because of the limits."""
        return sum(run.losses.total for run in self._runs)

    def feed(self, hit: Hit) -> list[Alert]:
        """The alerts that this hit completes."""
        now = hit.time
        if self._newest is not None and self._newest > now:
            now = self._newest
        self._newest = now
        plan = self._plans.get(hit.rule_ids)
        if plan is None:
            plan = self._planned(hit.rule_ids)
        for shelf, _ in plan.shelves:
            if (now > shelf.look_at or shelf.taken >= shelf.full_at) and not shelf.has_room(now):
                self._take_down(shelf)
                return self.feed(hit)
        due: list[Due] = []
        for shelf, asked in plan.shelves:
            self._telling.update(lane.number for lane in shelf.feed(asked, hit, now, due))
        if not (due or plan.steps or self._telling):
            return []
        found = [one for number, values, row in due for one in self._runs[number].due(hit, row, values)]
        if plan.steps:
            found += self._stepwise(plan, hit, now)
        if self._telling:
            found += self._told(plan, hit, now)
        if len(found) > 1:
            found.sort(key=itemgetter(0))
        return [alert for _, alert in found]

    def _stepwise(self, plan: "_Plan", hit: Hit, now: int) -> Iterator[tuple[int, Alert]]:
        """The alerts of correlations that are on no shelf."""
        fields = hit.fields
        places = [places_of(fields, names) for names in plan.groupings]
        values = [counted_of(fields, names, numeric=numeric) for names, numeric in plan.countings]
        sources = [_Source(hit.rule_ids, fields)] if plan.has_inner else []
        for run, step in plan.steps:
            held: Sequence[Held]
            if step is None:
                held = run.feed(hit, now, sources)
            else:
                members, grouping, counting = step
                held = run.feed_step(hit, now, members, places[grouping], values[counting])
            for alert in self._held(run, hit, held, sources) if held else ():
                yield run.number, alert
            for alert in run.told(hit, now) if run.losses.pending else ():
                yield run.number, alert

    def _told(self, plan: "_Plan", hit: Hit, now: int) -> Iterator[tuple[int, Alert]]:
        """The alerts about what correlations on a shelf lost, of those that this hit concerns."""
        for _, asked in plan.shelves:
            for lane in asked.lanes:
                run = self._runs[lane.number]
                for alert in run.told(hit, now) if lane.number in self._telling else ():
                    yield lane.number, alert
                if not run.losses.pending:
                    self._telling.discard(lane.number)

    def _put_up(self) -> list[Shelf]:
        simple = [
            (run.number, run.correlation, run.windows)
            for run in self._runs
            if run.correlation.rule.id not in self._inner and self._inner.isdisjoint(run.rule_ids)
        ]
        shelves = shelves_of(simple, every=self._every)
        for shelf in shelves:
            for lane in shelf.lanes:
                self._runs[lane.number].lane = lane
        return shelves

    def _take_down(self, shelf: Shelf) -> None:
        """Goes on with the correlations of a shelf one by one."""
        shelf.clear()
        self._leave(shelf)

    def _leave(self, shelf: Shelf) -> None:
        self._shelves.remove(shelf)
        for lane in shelf.lanes:
            self._runs[lane.number].lane = None
            self._telling.discard(lane.number)
        self._plans.clear()

    def _held(self, run: "_Run", hit: Hit, held: Sequence[Held], sources: list["_Source"]) -> list[Alert]:
        rule = run.correlation.rule
        if rule.id in self._inner:
            for _, values in held:
                named = {name: (value,) for name, value in zip(run.correlation.group_by, values, strict=True)}
                sources.append(_Source(frozenset({rule.id}), {**hit.fields, **named}))
        if not rule.alerts:
            return []
        return [run.alert(hit, group.shown(), values) for group, values in held if group.fresh or self._every]

    def _planned(self, rule_ids: frozenset[str]) -> "_Plan":
        """The correlations that these rules may concern, each with what to do, unless that depends on an inner one."""
        plan = _Plan()
        plan.shelves = [(shelf, asked) for shelf in self._shelves if (asked := shelf.plan(rule_ids)).lanes]
        matched = set(rule_ids)
        for run in self._runs:
            if run.lane is not None or run.rule_ids.isdisjoint(matched):
                continue
            places = [] if run.rule_ids & self._inner else run.places_of(rule_ids)
            plan.add(run, places)
            matched.add(run.correlation.rule.id)
        plan.has_inner = not self._inner.isdisjoint(matched) or any(step is None for _, step in plan.steps)
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[rule_ids] = plan
        return plan

    def dump(self) -> dict[str, object]:
        """All that is held, as plain data."""
        hits: dict[int, tuple[int, Hit]] = {}
        runs = [run.windows.dump(hits) for run in self._runs]
        shelves = [[[lane.number for lane in shelf.lanes], shelf.dump(hits)] for shelf in self._shelves]
        return {
            "newest": self._newest,
            "hits": [_dumped(hit) for _, hit in hits.values()],
            "runs": runs,
            "shelves": shelves,
        }

    def load(self, document: Mapping[str, Any]) -> None:
        """Goes on from what `dump` gave for the same correlations; any error leaves everything as it was."""
        hits = [_loaded(one) for one in document["hits"]]
        newest = document["newest"]
        newest = None if newest is None else int(newest)
        other = Correlator([run.correlation for run in self._runs], every=self._every)
        for run, dumped in zip(other._runs, document["runs"], strict=True):
            run.windows.load(dumped, hits)
        shelves = {tuple(map(int, numbers)): dumped for numbers, dumped in document["shelves"]}
        for shelf in list(other._shelves):
            dumped = shelves.pop(tuple(lane.number for lane in shelf.lanes), None)
            if dumped is None:
                other._leave(shelf)
            else:
                shelf.load(dumped, hits)
        if shelves:
            raise ValueError("windows of no correlation")
        self._runs, self._shelves, self._newest = other._runs, other._shelves, newest
        self._telling = {run.number for run in self._runs if run.lane is not None and run.losses.pending}
        self._plans.clear()


def _dumped(hit: Hit) -> list[object]:
    """What an alert shows of a hit, and the rules it is counted by; what it was counted by is in the windows."""
    event = hit.event
    return [event.data, event.time, event.raw_ref, hit.pairs, sorted(hit.rule_ids)]


def _loaded(dumped: Any) -> Hit:
    data, time, ref, found, rule_ids = dumped
    fields = {str(name): tuple(map(_scalar, values)) for name, values in data.items()}
    pairs = tuple((str(name), _scalar(value)) for name, value in found)
    return Hit.light(frozenset(map(str, rule_ids)), int(time), 0, fields, None if ref is None else str(ref), pairs)


def _scalar(value: Any) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(type(value).__name__)


@dataclass(frozen=True, slots=True)
class _Source:
    """What happened at an event: rules that matched, with the fields to read; one more per correlation that held."""

    rule_ids: frozenset[str]
    fields: Fields


# What an event brings to a correlation whose rules that held all read the same fields: the places of these rules, and
# in the plan those of the fields to group by and to count.
_Step = tuple[Members, int, int]


class _Plan:
    """What to do with an event of certain rules: the correlations in order, and what they ask of its fields, each once."""

    def __init__(self) -> None:
        self.groupings: list[tuple[str, ...]] = []
        self.countings: list[tuple[tuple[str, ...], bool]] = []
        self.steps: list[tuple[_Run, _Step | None]] = []
        self.shelves: list[tuple[Shelf, ShelfPlan]] = []
        self.has_inner = False

    def add(self, run: "_Run", places: Sequence[int]) -> None:
        """Adds a correlation, with the places of those of its rules that held; none if that is not known before."""
        members = [run.correlation.members[place] for place in places]
        if len({(member.group_fields, member.counted_fields) for member in members}) != 1:
            self.steps.append((run, None))
            return
        grouping = _place(self.groupings, members[0].group_fields)
        counting = _place(self.countings, (members[0].counted_fields, run.numeric))
        self.steps.append((run, (tuple(places), grouping, counting)))


def _place(known: list[T], one: T) -> int:
    if one not in known:
        known.append(one)
    return known.index(one)


@dataclass(slots=True, kw_only=True)
class _Part:
    """What one event brings to one group."""

    group: tuple[object, ...]
    members: set[int] = field(default_factory=set)
    values: dict[tuple[str, ...], Values] = field(default_factory=dict)


class _Run:
    """One correlation at work."""

    def __init__(self, number: int, correlation: Correlation) -> None:
        self.number = number
        self.correlation = correlation
        self.lane: Lane | None = None
        self.windows = Windows(correlation)
        self.losses = self.windows.losses
        self.numeric = correlation.type in _NUMERIC
        self.counts = bool(correlation.members and correlation.members[0].counted_fields)
        self._places: dict[str, list[int]] = {}
        for place, member in enumerate(correlation.members):
            self._places.setdefault(member.rule_id, []).append(place)
        self.rule_ids = frozenset(self._places)

    def places_of(self, rule_ids: frozenset[str]) -> list[int]:
        """The places of these rules in the list of the correlation."""
        return sorted(place for rule_id in rule_ids & self.rule_ids for place in self._places[rule_id])

    def feed_step(
        self, hit: Hit, now: int, members: Members, places: tuple[list[Place], int], counted: tuple[Values, int]
    ) -> Sequence[Held]:
        """Takes an event into each of its groups; returns those for which the correlation holds now, with their values."""
        values, beyond = counted
        if self.counts and not values:
            return ()
        if beyond:
            self.losses.add(Bound.EVENT_VALUES, beyond)
        found, beyond = places
        if beyond:
            self.losses.add(Bound.EVENT_GROUPS, beyond)
        held: list[Held] = []
        take = self.windows.take
        for key, group_values in found:
            group = take(key, members, values, now, hit)
            if group is not None:
                held.append((group, group_values))
        return held

    def feed(self, hit: Hit, now: int, sources: Iterable[_Source]) -> Sequence[Held]:
        """The same for whatever rules held, inner correlations among them."""
        held = []
        for key, part in self._parts(sources).items():
            values = tuple(value for found in part.values.values() for value in found)
            group = self.windows.take(key, tuple(sorted(part.members)), values, now, hit)
            if group is not None:
                held.append((group, part.group))
        return held

    def _parts(self, sources: Iterable[_Source]) -> dict[Key, _Part]:
        parts: dict[Key, _Part] = {}
        for source in sources:
            for rule_id in sorted(source.rule_ids & self.rule_ids):
                for place in self._places[rule_id]:
                    self._add_member(parts, self.correlation.members[place], place, source.fields)
        return {key: part for key, part in parts.items() if not self.counts or any(part.values.values())}

    def _add_member(self, parts: dict[Key, _Part], member: Member, place: int, fields: Fields) -> None:
        values, beyond = counted_of(fields, member.counted_fields, numeric=self.numeric)
        if beyond:
            self.losses.add(Bound.EVENT_VALUES, beyond)
        places, beyond = places_of(fields, member.group_fields)
        if beyond:
            self.losses.add(Bound.EVENT_GROUPS, beyond)
        for key, group in places:
            part = parts.setdefault(key, _Part(group=group))
            part.members.add(place)
            part.values[member.counted_fields] = values

    def alert(self, hit: Hit, hits: Sequence[Hit], values: tuple[object, ...]) -> Alert:
        """The alert of a group that holds at this hit, with the events of its window."""
        rule = self.correlation.rule
        found = {(name, type(value), value): None for one in hits for name, value in one.pairs}
        return Alert(
            rule_id=rule.id,
            stem=rule.stem,
            title=rule.title,
            level=rule.level,
            time=hit.time,
            group=dict(zip(self.correlation.group_by, values, strict=True)),
            events=tuple(one.event for one in hits),
            evidence=tuple(Evidence(field=name, value=value) for name, _, value in islice(found, MAX_SHOWN)),
        )

    def due(self, hit: Hit, row: Row | Hit, values: tuple[object, ...]) -> Iterator[tuple[int, Alert]]:
        """The alert of a row."""
        if self.lane is not None and self.correlation.rule.alerts:
            yield self.number, self.alert(hit, self.lane.shown(row), values)

    def told(self, hit: Hit, now: int) -> list[Alert]:
        """The alerts about what was lost."""
        return [bound_alert(self.correlation, bound, lost, hit) for bound, lost in self.losses.due(now)]


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
