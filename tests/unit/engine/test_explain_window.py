import json
from collections.abc import Callable, Mapping, Sequence

import pytest

from mcp_siem.engine.engine import Engine, replay
from mcp_siem.engine.explain_window import MAX_COUNTED, MAX_WINDOWS, WindowsExplained, explain_windows
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

PackOf = Callable[..., RulePack]
SECOND = 1_000_000


def _base(name: str) -> dict[str, object]:
    detection = {"s": {"k": name}, "condition": "s"}
    return {"title": f"base {name}", "name": name, "logsource": {"product": "mcp"}, "detection": detection}


def _correlation(kind: str, rules: Sequence[str], title: str = "corr", **more: object) -> dict[str, object]:
    return {
        "title": title,
        "name": title,
        "correlation": {"type": kind, "rules": list(rules), "group-by": ["u"], "timespan": "10s", **more},
    }


def _stream(*rows: tuple[float, str, Mapping[str, object]]) -> list[Event]:
    return [
        Event(data={"k": kind, **fields}, time=round(at * SECOND), raw_ref=f"f:{place}")
        for place, (at, kind, fields) in enumerate(rows, start=1)
    ]


def _told(
    pack_of: PackOf, documents: Sequence[Mapping[str, object]], events: Sequence[Event], line: int | None = None
) -> WindowsExplained:
    pack = pack_of("\n---\n".join(map(json.dumps, documents)))
    rule = next(one for one in pack if one.title == documents[-1]["title"])
    return explain_windows(pack, rule, events, at=None if line is None else (lambda ref: ref == f"f:{line}"))


U = {"u": "x"}
THREE = [_base("a"), _correlation("event_count", ["a"], condition={"gte": 3})]


def test_the_events_that_made_the_count_are_told_with_the_opening_of_the_window(pack_of: PackOf) -> None:
    events = _stream((0, "a", U), (8, "a", U), (9, "b", U), (12, "a", U), (13, "a", {"u": "y"}), (14, "a", U))
    (window,) = _told(pack_of, THREE, events, line=6).windows
    assert window.held
    assert window.lacks == ()
    assert (window.group, window.opened, window.at) == ({"u": "x"}, 8 * SECOND, 14 * SECOND)
    assert (window.condition, window.measured, window.count) == ("event_count >= 3", 3, 3)
    assert [(one.ref, one.rules) for one in window.events] == [(f"f:{at}", ("base a",)) for at in (2, 4, 6)]


def test_a_window_that_does_not_hold_says_how_much_is_missing(pack_of: PackOf) -> None:
    (window,) = _told(pack_of, THREE, _stream((0, "a", U), (3, "a", U)), line=2).windows
    assert not window.held
    assert window.lacks == ("it is 2: 1 short",)


def test_without_a_place_each_group_is_told_where_it_held_first_or_was_fullest(pack_of: PackOf) -> None:
    rows = [(0, "a", U), (1, "a", U), (2, "a", U), (3, "a", U), (4, "a", {"u": "y"}), (5, "a", {"u": "y"})]
    found = _told(pack_of, THREE, _stream(*rows, (30, "a", {"u": "y"})))
    held, fullest = found.windows
    assert (held.held, held.at, held.count) == (True, 2 * SECOND, 3)
    assert (fullest.held, fullest.at, fullest.count) == (False, 5 * SECOND, 2)
    assert (found.type, found.timespan) == ("event_count", 10 * SECOND)


def test_events_are_put_in_the_order_of_time(pack_of: PackOf) -> None:
    found = _told(pack_of, THREE, _stream((5, "a", U), (0, "a", U), (3, "a", U)))
    assert [one.ref for one in found.windows[0].events] == ["f:2", "f:3", "f:1"]


def test_an_event_that_lacks_a_key_or_a_value_counts_in_no_window(pack_of: PackOf) -> None:
    found = _told(pack_of, THREE, _stream((0, "a", {}), (1, "a", {"u": None})), line=2)
    assert found.windows == ()
    assert found.ignored == {"without u": 2}
    documents = [_base("a"), _correlation("value_sum", ["a"], condition={"gte": 3, "field": "v"})]
    found = _told(pack_of, documents, _stream((0, "a", {**U, "v": "many"}), (1, "a", {**U, "v": 2})))
    assert found.ignored == {"without a value to count": 1}
    assert found.windows[0].events[0].values == (2,)


def test_an_order_says_which_step_is_missing(pack_of: PackOf) -> None:
    documents = [_base("a"), _base("b"), _base("c"), _correlation("temporal_ordered", ["a", "b", "c"])]
    (window,) = _told(pack_of, documents, _stream((0, "a", U), (1, "c", U), (2, "b", U)), line=3).windows
    assert window.measured == 2
    assert window.lacks == ("it is 2: 1 short", "step 3 of 3, 'base c', was seen, but not in its place")
    (window,) = _told(pack_of, documents, _stream((0, "a", U), (2, "b", U)), line=2).windows
    assert window.lacks[-1] == "step 3 of 3, 'base c', was not seen"
    (window,) = _told(pack_of, documents, _stream((0, "a", U), (1, "b", U), (2, "c", U)), line=3).windows
    assert window.held


