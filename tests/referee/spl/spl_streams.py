"""Seeded random correlations, and streams whose bursts straddle the edges of windows to the microsecond."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import yaml
from spl_judge import rule_id, rule_of, small_taxonomy

from mcp_siem.events.event import Event
from mcp_siem.rules.rule import Rule

TAXONOMY = small_taxonomy(arrays=["mcp.argument.path", "mcp.sizes"])
BASES = {"base_a": {"kind": ["a", "ab"]}, "base_b": {"kind": ["b", "ab"]}, "base_c": {"kind|re": "^c"}}
KINDS = (
    "event_count", "event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_median",
    "value_percentile",
)  # fmt: skip
START = 1_790_000_000_000_000
SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    kind: str
    rules: tuple[Rule, ...]
    names: tuple[str, ...]
    seconds: int
    operator: str
    ties: bool


def _base(name: str, seed: object) -> dict[str, object]:
    return {
        "title": name, "name": name, "id": rule_id((seed, name)), "status": "test", "level": "low",
        "logsource": {"product": "mcp"}, "detection": {"sel": BASES[name], "condition": "sel"},
    }  # fmt: skip


def _condition(rng: random.Random, body: dict[str, object], names: list[str], operator: str) -> list[str]:
    """Gives the correlation a condition; the rules it is about."""
    kind = str(body["type"])
    if kind == "event_count":
        body["condition"] = {operator: rng.choice((1, 2, 3, 5, 9))}
    elif kind == "value_count":
        fields = ("value", "mcp.argument.path", "value", ["value", "server"])
        body["condition"] = {operator: rng.choice((1, 2, 3)), "field": rng.choice(fields)}
    elif kind.startswith("value_"):
        body["condition"] = {operator: rng.choice((-3, 0, 5, 10, 12, 20)), "field": rng.choice(("size", "mcp.sizes"))}
        if kind == "value_percentile":
            body["condition"] |= {"percentile": rng.choice((0, 10, 25, 50, 75, 90, 99, 100))}  # type: ignore[operator]
    elif rng.random() < 0.5:
        return names
    elif kind == "temporal_ordered":
        body["condition"] = {operator: rng.choice((0, 1, 2, 3, 4))}
    elif rng.random() < 0.5:
        body["condition"] = {operator: rng.choice((1, 2, 3))}
    else:
        body["condition"] = rng.choice(("base_a and not base_b", "base_a or base_b", "base_a and base_b"))
        body["rules"] = names = ["base_a", "base_b"]
        if "aliases" in body:
            body["aliases"] = {"who": dict.fromkeys(names, "user.id")}
    return names


def random_correlation(rng: random.Random, seed: object) -> Case:
    """A correlation of rules, now and then one of correlations."""
    return _chained(rng, seed) if rng.random() < 0.2 else _plain(rng, seed)


def _chained(rng: random.Random, seed: object) -> Case:
    """A correlation over one over one: the innermost is random, of single values."""
    inner = _plain(rng, (seed, "inner"), keys=(["user.id"], ["user.id", "server"], []))
    levels = [*inner.rules[:-1], inner.rules[-1]]
    name = _renamed(levels, "chain_1", seed)
    keys = rng.choice((["user.id"], ["mcp.argument.path"], []))
    depths = rng.choice((1, 1, 2))
    for depth in range(depths):
        kind = rng.choice(("event_count", "temporal", "temporal_ordered", "value_count"))
        rules = [name, "base_c"] if kind.startswith("temporal") or rng.random() < 0.5 else [name]
        if "base_c" in rules and all(rule.name != "base_c" for rule in levels):
            levels.insert(0, rule_of(yaml.safe_dump(_base("base_c", seed), sort_keys=False), alerts=False))
        body: dict[str, object] = {"type": kind, "rules": rules, "timespan": f"{inner.seconds}s", "group-by": keys}
        if kind == "event_count":
            body["condition"] = {rng.choice(("gte", "lt", "eq")): rng.choice((1, 2, 3))}
        elif kind == "value_count":
            body["condition"] = {"gte": rng.choice((1, 2)), "field": "server"}
        main = yaml.safe_dump(_document((seed, depth), body), sort_keys=False)
        levels.append(rule_of("---\n".join([*(own_text(rule) for rule in levels), main]), kind="correlation"))
        keys = keys if "mcp.argument.path" not in keys else []
        if depth + 1 < depths:
            name = _renamed(levels, f"chain_{depth + 2}", seed)
    return Case(kind="chain", rules=tuple(levels), names=_group_names(levels[-1]), seconds=inner.seconds,
                operator="gte", ties=rng.random() < 0.4)  # fmt: skip


def own_text(rule: Rule) -> str:
    """The rule's own document."""
    return rule.text.split("---\n")[-1]


