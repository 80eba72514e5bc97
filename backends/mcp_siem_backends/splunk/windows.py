"""Correlations that count: events, different values, and what numbers amount to.

`streamstats time_window` is documented neither as open nor as closed at its far edge, so no verdict rests on it: values
come dated from a window that is one second too wide, and what is too old goes. A row of values is summed by eval's own
`sum`, and a percentile is told by counting the values below the threshold, so no sort and no estimate is needed.
"""

from collections.abc import Callable

from mcp_siem_backends.splunk.refusals import refused
from mcp_siem_backends.splunk.spl import ARRAY, eval_field
from mcp_siem_backends.splunk.stream import LONGEST_WINDOW, Writing, values_by_rule

__all__ = ["event_count", "value_average", "value_count", "value_percentile", "value_sum"]

_DOUBLES = "SPLUNK-NOTE-DOUBLES"
_KEPT = "mcp_siem_kept"


def event_count(writing: Writing) -> str:
    """The N-th latest event of the group, itself included, is no older than the window."""
    writing.add("sort 0 _time")
    return writing.threshold(lambda number: _at_least(writing, number))


def _at_least(writing: Writing, number: int) -> str:
    if number <= 0:
        return "1=1"
    if number > LONGEST_WINDOW:
        raise refused("SPLUNK-CORRELATION-WINDOW", f"a threshold of {number}")
    seen, first = f"mcp_siem_seen{number}", f"mcp_siem_first{number}"
    writing.add(f"streamstats window={number}{writing.own_window} count AS {seen} min(_time) AS {first}{writing.by}")
    return f"{seen}>={number} AND {writing.since(first)}"


def value_count(writing: Writing) -> str:
    """Values with their times; what is left of them is counted, each once."""
    correlation = writing.correlation
    writing.add("sort 0 _time")
    writing.add(f"eval mcp_siem_value={_counted(writing)}")
    writing.add("where isnotnull(mcp_siem_value)")
    writing.add('eval mcp_siem_dated=mvmap(mcp_siem_value, strftime(_time, "%s.%6N")."|".mcp_siem_value)')
    kept = 'replace(mcp_siem_window, "\\A[^|]*[|]", "")'
    writing.add(f"eval mcp_siem_count=coalesce(mvcount(mvdedup({_windowed(writing, kept)})), 0)")
    if correlation.sign not in (">=", ">"):
        writing.note("SPLUNK-NOTE-INSTANT")
    return f"mcp_siem_count{correlation.sign}{correlation.count}"


def _counted(writing: Writing) -> str:
    """The values to count; of several fields that hold one value each, the combination, in which no two are alike."""
    counted = [base.counted for base in writing.correlation.bases]
    if all(len(fields) == 1 for fields in counted):
        return values_by_rule([fields[0] for fields in counted])
    fields = counted[0]
    if len(set(counted)) > 1 or any(name.endswith(ARRAY) for name in fields):
        raise refused("SPLUNK-CORRELATION-FIELDS", ", ".join(fields))
    return '."|".'.join(f'len({eval_field(name)})."|".{eval_field(name)}' for name in fields)


def _windowed(writing: Writing, kept: str) -> str:
    """What `kept` makes of the dated values of the window, as an expression."""
    seconds = writing.correlation.seconds
    writing.add(f"streamstats time_window={seconds + 1}s values(mcp_siem_dated) AS mcp_siem_window{writing.by}")
    time = 'tonumber(mvindex(split(mcp_siem_window, "|"), 0))'
    return f"mvmap(mcp_siem_window, if({time}>=_time-{seconds}, {kept}, null()))"


def value_sum(writing: Writing) -> str:
    """The sum of all values of the window."""
    _numbers(writing)
    writing.note(_DOUBLES)
    return f"sum({_KEPT}){writing.correlation.sign}{writing.correlation.count}"


def value_average(writing: Writing) -> str:
    """The same, held against the threshold times the number of values."""
    _numbers(writing)
    writing.note(_DOUBLES)
    return f"sum({_KEPT}){writing.correlation.sign}{writing.correlation.count}*mvcount({_KEPT})"


def value_percentile(writing: Writing) -> str:
    """Between the two values nearest to the place of the percentile, in proportion."""
    _numbers(writing)
    writing.note(_DOUBLES)
    percentile = writing.correlation.percentile
    writing.add(f"eval mcp_siem_place={percentile}*(mvcount({_KEPT})-1)")
    writing.add("eval mcp_siem_below=floor(mcp_siem_place/100)")
    writing.add("eval mcp_siem_share=mcp_siem_place-100*mcp_siem_below")
    reach, exceed = _reaches(writing.correlation.count, "<", ">="), _reaches(writing.correlation.count, "<=", ">")
    return _ordered(writing.correlation.sign, reach, exceed)


def _ordered(sign: str | None, reach: str, exceed: str) -> str:
    return {
        ">=": reach,
        ">": exceed,
        "<": f"NOT {reach}",
        "<=": f"NOT {exceed}",
        "=": f"{reach} AND NOT {exceed}",
    }.get(sign or "", f"(NOT {reach} OR {exceed})")


def _reaches(number: int, under: str, over: str) -> str:
    """The percentile is `over` the number: its lower neighbour is, or the upper one and what lies between."""
    side: Callable[[str], str] = lambda sign: f"mvfilter(tonumber({_KEPT}){sign}{number})"  # noqa: E731 - used just here
    count = f"coalesce(mvcount({side(under)}), 0)"
    between = f"100*max({side(under)})+mcp_siem_share*(min({side(over)})-max({side(under)})){over}{100 * number}"
    return f"if({count}<=mcp_siem_below OR ({count}=mcp_siem_below+1 AND {between}), 1, 0)=1"


def _numbers(writing: Writing) -> None:
    """The numbers of the window, each as often as it occurs: dated, numbered by row and by place in the row."""
    source = _counted(writing)
    writing.add("sort 0 _time")
    writing.add(f"eval mcp_siem_value={source}")
    writing.add("eval mcp_siem_value=mvfilter(isnotnull(tonumber(mcp_siem_value)))")
    writing.add("where isnotnull(mcp_siem_value)")
    writing.add("streamstats count AS mcp_siem_row")
    writing.add('eval mcp_siem_value=mvzip(mcp_siem_value, mvrange(0, mvcount(mcp_siem_value)), "|")')
    dated = 'strftime(_time, "%s.%6N")."|".mcp_siem_row."|".mcp_siem_value'
    writing.add(f"eval mcp_siem_dated=mvmap(mcp_siem_value, {dated})")
    kept = _windowed(writing, 'mvindex(split(mcp_siem_window, "|"), 2)')
    writing.add(f"eval {_KEPT}={kept}")
    writing.note("SPLUNK-NOTE-INSTANT-ORDER")
