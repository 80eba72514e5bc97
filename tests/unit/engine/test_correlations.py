"""Sliding windows: the edges by name."""

import json
from collections.abc import Callable

import pytest

from mcp_siem.engine.engine import Engine
from mcp_siem.errors import PackError
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

PackOf = Callable[..., RulePack]
SECOND = 1_000_000


def _pack(correlation: dict[str, object], *more: dict[str, object]) -> str:
    bases = [
        {
            "title": name,
            "name": name,
            "logsource": {"product": "mcp"},
            "detection": {"sel": {"m": name}, "condition": "sel"},
        }
        for name in ("one", "two", "three")
    ]
    full = {"group-by": ["u"], "timespan": "10s", **correlation}
    full = {key: value for key, value in full.items() if value is not None}
    documents = [*bases, {"title": "c", "name": "c", "correlation": full}, *more]
    return "\n---\n".join(map(json.dumps, documents))


def _fire(pack: RulePack, *rows: tuple[float, object, object], every: bool = False) -> list[tuple[float, object]]:
    """Rows of seconds, rule names, user; what fires, as seconds and group."""
    engine = Engine(pack, every=every)
    found = []
    for second, names, user in rows:
        data = {"m": names, **({} if user is None else {"u": user})}
        fired = engine.feed(Event(data=data, time=round(second * SECOND)))
        found += [(alert.time / SECOND, alert.group.get("u", alert.group)) for alert in fired]
    assert not engine.failures
    return found


COUNT_3 = {"type": "event_count", "rules": ["one"], "condition": {"gte": 3}}


def test_the_window_holds_an_event_exactly_one_timespan_back(pack_of: PackOf) -> None:
    pack = pack_of(_pack(COUNT_3))
    assert _fire(pack, (0, "one", "a"), (5, "one", "a"), (10, "one", "a")) == [(10, "a")]
    assert _fire(pack, (0, "one", "a"), (5, "one", "a"), (10.000001, "one", "a")) == []


def test_a_burst_over_a_boundary_of_fixed_windows_is_seen(pack_of: PackOf) -> None:
    rows = [(time, "one", "a") for time in (8, 9, 11)]
    assert _fire(pack_of(_pack(COUNT_3)), *rows) == [(11, "a")]


def test_one_alert_a_burst_and_another_after_the_condition_was_false(pack_of: PackOf) -> None:
    rows = [(time, "one", "a") for time in (0, 1, 2, 3, 4, 12, 40, 41, 42)]
    pack = pack_of(_pack(COUNT_3))
    assert _fire(pack, *rows) == [(2, "a"), (42, "a")]
    assert [time for time, _ in _fire(pack, *rows, every=True)] == [2, 3, 4, 12, 42]


def test_what_the_window_holds_just_before_the_next_event_decides(pack_of: PackOf) -> None:
    pack = pack_of(_pack(COUNT_3))
    assert _fire(pack, *[(time, "one", "a") for time in (0, 1, 2, 3, 11)]) == [(2, "a")]
    assert _fire(pack, *[(time, "one", "a") for time in (0, 1, 2, 3, 11.000001)]) == [(2, "a"), (11.000001, "a")]


def test_keys_compare_exactly_and_missing_ones_count_nowhere(pack_of: PackOf) -> None:
    rows = [(0, "one", "a"), (1, "one", "A"), (2, "one", "a"), (3, "one", None), (4, "one", ["a", "A"])]
    assert _fire(pack_of(_pack(COUNT_3)), *rows) == [(4, "a")]


def test_an_event_in_an_array_of_keys_counts_once_in_each(pack_of: PackOf) -> None:
    rows = [(0, "one", ["a", "b", "a"]), (1, "one", ["a", "b"]), (2, "one", ["b", "a"])]
    assert _fire(pack_of(_pack(COUNT_3)), *rows) == [(2, "b"), (2, "a")]


