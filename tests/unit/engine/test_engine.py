"""The engine around the rules: routing, twins, evidence, refusals, isolation, replay."""

# ruff: noqa: RUF001 - look-alikes are what is tested

import json
import pickle
from collections.abc import Callable, Iterator

import pytest

from mcp_siem.engine.alert import Evidence
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.engine.hit import Hit, MemoryStore
from mcp_siem.engine.predicates import Regex
from mcp_siem.engine.sight import Sight
from mcp_siem.errors import McpSiemError, PackError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

PackOf = Callable[..., RulePack]


def _rule(selection: object, condition: object = "sel", **other: object) -> str:
    detection = {"sel": selection, "condition": condition}
    return json.dumps({"title": "t", "logsource": {"product": "mcp"}, "detection": detection, **other})


def _evidence(pack: RulePack, data: dict[str, object]) -> list[tuple[str, object]]:
    (alert,) = Engine(pack).feed(Event(data=data))
    return [(item.field, item.value) for item in alert.evidence]


@pytest.mark.parametrize(
    ("logsource", "dataset", "tried"),
    [
        ({"product": "mcp"}, "mcp.protocol", True),
        ({"product": "mcp", "service": "protocol"}, "mcp.protocol", True),
        ({"product": "MCP", "service": "http"}, "mcp.http", True),
        ({"product": "mcp", "service": "http"}, "mcp.protocol", False),
        ({"category": "process_creation", "product": "linux"}, "endpoint.process_creation", True),
        ({"product": "mcp"}, "endpoint.process_creation", False),
        ({"product": "windows"}, "mcp.protocol", False),
        ({"product": "mcp", "service": "http"}, None, True),
        ({"product": "mcp", "service": "http"}, "somebody.elses", True),
        ({"product": "mcp", "service": "http"}, ["mcp.protocol", "mcp.http"], True),
        ({"product": "mcp", "service": "http"}, 7, True),
    ],
)
def test_a_rule_is_tried_where_its_logsource_fits_the_dataset(
    logsource: dict[str, str], dataset: object, *, tried: bool, pack_of: PackOf
) -> None:
    engine = Engine(pack_of(_rule({"x": 1}, logsource=logsource)))
    data = {"x": 1} if dataset is None else {"x": 1, "event": {"dataset": dataset}}
    assert bool(engine.feed(Event(data=data))) is tried


def test_a_twin_is_made_of_the_original_when_the_event_has_none(pack_of: PackOf) -> None:
    pack = pack_of(_rule({"x_folded|contains": "IGNORE previous"}))
    hidden = "ig\u200bnore ｐrevious"
    assert Engine(pack).feed(Event(data={"x": hidden}))
    assert Engine(pack).feed(Event(data={"x": ["a", hidden]}))
    assert not Engine(pack).feed(Event(data={"y": hidden}))


def test_evidence_of_a_derived_twin_is_the_original_that_a_person_reads(pack_of: PackOf) -> None:
    hidden = "ig\u200bnore ｐREVIOUS"
    (alert,) = Engine(pack_of(_rule({"x_folded|contains": "ignore previous"}))).feed(Event(data={"x": ["a", hidden]}))
    assert [(item.field, item.value) for item in alert.evidence] == [("x", hidden)]


def test_a_twin_that_the_event_carries_is_taken_as_it_is(pack_of: PackOf) -> None:
    engine = Engine(pack_of(_rule({"x_folded|contains": "needle"})))
    assert engine.feed(Event(data={"x": "a", "x_folded": "needle"}))
    assert not engine.feed(Event(data={"x": "needle", "x_folded": "a"}))
    assert not engine.feed(Event(data={"x": "needle", "x_folded": None}))
    assert not engine.feed(Event(data={"x": "needle", "x_folded": []}))


def test_a_twin_exists_where_its_original_does(pack_of: PackOf) -> None:
    engine = Engine(pack_of(_rule({"x_folded|exists": True})))
    assert engine.feed(Event(data={"x": None}))
    assert not engine.feed(Event(data={"y": "a"}))


def test_the_pattern_on_a_twin_is_folded_and_keeps_its_wildcards(pack_of: PackOf) -> None:
    engine = Engine(pack_of(_rule({"x_folded": "＊Ｐass*w?rd"}, status="test")))
    assert engine.feed(Event(data={"x": "*PASS my WÖRD"}))
    assert not engine.feed(Event(data={"x": "*PASS my WRD"}))


