"""Correlations as sliding, closed windows: an event at `t` looks at `t - timespan <= x <= t`, never at a fixed bucket.

A threshold of N asks whether the N-th latest event of the group is recent enough (`window=N`); sequences carry the latest
start of a chain forward; values come from a time window that is one second too wide and are then filtered (windows.py).
Events lacking a group-by key are in no group, arrays are expanded, keys compare exactly.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from mcp_siem_backends.splunk import orders, windows
from mcp_siem_backends.splunk.predicate import Node, any_of, search_terms, where_expr, where_rest
from mcp_siem_backends.splunk.refusals import refused
from mcp_siem_backends.splunk.scope import Scope
from mcp_siem_backends.splunk.spl import ARRAY, eval_field, list_field
from mcp_siem_backends.splunk.stream import BaseRule, Correlation, Writing, values_by_rule

__all__ = ["BaseRule", "Correlation", "CorrelationSpl", "correlation_spl"]

_CONTEXT_EVENTS = 100
_ORDERED = "temporal_ordered"
_SAMPLE_LENGTH = 200
_SHOWN = {
    "mcp.server.name": "mcp_siem_servers",
    "gen_ai.tool.name": "mcp_siem_tools",
    "mcp_siem_sample": "mcp_siem_samples",
}
_STEPS: Mapping[str, Callable[[Writing], str]] = {
    "event_count": windows.event_count,
    "value_count": windows.value_count,
    "value_sum": windows.value_sum,
    "value_avg": windows.value_average,
    "value_median": windows.value_percentile,
    "value_percentile": windows.value_percentile,
    "temporal": orders.temporal,
    _ORDERED: orders.ordered,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationSpl:
    """The search, and what an analyst has to know of its bounds."""

    text: str
    notes: tuple[str, ...]


def correlation_spl(correlation: Correlation) -> CorrelationSpl:
    """The search of a correlation; one row for each event at which it holds."""
    writing = Writing(correlation=correlation)
    first = _base_search(writing)
    _keys(writing)
    holds = _STEPS[correlation.kind](writing)
    _context(writing)
    writing.add(f"where {holds}")
    _told(writing)
    writing.note("SPLUNK-NOTE-STREAM-WINDOW")
    return CorrelationSpl(text="\n| ".join([first, *writing.lines]), notes=tuple(writing.notes))


def _base_search(writing: Writing) -> str:
    """The events of all base rules; with several, each event is marked with those that it matches."""
    bases = writing.correlation.bases
    leaves = _leaves(writing.correlation)
    if len(bases) == 1 and bases[0].inner is None and not _needs_marks(writing.correlation):
        scope, node = leaves[0]
        rest = where_rest(node)
        if rest is not None:
            writing.add(f"where {rest}")
        return " ".join([scope.bound, *search_terms(node)])
    marks = [f"mcp_siem_rule{place}" for place in range(1, len(leaves) + 1)]
    told = ", ".join(f"{mark}=if({where_expr(node)}, 1, 0)" for mark, (_, node) in zip(marks, leaves, strict=True))
    writing.add(f"eval {told}")
    writing.add("where " + _any_of(marks))
    writing.marks = _marks_of(writing, writing.correlation, iter(marks), count(1))
    if any(base.inner for base in bases):
        writing.add("where " + _any_of(writing.marks))
    return _first_of_many(leaves)


def _leaves(correlation: Correlation) -> list[tuple[Scope, Node]]:
    """The rules over single events, in order, those of inner correlations in their place."""
    found: list[tuple[Scope, Node]] = []
    for base in correlation.bases:
        if base.inner is not None:
            found += _leaves(base.inner)
        elif base.scope is not None and base.node is not None:
            found.append((base.scope, base.scope.narrowed(base.node)))
    return found


def _any_of(marks: Iterable[str]) -> str:
    return " OR ".join(f"{mark}=1" for mark in marks)


def _first_of_many(leaves: Sequence[tuple[Scope, Node]]) -> str:
    bounds = list(dict.fromkeys(scope.bound for scope, _ in leaves))
    if len(bounds) > 1:
        return " OR ".join(f"({' '.join([scope.bound, *search_terms(node)])})" for scope, node in leaves)
    return " ".join([bounds[0], *search_terms(any_of(node for _, node in leaves))])


def _needs_marks(correlation: Correlation) -> bool:
    return correlation.kind in ("temporal", _ORDERED)


def _marks_of(
    writing: Writing, correlation: Correlation, leaves: Iterator[str], numbers: Iterator[int]
) -> tuple[str, ...]:
    """The mark of each base rule; correlations among them are worked out first."""
    return tuple(
        next(leaves) if base.inner is None else _inner(writing, base.inner, leaves, numbers)
        for base in correlation.bases
    )


def _inner(writing: Writing, correlation: Correlation, leaves: Iterator[str], numbers: Iterator[int]) -> str:
    """Says of every row whether a correlation that another builds on holds at it; the name of that mark."""
    marks = _marks_of(writing, correlation, leaves, numbers)
    inner = Writing(
        correlation=correlation, lines=writing.lines, notes=writing.notes, marks=marks, label=f"c{next(numbers)}_"
    )
    inner.flag = inner.name("in")
    fields = [_only_field(correlation, index) for index in range(len(correlation.group_by))]
    known = "".join(f" AND isnotnull({eval_field(name)})" for name in fields)
    inner.add(f"eval {inner.flag}=if(({_any_of(marks)}){known}, 1, 0)")
    inner.keys = [inner.name(f"key{place}") for place in range(1, len(fields) + 1)]
    for key, name in zip(inner.keys, fields, strict=True):
        inner.add(f'eval {key}=if({inner.flag}=1, {eval_field(name)}, "")')
    inner.keys.append(inner.flag)
    holds = _STEPS[correlation.kind](inner)
    inner.add(f"eval {inner.name('holds')}=if({inner.flag}=1 AND ({holds}), 1, 0)")
    return inner.name("holds")


def _only_field(correlation: Correlation, index: int) -> str:
    """The one field, of one value, that holds a key of an inner correlation."""
    fields = {base.keys[index] for base in correlation.bases}
    if len(fields) > 1 or any(name.endswith(ARRAY) for name in fields):
        raise refused("SPLUNK-CORRELATION-NESTED", ", ".join(sorted(fields)))
    return fields.pop()


def _keys(writing: Writing) -> None:
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
        writing.add(f"eval {key}=mvdedup({values_by_rule(writing, fields)})")
        writing.add(f"where isnotnull({key})")
        writing.add(f"mvexpand {key}")
        if not same:
            _marked_again(writing, key, fields)


def _marked_again(writing: Writing, key: str, fields: Sequence[str]) -> None:
    """Rules that hold the key in different fields: in each group, only those count whose own field has this key.

    A value is in a field if adding it leaves as many different values as there were.
    """
    marks = []
    for place, name in enumerate(fields, 1):
        field_name = eval_field(name)
        inside = f"mvcount(mvdedup(mvappend({field_name}, {key})))=mvcount(mvdedup({field_name}))"
        mark = writing.mark(place)
        marks.append(f"{mark}=if({mark}=1 AND {inside}, 1, 0)")
    writing.add(f"eval {', '.join(marks)}")
    writing.add("where " + _any_of(writing.marks))


def _context(writing: Writing) -> None:
    """What an analyst asks first, of the latest events of the group, bounded; and when the newest of them came in."""
    correlation = writing.correlation
    size = correlation.count if correlation.kind == "event_count" and correlation.sign == ">=" else _CONTEXT_EVENTS
    size = max(1, min(size, _CONTEXT_EVENTS))
    wanted = ["min(_time) AS mcp_siem_first", "max(_indextime) AS mcp_siem_indexed"]
    if all(scope.is_mcp for scope, _ in _leaves(correlation)):
        writing.add(f"eval mcp_siem_sample=substr('mcp.request.text', 1, {_SAMPLE_LENGTH})")
        wanted += [f"values({name}) AS {shown}" for name, shown in _SHOWN.items()]
    writing.add(f"streamstats window={size}{writing.own_window} {' '.join(wanted)}{writing.by}")


def _told(writing: Writing) -> None:
    """Names that an alert shows, and the key by which alerts are suppressed."""
    shown = '"%Y-%m-%dT%H:%M:%S.%3N%z"'
    writing.add(f"eval mcp_siem_first=strftime(mcp_siem_first, {shown}), mcp_siem_last=strftime(_time, {shown})")
    group = '."|".'.join(eval_field(key) for key in writing.keys) or '"all"'
    writing.add(f"eval mcp_siem_dedup={group}")
    renamed = list(_renames(writing))
    if renamed:
        writing.add(f"rename {', '.join(renamed)}")


def _renames(writing: Writing) -> Iterator[str]:
    for key, name in zip(writing.keys, writing.correlation.group_by, strict=True):
        if key.startswith("mcp_siem_key"):
            yield f"{key} AS {list_field(name)}"