def _group_names(rule: Rule) -> tuple[str, ...]:
    return tuple(yaml.safe_load(own_text(rule))["correlation"].get("group-by", ()))


def _renamed(levels: list[Rule], name: str, seed: object) -> str:
    """Gives the last correlation a name to be referred by, and takes its alert."""
    document = yaml.safe_load(own_text(levels[-1])) | {"name": name, "id": rule_id((seed, name))}
    whole = [*(own_text(rule) for rule in levels[:-1]), yaml.safe_dump(document, sort_keys=False)]
    levels[-1] = rule_of("---\n".join(whole), kind="correlation", alerts=False)
    return name


def _document(seed: object, body: dict[str, object]) -> dict[str, object]:
    head = {"title": f"correlation {seed}", "id": rule_id(seed), "status": "test", "level": "high"}
    return {**head, "correlation": body}


GROUPS = (["user.id"], ["user.id"], ["user.id", "server"], ["mcp.argument.path"], ["who"], [])


def _plain(rng: random.Random, seed: object, keys: Sequence[list[str]] = GROUPS) -> Case:
    kind = rng.choice(KINDS)
    names = ["base_a", "base_b", "base_c"][
        : rng.choice((2, 3)) if kind.startswith("temporal") else rng.choice((1, 2, 3))
    ]
    seconds = rng.choice((10, 60, 300))
    operator = rng.choice(("gte", "gte", "gte", "gt", "lt", "lte", "eq", "neq"))
    body: dict[str, object] = {"type": kind, "rules": names, "timespan": f"{seconds}s"}
    chosen = rng.choice(keys)
    if chosen:
        body["group-by"] = chosen
    if chosen == ["who"]:
        body["aliases"] = {
            "who": {name: rng.choice(("user.id", "server")) if kind != "event_count" else "user.id" for name in names}
        }
    names = _condition(rng, body, names, operator)
    document = _document(seed, body)
    bases = [yaml.safe_dump(_base(name, seed), sort_keys=False) for name in names]
    whole = "---\n".join([*bases, yaml.safe_dump(document, sort_keys=False)])
    rules = [rule_of(text, alerts=False) for text in bases]
    rules.append(rule_of(whole, kind="correlation"))
    condition = body.get("condition")
    word = next(iter(condition)) if isinstance(condition, dict) else "extended" if condition else "gte"
    return Case(kind=kind, rules=tuple(rules), names=tuple(chosen), seconds=seconds,
                operator=word, ties=rng.random() < 0.4)  # fmt: skip


def random_stream(rng: random.Random, case: Case, size: int = 60) -> list[Event]:
    """Steps of nothing, a microsecond, a second, exactly the window, and a microsecond more than it."""
    time = START + rng.randint(0, 999_999)
    steps = [1, SECOND // 3, SECOND, SECOND * case.seconds // 3, SECOND * case.seconds // 2, SECOND * case.seconds]
    steps += [SECOND * case.seconds + 1, SECOND * case.seconds - 1]
    events = []
    for _ in range(size):
        time += 0 if case.ties and rng.random() < 0.4 else rng.choice(steps)
        events.append(Event(data=_data(rng), time=time))
    return events


def _data(rng: random.Random) -> dict[str, object]:
    data: dict[str, object] = {"kind": rng.choice(("a", "b", "ab", "c", "x"))}
    if rng.random() < 0.93:
        data["user.id"] = rng.choice(("u1", "U1", "u2"))
    if rng.random() < 0.95:
        data["server"] = rng.choice(("s1", "u1"))
    if rng.random() < 0.9:
        data["value"] = rng.choice(("v1", "V1", "v|2", "", 3))
    if rng.random() < 0.9:
        data["size"] = rng.choice((0, 1, 5, 5, -7, 12, 20, "20", "many", 4.5))
    if rng.random() < 0.9:
        data["mcp.sizes"] = [rng.choice((0, 1, 5, 12, 20, -3)) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.9:
        data["mcp.argument.path"] = [rng.choice(("/a", "/A", "/b")) for _ in range(rng.randint(1, 3))]
    return data


Held = tuple[tuple[str, ...], int]


def differences(case: Case, want: set[Held], got: set[Held], events: Sequence[Event]) -> set[Held]:
    """Where they differ; what a note says of events of one instant is none: then windows that hold some are left out."""
    exact = case.kind == "event_count" or (case.operator in ("gte", "gt") and case.kind in ("value_count", "temporal"))
    if exact or not case.ties:
        return want ^ got
    times = [event.time for event in events if event.time is not None]
    tied = {time for time in times if times.count(time) > 1}
    span = case.seconds * SECOND
    return {item for item in want ^ got if not any(one <= item[1] <= one + span for one in tied)}