def test_an_event_that_matched_two_rules_counts_once(pack_of: PackOf) -> None:
    pack = pack_of(_pack({**COUNT_3, "rules": ["one", "two"]}))
    assert _fire(pack, (0, ["one", "two"], "a"), (1, ["one", "two"], "a")) == []
    assert _fire(pack, (0, ["one", "two"], "a"), (1, "one", "a"), (2, "two", "a")) == [(2, "a")]


def test_without_group_by_there_is_one_group(pack_of: PackOf) -> None:
    pack = pack_of(_pack({**COUNT_3, "group-by": None}))
    assert _fire(pack, (0, "one", "a"), (1, "one", None), (2, "one", "b")) == [(2, {})]


def test_values_count_by_their_text_with_case_and_missing_ones_not(pack_of: PackOf) -> None:
    correlation = {"type": "value_count", "rules": ["one"], "condition": {"gte": 3, "field": "v"}}
    engine = Engine(pack_of(_pack(correlation)))
    values = ["p", "P", "p", None, ["q", "p"]]
    fired = [
        bool(engine.feed(Event(data={"m": "one", "u": "a", "v": value}, time=at))) for at, value in enumerate(values)
    ]
    assert fired == [False, False, False, False, True]


def test_a_temporal_correlation_wants_every_rule_in_any_order(pack_of: PackOf) -> None:
    pack = pack_of(_pack({"type": "temporal", "rules": ["one", "two"]}))
    assert _fire(pack, (0, "two", "a"), (1, "two", "a"), (2, "one", "b"), (10, "one", "a")) == [(10, "a")]
    assert _fire(pack, (0, ["one", "two"], "a")) == [(0, "a")]


def test_an_ordered_correlation_wants_a_later_event_for_each_step(pack_of: PackOf) -> None:
    pack = pack_of(_pack({"type": "temporal_ordered", "rules": ["one", "two", "three"]}))
    assert _fire(pack, (0, "one", "a"), (1, "two", "a"), (10, "three", "a")) == [(10, "a")]
    assert _fire(pack, (0, "one", "a"), (1, "two", "a"), (10.000001, "three", "a")) == []
    assert _fire(pack, (0, "three", "a"), (1, "two", "a"), (2, "one", "a")) == []
    assert _fire(pack, (0, ["one", "two", "three"], "a"), (1, ["two", "one"], "a")) == []
    assert _fire(pack, (0, ["one", "two"], "a"), (1, ["one", "two"], "a"), (2, ["two", "three"], "a")) == [(2, "a")]


def test_events_of_one_instant_count_in_line_order(pack_of: PackOf) -> None:
    pack = pack_of(_pack({"type": "temporal_ordered", "rules": ["one", "two"]}))
    assert _fire(pack, (5, "one", "a"), (5, "two", "a")) == [(5, "a")]
    assert _fire(pack, (5, "two", "a"), (5, "one", "a")) == []


def test_a_step_listed_twice_wants_two_events(pack_of: PackOf) -> None:
    pack = pack_of(_pack({"type": "temporal_ordered", "rules": ["one", "one", "two"]}))
    assert _fire(pack, (0, "one", "a"), (1, "two", "a")) == []
    assert _fire(pack, (0, "one", "a"), (1, "one", "a"), (2, "two", "a")) == [(2, "a")]


@pytest.mark.parametrize(
    ("condition", "names", "fires"),
    [
        ("one and two", ["one", "two"], [1]),
        ("one and not two", ["one", "two"], [0]),
        ("one or two", ["two"], [0]),
        ("one and (two or three)", ["three", "one"], [1]),
        ("not one and two", ["two", "one"], [0]),
    ],
)
def test_an_extended_condition_asks_which_rules_were_seen(
    condition: str, names: list[str], fires: list[int], pack_of: PackOf
) -> None:
    used = [name for name in ("one", "two", "three") if name in condition]
    pack = pack_of(_pack({"type": "temporal", "rules": used, "condition": condition}))
    assert [time for time, _ in _fire(pack, *[(at, name, "a") for at, name in enumerate(names)])] == fires


