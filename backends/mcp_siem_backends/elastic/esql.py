"""Correlations in ES|QL, over exact sliding windows: the base rules in their proven Lucene, inside `QSTR("...")`.

ES|QL has no self-join. Each event goes into its bucket of W + 1 milliseconds and into the next one (`VALUES`), so that
every pair of events of one window meets in a bucket; two `MV_EXPAND` make the pairs, and one comparison keeps those
whose first event ends a window that holds the second. Each row of the result is a group at an instant at which the
condition holds. The limit is explicit, since ES|QL cuts silently: a full result means that there is more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.elastic.fields import Index, Storage
from mcp_siem_backends.elastic.limits import limit

__all__ = ["LIMIT", "correlation_text"]

LIMIT = 10_000
# Added to times so that all have the same number of digits: then text order is order in time.
_OFFSET = 10**15
_LONGEST_CONTEXT = 100
_MOST_CONTEXT = 20
_OPERATORS = {"GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "EQ": "==", "NEQ": "!="}
_MONOTONE = ("GT", "GTE")
_TYPES = ("EVENT_COUNT", "VALUE_COUNT", "TEMPORAL", "TEMPORAL_ORDERED")
_PLAIN_NAME = re.compile(r"[A-Za-z_@][A-Za-z0-9_]*(\.[A-Za-z_@][A-Za-z0-9_]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What every type of correlation shares. `window` is in milliseconds, `groups` are names of fields and columns."""

    queries: Sequence[str]
    groups: Sequence[tuple[str, str]]
    window: int
    counted: str | None

    def by(self, *more: str) -> str:
        """The clause that groups by the keys and more."""
        return " BY " + ", ".join([*(f"g{at}" for at in range(len(self.groups))), *more])

    @property
    def keys(self) -> str:
        """The keys of an event as columns, from the index."""
        return "".join(f", g{at} = {column}" for at, (_, column) in enumerate(self.groups))


def correlation_text(parsed: Any, lucene: Any, index: Index) -> str:
    """The query of a pySigma correlation; raises RefusedError where ES|QL cannot be exact."""
    kind = parsed.type.name
    if kind not in _TYPES:
        raise RefusedError(limit("CORRELATION-TYPE"), kind.lower())
    plan = _plan(parsed, lucene, index)
    _note(parsed, plan, lucene.notes)
    makers = {
        "EVENT_COUNT": _event_count,
        "VALUE_COUNT": _value_count,
        "TEMPORAL": _temporal,
        "TEMPORAL_ORDERED": _temporal_ordered,
    }
    return "\n| ".join([f"FROM {index.pattern} METADATA _id", *makers[kind](parsed, plan)])


def _plan(parsed: Any, lucene: Any, index: Index) -> _Plan:
    rules = [reference.rule for reference in parsed.referenced_rules]
    if not rules or any(not hasattr(rule, "detection") for rule in rules):
        raise RefusedError(limit("CORRELATION-NESTED"), str(parsed.title))
    fieldref = getattr(parsed.condition, "fieldref", None)
    names = [fieldref] if isinstance(fieldref, str) else list(fieldref or ())
    counting = parsed.type.name == "VALUE_COUNT"
    if counting and len(names) != 1:
        raise RefusedError(limit("CORRELATION-FIELD"), ", ".join(names) or "no field to count")
    return _Plan(
        groups=[(name, _column(_one_name(parsed, name), index, lucene.notes)) for name in parsed.group_by or ()],
        counted=_column(_one_name(parsed, names[0]), index, lucene.notes) if counting else None,
        window=parsed.timespan.seconds * 1000,
        queries=[lucene.text(rule) for rule in rules],
    )


def _one_name(parsed: Any, name: str) -> str:
    """The field that a name of the correlation stands for, which has to be the same for all its rules."""
    mapping = next((one.mapping for one in parsed.aliases if one.alias == name), None)
    if mapping is None:
        return name
    by_rule = {str(reference.reference): field for reference, field in mapping.items()}
    found = {
        next((by_rule[key] for key in (one.reference, str(one.rule.id), one.rule.name) if key in by_rule), name)
        for one in parsed.referenced_rules
    }
    if len(found) != 1:
        raise RefusedError(limit("CORRELATION-ALIAS"), name)
    return str(found.pop())


def _column(name: str, index: Index, notes: dict[str, None]) -> str:
    form = index.form(name)
    if form.storage in (Storage.FLATTENED, Storage.TIME):
        raise RefusedError(limit("CORRELATION-FIELD"), name)
    if form.storage is Storage.DYNAMIC:
        notes[f"{name}: not in the taxonomy; ES|QL answers with an error until an event has had it"] = None
    return _name(form.exact)


def _note(parsed: Any, plan: _Plan, notes: dict[str, None]) -> None:
    notes["windows are compared to the millisecond, as the index holds times"] = None
    extended = hasattr(parsed.condition, "expression")
    if len(plan.queries) > 1 and parsed.type.name == "TEMPORAL_ORDERED":
        notes["rules that match within one millisecond may come in any order"] = None
    elif extended or parsed.condition.op.name not in _MONOTONE:
        notes["events of one millisecond count together"] = None
    notes[f"a result of {LIMIT} rows is cut: there are more"] = None


