"""Seeded random rules, events and streams: few fields and letters, so that hits and near misses are common."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import yaml

__all__ = ["Case", "random_correlation", "random_detection"]

Data = dict[str, object]

_FIELDS = ("a", "b", "a.b", "b.c", "b.c.d", "ip", "at")
_LETTERS = [
    "a",
    "A",
    "b",
    "B",
    "ab",
    "aB",
    "ß",
    "ss",
    "S",
    "é",
    "É",
    "Σ",
    "ς",
    "1",
    "2",
    "10",
    ".",
    "-",
    "/",
    " ",
    "\n",
    "\\",
]
_IPS = ["10.0.0.1", "10.1.2.3", "11.0.0.1", "::1", "2001:db8::1", "::ffff:10.0.0.9", "10.0.0", "fe80::1"]
_TIMES = [
    "2024-02-29T13:45:10Z",
    "2024-12-31T23:59:59.999999Z",
    "2023-01-01T00:00:00Z",
    "2024-02-29 13:45",
    "soon",
    1709214310,
]
_NUMBERS = [0, 1, 2, 10, -1, 1.5, -2.5, 10.0, 9007199254740993, 9007199254740992.0]
_REGEXES = ["^a", "b$", "[ab]+1", "^$", "a|b", "1.?", "s{2}", "^(a|B)+$", r"\.", "a.b", ".", "^[^a]*$", "(ab)+", r"\\"]
_STARTS = datetime(2024, 5, 1, 10, tzinfo=UTC)
_IDS = "00000000-0000-4000-8000-{:012d}"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text of rules and events for it."""

    rules: str
    events: list[Data]


def random_detection(rng: random.Random, *, events: int = 8) -> Case:
    """One rule with up to four selections, and events about the same fields."""
    names = [f"{rng.choice(('sel', 'flt'))}_{at}" for at in range(rng.randint(1, 4))]
    detection: Data = {name: _selection(rng) for name in names}
    detection["condition"] = _condition(rng, names, 3)
    rule = {"title": "R", "id": _IDS.format(1), "logsource": {"product": "test"}, "detection": detection}
    return Case(rules=_dumped([rule]), events=[_event(rng) for _ in range(events)])


def _dumped(documents: Sequence[Data]) -> str:
    return yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False)


def _selection(rng: random.Random) -> object:
    if rng.random() < 0.12:
        words = [_literal(rng) for _ in range(rng.randint(1, 2))]
        return words if rng.random() < 0.7 else {"|all": [*words, _literal(rng)]}
    maps = [dict(_entry(rng) for _ in range(rng.randint(1, 3))) for _ in range(rng.choice((1, 1, 1, 2)))]
    return maps[0] if len(maps) == 1 else maps


def _entry(rng: random.Random) -> tuple[str, object]:  # noqa: PLR0911 - one return per kind of entry
    field = rng.choice(_FIELDS)
    if field == "ip" and rng.random() < 0.8:
        return "ip|cidr" + rng.choice(("", "|neq")), rng.choice(
            ["10.0.0.0/8", "::/0", "10.0.0.1/32", "2001:db8::/32", "fe80::/10"]
        )
    if field == "at" and rng.random() < 0.8:
        unit, wanted = rng.choice(
            [("hour", 13), ("minute", 45), ("month", 2), ("day", 31), ("week", 52), ("year", 2024)]
        )
        return f"at|{unit}{rng.choice(('', '', '|gte', '|lt', '|neq'))}", wanted
    kind = rng.randrange(9)
    if kind == 0:
        return f"{field}|exists", rng.random() < 0.5
    if kind == 1:
        return field, rng.choice((None, "", True, False))
    if kind == 2:
        return f"{field}{rng.choice(('', '|lt', '|lte', '|gt', '|gte'))}", rng.choice(_NUMBERS)
    if kind == 3:
        return f"{field}|re{rng.choice(('', '|i', '|m', '|s', '|i|s'))}", rng.choice(_REGEXES)
    if kind == 4:
        return f"{field}|fieldref{rng.choice(('', '|startswith', '|endswith', '|contains', '|neq'))}", rng.choice(
            _FIELDS
        )
    return _text_entry(rng, field)


