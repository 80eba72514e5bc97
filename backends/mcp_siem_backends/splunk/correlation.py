"""Correlations as sliding, closed windows: an event at `t` looks at `t - timespan <= x <= t`, never at a fixed bucket.

`streamstats time_window` is documented neither as open nor as closed at its far edge, so no verdict rests on it. A
threshold of N asks whether the N-th latest event of the group is recent enough (`window=N`); sequences carry the latest
start of a chain forward; distinct values come from a time window that is one second too wide and are then filtered.
Events lacking a group-by key are in no group, arrays are expanded, keys compare exactly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_siem_backends.splunk.predicate import Node, any_of, search_terms, where_expr, where_rest
from mcp_siem_backends.splunk.refusals import refused
from mcp_siem_backends.splunk.scope import Scope
from mcp_siem_backends.splunk.spl import eval_field, list_field

__all__ = ["LONGEST_WINDOW", "BaseRule", "Correlation", "CorrelationSpl", "correlation_spl"]

# limits.conf, [streamstats] max_stream_window
LONGEST_WINDOW = 10_000
_CONTEXT_EVENTS = 100
_ORDERED = "temporal_ordered"
_SAMPLE_LENGTH = 200
_SHOWN = {
    "mcp.server.name": "mcp_siem_servers",
    "gen_ai.tool.name": "mcp_siem_tools",
    "mcp_siem_sample": "mcp_siem_samples",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRule:
    """A rule that the correlation builds on; `keys` and `counted` are the fields that its events hold them in."""

    scope: Scope
    node: Node
    keys: tuple[str, ...]
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """One correlation as data. `expression` is an extended condition, else `sign` and `count` are the condition."""

    kind: str
    bases: tuple[BaseRule, ...]
    group_by: tuple[str, ...]
    seconds: int
    sign: str | None
    count: int
    expression: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationSpl:
    """The search, and what an analyst has to know of its bounds."""

    text: str
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Writing:
    """A search in the making: its commands after the first, and the names of the group's keys."""

    correlation: Correlation
    lines: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def by(self) -> str:
        return f" BY {' '.join(list_field(key) for key in self.keys)}" if self.keys else ""

    @property
    def own_window(self) -> str:
        return " global=f" if self.keys else ""

    def add(self, line: str) -> None:
        self.lines.append(line)


def correlation_spl(correlation: Correlation) -> CorrelationSpl:
    """The search of a correlation; one row for each event at which it holds."""
    steps = {"event_count": _event_count, "value_count": _value_count, "temporal": _temporal, _ORDERED: _ordered}
    if correlation.kind not in steps:
        raise refused("SPLUNK-CORRELATION-TYPE", correlation.kind)
    writing = _Writing(correlation)
    first = _base_search(writing)
    _keys(writing)
    holds = steps[correlation.kind](writing)
    _context(writing)
    writing.add(f"where {holds}")
    _told(writing)
    writing.notes.append(
        "streamstats looks back over at most 10,000 events (max_stream_window), mvexpand over 500 MB; beyond that a "
        "window is cut silently"
    )
    return CorrelationSpl(text="\n| ".join([first, *writing.lines]), notes=tuple(writing.notes))


def _base_search(writing: _Writing) -> str:
    """The events of all base rules; with several, each event is marked with those that it matches."""
    bases = writing.correlation.bases
    if len(bases) == 1 and not _marks(writing.correlation):
        node = bases[0].scope.narrowed(bases[0].node)
        rest = where_rest(node)
        if rest is not None:
            writing.add(f"where {rest}")
        return " ".join([bases[0].scope.bound, *search_terms(node)])
    marks = ", ".join(f"{_mark(place)}=if({where_expr(_whole(base))}, 1, 0)" for place, base in enumerate(bases, 1))
    writing.add(f"eval {marks}")
    writing.add("where " + " OR ".join(f"{_mark(place)}=1" for place in range(1, len(bases) + 1)))
    return _first_of_many(bases)


def _first_of_many(bases: Sequence[BaseRule]) -> str:
    bounds = list(dict.fromkeys(base.scope.bound for base in bases))
    if len(bounds) > 1:
        return " OR ".join(f"({' '.join([base.scope.bound, *search_terms(_whole(base))])})" for base in bases)
    return " ".join([bounds[0], *search_terms(any_of(_whole(base) for base in bases))])


def _whole(base: BaseRule) -> Node:
    return base.scope.narrowed(base.node)


def _marks(correlation: Correlation) -> bool:
    return correlation.kind in ("temporal", _ORDERED)


def _mark(place: int) -> str:
    return f"mcp_siem_rule{place}"


