"""What an attacker may write into an event: it must cost little and hide nothing."""

# ruff: noqa: RUF001 - look-alikes are what is tested

import json
import time
from collections.abc import Callable

import pytest

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

PackOf = Callable[..., RulePack]
MEGABYTE = 1_000_000
# Generous: a backtracking matcher needs hours for these, a linear one milliseconds.
SECONDS = 5.0  # of processor time


def _engine(pack_of: PackOf, selection: object) -> Engine:
    detection = {"sel": selection, "condition": "sel"}
    return Engine(pack_of(json.dumps({"title": "t", "logsource": {"product": "mcp"}, "detection": detection})))


def _holds(engine: Engine, data: dict[str, object]) -> bool:
    started = time.process_time()
    held = bool(engine.feed(Event(data=data)))
    assert time.process_time() - started < SECONDS
    assert not engine.failures
    return held


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        ({"x|re": "(a+)+$"}, "a" * MEGABYTE + "!"),
        ({"x|re": "(a|aa)+b"}, "a" * MEGABYTE),
        ({"x|re": "(.*)(.*)(.*)(.*)(.*)[^a]$"}, "a" * MEGABYTE),
        ({"x|re|i|m|s": r"^(\s*\w+\s*)*;$"}, "word " * (MEGABYTE // 5)),
        ({"x": "*a*a*a*a*a*a*a*a*a*b"}, "a" * MEGABYTE),
        ({"x": "*a?a?a?a?a?a?a?b*"}, "a" * MEGABYTE),
        ({"x|contains": ["ab" * 50 + "c"]}, "ab" * (MEGABYTE // 2)),
        ({"x|cidr": "10.0.0.0/8"}, "1." * (MEGABYTE // 2)),
        ({"x|gt": 5}, "9" * MEGABYTE + "x"),
        ({"x|hour": 5}, "2026-" * (MEGABYTE // 5)),
        ({"x": 5}, "5" * MEGABYTE),
        (["needle"], "x" * MEGABYTE),
    ],
)
def test_a_megabyte_that_does_not_match_costs_little(selection: object, text: str, pack_of: PackOf) -> None:
    assert not _holds(_engine(pack_of, selection), {"x": text})


def test_a_needle_at_the_end_of_a_megabyte_is_found_by_everything(pack_of: PackOf) -> None:
    text = "ß\n" * (MEGABYTE // 2) + "Needle"
    for selection in (
        {"x|contains": "needle"},
        {"x|endswith": "NEEDLE"},
        {"x|re": "Needle$"},
        {"x": "ss*needle"},
        {"x": "*n??dle"},
        ["needle"],
    ):
        assert _holds(_engine(pack_of, selection), {"x": text})


def test_depth_hides_nothing(pack_of: PackOf) -> None:
    lists: object = "needle"
    for _ in range(50_000):
        lists = [lists]
    objects: object = "needle"
    for _ in range(2_000):
        objects = {"k": objects}
    assert _holds(_engine(pack_of, {"x": "needle"}), {"x": lists})
    assert _holds(_engine(pack_of, {"x.y": "needle"}), {"x": [[[{"y": lists}]]]})
    assert _holds(_engine(pack_of, ["needle"]), {"x": objects, "y": lists})
    assert _holds(_engine(pack_of, {"x|exists": True}), {"x": objects})


def test_odd_values_are_no_error(pack_of: PackOf) -> None:
    odd = [10**5000, float("nan"), float("-inf"), "\ud800\udfff", "\x00", {}, [], [[]], {"": {"": ""}}, b"x", object()]
    selections = [
        {"x": "a*b?c"},
        {"x|re": "a"},
        {"x": 5},
        {"x|gt": 5, "x|hour": 3},
        {"x|cidr": "::/0"},
        {"x|fieldref": "y"},
        {"x": None},
        ["a", 5],
        {"x_folded|contains": "a"},
    ]
    for selection in selections:
        engine = _engine(pack_of, selection)
        for value in odd:
            engine.feed(Event(data={"x": value, "y": odd}))
        assert not engine.failures


def test_names_of_fields_are_data_too(pack_of: PackOf) -> None:
    engine = _engine(pack_of, {"a.b": "v"})
    assert _holds(engine, {"a": {"b": "v"}, "a.": 1, ".": {"b": 2}, "": "x", "a.b.": 3})
    assert not _holds(engine, {"a.b.": "v", ".a.b": "v"})


def test_many_values_are_read_once_however_many_rules_ask(pack_of: PackOf) -> None:
    rules = [
        {
            "title": f"t{at}",
            "logsource": {"product": "mcp"},
            "detection": {"s": {"x_folded": f"v{at}"}, "condition": "s"},
        }
        for at in range(50)
    ]
    engine = Engine(pack_of("\n---\n".join(map(json.dumps, rules))))
    assert not _holds(engine, {"x": ["ｗ" * 100] * 2_000})