def _text_entry(rng: random.Random, field: str) -> tuple[str, object]:
    words = rng.choice(("", "", "|contains", "|contains", "|startswith", "|endswith", "|windash|contains"))
    if rng.random() < 0.2:
        words += "|cased"
    values = [_literal(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    ending = rng.choice(("", "", "", "|neq"))
    if len(values) > 1:
        return field + words + rng.choice((ending, "|all")), values
    return field + words + ending, values[0]


def _literal(rng: random.Random) -> str:
    parts = rng.choices([*_LETTERS, "*", "?", r"\*", r"\?", "\\\\"], k=rng.randint(1, 3))
    return "".join(parts)


def _condition(rng: random.Random, names: Sequence[str], depth: int) -> str:
    if depth == 0 or rng.random() < 0.35:
        heads = sorted({name[:3] for name in names})
        return rng.choice(
            [*names, f"1 of {rng.choice(heads)}_*", f"all of {rng.choice(heads)}_*", "1 of them", "all of them"]
        )
    kind = rng.randrange(3)
    if kind == 0:
        return f"not {_bracketed(rng, names, depth)}"
    return f"{_bracketed(rng, names, depth)} {('and', 'or')[kind - 1]} {_bracketed(rng, names, depth)}"


def _bracketed(rng: random.Random, names: Sequence[str], depth: int) -> str:
    inner = _condition(rng, names, depth - 1)
    return f"({inner})" if rng.random() < 0.7 else inner


def _event(rng: random.Random) -> Data:
    event: Data = {}
    for _ in range(rng.randint(0, 4)):
        name = rng.choice(("a", "b", "a.b", "b.c", "b.c.d", "ip", "at"))
        event[name] = _value(rng, name, 2)
    return event


def _value(rng: random.Random, name: str, depth: int) -> object:  # noqa: PLR0911 - one return per kind of value
    kind = rng.randrange(12)
    if kind == 0 and depth:
        return [_value(rng, name, depth - 1) for _ in range(rng.randint(0, 3))]
    if kind == 1 and depth:
        return {key: _value(rng, "", depth - 1) for key in rng.sample(["b", "c", "d", "c.d"], k=rng.randint(0, 2))}
    if name == "ip":
        return rng.choice(_IPS)
    if name == "at":
        return rng.choice(_TIMES)
    if kind <= 3:
        return rng.choice(_NUMBERS)
    if kind == 4:
        return rng.choice((None, True, False, "", "true", "1.0", "-1"))
    return "".join(rng.choices(_LETTERS, k=rng.randint(0, 4)))


def random_correlation(rng: random.Random, *, events: int = 24) -> Case:
    """A correlation, at times over another one, and a stream with bursts whose distances lie around its timespan."""
    span = rng.choice((2, 5, 60))
    names = ["a", "b", "c"]
    documents: list[Data] = [_base(at, name) for at, name in enumerate(names)]
    if rng.random() < 0.25:
        documents.append({**_outer(rng, 8, "event_count", names[:2], span), "name": "inner"})
        names = [*names, "inner"]
    kind = rng.choice(
        (
            "event_count",
            "value_count",
            "temporal",
            "temporal_ordered",
            "value_sum",
            "value_avg",
            "value_percentile",
            "value_median",
        )
    )
    chosen = (
        rng.sample(names, k=rng.randint(1, 3))
        if not kind.startswith("temporal")
        else rng.choices(names, k=rng.randint(2, 3))
    )
    if kind == "temporal":
        chosen = list(dict.fromkeys(chosen))
    documents.append(_outer(rng, 9, kind, chosen, span))
    return Case(rules=_dumped(documents), events=list(_stream(rng, events, span * 1_000_000)))


def _base(at: int, name: str) -> Data:
    wanted: object = {"k": name} if name != "c" else {"k": ["c", "a"]}
    detection = {"sel": wanted, "condition": "sel"}
    return {
        "title": f"Base {name}",
        "id": _IDS.format(at + 1),
        "name": name,
        "logsource": {"product": "test"},
        "detection": detection,
    }


def _outer(rng: random.Random, at: int, kind: str, rules: Sequence[str], span: int) -> Data:
    body: Data = {"type": kind, "rules": list(rules), "timespan": f"{span}s"}
    group = rng.choice(([], ["u"], ["u"], ["u", "h"], ["peer"]))
    if group:
        body["group-by"] = group
    if group == ["peer"]:
        body["aliases"] = {"peer": {name: rng.choice(("u", "h")) for name in rules}}
    number = (
        rng.choice((1, 2, 2, 3, 4))
        if not kind.startswith("value_") or kind == "value_count"
        else rng.choice((0, 2, 5, 8))
    )
    condition: Data = {rng.choice(("gte", "gte", "gt", "lt", "lte", "eq", "neq")): number}
    if kind.startswith("value_"):
        condition["field"] = rng.choice(("v", ["v", "h"])) if kind == "value_count" else "v"
    if kind == "value_percentile":
        condition["percentile"] = rng.choice((0, 10, 50, 90, 100))
    if kind == "temporal" and rng.random() < 0.3:
        body["condition"] = _extended(rng, rules)
    elif kind not in ("temporal", "temporal_ordered") or rng.random() < 0.4:
        body["condition"] = condition
    return {"title": f"Correlation {at}", "id": _IDS.format(at), "correlation": body}


def _extended(rng: random.Random, rules: Sequence[str]) -> str:
    first, *others = rules
    return first + "".join(f" {rng.choice(('and', 'or', 'and not'))} {other}" for other in others)


def _stream(rng: random.Random, count: int, span: int) -> itertools.chain[Data]:
    moment = 0
    found = []
    for _ in range(count):
        moment += rng.choice((0, 0, 1, span // 7, span // 3, span - 1, span, span + 1))
        event: Data = {"@timestamp": (_STARTS + timedelta(microseconds=moment)).isoformat(), "k": rng.choice("aabbcz")}
        for name, values in (
            ("u", ["x", "y", 7, "7", ["x", "y"]]),
            ("h", ["p", "P", "q"]),
            ("v", [1, 2, 3, 2.5, "4", -3, "n", ["5", 1]]),
        ):
            if rng.random() < 0.85:
                event[name] = rng.choice(values)
        found.append(event)
    return itertools.chain(found)
