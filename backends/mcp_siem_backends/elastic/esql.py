"""Correlations in ES|QL, over exact sliding windows: the base rules in their proven Lucene, inside `QSTR("...")`.

ES|QL has no self-join. Each event becomes one text, and goes into its bucket of W + 1 milliseconds and into the next one
(`VALUES`), so that every pair of events of one window meets in a bucket; two `MV_EXPAND` make the pairs, and one
comparison keeps those whose first event ends a window that holds the second. Each row of the result is a group at an
instant at which the condition holds. The limit is explicit, since ES|QL cuts silently: a full result means that there is
more. What a correlation finds inside another becomes one more flag of the events at that instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from mcp_siem.convert.refuse import RefusedError
from mcp_siem.rules.threshold import bounds_of
from mcp_siem_backends.elastic.columns import column_name
from mcp_siem_backends.elastic.fields import Index
from mcp_siem_backends.elastic.gather import FIELDS, OFFSET, gathered, packed, rank
from mcp_siem_backends.elastic.levels import Level, Plan, read_plan
from mcp_siem_backends.elastic.limits import limit

__all__ = ["LIMIT", "correlation_text"]

LIMIT = 10_000
# A window with more numbers than this gets a percentile that is not exact.
_MOST_NUMBERS = 10_000
_MOST_CONTEXT = 20
_OPERATORS = {"GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "EQ": "==", "NEQ": "!="}
_MEASURES = {
    "EVENT_COUNT": "events",
    "VALUE_COUNT": "value_count",
    "VALUE_SUM": "value_sum",
    "VALUE_AVG": "value_avg",
    "VALUE_PERCENTILE": "value_percentile",
    "VALUE_MEDIAN": "value_median",
    "TEMPORAL": "rules",
    "TEMPORAL_ORDERED": "rules",
}
_TIME_P = "SUBSTRING(p, 1, 16)"
_TIME_C = "SUBSTRING(c, 1, 16)"
_CONTEXT = {"principals": "u", "servers": "s", "tools": "t", "arguments": "x", "event_ids": "id"}


def correlation_text(parsed: Any, lucene: Any, index: Index) -> str:
    """The query of a pySigma correlation; raises RefusedError where ES|QL cannot be exact."""
    plan = read_plan(parsed, lucene, index)
    for level in plan.levels:
        if level.kind == "TEMPORAL_ORDERED" and not level.needs_all:
            raise RefusedError(limit("CORRELATION-CONDITION"), level.title)
    lucene.notes.update(dict.fromkeys([*plan.notes, *_notes(plan)]))
    return "\n| ".join([*gathered(plan), *_stages(plan), *_result(plan)])


def _notes(plan: Plan) -> Iterator[str]:
    yield "windows are compared to the millisecond, as the index holds times"
    if any(level.kind == "TEMPORAL_ORDERED" and len(level.members) > 1 for level in plan.levels):
        yield "rules that match within one millisecond may come in any order"
    if len(plan.levels) > 1 or any(not level.monotone or level.numeric for level in plan.levels):
        yield "events of one millisecond count together"
    if any(level.numeric for level in plan.levels):
        yield "sums and averages of fractions are rounded as the engine of ES|QL does"
    if any(level.kind in ("VALUE_PERCENTILE", "VALUE_MEDIAN") for level in plan.levels):
        yield f"a percentile over more than {_MOST_NUMBERS} numbers of one window is an estimate"
    yield f"a result of {LIMIT} rows is cut: there are more"


def _stages(plan: Plan) -> Iterator[str]:
    for at, level in enumerate(plan.levels):
        last = at == len(plan.levels) - 1
        yield from _windows(plan, level)
        if level.kind == "TEMPORAL_ORDERED":
            yield from _ordered(plan, level, last=last)
        else:
            yield from _measured(plan, level, last=last)
        if not last:
            yield from _flagged(plan, at)


# --- windows ----------------------------------------------------------------------------------------------------------


def _windows(plan: Plan, level: Level) -> Iterator[str]:
    """Every event `p` of every window, with the instant `a` at which the window ends."""
    bounds = _superset(level) if level.only else None
    counts = f", {bounds.counts}" if bounds else ""
    yield "EVAL k = [0, 1]"
    yield "MV_EXPAND k"
    yield f"EVAL w = FLOOR(ms / ({level.window} + 1.0)) + k, own = CASE(k == 0, ms, null)"
    yield f"STATS p = VALUES(p), a = VALUES(own){counts} BY {_by(plan, 'w')}"
    yield "WHERE a IS NOT NULL"
    if bounds:
        yield f"WHERE {bounds.bucket}"
    # The texts come first: a row is copied for each instant, and instants are short.
    yield "MV_EXPAND p"
    yield f"EVAL ms = TO_LONG(SUBSTRING(p, 1, 16)) - {OFFSET}"
    yield "MV_EXPAND a"
    instants = f" AND {bounds.instant}" if bounds and bounds.instant else ""
    yield f"WHERE ms <= a AND ms >= a - {level.window}{instants}"
    yield from _opened(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Superset:
    """Numbers of a bucket, and what they are wherever the condition can hold: in the bucket, and at an instant of it."""

    counts: str
    bucket: str
    instant: str = ""


def _superset(level: Level) -> _Superset | None:
    """What is known of a bucket before its events are paired; None if nothing can be said."""
    if level.kind.startswith("TEMPORAL"):
        return _all_seen(level) if level.needs_all else None
    if not level.monotone or level.numeric:
        return None
    ((operator, number),) = bounds_of(level.condition)
    threshold = f"{_OPERATORS[operator.upper()]} {number}"
    if level.kind == "EVENT_COUNT":
        return _Superset(counts="n = COUNT(*)", bucket=f"n {threshold}")
    return _Superset(counts=f'n = VALUES(SPLIT(v{level.slot}, ","))', bucket=f"MV_COUNT(n) {threshold}")


def _all_seen(level: Level) -> _Superset:
    """Each rule is in the bucket, its first event not after the instant, its last in the window; in order, one after the other."""
    places = range(len(level.members))
    times = [f'CASE({_flag(member)} == "1", ms, null)' for member in level.members]
    counts = [f"lo{at} = MIN({times[at]}), hi{at} = MAX({times[at]})" for at in places]
    bucket = [f"lo{at} IS NOT NULL" for at in places]
    if level.kind == "TEMPORAL_ORDERED":
        bucket += [f"hi{at} >= lo{before}" for before in places for at in places[before + 1 :]]
    instant = [f"lo{at} <= a AND hi{at} >= a - {level.window}" for at in places]
    return _Superset(counts=", ".join(counts), bucket=" AND ".join(bucket), instant=" AND ".join(instant))


def _opened(plan: Plan) -> Iterator[str]:
    yield f'DISSECT p "{_layout(plan)}"'
    yield f"EVAL ms = TO_LONG(ms) - {OFFSET}"


def _layout(plan: Plan) -> str:
    return "|".join(f"%{{{name}}}" for name in [*FIELDS, *(f"v{at}" for at in range(plan.slots)), "id"])


# --- measures ---------------------------------------------------------------------------------------------------------


def _measured(plan: Plan, level: Level, *, last: bool) -> Iterator[str]:
    yield from _narrowed(plan, level)
    yield f"STATS {', '.join(_measures(plan, level, last=last))} BY {_by(plan, 'a')}"
    yield from _derived(level)
    conditions = [_condition(level), *([] if _is_plain(plan) else ["own == 1"])]
    if last:
        yield f"WHERE {' AND '.join(conditions)}"
    else:
        yield f"EVAL h = CASE({' AND '.join(conditions)}, 1, 0)"


def _is_plain(plan: Plan) -> bool:
    """Whether every event is a member of the one level there is."""
    return len(plan.levels) == 1


def _narrowed(plan: Plan, level: Level) -> Iterator[str]:
    """Marks members among the events of all levels, and takes values and numbers out of their texts."""
    if not _is_plain(plan):
        yield f"EVAL m = CASE({_with_value(level, _matched(level))}, 1, 0)"
    if level.slot is not None:
        values = f'SPLIT(v{level.slot}, ",")'
        values = f"TO_DOUBLE({values})" if level.numeric else values
        yield f"EVAL n = {values}" if _is_plain(plan) else f"EVAL n = CASE(m == 1, {values}, null)"


def _matched(level: Level) -> str:
    return "(" + " OR ".join(f'{_flag(member)} == "1"' for member in dict.fromkeys(level.members)) + ")"


def _with_value(level: Level, seen: str) -> str:
    return f'{seen} AND v{level.slot} != ""' if level.slot is not None else seen


def _measures(plan: Plan, level: Level, *, last: bool) -> list[str]:
    found = ["events = COUNT(*)" if _is_plain(plan) else "events = SUM(m), own = MAX(CASE(ms == a, m, 0))"]
    found += _OF_KIND.get(level.kind, [])
    if level.kind == "TEMPORAL":
        found += [f"m{at} = MAX({_flag(member)})" for at, member in enumerate(level.members)]
    return [*found, _carried(last=last)]


_TOP = f'top = TOP(n, {_MOST_NUMBERS}, "asc"), numbers = COUNT(n)'
_OF_KIND = {
    "VALUE_COUNT": ["values = VALUES(n)"],
    "VALUE_SUM": ["value_sum = SUM(n)"],
    "VALUE_AVG": ["sum = SUM(n), numbers = COUNT(n)"],
    "VALUE_PERCENTILE": [_TOP],
    "VALUE_MEDIAN": [_TOP],
}


def _carried(*, last: bool) -> str:
    """What the analyst sees, or the events at this instant for the correlation around this one."""
    if not last:
        return "e = VALUES(CASE(ms == a, p, null))"
    return ", ".join(["since = MIN(ms)", *(f"{short} = VALUES({short})" for short in _CONTEXT.values())])


def _derived(level: Level) -> Iterator[str]:
    match level.kind:
        case "VALUE_COUNT":
            yield "EVAL value_count = COALESCE(MV_COUNT(values), 0)"
        case "VALUE_AVG":
            yield "EVAL value_avg = sum / numbers"
        case "VALUE_PERCENTILE" | "VALUE_MEDIAN":
            yield f"EVAL {_MEASURES[level.kind]} = MV_PERCENTILE(top, {level.percentile})"
        case "TEMPORAL":
            yield "EVAL rules = " + " + ".join(f"TO_INTEGER(m{at})" for at in range(len(level.members)))
        case _:
            return


def _condition(level: Level) -> str:
    if level.extended:
        return _seen(level.condition.parsed, level.references)
    measure = _MEASURES[level.kind]
    asked = [
        f"{measure} {_OPERATORS[operator.upper()]} {_plain(number)}" for operator, number in bounds_of(level.condition)
    ]
    return " AND ".join(asked)


def _plain(number: int | Fraction) -> str:
    """A number as ES|QL reads it: digits, of a fraction the shortest that name the double."""
    return str(number) if isinstance(number, int) else f"{Decimal(repr(float(number))):f}"


def _seen(item: Any, references: tuple[str, ...]) -> str:
    """An extended condition over which rules the window has seen."""
    if hasattr(item, "reference"):
        return f'm{references.index(str(item.reference))} == "1"'
    parts = [f"({_seen(arg, references)})" for arg in item.args]
    words = {"CorrelationConditionAND": " AND ", "CorrelationConditionOR": " OR "}
    kind = type(item).__name__
    return f"(NOT {parts[0]})" if kind == "CorrelationConditionNOT" else f"({words[kind].join(parts)})"


# --- order ------------------------------------------------------------------------------------------------------------


def _ordered(plan: Plan, level: Level, *, last: bool) -> Iterator[str]:
    """Picks the earliest event of each rule after the pick `c` of the rules before; none left is null."""
    places = range(len(level.members))
    for at, member in enumerate(level.members):
        if at:
            yield "MV_EXPAND p"
            yield from _opened(plan)
        after = "" if at == 0 else f" AND c IS NOT NULL AND {_TIME_P} >= {_TIME_C} AND p != c"
        yield f'EVAL fit = CASE({_flag(member)} == "1"{after}, p, null){_own(plan, level) if at == places[-1] else ""}'
        carried = ["p = VALUES(p)", "c = MIN(fit)"]
        if at == places[-1]:
            own = [] if _is_plain(plan) else ["own = MAX(CASE(ms == a, m, 0))"]
            carried = [*carried[last:], *own, "events = COUNT(*)", _carried(last=last)]
        yield f"STATS {', '.join(carried)} BY {_by(plan, 'a')}"
        if level.only and at < places[-1]:
            yield "WHERE c IS NOT NULL"
    held = "c IS NOT NULL" if _is_plain(plan) else "c IS NOT NULL AND own == 1"
    yield f"WHERE {held}" if last else f"EVAL h = CASE({held}, 1, 0)"


def _own(plan: Plan, level: Level) -> str:
    if _is_plain(plan):
        return ""
    return f", m = CASE({_matched(level)}, 1, 0)"


# --- from one level to the next ---------------------------------------------------------------------------------------


def _flagged(plan: Plan, at: int) -> Iterator[str]:
    """The events at each instant, with one more flag: whether the level held there with them as members."""
    level = plan.levels[at]
    if level.only:
        yield "WHERE h == 1"
    yield f"KEEP {_by(plan, 'a', 'e', 'h')}"
    yield "MV_EXPAND e"
    yield "RENAME e AS p"
    yield from _opened(plan)
    held = _with_value(level, _matched(level))
    yield f'EVAL f = CONCAT(f, CASE(h == 1 AND {held}, "1", "0"))'
    yield f"EVAL r = {rank(plan.levels[at + 1])}"
    yield f"EVAL p = {packed(plan)}"


def _flag(place: int) -> str:
    """Whether the event matched the rule at that place, or was where the correlation held: "1" or "0"."""
    return f"SUBSTRING(f, {place + 1}, 1)"


def _by(plan: Plan, *more: str) -> str:
    return ", ".join([*(f"g{at}" for at in range(len(plan.groups))), *more])


# --- the rows ---------------------------------------------------------------------------------------------------------


def _result(plan: Plan) -> Iterator[str]:
    top = plan.levels[-1]
    names = [column_name(name) for name in plan.groups]
    sliced = [f"{name} = MV_SLICE(MV_SORT({short}), 0, {_MOST_CONTEXT - 1})" for name, short in _CONTEXT.items()]
    measures = list(dict.fromkeys([_MEASURES[top.kind], "events"]))
    if top.kind == "TEMPORAL_ORDERED":
        measures = ["events"]
    if top.kind == "VALUE_COUNT":
        sliced.append(f"examples = MV_SLICE(MV_SORT(values), 0, {_MOST_CONTEXT - 1})")
        measures = [*measures, "examples"]
    times = ["@timestamp = TO_DATETIME(a)", "first_seen = TO_DATETIME(since)", "last_seen = TO_DATETIME(a)"]
    yield "EVAL " + ", ".join([*times, *sliced])
    if names:
        yield f"RENAME {', '.join(f'g{at} AS {name}' for at, name in enumerate(names))}"
    yield f"KEEP {', '.join(['@timestamp', *names, *measures, 'first_seen', 'last_seen', *_CONTEXT])}"
    yield "SORT @timestamp"
    yield f"LIMIT {LIMIT}"
