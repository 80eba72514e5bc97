import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.events.derive import Deriver
from mcp_siem.events.redact import Redactor
from mcp_siem.prove.corpora import read_corpus
from mcp_siem.prove.corpus import is_benign
from mcp_siem.prove.limits import parse_limits, standings
from mcp_siem.prove.measure import Measured, measure
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_secret_formats
from mcp_siem.testing import frame

RULES = """\
title: Evil word anywhere
id: 0b1c1c52-3f0c-4d0e-9d7a-0f2a1d1f4c01
name: evil
status: test
logsource: {product: mcp}
detection:
    asked: {mcp.request.text|contains: evil}
    told: {mcp.response.text|contains: evil}
    described: {gen_ai.tool.description|contains: evil}
    condition: 1 of *
level: high
---
title: Two calls of one tool
id: 0b1c1c52-3f0c-4d0e-9d7a-0f2a1d1f4c02
name: call
logsource: {product: mcp, service: protocol}
detection:
    call: {mcp.method.name: tools/call, gen_ai.tool.name: twice}
    condition: call
level: low
---
title: Twice in a minute
id: 0b1c1c52-3f0c-4d0e-9d7a-0f2a1d1f4c03
correlation:
    type: event_count
    rules: [call]
    group-by: [mcp.principal]
    timespan: 1m
    condition: {gte: 2}
level: medium
"""
Measure = Callable[..., tuple[Measured, ...]]


@pytest.fixture
def ran(tmp_path: Path) -> Measure:
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    pack = load_pack([tmp_path / "rules.yml"])
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"a key for one test"))

    def run(*data: bytes, label: str | None = None) -> tuple[Measured, ...]:
        corpora = [read_corpus(f"{number}.jsonl", one, label=label) for number, one in enumerate(data)]
        return measure(pack, corpora, deriver=deriver)

    return run


def _lines(*rows: Mapping[str, object]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


def _call(tool: str, label: str | None = None, told: str = "done", **arguments: object) -> dict[str, object]:
    row: dict[str, object] = {"tool": tool, "arguments": arguments, "result_text": told, "server": "s"}
    return row if label is None else {**row, "label": label}


def _verdicts(measured: Measured) -> Sequence[tuple[str, str | None]]:
    return [(one.unit.ref, one.level) for one in measured.judged]


def test_calls_are_judged_one_by_one_with_place_rule_and_evidence(ran: Measure) -> None:
    (measured,) = ran(_lines(_call("read", "benign", path="good"), _call("read", "malicious", path="evil")))
    assert _verdicts(measured) == [("0.jsonl:1", None), ("0.jsonl:2", "high")]
    (flag,) = measured.judged[1].flags
    assert (flag.stem, flag.ref) == ("rules.evil", "0.jsonl:2")
    assert any("evil" in str(one.value) for one in flag.evidence)


def test_what_came_back_is_part_of_a_call(ran: Measure) -> None:
    (measured,) = ran(_lines(_call("read", "injected_result", told="evil")))
    assert measured.judged[0].level == "high"


def test_benign_calls_are_one_callers_and_the_alert_is_of_the_call_that_completed_it(ran: Measure) -> None:
    (measured,) = ran(_lines(_call("twice", "benign"), _call("twice", "benign"), _call("twice", "benign")))
    assert [one.level for one in measured.judged] == [None, "medium", None]


def test_attacks_do_not_add_up_with_others(ran: Measure) -> None:
    (measured,) = ran(_lines(*[_call("twice", "malicious") for _ in range(3)]))
    assert [one.level for one in measured.judged] == [None, None, None]


def test_an_attack_that_says_what_a_benign_call_says_is_undetectable(ran: Measure) -> None:
    benign, attack = _lines(_call("send", "benign", to="a")), _call("send", "malicious", to="a", told="other")
    _, measured = ran(benign, _lines(attack, _call("send", "malicious", to="b")))
    assert [one.twin for one in measured.judged] == ["0.jsonl:1", None]


def test_an_attack_in_a_result_has_no_twin_among_calls(ran: Measure) -> None:
    _, measured = ran(_lines(_call("send", "benign", to="a")), _lines(_call("send", "injected_result", to="a")))
    assert measured.judged[0].twin is None


def test_definitions_are_found_however_deep_and_judged_one_by_one(ran: Measure) -> None:
    tools = [
        {"name": n, "description": d, "inputSchema": {"type": "object"}} for n, d in (("a", "good"), ("b", "evil"))
    ]
    listed = [{"name": "x", "config": {"deep": [{"server_name": "s", "tools": tools}]}}, {"name": "empty"}]
    for data in (json.dumps(listed).encode(), json.dumps(tools).encode(), _lines(*tools)):
        (measured,) = ran(data)
        assert measured.corpus.shape == "definitions"
        assert [one.level for one in measured.judged] == [None, "high"]
        assert measured.judged[1].unit.ref.endswith(" b")


def test_a_capture_is_replayed_whole_and_judged_by_scenario(ran: Measure) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read", "arguments": {"p": "evil"}}}
    lines = []
    for scenario, label, message in (
        ("one", "benign", {**asked, "params": {"name": "read"}}),
        ("two", "attack", asked),
    ):
        line = json.loads(frame(message, server=scenario))
        lines.append({**line, "scenario": scenario, "label": label})
    (measured,) = ran(_lines(*lines))
    assert [(one.unit.name, one.unit.label, one.level) for one in measured.judged] == [
        ("one", "benign", None),
        ("two", "attack", "high"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "evil"},
        {"content": "it is evil"},
        {"tool_description": "evil"},
        {"tool_response": "evil"},
        {"tool_args": '{"a": "evil"}'},
        {"tool_args": "evil"},
        {"tool_call": {"name": "x", "args": '{"a": "evil"}'}},
        {"input": '{"name": "x", "arguments": {"a": "evil"}}'},
        {"input": '{"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "evil"}]}}'},
        {"input": '{"tools": [{"name": "x", "description": "evil", "inputSchema": {}}]}'},
    ],
)
def test_a_case_of_text_is_tried_where_its_fields_say_or_anywhere(ran: Measure, fields: Mapping[str, object]) -> None:
    (measured,) = ran(_lines({"rule": "R1", "kind": "tp", "category": "poison", "fields": fields}))
    assert [(one.unit.label, one.unit.name, one.level) for one in measured.judged] == [("tp", "poison", "high")]