def _keys(writing: _Writing) -> None:
    """One row for each group that an event belongs to, none for an event that lacks a key."""
    bases = writing.correlation.bases
    for index, name in enumerate(writing.correlation.group_by):
        fields = [base.keys[index] for base in bases]
        same = len(set(fields)) == 1
        if same and fields[0] == name:
            writing.keys.append(name)
            writing.add(f"where isnotnull({eval_field(name)})")
            continue
        key = f"mcp_siem_key{index + 1}"
        writing.keys.append(key)
        writing.add(f"eval {key}=mvdedup({eval_field(fields[0]) if same else _by_rule(fields)})")
        writing.add(f"where isnotnull({key})")
        writing.add(f"mvexpand {key}")
        if not same:
            _marked_again(writing, key, fields)


def _by_rule(fields: Sequence[str]) -> str:
    """The values of all fields whose rule the event matches."""
    found = [f"if({_mark(place)}=1, {eval_field(name)}, null())" for place, name in enumerate(fields, 1)]
    return f"mvappend({', '.join(found)})"


def _marked_again(writing: _Writing, key: str, fields: Sequence[str]) -> None:
    """Rules that hold the key in different fields: in each group, only those count whose own field has this key.

    A value is in a field if adding it leaves as many different values as there were.
    """
    marks = []
    for place, name in enumerate(fields, 1):
        field_name = eval_field(name)
        inside = f"mvcount(mvdedup(mvappend({field_name}, {key})))=mvcount(mvdedup({field_name}))"
        marks.append(f"{_mark(place)}=if({_mark(place)}=1 AND {inside}, 1, 0)")
    writing.add(f"eval {', '.join(marks)}")
    writing.add("where " + " OR ".join(f"{_mark(place)}=1" for place in range(1, len(fields) + 1)))


def _since(writing: _Writing, name: str) -> str:
    return f"{name}>=_time-{writing.correlation.seconds}"


def _event_count(writing: _Writing) -> str:
    """The N-th latest event of the group, itself included, is no older than the window."""
    writing.add("sort 0 _time")
    sign, count = writing.correlation.sign, writing.correlation.count
    return _threshold(sign, count, lambda number: _at_least(writing, number))


def _threshold(sign: str | None, count: int, at_least: Any) -> str:
    match sign:
        case ">=":
            return str(at_least(count))
        case ">":
            return str(at_least(count + 1))
        case "<":
            return f"NOT ({at_least(count)})"
        case "<=":
            return f"NOT ({at_least(count + 1)})"
        case "=":
            return f"({at_least(count)}) AND NOT ({at_least(count + 1)})"
        case _:
            return f"NOT ({at_least(count)}) OR ({at_least(count + 1)})"


def _at_least(writing: _Writing, number: int) -> str:
    if number <= 0:
        return "1=1"
    if number > LONGEST_WINDOW:
        raise refused("SPLUNK-CORRELATION-WINDOW", f"a threshold of {number}")
    seen, first = f"mcp_siem_seen{number}", f"mcp_siem_first{number}"
    writing.add(f"streamstats window={number}{writing.own_window} count AS {seen} min(_time) AS {first}{writing.by}")
    return f"{seen}>={number} AND {_since(writing, first)}"


def _value_count(writing: _Writing) -> str:
    """Values with their times over a window one second too wide; what is too old goes, what is left is counted."""
    bases, correlation = writing.correlation.bases, writing.correlation
    if any(len(base.counted) != 1 for base in bases):
        raise refused("SPLUNK-CORRELATION-FIELDS", ", ".join(bases[0].counted))
    fields = [base.counted[0] for base in bases]
    source = eval_field(fields[0]) if len(set(fields)) == 1 else _by_rule(fields)
    writing.add("sort 0 _time")
    writing.add(f"eval mcp_siem_value={source}")
    writing.add("where isnotnull(mcp_siem_value)")
    writing.add('eval mcp_siem_dated=mvmap(mcp_siem_value, strftime(_time, "%s.%6N")."|".mcp_siem_value)')
    writing.add(
        f"streamstats time_window={correlation.seconds + 1}s values(mcp_siem_dated) AS mcp_siem_window{writing.by}"
    )
    kept = (
        f'mvmap(mcp_siem_window, if(tonumber(mvindex(split(mcp_siem_window, "|"), 0))>=_time-{correlation.seconds}, '
        'replace(mcp_siem_window, "\\A[^|]*[|]", ""), null()))'
    )
    writing.add(f"eval mcp_siem_count=coalesce(mvcount(mvdedup({kept})), 0)")
    if correlation.sign not in (">=", ">"):
        writing.notes.append("events of one instant are taken together, so below a threshold the answer is approximate")
    return f"mcp_siem_count{correlation.sign}{correlation.count}"


