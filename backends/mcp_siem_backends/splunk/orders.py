"""Correlations about which rules were seen, in any order or in the listed one."""

from typing import Any

from mcp_siem_backends.splunk.refusals import refused
from mcp_siem_backends.splunk.stream import Writing

__all__ = ["ordered", "temporal"]


def temporal(writing: Writing) -> str:
    """The latest event of each rule is no older than the window."""
    correlation = writing.correlation
    places = range(1, len(correlation.bases) + 1)
    writing.add("sort 0 _time")
    writing.add(
        "eval "
        + ", ".join(f"{writing.name(f'at{place}')}=if({writing.mark(place)}=1, _time, null())" for place in places)
    )
    latest = " ".join(f"max({writing.name(f'at{place}')}) AS {writing.name(f'last{place}')}" for place in places)
    writing.add(f"streamstats {latest}{writing.by}")
    if correlation.expression is not None:
        writing.note("SPLUNK-NOTE-INSTANT")
        return _extended(writing, correlation.expression)
    seen = "+".join(f"if({writing.since(writing.name(f'last{place}'))}, 1, 0)" for place in places)
    writing.add(f"eval {writing.name('count')}={seen}")
    if correlation.sign not in (">=", ">"):
        writing.note("SPLUNK-NOTE-INSTANT")
    return f"{writing.name('count')}{correlation.sign}{correlation.count}"


def _extended(writing: Writing, part: Any) -> str:
    if isinstance(part, int):
        return f"if({writing.since(writing.name(f'last{part + 1}'))}, 1, 0)=1"
    word, *inner = part
    told = [f"({_extended(writing, one)})" for one in inner]
    return f"NOT {told[0]}" if word == "NOT" else f" {word} ".join(told)


def ordered(writing: Writing) -> str:
    """The latest start of a chain: each event hands on, to later rules, the start that earlier events give it."""
    if writing.correlation.sign is None:
        raise refused("SPLUNK-CORRELATION-CONDITION", "temporal_ordered")
    last = len(writing.correlation.bases)
    steps = [f"{writing.mark(place)}=1, {place}" for place in range(1, last + 1)]
    step = writing.name("step")
    writing.add(f"eval {step}=case({', '.join([*steps, 'true(), 0'])})")
    writing.add(f"sort 0 _time {step}")
    writing.note("SPLUNK-NOTE-INSTANT-RULES")
    return writing.threshold(lambda length: _chained(writing, length))


def _chained(writing: Writing, length: int) -> str:
    """A chain of so many rules starts within the window. `chain{n}_{k}` starts a chain of n that ends with rule k."""
    last = len(writing.correlation.bases)
    if length <= 0:
        return "1=1"
    if length > last:
        return "1=0"
    for size in range(1, length + 1):
        _grow(writing, size, range(size, last - length + size + 1))
    ends = range(length, last + 1)
    starts = " ".join(
        f"max({_chain(writing, length, place)}) AS {_chain(writing, length, place)}_latest" for place in ends
    )
    writing.add(f"streamstats {starts}{writing.by}")
    held = " OR ".join(f"if({writing.since(f'{_chain(writing, length, place)}_latest')}, 1, 0)=1" for place in ends)
    return held if len(ends) == 1 else f"({held})"


def _chain(writing: Writing, size: int, place: int) -> str:
    return writing.name(f"chain{size}_{place}")


def _grow(writing: Writing, size: int, ends: range) -> None:
    """Chains of this size at every place where one of the wanted length can still be completed."""
    if size == 1:
        started = (f"{_chain(writing, 1, place)}=if({writing.mark(place)}=1, _time, null())" for place in ends)
        writing.add("eval " + ", ".join(started))
        return
    shorter = range(ends.start - 1, ends.stop - 1)
    before = " ".join(
        f"max({_chain(writing, size - 1, place)}) AS {_chain(writing, size - 1, place)}_before" for place in shorter
    )
    writing.add(f"streamstats current=f {before}{writing.by}")
    writing.add(
        "eval "
        + ", ".join(f"{_chain(writing, size, place)}={_continued(writing, size, place, shorter)}" for place in ends)
    )


def _continued(writing: Writing, size: int, place: int, shorter: range) -> str:
    """The latest start among chains that end with an earlier rule."""
    names = [f"{_chain(writing, size - 1, one)}_before" for one in shorter if one < place]
    known = [f"coalesce({name}, 0)" for name in names]
    latest = names[0] if len(names) == 1 else f"max({', '.join(known)})"
    return f"if({writing.mark(place)}=1, {latest}, null())"