def test_evidence_lists_each_positive_value_once_in_the_order_of_the_rule(pack_of: PackOf) -> None:
    selection = {"b|contains": ["ee", "needle"], "a": [1, 2], "c|exists": True, "d|fieldref": "e", "f": None}
    data = {"a": [2, 9], "b": ["x", "a needle"], "c": {"k": 1}, "d": "S", "e": "s"}
    expected = [("b", "a needle"), ("a", 2), ("c", "{…}"), ("d", "S")]
    assert _evidence(pack_of(_rule(selection)), data) == expected


def test_what_a_negation_looked_at_is_no_evidence(pack_of: PackOf) -> None:
    detection = {"sel": {"a": 1}, "f": {"b": "good"}, "condition": "sel and not f"}
    text = json.dumps({"title": "t", "logsource": {"product": "mcp"}, "detection": detection})
    assert _evidence(pack_of(text), {"a": 1, "b": "bad"}) == [("a", 1)]


def test_what_held_in_an_alternative_that_did_not_is_no_evidence(pack_of: PackOf) -> None:
    pack = pack_of(_rule([{"a": 1, "b": 1}, {"c": 1}]))
    assert _evidence(pack, {"a": 1, "b": 2, "c": 1}) == [("c", 1)]


def test_evidence_of_a_keyword_names_the_field_that_holds_it(pack_of: PackOf) -> None:
    assert _evidence(pack_of(_rule(["needle"])), {"x": {"y": [{"z": "a needle"}]}}) == [("x.y.z", "a needle")]


def test_evidence_cuts_a_long_text_and_keeps_types(pack_of: PackOf) -> None:
    pack = pack_of(_rule({"x|startswith": "a", "y": True, "z|gt": 1}))
    found = _evidence(pack, {"x": "a" * 600, "y": True, "z": 1.5})
    assert found == [("x", "a" * 512 + "…"), ("y", True), ("z", 1.5)]
    assert found[1][1] is True


@pytest.mark.parametrize(
    ("selection", "code", "words"),
    [
        ({"x|re": "(?<=a)b"}, "MS040", "RE2"),
        ({"x|re": r"(a)\1"}, "MS040", "RE2"),
        ({"x|re": "a{2000}"}, "MS040", "RE2"),
        ({"x|re": r"\uD83D"}, "MS040", "surrogate"),
        ({"x|cased|fieldref": "y"}, "MS042", "cased"),
    ],
)
def test_what_the_engine_cannot_mean_is_refused_with_its_place(
    selection: object, code: str, words: str, pack_of: PackOf
) -> None:
    with pytest.raises(PackError) as caught:
        Engine(pack_of(_rule(selection)))
    (issue,) = caught.value.issues
    assert issue.code == code
    assert words in issue.message + (issue.hint or "")
    assert issue.path.endswith("rules.yml")
    assert issue.line == 1


def test_every_refused_part_of_every_rule_is_reported_at_once(pack_of: PackOf) -> None:
    bad = _rule({"x|re": ["(?<=a)b", "fine", "(?!c)d"]})
    other = _rule({"y|re": r"(e)\1"}, title="other")
    with pytest.raises(PackError) as caught:
        Engine(pack_of(f"{bad}\n---\n{other}"))
    assert [issue.line for issue in caught.value.issues] == [1, 1, 3]