def _temporal(writing: _Writing) -> str:
    """The latest event of each rule is no older than the window."""
    correlation = writing.correlation
    places = range(1, len(correlation.bases) + 1)
    writing.add("sort 0 _time")
    writing.add("eval " + ", ".join(f"mcp_siem_at{place}=if({_mark(place)}=1, _time, null())" for place in places))
    latest = " ".join(f"max(mcp_siem_at{place}) AS mcp_siem_last{place}" for place in places)
    writing.add(f"streamstats {latest}{writing.by}")
    if correlation.expression is not None:
        writing.notes.append("events of one instant are taken together, so under `not` the answer is approximate")
        return _extended(writing, correlation.expression)
    seen = "+".join(f"if({_since(writing, f'mcp_siem_last{place}')}, 1, 0)" for place in places)
    writing.add(f"eval mcp_siem_count={seen}")
    if correlation.sign not in (">=", ">"):
        writing.notes.append("events of one instant are taken together, so below a threshold the answer is approximate")
    return f"mcp_siem_count{correlation.sign}{correlation.count}"


def _extended(writing: _Writing, part: Any) -> str:
    if isinstance(part, int):
        return f"if({_since(writing, f'mcp_siem_last{part + 1}')}, 1, 0)=1"
    word, *inner = part
    told = [f"({_extended(writing, one)})" for one in inner]
    return f"NOT {told[0]}" if word == "NOT" else f" {word} ".join(told)


def _ordered(writing: _Writing) -> str:
    """The latest start of a whole chain: each event hands on, to the next rule, the start that earlier events give it."""
    correlation = writing.correlation
    last = len(correlation.bases)
    whole = {">=": correlation.count, ">": correlation.count + 1, "=": correlation.count}.get(correlation.sign or "")
    if whole != last:
        raise refused("SPLUNK-CORRELATION-ORDER", f"{correlation.sign} {correlation.count} of {last} rules")
    steps = ", ".join(f"{_mark(place)}=1, {place}" for place in range(1, last + 1))
    writing.add(f"eval mcp_siem_step=case({steps})")
    writing.add("sort 0 _time mcp_siem_step")
    writing.add(f"eval mcp_siem_chain1=if({_mark(1)}=1, _time, null())")
    for place in range(2, last + 1):
        before = f"mcp_siem_before{place}"
        writing.add(f"streamstats current=f max(mcp_siem_chain{place - 1}) AS {before}{writing.by}")
        writing.add(f"eval mcp_siem_chain{place}=if({_mark(place)}=1, {before}, null())")
    writing.add(f"streamstats max(mcp_siem_chain{last}) AS mcp_siem_start{writing.by}")
    writing.notes.append("events of one instant count in the order of the rules, not of their lines (approximate)")
    return _since(writing, "mcp_siem_start")


def _context(writing: _Writing) -> None:
    """What an analyst asks first, of the latest events of the group, bounded; and when the newest of them came in."""
    correlation = writing.correlation
    size = correlation.count if correlation.kind == "event_count" and correlation.sign == ">=" else _CONTEXT_EVENTS
    size = max(1, min(size, _CONTEXT_EVENTS))
    wanted = ["min(_time) AS mcp_siem_first", "max(_indextime) AS mcp_siem_indexed"]
    if all(base.scope.is_mcp for base in correlation.bases):
        writing.add(f"eval mcp_siem_sample=substr('mcp.request.text', 1, {_SAMPLE_LENGTH})")
        wanted += [f"values({name}) AS {shown}" for name, shown in _SHOWN.items()]
    writing.add(f"streamstats window={size}{writing.own_window} {' '.join(wanted)}{writing.by}")


def _told(writing: _Writing) -> None:
    """Names that an alert shows, and the key by which alerts are suppressed."""
    shown = '"%Y-%m-%dT%H:%M:%S.%3N%z"'
    writing.add(f"eval mcp_siem_first=strftime(mcp_siem_first, {shown}), mcp_siem_last=strftime(_time, {shown})")
    group = '."|".'.join(eval_field(key) for key in writing.keys) or '"all"'
    writing.add(f"eval mcp_siem_dedup={group}")
    renamed = list(_renames(writing))
    if renamed:
        writing.add(f"rename {', '.join(renamed)}")


def _renames(writing: _Writing) -> Iterator[str]:
    for key, name in zip(writing.keys, writing.correlation.group_by, strict=True):
        if key.startswith("mcp_siem_key"):
            yield f"{key} AS {list_field(name)}"