# --- the four types ---------------------------------------------------------------------------------------------------


def _event_count(parsed: Any, plan: _Plan) -> list[str]:
    condition = parsed.condition
    return [
        f"WHERE QSTR({_string(_either(plan.queries))})",
        f"EVAL ms = TO_LONG(@timestamp){plan.keys}, {_context()}",
        *_opened(plan),
        f"EVAL p = {_packed('s', 't', '_id')}",
        *_windows(plan, f"n {_OPERATORS[condition.op.name]} {condition.count}" if _is_monotone(condition) else None),
        f"EVAL s = {_part(1)}, t = {_part(2)}",
        f"STATS events = COUNT(*), {_SUMMARY}{plan.by('a')}",
        f"WHERE events {_OPERATORS[condition.op.name]} {condition.count}",
        *_result(plan, "events"),
    ]


def _value_count(parsed: Any, plan: _Plan) -> list[str]:
    condition = parsed.condition
    tail = "LENGTH(s) + LENGTH(t)"
    return [
        f"WHERE QSTR({_string(_either(plan.queries))})",
        f"EVAL ms = TO_LONG(@timestamp), v = {plan.counted}{plan.keys}, {_context()}",
        *_opened(plan),
        "MV_EXPAND v",
        "WHERE v IS NOT NULL",
        f"EVAL p = {_packed('s', 't', 'v')}",
        *_windows(plan, f"n {_OPERATORS[condition.op.name]} {condition.count}" if _is_monotone(condition) else None),
        f"EVAL s = {_part(1)}, t = {_part(2)}",
        f"EVAL v = SUBSTRING(p, {len(str(_OFFSET)) + 4} + {tail})",
        f"STATS since = MIN(ms), s = VALUES(s), t = VALUES(t){plan.by('a', 'v')}",
        f"STATS value_count = COUNT(*), v = VALUES(v), since = MIN(since), s = VALUES(s), t = VALUES(t){plan.by('a')}",
        f"WHERE value_count {_OPERATORS[condition.op.name]} {condition.count}",
        f"EVAL examples = MV_SLICE(MV_SORT(v), 0, {_MOST_CONTEXT - 1})",
        *_result(plan, "value_count", "examples"),
    ]


def _temporal(parsed: Any, plan: _Plan) -> list[str]:
    places = range(len(plan.queries))
    if hasattr(parsed.condition, "expression"):
        needed, condition = (
            False,
            _seen(parsed.condition.parsed, [str(one.reference) for one in parsed.referenced_rules]),
        )
    else:
        needed = _needs_all(parsed)
        condition = f"rules {_OPERATORS[parsed.condition.op.name]} {parsed.condition.count}"
    return [
        *_tagged(plan, ranked=False),
        *_windows(plan, " AND ".join(f"n{at} >= 1" for at in places) if needed else None, tagged=True),
        f"EVAL flags = {_part(1)}, s = {_part(2)}, t = {_part(3)}",
        f"STATS {', '.join(f'm{at} = MAX({_flag(at)})' for at in places)}, events = COUNT(*), {_SUMMARY}{plan.by('a')}",
        f"EVAL rules = {' + '.join(f'TO_INTEGER(m{at})' for at in places)}",
        f"WHERE {condition}",
        *_result(plan, "rules", "events"),
    ]


def _temporal_ordered(parsed: Any, plan: _Plan) -> list[str]:
    if hasattr(parsed.condition, "expression") or not _needs_all(parsed):
        raise RefusedError(limit("CORRELATION-CONDITION"), str(parsed.title))
    places = range(len(plan.queries))
    return [
        *_tagged(plan, ranked=True),
        *_windows(plan, " AND ".join(f"n{at} >= 1" for at in places), tagged=True),
        *(line for at in places for line in _step(plan, at)),
        *_result(plan, "events"),
    ]


def _step(plan: _Plan, at: int) -> list[str]:
    """Narrows to groups where rule `at` comes after the pick `c` of the rules before; `c` becomes its earliest event."""
    after = "" if at == 0 else " AND SUBSTRING(p, 1, 16) >= SUBSTRING(c, 1, 16) AND p != c"
    unpacked = f"EVAL ms = {_TIME}, flags = {_part(1)}, s = {_part(2)}, t = {_part(3)}"
    fits = f'EVAL fit = CASE({_flag(at)} == "1"{after}, p, null)'
    kept = f"STATS p = VALUES(p), c = MIN(fit), events = COUNT(*), {_SUMMARY}{plan.by('a')}"
    return [*(["MV_EXPAND p"] if at else []), unpacked, fits, kept, "WHERE c IS NOT NULL"]


# --- parts ------------------------------------------------------------------------------------------------------------

_TIME = f'TO_LONG(MV_FIRST(SPLIT(p, "|"))) - {_OFFSET}'
_SUMMARY = "since = MIN(ms), s = VALUES(s), t = VALUES(t)"


