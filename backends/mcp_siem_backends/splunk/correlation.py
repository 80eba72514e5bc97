"""Correlations as sliding, closed windows: an event at `t` looks at `t - timespan <= x <= t`, never at a fixed bucket.

A threshold of N asks whether the N-th latest event of the group is recent enough (`window=N`); sequences carry the latest
start of a chain forward; values come from a time window that is one second too wide and are then filtered (windows.py).
Events lacking a group-by key are in no group, arrays are expanded, keys compare exactly.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem_backends.splunk import orders, windows
from mcp_siem_backends.splunk.predicate import Node, any_of, search_terms, where_expr, where_rest
from mcp_siem_backends.splunk.spl import eval_field, list_field
from mcp_siem_backends.splunk.stream import BaseRule, Correlation, Writing, mark, values_by_rule

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
    writing = Writing(correlation)
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
    if len(bases) == 1 and not _marks(writing.correlation):
        node = bases[0].scope.narrowed(bases[0].node)
        rest = where_rest(node)
        if rest is not None:
            writing.add(f"where {rest}")
        return " ".join([bases[0].scope.bound, *search_terms(node)])
    marks = ", ".join(f"{mark(place)}=if({where_expr(_whole(base))}, 1, 0)" for place, base in enumerate(bases, 1))
    writing.add(f"eval {marks}")
    writing.add("where " + " OR ".join(f"{mark(place)}=1" for place in range(1, len(bases) + 1)))
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
        writing.add(f"eval {key}=mvdedup({values_by_rule(fields)})")
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
        marks.append(f"{mark(place)}=if({mark(place)}=1 AND {inside}, 1, 0)")
    writing.add(f"eval {', '.join(marks)}")
    writing.add("where " + " OR ".join(f"{mark(place)}=1" for place in range(1, len(fields) + 1)))


def _context(writing: Writing) -> None:
    """What an analyst asks first, of the latest events of the group, bounded; and when the newest of them came in."""
    correlation = writing.correlation
    size = correlation.count if correlation.kind == "event_count" and correlation.sign == ">=" else _CONTEXT_EVENTS
    size = max(1, min(size, _CONTEXT_EVENTS))
    wanted = ["min(_time) AS mcp_siem_first", "max(_indextime) AS mcp_siem_indexed"]
    if all(base.scope.is_mcp for base in correlation.bases):
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
