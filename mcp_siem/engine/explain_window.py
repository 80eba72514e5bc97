"""Why a correlation holds at an event or does not: the window that a group had then, and what it lacks.

Whether it holds is the correlator's own answer; what is told beside it is worked out anew from the events of the window.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, product

from mcp_siem.engine.compile import compile_correlation, parsed_rule
from mcp_siem.engine.correlate import Correlator
from mcp_siem.engine.correlation import Correlation, Member, Seen, Threshold
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.hit import Hit, sort_key
from mcp_siem.engine.values import number_of, text_of
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import Rule, RulePack

__all__ = ["MAX_COUNTED", "MAX_WINDOWS", "Counted", "WindowExplanation", "WindowsExplained", "explain_windows"]

MAX_WINDOWS = 20
MAX_COUNTED = 100
_MOST_KEYS = 1_000
_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "=", "neq": "!="}
_NUMERIC = frozenset({"value_sum", "value_avg", "value_percentile", "value_median"})

Key = tuple[str, ...]
Fields = Mapping[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An event of a window: where it stands, its time, the rules it matched (by title) and the values it brought."""

    ref: str | None
    time: int
    rules: tuple[str, ...]
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowExplanation:
    """The window of one group at one event.

    `opened` is the time of its oldest event, `at` that of its newest (microseconds since the epoch); `measured` is what
    the `condition` asks about, None for one that names rules; `lacks` says in words what is missing, empty if it
    held. `events` are the newest of `count`, oldest first.
    """

    held: bool
    group: Mapping[str, object]
    opened: int
    at: int
    condition: str
    measured: float | None
    lacks: tuple[str, ...]
    events: tuple[Counted, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsExplained:
    """A correlation over events: its type and timespan (microseconds), its windows, and what counted in none of them.

    `ignored` says why events that matched its rules count in no window, and how many.
    """

    type: str
    timespan: int
    windows: tuple[WindowExplanation, ...]
    ignored: Mapping[str, int]


def explain_windows(
    pack: RulePack, rule: Rule, events: Iterable[Event], *, at: Callable[[str], bool] | None = None
) -> WindowsExplained:
    """The windows of a correlation at the events whose place fits `at`; without it, those of each group where it held first.

    A group for which it never held is told where its window was fullest. Events are put in the order of time, as `replay` does.
    """
    needed = _needed(pack, rule)
    engine = Engine(replace(pack, rules=needed))
    hits = sorted((hit for event in events for hit in engine.match(event)[1]), key=sort_key)
    story = _Story([compile_correlation(one) for one in needed if one.kind == "correlation"], rule, needed)
    for hit in hits:
        story.tell(hit, asked=at is not None and at(hit.event.raw_ref or ""))
    return WindowsExplained(
        type=story.correlation.type,
        timespan=story.correlation.timespan,
        windows=tuple(story.asked if at is not None else story.best()),
        ignored=dict(story.ignored),
    )


def _needed(pack: RulePack, rule: Rule) -> tuple[Rule, ...]:
    """The rule and all that it builds on."""
    wanted: set[str] = set()
    pending = [parsed_rule(rule)]
    while pending:
        one = pending.pop()
        wanted.add(str(one.id))
        pending += [reference.rule for reference in getattr(one, "referenced_rules", ())]
    return tuple(one for one in pack if one.id in wanted)


@dataclass(slots=True, kw_only=True)
class _Entry:
    """An event in a group's window: the places of the rules it matched, and what it brings."""

    hit: Hit
    places: set[int]
    values: dict[tuple[str, ...], tuple[object, ...]]


class _Group:
    """The events of a group, oldest first, and which run of them was its window: now, and at its best."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self.now = self.best = (0, 0)
        self.held = False

    def take(self, entry: _Entry, floor: int, *, held: bool) -> None:
        """Takes the newest event; what is earlier than `floor` has left the window."""
        self._entries.append(entry)
        first = self.now[0]
        while self._entries[first].hit.time < floor:
            first += 1
        self.now = (first, len(self._entries))
        fuller = self.now[1] - first > self.best[1] - self.best[0]
        if not self.held and (held or fuller):
            self.best, self.held = self.now, held

    def window(self, run: tuple[int, int]) -> Sequence[_Entry]:
        """The events of a run."""
        return self._entries[slice(*run)]


class _Story:
    """Follows one correlation event by event."""

    def __init__(self, correlations: Sequence[Correlation], rule: Rule, rules: Sequence[Rule]) -> None:
        loud = [replace(one, rule=replace(one.rule, alerts=True)) for one in correlations]
        self.correlation = next(one for one in loud if one.rule.id == rule.id)
        self._correlator = Correlator(loud, every=True)
        self._titles = {one.id: one.title for one in rules}
        self._told: dict[Key, _Group] = {}
        self._groups: dict[Key, Mapping[str, object]] = {}
        self.asked: list[WindowExplanation] = []
        self.ignored: Counter[str] = Counter()

    def tell(self, hit: Hit, *, asked: bool) -> None:
        """Takes the next event; `asked` says that its windows are to be explained."""
        own, inner = self._alerts(hit)
        entries = self._entries(hit, inner)
        for key, entry in entries.items():
            group = self._told.setdefault(key, _Group())
            group.take(entry, hit.time - self.correlation.timespan, held=key in own)
            if asked and len(self.asked) < MAX_WINDOWS:
                self.asked.append(self._explained(key, group.window(group.now), held=key in own))

    def best(self) -> list[WindowExplanation]:
        """Of each group the window at which it held first, else the fullest."""
        found = islice(self._told.items(), MAX_WINDOWS)
        return [self._explained(key, group.window(group.best), held=group.held) for key, group in found]

    def _alerts(self, hit: Hit) -> tuple[set[Key], list[tuple[str, Fields]]]:
        """The groups for which the correlation holds now, and the correlations below it that do, with their fields."""
        own: set[Key] = set()
        inner: list[tuple[str, Fields]] = []
        for alert in self._correlator.feed(hit):
            group = alert.group or {}
            if alert.rule_id == self.correlation.rule.id:
                own.add(tuple(text_of(value) or "" for value in group.values()))
            else:
                named = {name: (value,) for name, value in group.items()}
                inner.append((alert.rule_id, {**hit.fields, **named}))
        return own, inner

    def _entries(self, hit: Hit, inner: Sequence[tuple[str, Fields]]) -> dict[Key, _Entry]:
        sources = [*((one, hit.fields) for one in sorted(hit.rule_ids)), *inner]
        found: dict[Key, _Entry] = {}
        for rule_id, fields in sources:
            for place, member in enumerate(self.correlation.members):
                if member.rule_id == rule_id:
                    self._count(found, hit, place, member, fields)
        if not self.correlation.members[0].counted_fields:
            return found
        kept = {key: entry for key, entry in found.items() if any(entry.values.values())}
        self._ignore(found.keys() - kept.keys(), "without a value to count")
        return kept

    def _count(self, found: dict[Key, _Entry], hit: Hit, place: int, member: Member, fields: Fields) -> None:
        absent = [
            name for name in member.group_fields if not any(text_of(one) is not None for one in fields.get(name, ()))
        ]
        for name in absent:
            self._ignore([name], f"without {name}")
        for values in islice(
            product(*(fields.get(name, ()) for name in member.group_fields)), 0 if absent else _MOST_KEYS
        ):
            key = tuple(text_of(value) or "" for value in values)
            self._groups.setdefault(key, dict(zip(self.correlation.group_by, values, strict=True)))
            entry = found.setdefault(key, _Entry(hit=hit, places=set(), values={}))
            entry.places.add(place)
            entry.values[member.counted_fields] = _brought(self.correlation.type, member, fields)

    def _ignore(self, what: Iterable[object], reason: str) -> None:
        for _ in what:
            self.ignored[reason] += 1

    def _explained(self, key: Key, window: Sequence[_Entry], *, held: bool) -> WindowExplanation:
        condition = self.correlation.condition
        titles = [self._titles.get(member.rule_id, member.rule_id) for member in self.correlation.members]
        measured = None if isinstance(condition, Seen) else _measured(self.correlation, window)
        return WindowExplanation(
            held=held,
            group=self._groups[key],
            opened=window[0].hit.time,
            at=window[-1].hit.time,
            condition=_asked(condition, self.correlation, titles),
            measured=None if measured is None else _plain(measured),
            lacks=() if held else tuple(_lacks(self.correlation, window, titles, measured)),
            events=tuple(_counted(entry, titles) for entry in window[-MAX_COUNTED:]),
            count=len(window),
        )


def _counted(entry: _Entry, titles: Sequence[str]) -> Counted:
    return Counted(
        ref=entry.hit.event.raw_ref,
        time=entry.hit.time,
        rules=tuple(titles[place] for place in sorted(entry.places)),
        values=tuple(value for found in entry.values.values() for value in found),
    )


def _brought(kind: str, member: Member, fields: Fields) -> tuple[object, ...]:
    if not member.counted_fields:
        return ()
    if kind in _NUMERIC:
        return tuple(
            number for one in fields.get(member.counted_fields[0], ()) if (number := number_of(one)) is not None
        )
    texts = (
        [text for one in fields.get(name, ()) if (text := text_of(one)) is not None] for name in member.counted_fields
    )
    return tuple(" | ".join(found) for found in islice(product(*texts), _MOST_KEYS))


def _measured(correlation: Correlation, window: Sequence[_Entry]) -> Fraction:
    values = [value for entry in window for found in entry.values.values() for value in found]
    match correlation.type:
        case "event_count":
            return Fraction(len(window))
        case "value_count":
            return Fraction(len(set(values)))
        case "temporal":
            return Fraction(len(set().union(*(entry.places for entry in window))))
        case "temporal_ordered":
            return Fraction(len(_order(window, len(correlation.members))))
    return _of_numbers(correlation, sorted(Fraction(value) for value in values if isinstance(value, int | float)))


def _of_numbers(correlation: Correlation, numbers: Sequence[Fraction]) -> Fraction:
    if correlation.type == "value_sum":
        return sum(numbers, Fraction(0))
    if correlation.type == "value_avg":
        return sum(numbers, Fraction(0)) / len(numbers)
    percentile = 50 if correlation.type == "value_median" else correlation.percentile
    place = Fraction(percentile * (len(numbers) - 1), 100)
    below = int(place)
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] + (numbers[above] - numbers[below]) * (place - below)


def _order(window: Sequence[_Entry], steps: int) -> tuple[int, ...]:
    """The longest choice of steps that the window has in their order, each by a later event."""
    longest: list[tuple[int, ...]] = [()] * steps
    for entry in window:
        before = list(longest)
        for place in entry.places:
            start = max((before[step] for step in range(place)), key=len, default=())
            longest[place] = max(longest[place], (*start, place), key=len)
    return max(longest, key=len)


def _asked(condition: Threshold | Seen, correlation: Correlation, titles: Sequence[str]) -> str:
    if isinstance(condition, Seen):
        return _spelled(condition, titles)
    field = ", ".join(correlation.members[0].counted_fields)
    share = f" {correlation.percentile}" if correlation.type == "value_percentile" else ""
    about = f" of {field}" if field else ""
    asked = " and ".join(f"{_SIGNS[operator]} {_plain(Fraction(number))}" for operator, number in condition.bounds)
    return f"{correlation.type}{share}{about} {asked}"


def _spelled(seen: Seen, titles: Sequence[str]) -> str:
    if seen.joined == "rule":
        return f"'{titles[seen.member]}'"
    parts = [_spelled(part, titles) for part in seen.parts]
    return f"not {parts[0]}" if seen.joined == "not" else f"({f' {seen.joined} '.join(parts)})"


def _lacks(
    correlation: Correlation, window: Sequence[_Entry], titles: Sequence[str], measured: Fraction | None
) -> Iterator[str]:
    seen = set().union(*(entry.places for entry in window))
    condition = correlation.condition
    if isinstance(condition, Threshold) and measured is not None:
        missed = [bound for bound in condition.bounds if not Threshold(bounds=(bound,)).holds(measured)]
        yield from (_distance(operator, number, measured) for operator, number in missed or condition.bounds[:1])
    if correlation.type == "temporal_ordered":
        yield from _missing_steps(window, titles, seen)
    elif correlation.type == "temporal":
        for place, title in enumerate(titles):
            yield f"'{title}' was {'seen' if place in seen else 'not seen'}"


def _missing_steps(window: Sequence[_Entry], titles: Sequence[str], seen: set[int]) -> Iterator[str]:
    found = _order(window, len(titles))
    for place, title in enumerate(titles):
        if place not in found:
            what = "was seen, but not in its place" if place in seen else "was not seen"
            yield f"step {place + 1} of {len(titles)}, '{title}', {what}"


def _distance(operator: str, number: int | Fraction, measured: Fraction) -> str:
    """How far what was measured is from what was asked for."""
    far = number - measured
    if operator == "neq":
        return f"it is {_plain(measured)}, which it must not be"
    if operator in ("lt", "lte") or far < 0:
        return (
            f"it is {_plain(measured)}: {_plain(-far)} too much"
            if far
            else f"it is {_plain(measured)}: it must be less"
        )
    return f"it is {_plain(measured)}: {_plain(far)} short" if far else f"it is {_plain(measured)}: it must be more"


def _plain(number: Fraction) -> float:
    return int(number) if number.denominator == 1 else float(number)
