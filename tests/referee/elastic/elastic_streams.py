"""Random correlations of all types, nested ones too, and streams whose bursts lie across the edges of their windows."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from elastic_engine import shipped

from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.events.time import format_time

__all__ = ["BASES", "HEAD", "Stream", "correlation", "stream"]

START = 1_700_000_000_000
SIZES = ("event_count", "value_count", "value_sum", "value_avg", "value_percentile", "value_median")
WINDOWS = {"5s": 5_000, "1m": 60_000, "10m": 600_000}
_BASE = (
    "title: {name}\nid: 00000000-0000-4000-8000-00000000000{at}\nname: base_{name}\nlogsource: {{product: mcp}}\n"
    "level: low\nstatus: test\ndetection:\n  sel: {{event.action: {name}}}\n  condition: sel\n"
)
_HEAD = "title: {name}\nid: 00000000-0000-4000-8000-0000000000{number}\nname: {name}\nstatus: test\nlevel: high\ncorrelation:\n"
BASES = "---\n".join(_BASE.format(name=name, at=at) for at, name in enumerate("abc"))
HEAD = "---\n" + _HEAD.format(name="outer", number="ff")
_KEYS = (
    "", "  group-by: [user.id]\n", "  group-by: [user.id, host.name]\n", "  group-by: [host.name]\n",
    "  group-by: [who]\n  aliases:\n    who:\n      base_a: user.id\n      base_b: client.user.id\n      base_c: user.id\n",
)  # fmt: skip
_TEXTS = ("gen_ai.tool.name", "host.name", "[host.name, gen_ai.tool.name]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Events in order; `tied` if some share their instant."""

    events: tuple[Event, ...]
    tied: bool


def stream(choose: random.Random, taxonomy: Taxonomy, *, window: int, events: int, tied: bool) -> Stream:
    """Bursts around multiples of the window, and events exactly a window, one millisecond more and one less apart."""
    instants: set[int] = set()
    at = 0
    while len(instants) < events:
        at += choose.choice([1, window // 7, window - 1, window, window + 1, 3 * window])
        edge = (START + at) // (window + 1) * (window + 1) - START
        for _ in range(choose.randint(1, 6)):
            instants.add(
                choose.choice([at, edge]) + choose.choice([-1, 0, 1, 2, window // 9, -window // 9, window // 2])
            )
            instants.add(max(instants) + choose.choice([window - 1, window, window + 1, 3]))
    times = sorted(START + instant for instant in instants)[:events]
    if tied:
        times = [choose.choice([time, time, times[max(place - 1, 0)]]) for place, time in enumerate(times)]
    return Stream(events=tuple(_event(choose, taxonomy, time) for time in sorted(times)), tied=tied)


def _event(choose: random.Random, taxonomy: Taxonomy, milliseconds: int) -> Event:
    data: dict[str, object] = {"event.action": choose.choice(["a", "a", "b", "c", "A", ["a", "b"], ["b", "c"]])}
    for name in ("user.id", "client.user.id"):
        if choose.random() < 0.9:
            user = choose.choice(["u1", "U1", "u|3", "\xfc,1"])
            data[name] = user if choose.random() < 0.9 else [user, "u1"]
    if choose.random() < 0.9:
        data["host.name"] = choose.choice(["h1", "H1", "h|2"])
        data["gen_ai.tool.name"] = choose.choice(["t1", "t2", "T1", "t|,3", "", "%", "x" * 250, ["t1", "t4"], "a\nb"])
    if choose.random() < 0.9:
        data["mcp.request.size"] = choose.choice([0, 1, 2, 5, 5, 9, -4, 100, [5, 5], [1, 9, 2]])
    time = milliseconds * 1000
    return Event(data={**shipped(data, taxonomy), "@timestamp": format_time(time)}, time=time)


def correlation(choose: random.Random, *, tied: bool) -> tuple[str, int]:
    """The documents of a correlation, itself last, and its window in milliseconds. Over tied events only what is exact."""
    documents = [_BASE.format(name=name, at=at) for at, name in enumerate("abc")]
    span, window = choose.choice([*WINDOWS.items()])
    nested = choose.random() < 0.3 and not tied
    key = choose.choice(_KEYS[:4] if nested else _KEYS)
    members = ["base_a", "base_b", "base_c"]
    if nested:
        for at in range(choose.randint(1, 2)):
            name = f"inner_{at}"
            inner = choose.choice(["5s", span])
            union = (
                f"  type: event_count\n  rules: [{', '.join(choose.sample(members, 2))}]\n{key}  timespan: {inner}\n"
            )
            some = _body(choose, members, key, inner, tied=False)
            body = choose.choice([f"{union}  condition: {{gte: 1}}\n", some, some])
            documents.append(_HEAD.format(name=name, number=f"e{at}") + body)
            members = [name, *choose.sample(members, len(members))]
    documents.append(
        _HEAD.format(name="outer", number="ff") + _body(choose, members, key, span, tied=tied, first=nested)
    )
    return "---\n".join(documents), window


def _body(
    choose: random.Random, members: Sequence[str], key: str, span: str, *, tied: bool, first: bool = False
) -> str:
    kinds = ["event_count", "value_count", "temporal"] if tied else [*SIZES, "temporal", "temporal_ordered"]
    kind = choose.choice(kinds)
    rest = list(members[1:])
    least = 2 if kind.startswith("temporal") else 1
    rules = [members[0], *choose.sample(rest, choose.randint(least - 1, 2))] if first else choose.sample(list(members), choose.randint(least, 3))  # fmt: skip
    choose.shuffle(rules)
    condition = _condition(choose, kind, rules, tied=tied)
    return f"  type: {kind}\n  rules: [{', '.join(rules)}]\n{key}  timespan: {span}\n{condition}"


def _condition(choose: random.Random, kind: str, rules: Sequence[str], *, tied: bool) -> str:
    if kind == "temporal_ordered":
        return ""
    if kind == "temporal":
        extended = f"  condition: {rules[0]} and not {rules[1]}\n"
        return choose.choice(["", "  condition: {gte: 2}\n", *([] if tied or len(rules) > 2 else [extended])])
    operator = choose.choice(["gte", "gt"] if tied else ["gte", "gte", "gt", "lt", "lte", "eq", "neq"])
    number = choose.choice([1, 2, 3, 5, 8])
    if kind == "event_count":
        return f"  condition: {{{operator}: {number}}}\n"
    field = choose.choice(_TEXTS) if kind == "value_count" else "mcp.request.size"
    percentile = f", percentile: {choose.choice([0, 10, 25, 50, 75, 99, 100])}" if kind == "value_percentile" else ""
    return f"  condition: {{{operator}: {number}, field: {field}{percentile}}}\n"