def test_a_temporal_says_which_rules_were_seen(pack_of: PackOf) -> None:
    documents = [_base("a"), _base("b"), _correlation("temporal", ["a", "b"])]
    (window,) = _told(pack_of, documents, _stream((0, "a", U), (20, "b", U)), line=2).windows
    assert window.lacks == ("it is 1: 1 short", "'base a' was not seen", "'base b' was seen")


def test_an_extended_condition_is_told_in_words(pack_of: PackOf) -> None:
    documents = [_base("a"), _base("b"), _correlation("temporal", ["a", "b"], condition="a and not b")]
    (window,) = _told(pack_of, documents, _stream((0, "a", U), (1, "b", U)), line=2).windows
    assert window.condition == "('base a' and not 'base b')"
    assert window.measured is None
    assert window.lacks == ("'base a' was seen", "'base b' was seen")


def test_a_chain_counts_at_the_events_at_which_the_inner_one_holds(pack_of: PackOf) -> None:
    documents = [
        _base("a"),
        _base("b"),
        _correlation("event_count", ["a"], "inner", condition={"gte": 2}),
        _correlation("temporal_ordered", ["inner", "b"], "outer"),
    ]
    (window,) = _told(pack_of, documents, _stream((0, "a", U), (1, "a", U), (2, "b", U)), line=3).windows
    assert window.held
    assert [(one.ref, one.rules) for one in window.events] == [("f:2", ("inner",)), ("f:3", ("base b",))]


@pytest.mark.parametrize(
    ("kind", "condition", "measured", "lack"),
    [
        ("value_sum", {"lt": 5, "field": "v"}, 10, "it is 10: 5 too much"),
        ("value_sum", {"lt": 10, "field": "v"}, 10, "it is 10: it must be less"),
        ("value_sum", {"gt": 10, "field": "v"}, 10, "it is 10: it must be more"),
        ("value_sum", {"neq": 10, "field": "v"}, 10, "it is 10, which it must not be"),
        ("value_sum", {"eq": 9, "field": "v"}, 10, "it is 10: 1 too much"),
        ("value_avg", {"gte": 4, "field": "v"}, 2.5, "it is 2.5: 1.5 short"),
        ("value_median", {"gte": 4, "field": "v"}, 2.5, "it is 2.5: 1.5 short"),
        ("value_percentile", {"gte": 5, "field": "v", "percentile": 100}, 4, "it is 4: 1 short"),
        ("value_count", {"gte": 5, "field": "v"}, 4, "it is 4: 1 short"),
        ("event_count", {"lte": 3}, 4, "it is 4: 1 too much"),
    ],
)
def test_every_kind_tells_what_it_measured_and_how_far_it_is(
    pack_of: PackOf, kind: str, condition: dict[str, object], measured: float, lack: str
) -> None:
    events = _stream(*((at, "a", {**U, "v": at + 1}) for at in range(4)))
    (window,) = _told(pack_of, [_base("a"), _correlation(kind, ["a"], condition=condition)], events, line=4).windows
    assert not window.held
    assert (window.measured, window.lacks) == (measured, (lack,))


def test_what_is_told_to_hold_is_what_replay_alerts_on(pack_of: PackOf) -> None:
    events = _stream(*((at * 1.7, "a", {"u": "xyz"[at * at % 3], "v": at}) for at in range(40)))
    for kind, condition in (
        ("event_count", {"gte": 3}),
        ("value_sum", {"gt": 40, "field": "v"}),
        ("value_avg", {"lt": 9, "field": "v"}),
    ):
        documents = [_base("a"), _correlation(kind, ["a"], condition=condition)]
        alerts = list(replay(Engine(pack_of("\n---\n".join(map(json.dumps, documents))), every=True), events))
        wanted = {(alert.events[-1].raw_ref, str(alert.group)) for alert in alerts}
        found = set()
        for line in range(1, 41):
            windows = _told(pack_of, documents, events, line=line).windows
            found |= {(f"f:{line}", str(dict(one.group))) for one in windows if one.held}
        assert found == wanted
        assert found


def test_windows_and_events_are_cut_in_number(pack_of: PackOf) -> None:
    documents = [_base("a"), _correlation("event_count", ["a"], condition={"gte": 1000})]
    found = _told(pack_of, documents, _stream(*((at / 1000, "a", {"u": f"u{at % 30}"}) for at in range(300))))
    assert len(found.windows) == MAX_WINDOWS
    (window,) = _told(pack_of, documents, _stream(*((at / 1000, "a", U) for at in range(300))), line=300).windows
    assert (window.count, len(window.events)) == (300, MAX_COUNTED)
    assert window.events[-1].ref == "f:300"


def test_a_window_of_many_thousand_events_is_told_in_linear_time(pack_of: PackOf) -> None:
    documents = [_base("a"), _correlation("event_count", ["a"], condition={"gte": 10**6}, timespan="1d")]
    events = _stream(*((at / 1000, "a", U) for at in range(20_000)))
    (window,) = _told(pack_of, documents, events).windows
    assert window.count == 20_000
    assert window.lacks == ("it is 20000: 980000 short",)