def test_a_rule_that_fails_on_an_event_does_not_silence_the_others(
    pack_of: PackOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(pack_of(f"{_rule({'x|re': '7'})}\n---\n{_rule({'y|contains': 'a'}, title='other')}"))

    def broken(*_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Regex, "holds", broken)
    assert [alert.title for alert in engine.feed(Event(data={"x": 7, "y": "a"}))] == ["other"]
    assert sum(engine.failures.values()) == 1


_BASE = {"title": "b", "name": "base", "logsource": {"product": "mcp"}}
_BASE["detection"] = {"sel": {"x": 1}, "condition": "sel"}
_MANY = {"type": "event_count", "rules": ["base"], "group-by": ["u"], "timespan": "10s", "condition": {"gte": 2}}


def _many(**changes: object) -> str:
    correlation = {"title": "many", "correlation": {**_MANY, **changes}}
    return f"{json.dumps(_BASE)}\n---\n{json.dumps(correlation)}"


def test_a_base_rule_is_silent_unless_its_correlation_says_generate(pack_of: PackOf) -> None:
    event = Event(data={"x": 1, "u": "a"}, time=0)
    assert Engine(pack_of(_many())).feed(event) == []
    assert [alert.title for alert in Engine(pack_of(_many(generate=True))).feed(event)] == ["b"]


def test_a_correlation_over_an_event_without_time_says_which(pack_of: PackOf) -> None:
    engine = Engine(pack_of(_many()))
    with pytest.raises(UsageError, match=r"a\.jsonl:7: the event has no time, and rules\.base feeds"):
        engine.match(Event(data={"x": 1, "u": "a"}, raw_ref="a.jsonl:7"))
    assert engine.feed(Event(data={"x": 2}, raw_ref="a.jsonl:8")) == []


def test_a_correlation_alert_carries_group_events_evidence_and_who_did_it(pack_of: PackOf) -> None:
    engine = Engine(pack_of(_many()))
    text = "long " * 200
    for second in (0, 1):
        data = {"x": 1, "u": "a", "mcp.server.name": "srv", "mcp.request.text": text}
        alerts = engine.feed(Event(data=data, time=second * 1_000_000, raw_ref=f"f:{second}"))
    (alert,) = alerts
    assert (alert.title, alert.time, alert.group) == ("many", 1_000_000, {"u": "a"})
    assert [(event.raw_ref, event.time) for event in alert.events] == [("f:0", 0), ("f:1", 1_000_000)]
    assert alert.events[0].values("mcp.server.name") == ["srv"]
    assert alert.events[0].values("mcp.request.text") == []
    assert alert.evidence == (Evidence(field="x", value=1),)


def test_replay_sorts_hits_exactly_and_gives_single_event_alerts_first(pack_of: PackOf) -> None:
    engine = Engine(pack_of(_many(generate=True)))
    times = (30, 0, 25, 5)  # in order: 0, 5 and then 25, 30
    events = [Event(data={"x": 1, "u": "a"}, time=time * 1_000_000, raw_ref=f"f:{time}") for time in times]
    alerts = list(replay(engine, events))
    assert [alert.title for alert in alerts] == ["b"] * 4 + ["many"] * 2
    assert [[event.raw_ref for event in alert.events] for alert in alerts[4:]] == [["f:0", "f:5"], ["f:25", "f:30"]]


def test_replay_keeps_its_hits_where_it_is_told(pack_of: PackOf) -> None:
    class Spy(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def add(self, hit: Hit) -> None:
            self.seen += 1
            super().add(pickle.loads(pickle.dumps(hit)))  # noqa: S301 - what a store on disk does

    def events() -> Iterator[Event]:
        for second in range(4):
            yield Event(data={"x": 1 if second != 2 else 0, "u": "a"}, time=second * 1_000_000)

    spy = Spy()
    assert len(list(replay(Engine(pack_of(_many())), events(), store=spy))) == 1
    assert spy.seen == 3


def test_evidence_that_cannot_be_read_at_once_is_looked_for_rule_by_rule(
    pack_of: PackOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    pack = pack_of(_rule({"y|contains": "a"}))
    usual = Engine(pack).feed(Event(data={"y": "cat"}))
    monkeypatch.setattr(Sight, "read", broken)
    assert Engine(pack).feed(Event(data={"y": "cat"})) == usual
    assert [(one.field, one.value) for one in usual[0].evidence] == [("y", "cat")]


def test_a_state_is_for_the_rules_below_its_correlations_as_well(pack_of: PackOf) -> None:
    correlation = {"type": "event_count", "rules": ["r"], "timespan": "1m", "condition": {"gte": 2}}

    def engine(value: str, title: str) -> Engine:
        base = _rule({"y": value}, title=title, name="r", id="5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11")
        return Engine(pack_of(f"{base}\n---\n{json.dumps({'title': 'c', 'name': 'c', 'correlation': correlation})}"))

    saved = engine("a", "one title")
    saved.feed(Event(data={"y": "a"}, time=1))
    same = engine("a", "another title")
    same.restore(saved.state())
    assert [alert.title for alert in same.feed(Event(data={"y": "a"}, time=2))] == ["c"]
    with pytest.raises(McpSiemError, match="other rules below them"):
        engine("b", "one title").restore(saved.state())
