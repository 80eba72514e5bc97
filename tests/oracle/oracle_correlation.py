"""A correlation over a stream, worked out from nothing at every event: quadratic, plain, exact.

The window of an event at t holds what happened from t - timespan to t, both included; what happened in the same instant
counts in the order of the stream.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from oracle_detection import values_of
from oracle_rules import Known, listed
from oracle_values import number_of, text_of

Data = Mapping[str, object]
Group = tuple[tuple[str, str], ...]
"""The group-by names with the text of their values."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NUMERIC = ("value_sum", "value_avg", "value_percentile", "value_median")
_COMPARED: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "lt": lambda one, limit: one < limit,
    "lte": lambda one, limit: one <= limit,
    "gt": lambda one, limit: one > limit,
    "gte": lambda one, limit: one >= limit,
    "eq": lambda one, limit: one == limit,
    "neq": lambda one, limit: one != limit,
}


@dataclass(frozen=True)
class Happening:
    """An event of the stream: its time in microseconds, and which rules matched, each with the fields to read."""

    time: int
    event: Data
    matched: list[tuple[Known, Mapping[str, str]]] = field(default_factory=list)


@dataclass
class _Seen:
    """What an event is to one group."""

    rules: set[int] = field(default_factory=set)
    values: dict[tuple[str, ...], list[object]] = field(default_factory=dict)


def holding(rule: Known, stream: Sequence[Happening], members: Sequence[Sequence[Known]]) -> list[list[Group]]:
    """For each event the groups for which the correlation holds there; `members` are the rules it names, in order."""
    seen = [_seen(rule, happening, members) for happening in stream]
    span = timespan(str(rule.body["timespan"]))
    found: list[list[Group]] = []
    for at, happening in enumerate(stream):
        floor = happening.time - span
        earlier = [place for place in range(at) if stream[place].time >= floor]
        held = []
        for group in seen[at]:
            window = [seen[place][group] for place in [*earlier, at] if group in seen[place]]
            if _holds(rule, window):
                held.append(group)
        found.append(held)
    return found


def timespan(text: str) -> int:
    """A timespan in microseconds."""
    return int(text[:-1]) * _UNITS[text[-1]] * 1_000_000


def _seen(rule: Known, happening: Happening, members: Sequence[Sequence[Known]]) -> dict[Group, _Seen]:
    body = rule.body
    names = listed(body.get("group-by") or [])
    condition = body.get("condition")
    counted = listed(condition["field"]) if isinstance(condition, Mapping) and "field" in condition else []
    found: dict[Group, _Seen] = {}
    for place, spelled in enumerate(listed(body["rules"])):
        for matched, renamed in happening.matched:
            if not any(matched is one for one in members[place]):
                continue
            fields = [_resolved(body, name, matched, spelled) for name in names]
            choices = [_texts(_read(happening.event, renamed, one)) for one in fields]
            sources = tuple(_resolved(body, name, matched, spelled) for name in counted)
            for texts in itertools.product(*choices):
                one = found.setdefault(tuple(zip(names, texts, strict=True)), _Seen())
                one.rules.add(place)
                one.values[sources] = _counted(happening.event, renamed, sources, str(body["type"]))
    if body["type"] in ("value_count", *_NUMERIC):
        return {group: one for group, one in found.items() if any(one.values.values())}
    return found


def _resolved(body: Data, name: str, rule: Known, spelled: str) -> str:
    """The field that a name stands for in the events of a rule: its alias, if it has one there."""
    aliases = body.get("aliases")
    alias = aliases.get(name) if isinstance(aliases, Mapping) else None
    if isinstance(alias, Mapping):
        for spelling in (spelled, *sorted(rule.spellings)):
            if spelling in alias:
                return str(alias[spelling])
    return name


def _read(event: Data, renamed: Mapping[str, str], field_name: str) -> Iterable[object]:
    return [renamed[field_name]] if field_name in renamed else values_of(event, field_name)


def _texts(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(text for value in values if (text := text_of(value)) is not None))


def _counted(event: Data, renamed: Mapping[str, str], fields: Sequence[str], kind: str) -> list[object]:
    if not fields:
        return []
    if kind in _NUMERIC:
        numbers = (number_of(value) for value in _read(event, renamed, fields[0]))
        return [Fraction(number) for number in numbers if number is not None]
    return list(itertools.product(*(_texts(_read(event, renamed, name)) for name in fields)))


def _holds(rule: Known, window: Sequence[_Seen]) -> bool:
    condition = rule.body.get("condition")
    rules = listed(rule.body["rules"])
    present = set().union(*(one.rules for one in window))
    if isinstance(condition, str):
        return _said(condition, {name: place in present for place, name in enumerate(rules)})
    if condition is None:
        condition = {"gte": len(rules)}
    assert isinstance(condition, Mapping)
    measured = _measured(str(rule.body["type"]), window, len(rules), condition.get("percentile"))
    return all(
        _COMPARED[word](measured, Fraction(str(limit))) for word, limit in condition.items() if word in _COMPARED
    )


def _said(text: str, present: Mapping[str, bool]) -> bool:
    """An extended condition, which Python reads as Sigma does once the names are gone."""
    words = re.findall(r"[()]|[^\s()]+", text)
    plain = [word if word in ("(", ")", "and", "or", "not") else str(present[word]) for word in words]
    return bool(eval(" ".join(plain)))  # noqa: S307 - True, False, brackets and the three words, nothing else


def _measured(  # noqa: PLR0911 - one return per type
    kind: str, window: Sequence[_Seen], rules: int, percentile: object
) -> Fraction:
    values = [value for one in window for found in one.values.values() for value in found]
    match kind:
        case "event_count":
            return Fraction(len(window))
        case "value_count":
            return Fraction(len(set(map(str, values))))
        case "temporal":
            return Fraction(len(set().union(*(one.rules for one in window))))
        case "temporal_ordered":
            return Fraction(_longest(window, rules))
    numbers = sorted(value for value in values if isinstance(value, Fraction))
    if kind == "value_sum":
        return sum(numbers, Fraction(0))
    if kind == "value_avg":
        return sum(numbers, Fraction(0)) / len(numbers)
    share = Fraction(50 if kind == "value_median" or percentile is None else str(percentile)) / 100
    place = share * (len(numbers) - 1)
    below = int(place)
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] + (numbers[above] - numbers[below]) * (place - below)


def _longest(window: Sequence[_Seen], rules: int) -> int:
    """The most rules that can be picked in their order, each from a later event: every choice is tried."""
    return max(
        (count for count in range(1, rules + 1) for choice in itertools.combinations(range(rules), count)
         if _in_order(choice, iter(window))),
        default=0,
    )  # fmt: skip


def _in_order(choice: Sequence[int], rest: Iterator[_Seen]) -> bool:
    return all(any(place in one.rules for one in rest) for place in choice)