def test_an_extended_condition_over_an_order_is_refused(pack_of: PackOf) -> None:
    pack = pack_of(_pack({"type": "temporal_ordered", "rules": ["one", "two"], "condition": "one and two"}))
    with pytest.raises(PackError, match="no meaning for an order") as caught:
        Engine(pack)
    assert caught.value.issues[0].code == "MS044"


@pytest.mark.parametrize("spelled", [str.upper, str.lower])
def test_an_alias_may_spell_a_rule_as_the_correlation_does_or_as_its_id(
    spelled: Callable[[str], str], pack_of: PackOf
) -> None:
    rule_id = "ABCDEFAB-0000-4000-8000-000000000001"
    base = {"title": "b", "id": rule_id, "logsource": {"product": "mcp"}}
    base["detection"] = {"sel": {"m": "one"}, "condition": "sel"}
    correlation = {"type": "event_count", "rules": [rule_id], "group-by": ["who"], "timespan": "5m"}
    correlation |= {"condition": {"gte": 1}, "aliases": {"who": {spelled(rule_id): "src"}}}
    text = f"{json.dumps(base)}\n---\n{json.dumps({'title': 'c', 'correlation': correlation})}"
    (alert,) = Engine(pack_of(text)).feed(Event(data={"m": "one", "src": "eve"}, time=0))
    assert alert.group == {"who": "eve"}


def test_an_alias_names_the_key_in_each_rules_events(pack_of: PackOf) -> None:
    correlation = {
        "type": "temporal",
        "rules": ["one", "two"],
        "group-by": ["who"],
        "aliases": {"who": {"one": "src.user", "two": "u"}},
    }
    engine = Engine(pack_of(_pack(correlation)))
    rows = [{"m": "one", "src": {"user": "eve"}, "u": "bob"}, {"m": "two", "u": "bob"}, {"m": "two", "u": "eve"}]
    fired = [engine.feed(Event(data=row, time=at)) for at, row in enumerate(rows)]
    assert [len(alerts) for alerts in fired] == [0, 0, 1]
    assert fired[2][0].group == {"who": "eve"}


def test_a_correlation_over_a_correlation_sees_it_wherever_it_holds(pack_of: PackOf) -> None:
    outer = {
        "title": "outer",
        "correlation": {"type": "temporal_ordered", "rules": ["c", "two"], "group-by": ["u"], "timespan": "5s"},
    }
    pack = pack_of(_pack({**COUNT_3, "timespan": "100s"}, outer))
    failures = [(time, "one", "a") for time in range(30)]
    assert _fire(pack, *failures, (33, "two", "b"), (34, "two", "a")) == [(34, "a")]
    assert _fire(pack, *failures, (35, "two", "a")) == []


def test_one_event_does_not_serve_an_inner_correlation_and_the_next_step(pack_of: PackOf) -> None:
    outer = {
        "title": "outer",
        "correlation": {"type": "temporal_ordered", "rules": ["c", "two"], "group-by": ["u"], "timespan": "5s"},
    }
    pack = pack_of(_pack(COUNT_3, outer))
    assert _fire(pack, (0, "one", "a"), (1, "one", "a"), (2, ["one", "two"], "a")) == []


def test_an_alert_shows_the_newest_hundred_events(pack_of: PackOf) -> None:
    engine = Engine(pack_of(_pack({**COUNT_3, "condition": {"gte": 150}})))
    fired = []
    for at in range(150):
        fired += engine.feed(Event(data={"m": "one", "u": "a"}, time=at, raw_ref=f"f:{at}"))
    (alert,) = fired
    assert [event.raw_ref for event in alert.events] == [f"f:{at}" for at in range(50, 150)]


def test_long_keys_stay_apart_though_they_are_kept_short(pack_of: PackOf) -> None:
    pack = pack_of(_pack(COUNT_3))
    one, other = "k" * 100_000 + "1", "k" * 100_000 + "2"
    engine = Engine(pack)
    fired = [
        engine.feed(Event(data={"m": "one", "u": key}, time=at)) for at, key in enumerate([one, other, one, other, one])
    ]
    assert [len(alerts) for alerts in fired] == [0, 0, 0, 0, 1]
    assert len(fired[4][0].group["u"]) < 600
