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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any, TypeVar

from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.engine.bounds import Bound, bound_alert
from mcp_siem.engine.correlation import Correlation, Member
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.measure import Members, Values
from mcp_siem.engine.values import number_of, text_of
from mcp_siem.engine.window import MAX_SHOWN, Group, Key, Lone, Windows

__all__ = ["MAX_GROUPS_PER_EVENT", "MAX_VALUES_PER_EVENT", "Correlator"]

MAX_GROUPS_PER_EVENT = 1_000
MAX_VALUES_PER_EVENT = 1_000
# Sets of rules that hold together: few in practice, and only what is worked out again depends on it.
_MOST_PLANS = 1_024

_NUMERIC = frozenset({"value_sum", "value_avg", "value_percentile", "value_median"})

T = TypeVar("T")
Fields = Mapping[str, tuple[object, ...]]
# A group that an event belongs to: its key, and the values that it is made of.
Place = tuple[Key, tuple[object, ...]]
# A group for which a correlation holds, and the values of its key.
Held = tuple[Group | Lone, tuple[object, ...]]


class Correlator:
    """All correlations of a pack. A hit earlier than one before it counts as of the newest time."""

    def __init__(self, correlations: Sequence[Correlation], *, every: bool) -> None:
        self.bases = frozenset(member.rule_id for one in correlations for member in one.members)
        self.fields = tuple(sorted({name for one in correlations for name in one.fields}))
        self._runs = [_Run(one) for one in _inner_first(correlations)]
        self._inner = self.bases & {one.rule.id for one in correlations}
        self._every = every
        self._newest: int | None = None
        self._plans: dict[frozenset[str], _Plan] = {}

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
        fields = hit.fields
        places = [_places_of(fields, names) for names in plan.groupings]
        values = [_counted(fields, names, numeric=numeric) for names, numeric in plan.countings]
        sources = [_Source(hit.rule_ids, fields)] if plan.has_inner else []
        alerts: list[Alert] = []
        for run, step in plan.steps:
            held: Sequence[Held]
            if step is None:
                held = run.feed(hit, now, sources)
            else:
                members, grouping, counting, take = step
                found, counted = places[grouping], values[counting]
                if len(found[0]) == 1 and not counted[1]:  # the usual case, without a call more than it needs
                    if run.counts and not counted[0]:
                        continue
                    ((key, group_values),) = found[0]
                    group = take(key, members, counted[0], now, hit)
                    held = () if group is None else ((group, group_values),)
                else:
                    held = run.feed_step(hit, now, members, found, counted)
            if held:
                alerts += self._held(run, hit, held, sources)
            if run.losses.pending:
                alerts += run.told(hit, now)
        return alerts

    def _held(self, run: "_Run", hit: Hit, held: Sequence[Held], sources: list["_Source"]) -> list[Alert]:
        rule = run.correlation.rule
        if rule.id in self._inner:
            for _, values in held:
                named = {name: (value,) for name, value in zip(run.correlation.group_by, values, strict=True)}
                sources.append(_Source(frozenset({rule.id}), {**hit.fields, **named}))
        if not rule.alerts:
            return []
        return [run.alert(hit, group, values) for group, values in held if group.fresh or self._every]

    def _planned(self, rule_ids: frozenset[str]) -> "_Plan":
        """The correlations that these rules may concern, each with what to do, unless that depends on an inner one."""
        plan = _Plan()
        matched = set(rule_ids)
        for run in self._runs:
            if run.rule_ids.isdisjoint(matched):
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
        return {"newest": self._newest, "hits": [_dumped(hit) for _, hit in hits.values()], "runs": runs}

    def load(self, document: Mapping[str, Any]) -> None:
        """Goes on from what `dump` gave for the same correlations; any error leaves everything as it was."""
        hits = [_loaded(one) for one in document["hits"]]
        newest = document["newest"]
        runs = [_Run(run.correlation) for run in self._runs]
        for run, dumped in zip(runs, document["runs"], strict=True):
            run.windows.load(dumped, hits)
        self._newest = None if newest is None else int(newest)
        self._runs = runs
        self._plans.clear()


def _dumped(hit: Hit) -> list[object]:
    """What an alert shows of a hit; what it was counted by is in the windows."""
    event = hit.event
    return [event.data, event.time, event.raw_ref, hit.pairs]


