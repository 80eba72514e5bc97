"""Correlations that count: events, different values, and what numbers amount to.

`streamstats time_window` is documented neither as open nor as closed at its far edge, so no verdict rests on it: values
come dated from a window that is one second too wide, and what is too old goes. A row of values is summed by eval's own
`sum`, and a percentile is told by counting the values below the threshold, so no sort and no estimate is needed.
"""

from mcp_siem_backends.splunk.refusals import refused
from mcp_siem_backends.splunk.spl import ARRAY, eval_field
from mcp_siem_backends.splunk.stream import LONGEST_WINDOW, Writing, values_by_rule

__all__ = ["event_count", "value_average", "value_count", "value_percentile", "value_sum"]


def event_count(writing: Writing) -> str:
    """The N-th latest event of the group, itself included, is no older than the window."""
    writing.add("sort 0 _time")
    return writing.threshold(lambda number: _at_least(writing, number))


def _at_least(writing: Writing, number: int) -> str:
    if number <= 0:
        return "1=1"
    if number > LONGEST_WINDOW:
        raise refused("SPLUNK-CORRELATION-WINDOW", f"a threshold of {number}")
    seen, first = writing.name(f"seen{number}"), writing.name(f"first{number}")
    writing.add(f"streamstats window={number}{writing.own_window} count AS {seen} min(_time) AS {first}{writing.by}")
    return f"{seen}>={number} AND {writing.since(first)}"


def value_count(writing: Writing) -> str:
    """Values with their times; what is left of them is counted, each once."""
    value, dated, count = writing.name("value"), writing.name("dated"), writing.name("count")
    writing.add("sort 0 _time")
    writing.add(f"eval {value}={_counted(writing)}")
    writing.require(f"isnotnull({value})")
    writing.add(f'eval {dated}=mvmap({value}, strftime(_time, "%s.%6N")."|".{value})')
    kept = _windowed(writing, f'replace({writing.name("window")}, "\\A[^|]*[|]", "")')
    writing.add(f"eval {count}=coalesce(mvcount(mvdedup({kept})), 0)")
    if writing.correlation.sign not in (">=", ">"):
        writing.note("SPLUNK-NOTE-INSTANT")
    return f"{count}{writing.correlation.sign}{writing.correlation.count}"


def _counted(writing: Writing) -> str:
    """The values to count; of several fields that hold one value each, the combination, in which no two are alike."""
    counted = [base.counted for base in writing.correlation.bases]
    if all(len(fields) == 1 for fields in counted):
        return values_by_rule(writing, [fields[0] for fields in counted])
    fields = counted[0]
    if len(set(counted)) > 1 or any(name.endswith(ARRAY) for name in fields):
        raise refused("SPLUNK-CORRELATION-FIELDS", ", ".join(fields))
    return '."|".'.join(f'len({eval_field(name)})."|".{eval_field(name)}' for name in fields)


def _windowed(writing: Writing, kept: str) -> str:
    """What `kept` makes of the dated values of the window, as an expression."""
    seconds, window, dated = writing.correlation.seconds, writing.name("window"), writing.name("dated")
    writing.add(f"streamstats time_window={seconds + 1}s values({dated}) AS {window}{writing.by}")
    time = f'tonumber(mvindex(split({window}, "|"), 0))'
    return f"mvmap({window}, if({time}>=_time-{seconds}, {kept}, null()))"


def value_sum(writing: Writing) -> str:
    """The sum of all values of the window."""
    kept = _numbers(writing)
    return f"sum({kept}){writing.correlation.sign}{writing.correlation.count}"


def value_average(writing: Writing) -> str:
    """The same, held against the threshold times the number of values."""
    kept = _numbers(writing)
    return f"sum({kept}){writing.correlation.sign}{writing.correlation.count}*mvcount({kept})"


def value_percentile(writing: Writing) -> str:
    """Between the two values nearest to the place of the percentile, in proportion."""
    kept = _numbers(writing)
    place, below, share = writing.name("place"), writing.name("below"), writing.name("share")
    writing.add(f"eval {place}={writing.correlation.percentile}*(mvcount({kept})-1)")
    writing.add(f"eval {below}=floor({place}/100)")
    writing.add(f"eval {share}={place}-100*{below}")
    reach, exceed = _reaches(writing, "<", ">="), _reaches(writing, "<=", ">")
    return {
        ">=": reach,
        ">": exceed,
        "<": f"NOT {reach}",
        "<=": f"NOT {exceed}",
        "=": f"{reach} AND NOT {exceed}",
    }.get(writing.correlation.sign or "", f"(NOT {reach} OR {exceed})")


def _reaches(writing: Writing, under: str, over: str) -> str:
    """The percentile is `over` the number: its lower neighbour is, or the upper one and what lies between."""
    number, kept = writing.correlation.count, writing.name("kept")
    low, high = (f"mvfilter(tonumber({kept}){sign}{number})" for sign in (under, over))
    below, share = writing.name("below"), writing.name("share")
    count = f"coalesce(mvcount({low}), 0)"
    between = f"100*max({low})+{share}*(min({high})-max({low})){over}{100 * number}"
    return f"if({count}<={below} OR ({count}={below}+1 AND {between}), 1, 0)=1"


def _numbers(writing: Writing) -> str:
    """The numbers of the window, each as often as it occurs: dated, numbered by row and by place in the row."""
    value, dated, row, kept = (writing.name(what) for what in ("value", "dated", "row", "kept"))
    source = _counted(writing)
    writing.add("sort 0 _time")
    writing.add(f"eval {value}={source}")
    writing.add(f"eval {value}=mvfilter(isnotnull(tonumber({value})))")
    writing.require(f"isnotnull({value})")
    writing.add(f"streamstats count AS {row}")
    writing.add(f'eval {value}=mvzip({value}, mvrange(0, mvcount({value})), "|")')
    writing.add(f'eval {dated}=mvmap({value}, strftime(_time, "%s.%6N")."|".{row}."|".{value})')
    window = _windowed(writing, f'mvindex(split({writing.name("window")}, "|"), 2)')
    writing.add(f"eval {kept}={window}")
    writing.note("SPLUNK-NOTE-INSTANT-ORDER")
    writing.note("SPLUNK-NOTE-DOUBLES")
    return kept
