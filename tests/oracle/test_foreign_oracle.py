"""pySigma's SQLite backend, run by sqlite3, as an oracle that others wrote: where it is right, the engine says the same.

It is right on ASCII, with every field present and of one type, on times of whole milliseconds; group keys there have no
capitals. docs/conformance.md says what it gets wrong elsewhere.
"""

import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from mcp_siem_engine import answer
from sqlite_engine import answer as foreign

DEPTH = int(os.environ.get("MCP_SIEM_TEST_DEPTH", "1"))
_FIELDS = ("f", "g", "h")
_WORDS = ["a", "b", "ab", "ba", "A", "B", "1", "10", ".", "-", " ", "x"]
_TYPES = (
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
)
_STARTS = datetime(2024, 5, 1, 10, tzinfo=UTC)
_ID = "00000000-0000-4000-8000-{:012d}"
Data = dict[str, object]


def _text(rng: random.Random, most: int = 3) -> str:
    return "".join(rng.choices(_WORDS, k=rng.randint(1, most)))


def _entry(rng: random.Random) -> tuple[str, object]:
    if rng.random() < 0.2:
        return f"n|{rng.choice(('lt', 'lte', 'gt', 'gte'))}", rng.choice((0, 1, 5, 2.5))
    words = rng.choice(("", "", "|contains", "|startswith", "|endswith"))
    values = [rng.choice(("", "*", "?")) * (words == "") + _text(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    field = rng.choice(_FIELDS)
    if len(values) > 1:
        return field + words + rng.choice(("", "|all")), values
    return field + words, values[0]


def _rule(rng: random.Random) -> str:
    names = ["s1", "s2", "s3"]
    detection: Data = {name: dict(_entry(rng) for _ in range(rng.randint(1, 2))) for name in names}
    detection["condition"] = rng.choice(
        ["s1", "s1 or s2", "s1 and not s2", "not (s1 or s3)", "1 of s*", "all of s*", "s1 and (s2 or not s3)"]
    )
    rule = {"title": "R", "id": _ID.format(1), "logsource": {"product": "test"}, "detection": detection}
    return yaml.safe_dump(rule, sort_keys=False)


def _event(rng: random.Random) -> Data:
    return {**{field: _text(rng, 4) for field in _FIELDS}, "n": rng.choice((0, 1, 3, 5, 9))}


def _both(rules: str, events: Sequence[Data]) -> tuple[list[list[str]], list[list[str]]]:
    ours, theirs = answer({"rules": rules, "events": events}), foreign({"rules": rules, "events": events})
    assert "verdicts" in ours, ours
    assert "verdicts" in theirs, theirs
    found, other = ([sorted(map(repr, one)) for one in said["verdicts"]] for said in (ours, theirs))
    return found, other


def _same(rules: str, events: Sequence[Data]) -> int:
    """How many verdicts are the same."""
    found, other = _both(rules, events)
    assert found == other, (rules, events)
    return sum(map(len, found))


def _ordered(rules: str, events: Sequence[Data]) -> int:
    """SQL speaks once a chain, at its last step, and is silent while the window still holds an earlier one."""
    found, other = _both(rules, events)
    known: set[str] = set()
    for ours, theirs in zip(found, other, strict=True):
        known.update(theirs)
        assert set(theirs) <= set(ours), (rules, events)
        assert set(ours) <= known, (rules, events)
    return sum(map(len, other))


@pytest.mark.parametrize("first", range(0, 120 * DEPTH, 40))
def test_sql_finds_the_events_that_the_engine_finds(first: int) -> None:
    hits = 0
    for seed in range(first, first + 40):
        rng = random.Random(seed)
        hits += _same(_rule(rng), [_event(rng) for _ in range(20)])
    assert hits > 40


def _correlation(rng: random.Random, kind: str) -> str:
    bases = [
        {
            "title": f"Base {name}",
            "id": _ID.format(at + 1),
            "name": name,
            "logsource": {"product": "test"},
            "detection": {"sel": {"k": name}, "condition": "sel"},
        }
        for at, name in enumerate("abc")
    ]
    ordered = kind.startswith("temporal")
    rules = rng.sample("abc", k=rng.randint(2, 3)) if ordered else rng.sample("abc", k=rng.randint(1, 2))
    body: Data = {"type": kind, "rules": rules, "group-by": ["u"], "timespan": f"{rng.choice((5, 60))}s"}
    if not ordered:
        condition: Data = {rng.choice(("gte", "gt", "lt", "eq")): rng.choice((1, 2, 3, 4))}
        if kind.startswith("value"):
            condition["field"] = "v"
        if kind == "value_percentile":
            condition["percentile"] = rng.choice((0, 50, 100))
        body["condition"] = condition
    correlation = {"title": "C", "id": _ID.format(9), "correlation": body}
    return yaml.safe_dump_all([*bases, correlation], sort_keys=False)


def _stream(rng: random.Random) -> list[Data]:
    """Bursts with distances around 5 and 60 seconds, to the millisecond."""
    moment, events = 0, []
    for _ in range(25):
        moment += rng.choice((1, 300, 1_000, 4_999, 5_000, 5_001, 20_000, 59_999))
        at = (_STARTS + timedelta(milliseconds=moment)).isoformat()
        events.append(
            {"@timestamp": at, "k": rng.choice("aabbcz"), "u": rng.choice("xy"), "v": rng.choice((1, 2, 3, 4))}
        )
    return events


@pytest.mark.parametrize("kind", _TYPES)
def test_sql_counts_as_the_engine_counts(kind: str) -> None:
    alerts = 0
    for seed in range(15 * DEPTH):
        rng = random.Random(f"{kind} {seed}")
        compared = _ordered if kind == "temporal_ordered" else _same
        alerts += compared(_correlation(rng, kind), _stream(rng))
    assert alerts > 15
