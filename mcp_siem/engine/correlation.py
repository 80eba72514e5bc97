"""A correlation rule as the engine runs it: plain data, and the conditions over what a window holds.

Sources: Sigma correlation rules specification 2.1. Decided here where it is silent:

- `temporal` with a number (`gte: 2`) asks how many of the listed rules were seen; without one, all of them.
- `temporal_ordered` asks how many of the listed rules can be picked in the listed order, each by a later event.
- An extended condition (`a and not b`) asks which rules the window has seen; it has no meaning for an order.
- Months and years are the average ones (30.44 and 365.24 days), as pySigma reads them.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, assert_never

from mcp_siem.engine.predicates import OPERATORS
from mcp_siem.errors import Issue, PackError
from mcp_siem.rules.places import correlation_key
from mcp_siem.rules.rule import Rule
from mcp_siem.rules.threshold import bounds_of

__all__ = ["Correlation", "CorrelationType", "Member", "Seen", "Threshold", "read_correlation"]

CorrelationType = Literal[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
]
_MICROSECONDS = 1_000_000
_HUNDRED = 100

Aliases = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A rule that a correlation builds on, with the field that holds each group-by key in its events."""

    rule_id: str
    group_fields: tuple[str, ...]
    counted_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A measure compared with numbers, each in its order: `gte: 5`, or `gt: 1` and `lte: 3` together."""

    bounds: tuple[tuple[str, int | Fraction], ...]

    @property
    def most(self) -> int:
        """The largest number that it is compared with, rounded up."""
        return max(math.ceil(number) for _, number in self.bounds)

    @property
    def passes(self) -> Callable[[Any, Any], bool]:
        """Says whether a measure stands to so many times each number as the condition asks."""
        compared = [(OPERATORS[operator], number) for operator, number in self.bounds]
        if len(compared) == 1:
            ((compare, only),) = compared
            return lambda measure, times: compare(measure, only * times)
        return lambda measure, times: all(compare(measure, number * times) for compare, number in compared)

    def holds(self, measure: float | Fraction) -> bool:
        """Says whether the measure is in that order to the numbers."""
        return all(OPERATORS[operator](measure, number) for operator, number in self.bounds)

    def nearness(self, measure: float | Fraction) -> float:
        """From 0 to 1, how much of the number the measure has reached; 0 where reaching it is not what is asked."""
        if self.holds(measure):
            return 1.0
        wanted = [number + (operator == "gt") for operator, number in self.bounds if operator in ("gt", "gte", "eq")]
        if not wanted or max(wanted) <= 0:
            return 0.0
        return min(1.0, max(0.0, float(Fraction(measure) / max(wanted))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A part of an extended condition: `rule` was seen, or the parts joined by `and`, `or`, `not`."""

    joined: Literal["rule", "and", "or", "not"]
    parts: tuple["Seen", ...] = ()
    member: int = 0

    def holds(self, members: Collection[int]) -> bool:
        """Says whether it holds for the places of the rules seen."""
        match self.joined:
            case "rule":
                return self.member in members
            case "and":
                return all(part.holds(members) for part in self.parts)
            case "or":
                return any(part.holds(members) for part in self.parts)
            case "not":
                return not self.parts[0].holds(members)
            case _:
                assert_never(self.joined)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """One correlation: what it counts, over which window (microseconds), in which groups, until when."""

    rule: Rule
    type: CorrelationType
    members: tuple[Member, ...]
    timespan: int
    group_by: tuple[str, ...]
    condition: Threshold | Seen
    percentile: int = 50

    @property
    def reached(self) -> tuple[str, int | Fraction] | None:
        """`gt` or `gte` and the number, if all that is asked is that the measure reaches one."""
        if isinstance(self.condition, Threshold) and len(self.condition.bounds) == 1:
            ((operator, number),) = self.condition.bounds
            if operator in ("gt", "gte"):
                return operator, number
        return None

    @property
    def fields(self) -> frozenset[str]:
        """The fields of events that it reads."""
        return frozenset(name for member in self.members for name in (*member.group_fields, *member.counted_fields))


def read_correlation(rule: Rule, parsed: Any) -> Correlation:
    """The correlation of a rule that pySigma has parsed; PackError where it has no meaning."""
    kind: CorrelationType = parsed.type.name.lower()
    condition = parsed.condition
    references = [str(reference.reference) for reference in parsed.referenced_rules]
    if not references:
        raise _refused(rule, "rules", "the correlation names no rule", "list the rules that it builds on under `rules`")
    extended = hasattr(condition, "expression")
    if extended and kind != "temporal":
        raise _refused(
            rule,
            "condition",
            "an extended condition has no meaning for an order",
            "list the rules in order, without it",
        )
    percentile = 50 if extended or condition.percentile is None else condition.percentile
    if not 0 <= percentile <= _HUNDRED:
        raise _refused(rule, "condition", f"there is no percentile {percentile}", "give a percentile from 0 to 100")
    aliases = {one.alias: {str(ref.reference): field for ref, field in one.mapping.items()} for one in parsed.aliases}
    group_by = tuple(parsed.group_by or ())
    counted = () if extended or kind == "event_count" else _names(condition.fieldref)
    if kind not in ("event_count", "value_count", "temporal", "temporal_ordered") and len(counted) != 1:
        raise _refused(rule, "condition", f"{kind} needs exactly one field", "give `field` one name")
    return Correlation(
        rule=rule,
        type=kind,
        members=tuple(
            Member(
                rule_id=str(reference.rule.id),
                group_fields=_resolved(group_by, aliases, reference),
                counted_fields=_resolved(counted, aliases, reference),
            )
            for reference in parsed.referenced_rules
        ),
        timespan=parsed.timespan.seconds * _MICROSECONDS,
        group_by=group_by,
        condition=_seen(condition.parsed, references) if extended else Threshold(bounds=bounds_of(condition)),
        percentile=percentile,
    )


def _refused(rule: Rule, key: str, message: str, hint: str) -> PackError:
    path, line = rule.place(correlation_key(key))
    return PackError([Issue(code="MS044", message=message, path=path, line=line, hint=hint)])


def _names(fields: str | Sequence[str] | None) -> tuple[str, ...]:
    if fields is None:
        return ()
    return (fields,) if isinstance(fields, str) else tuple(str(name) for name in fields)


def _resolved(names: Sequence[str], aliases: Aliases, reference: Any) -> tuple[str, ...]:
    """The field that each name stands for in the events of a rule; an alias silent about a rule is a plain name."""
    spellings = (str(reference.reference), str(reference.rule.id), str(reference.rule.name))
    return tuple(
        next((aliases[name][spelling] for spelling in spellings if spelling in aliases.get(name, {})), name)
        for name in names
    )


def _seen(item: Any, references: Sequence[str]) -> Seen:
    if hasattr(item, "reference"):
        return Seen(joined="rule", member=references.index(str(item.reference)))
    words: dict[str, Literal["and", "or", "not"]] = {
        "CorrelationConditionAND": "and",
        "CorrelationConditionOR": "or",
        "CorrelationConditionNOT": "not",
    }
    return Seen(joined=words[type(item).__name__], parts=tuple(_seen(arg, references) for arg in item.args))