def test_a_negative_of_a_case_is_benign(ran: Measure) -> None:
    (measured,) = ran(_lines({"rule": "R1", "kind": "tn", "fields": {"input": "evil"}}))
    assert [one.unit.ref for one in measured.benign] == ["0.jsonl:1"]


def test_lists_of_samples_say_what_is_expected(ran: Measure) -> None:
    data = {
        "benign_samples": [{"text": "good", "expected_detected": False}],
        "malicious_samples": [{"text": "evil", "expected_detected": True}],
        "more": {"calls": [{"params": {"name": "x", "arguments": {"a": "evil"}}, "expected_detected": True}]},
    }
    (measured,) = ran(json.dumps(data, indent=1).encode())
    assert sorted((one.unit.label, one.level or "") for one in measured.judged) == [
        ("benign", ""),
        ("malicious", "high"),
        ("malicious", "high"),
    ]


def test_messages_seen_between_processes_have_a_direction(ran: Measure) -> None:
    rows = [
        {
            "timestamp": "2026-01-01T00:00:00Z",
            "transport_type": "stdio",
            "stdio_transport": {"from_pid": a, "to_pid": b},
            "raw": json.dumps(message),
        }
        for a, b, message in (
            (1, 2, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}}),
            (2, 1, {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "evil"}]}}),
        )
    ]
    (measured,) = ran(_lines(*rows), label="malicious")
    assert (measured.corpus.shape, measured.events, measured.judged[0].level) == ("observed", 1, "high")


def test_plain_messages_and_cassettes_are_sessions(ran: Measure) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}}
    told = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "evil"}]}}
    for data in (
        json.dumps([asked, told]).encode(),
        json.dumps({"session": {"interactions": [{"request": asked, "response": told}]}}).encode(),
    ):
        (measured,) = ran(data)
        assert [one.level for one in measured.judged] == ["high"]


def test_what_a_source_knows_is_a_session(ran: Measure) -> None:
    event = {"@timestamp": "2026-01-01T00:00:00Z", "event.dataset": "mcp.protocol", "mcp.request.text": "evil"}
    (measured,) = ran(_lines(event))
    assert (measured.corpus.shape, measured.judged[0].level) == ("event", "high")
    assert measured.corpus.notes


def test_a_label_given_stands_in_only_where_the_data_has_none() -> None:
    data = _lines(_call("a", "benign"), _call("b"))
    assert [unit.label for unit in read_corpus("x", data, label="attack").units] == ["benign", "attack"]


@pytest.mark.parametrize("word", ["benign", "TN", "true negative", "Clean", "true-negative"])
def test_words_for_benign(word: str) -> None:
    assert is_benign(word)
    assert not is_benign(f"not {word}")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"not json\n", b"[1, 2]", b'{"a": 1}', b"\xff\xfe\x00", b"[" * 5_000])
def test_what_is_no_corpus_is_refused_in_words(data: bytes) -> None:
    with pytest.raises((UsageError, NoInputError)):
        read_corpus("x", data)


def test_rows_of_any_shape_never_raise(ran: Measure) -> None:
    odd: list[Mapping[str, object]] = [
        {"tool": None, "arguments": [1], "label": 3},
        {"tool": {"a": 1}, "arguments": "text", "result": [1]},
        {"tool": "x", "arguments": None, "result": {"content": "no list"}, "error": {"code": 1}},
    ]
    (measured,) = ran(_lines(*odd))
    assert len(measured.judged) == 3


def test_limits_count_benign_units_of_their_kind_and_attacks_of_their_label(ran: Measure) -> None:
    rows = [_call("r", "benign"), _call("r", "benign", x="evil"), _call("r", "injected_result", told="evil")]
    rows.append(_call("r", "injected_result", told="fine"))
    measured = ran(_lines(*rows))
    found = {one.limit.name: one for one in standings(parse_limits(["calls=50%", "injected=51%"]), measured, "medium")}
    assert (found["calls"].count, found["calls"].units, found["calls"].kept) == (1, 2, True)
    assert (found["injected"].count, found["injected"].units, found["injected"].kept) == (1, 2, False)
    assert (found["definitions"].units, found["definitions"].kept) == (0, True)
    (strict,) = [one for one in standings(parse_limits(["calls=0"]), measured, "medium") if one.limit.name == "calls"]
    assert not strict.kept
    (critical,) = [
        one for one in standings(parse_limits(["calls=0"]), measured, "critical") if one.limit.name == "calls"
    ]
    assert critical.kept


def test_an_undetectable_attack_is_not_asked_for(ran: Measure) -> None:
    measured = ran(_lines(_call("r", "benign", a=1), _call("r", "malicious", a=1), _call("r", "malicious", a="evil")))
    (found,) = [
        one for one in standings(parse_limits(["malicious=100%"]), measured, "low") if one.limit.name == "malicious"
    ]
    assert (found.count, found.units, found.kept) == (1, 1, True)


@pytest.mark.parametrize("text", ["", "calls", "calls=", "calls=x", "call=1%", "calls=-1", "calls=1%%", "calls=1e9"])
def test_a_limit_without_meaning_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no limit"):
        parse_limits([text])