def _loaded(dumped: Any) -> Hit:
    data, time, ref, found = dumped
    fields = {str(name): tuple(map(_scalar, values)) for name, values in data.items()}
    pairs = tuple((str(name), _scalar(value)) for name, value in found)
    return Hit.light(frozenset(), int(time), 0, fields, None if ref is None else str(ref), pairs)


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
# in the plan those of the fields to group by and to count, and what takes it.
_Step = tuple[Members, int, int, Callable[[Key, Members, Values, int, Hit], Group | Lone | None]]


class _Plan:
    """What to do with an event of certain rules: the correlations in order, and what they ask of its fields, each once."""

    def __init__(self) -> None:
        self.groupings: list[tuple[str, ...]] = []
        self.countings: list[tuple[tuple[str, ...], bool]] = []
        self.steps: list[tuple[_Run, _Step | None]] = []
        self.has_inner = False

    def add(self, run: "_Run", places: Sequence[int]) -> None:
        """Adds a correlation, with the places of those of its rules that held; none if that is not known before."""
        members = [run.correlation.members[place] for place in places]
        if len({(member.group_fields, member.counted_fields) for member in members}) != 1:
            self.steps.append((run, None))
            return
        grouping = _place(self.groupings, members[0].group_fields)
        counting = _place(self.countings, (members[0].counted_fields, run.numeric))
        self.steps.append((run, (tuple(places), grouping, counting, run.windows.take)))


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

    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
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
        values, beyond = _counted(fields, member.counted_fields, numeric=self.numeric)
        if beyond:
            self.losses.add(Bound.EVENT_VALUES, beyond)
        places, beyond = _places_of(fields, member.group_fields)
        if beyond:
            self.losses.add(Bound.EVENT_GROUPS, beyond)
        for key, group in places:
            part = parts.setdefault(key, _Part(group=group))
            part.members.add(place)
            part.values[member.counted_fields] = values

    def alert(self, hit: Hit, group: Group | Lone, values: tuple[object, ...]) -> Alert:
        """The alert of a group that holds at this hit."""
        rule = self.correlation.rule
        hits = group.shown()
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

    def told(self, hit: Hit, now: int) -> list[Alert]:
        """The alerts about what was lost."""
        return [bound_alert(self.correlation, bound, lost, hit) for bound, lost in self.losses.due(now)]


def _texts(values: Iterable[object]) -> dict[str, object]:
    """The values by their text, each once; what has no text is no key."""
    found: dict[str, object] = {}
    for value in values:
        text = text_of(value)
        if text is not None:
            found.setdefault(text, value)
    return found


def _places_of(fields: Fields, names: tuple[str, ...]) -> tuple[list[Place], int]:
    """Every combination of the values of these fields, each once; up to a limit, and how many are beyond it."""
    if len(names) == 1:
        values = fields.get(names[0], ())
        if len(values) == 1 and values[0].__class__ is str:
            return [(values, values)], 0  # type: ignore[list-item]
    choices = [_texts(fields.get(name, ())) for name in names]
    total = 1
    for choice in choices:
        total *= len(choice)
    combined = product(*(choice.items() for choice in choices))
    places = [
        (tuple(text for text, _ in one), tuple(value for _, value in one))
        for one in islice(combined, MAX_GROUPS_PER_EVENT)
    ]
    return places, max(0, total - MAX_GROUPS_PER_EVENT)


def _counted(fields: Fields, names: Sequence[str], *, numeric: bool) -> tuple[Values, int]:
    """What an event brings to be counted: numbers, or different texts; of several fields, every combination."""
    if not names:
        return (), 0
    if (
        len(names) == 1
        and len(values := fields.get(names[0], ())) == 1
        and values[0].__class__ is (int if numeric else str)
    ):
        return values, 0
    if numeric:
        numbers = [number for value in fields.get(names[0], ()) if (number := number_of(value)) is not None]
        return tuple(numbers[:MAX_VALUES_PER_EVENT]), max(0, len(numbers) - MAX_VALUES_PER_EVENT)
    choices = [list(_texts(fields.get(name, ()))) for name in names]
    total = 1
    for choice in choices:
        total *= len(choice)
    combined = product(*choices) if len(names) > 1 else iter(choices[0])
    return tuple(islice(combined, MAX_VALUES_PER_EVENT)), max(0, total - MAX_VALUES_PER_EVENT)


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