def _context() -> str:
    """Server and tool of an event, bounded, for the analyst."""
    names = {"s": "mcp.server.name", "t": "gen_ai.tool.name"}
    return ", ".join(
        f'{short} = REPLACE(SUBSTRING(COALESCE(MV_FIRST({name}.exact), ""), 1, {_LONGEST_CONTEXT}), "[|]", "/")'
        for short, name in names.items()
    )


def _opened(plan: _Plan) -> list[str]:
    """One row for each value of each key; an event without a key is in no group."""
    return [line for at in range(len(plan.groups)) for line in (f"MV_EXPAND g{at}", f"WHERE g{at} IS NOT NULL")]


def _packed(*columns: str) -> str:
    """One text per event that sorts by time; the last column may hold anything."""
    return ', "|", '.join([f"CONCAT(TO_STRING(ms + {_OFFSET})", *columns]) + ")"


def _part(at: int) -> str:
    return f'MV_SLICE(SPLIT(p, "|"), {at})'


def _flag(at: int) -> str:
    """Whether the event matched rule `at`: "1" or "0". The first character is the rank."""
    return f"SUBSTRING(flags, {at + 2}, 1)"


def _tagged(plan: _Plan, *, ranked: bool) -> list[str]:
    """Events with the rules each matched. Among events of one instant, those that serve fewer later rules come first."""
    places = range(len(plan.queries))
    counts = ", ".join(f"r{at} = COUNT(*) WHERE QSTR({_string(query)})" for at, query in enumerate(plan.queries))
    rank = f"TO_STRING({' + '.join(f'CASE(r{at} > 0, {at}, 0)' for at in places)})" if ranked else '"0"'
    flags = ", ".join(f'CASE(r{at} > 0, "1", "0")' for at in places)
    return [
        f"WHERE QSTR({_string(_either(plan.queries))})",
        f"EVAL ms = TO_LONG(@timestamp){plan.keys}, {_context()}",
        # QSTR reads the document, so nothing may stand between; BY opens keys of several values itself.
        f"STATS {counts}{plan.by('_id', 'ms', 's', 't')}",
        *(f"WHERE g{at} IS NOT NULL" for at in range(len(plan.groups))),
        f"EVAL flags = CONCAT(SUBSTRING({rank}, 1, 1), {flags})",
        f"EVAL p = {_packed('flags', 's', 't', '_id')}",
    ]


def _windows(plan: _Plan, superset: str | None, *, tagged: bool = False) -> list[str]:
    """Every event `p` of every window, with the instant `a` at which the window ends."""
    counts = ["n = COUNT(*)"]
    if tagged:
        counts = [f"n{at} = SUM(CASE(r{at} > 0, 1, 0))" for at in range(len(plan.queries))]
    return [
        "EVAL k = [0, 1]",
        "MV_EXPAND k",
        f"EVAL w = FLOOR(ms / ({plan.window} + 1.0)) + k, own = CASE(k == 0, ms, null)",
        f"STATS p = VALUES(p), a = VALUES(own), {', '.join(counts)}{plan.by('w')}",
        *([f"WHERE {superset}"] if superset else []),
        "MV_EXPAND a",
        "MV_EXPAND p",
        f"EVAL ms = {_TIME}",
        f"WHERE ms <= a AND ms >= a - {plan.window}",
    ]


def _result(plan: _Plan, *columns: str) -> list[str]:
    names = [_name(name) for name, _ in plan.groups]
    renamed = [f"RENAME {', '.join(f'g{at} AS {name}' for at, name in enumerate(names))}"] if names else []
    context = ", ".join(
        f"{name} = MV_SLICE(MV_SORT({short}), 0, {_MOST_CONTEXT - 1})"
        for name, short in (("servers", "s"), ("tools", "t"))
    )
    return [
        f"EVAL @timestamp = TO_DATETIME(a), first_seen = TO_DATETIME(since), {context}",
        *renamed,
        f"KEEP {', '.join(['@timestamp', *names, *columns, 'first_seen', 'servers', 'tools'])}",
        "SORT @timestamp",
        f"LIMIT {LIMIT}",
    ]


def _is_monotone(condition: Any) -> bool:
    return condition.op.name in _MONOTONE


def _needs_all(parsed: Any) -> bool:
    total = len(parsed.referenced_rules)
    condition = parsed.condition
    return (condition.op.name, condition.count) in (("GTE", total), ("GT", total - 1), ("EQ", total))


def _seen(item: Any, references: Sequence[str]) -> str:
    """An extended condition over which rules the window has seen."""
    if hasattr(item, "reference"):
        return f'm{references.index(str(item.reference))} == "1"'
    parts = [f"({_seen(arg, references)})" for arg in item.args]
    words = {"CorrelationConditionAND": " AND ", "CorrelationConditionOR": " OR "}
    return (
        f"NOT {parts[0]}"
        if type(item).__name__ == "CorrelationConditionNOT"
        else words[type(item).__name__].join(parts)
    )


def _either(queries: Sequence[str]) -> str:
    listed = list(dict.fromkeys(queries))
    return listed[0] if len(listed) == 1 else " OR ".join(f"({query})" for query in listed)


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def _name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else "`" + name.replace("`", "``") + "`"
