import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.stream.otlp import OtlpError, otlp_lines


def _request(*records: object, **resource: object) -> bytes:
    group = {"resource": resource, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": list(records)}]}
    return json.dumps({"resourceLogs": [group]}).encode()


def _only(*records: object, **resource: object) -> dict[str, object]:
    (line,) = otlp_lines(_request(*records, **resource))
    assert line is not None
    assert b"\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def _attribute(name: str, **value: object) -> dict[str, object]:
    return {"key": name, "value": value}


def test_a_body_that_is_a_json_object_is_the_line() -> None:
    assert _only({"body": {"stringValue": '{"direction": "meta",\n "message": {}}'}}) == {
        "direction": "meta",
        "message": {},
    }


def test_its_attributes_are_kept_beside_it() -> None:
    record = {"body": {"stringValue": '{"a": 1}'}, "attributes": [_attribute("b", intValue="2")]}
    assert _only(record, attributes=[_attribute("service.name", stringValue="x")]) == {
        "a": 1,
        "otel": {"attributes": {"b": 2}, "resource": {"service.name": "x"}},
    }


def test_a_body_of_keys_and_values_is_the_line() -> None:
    pairs = [
        _attribute("event.dataset", stringValue="mcp.protocol"),
        _attribute("n", doubleValue=1.5),
        _attribute("yes", boolValue=True),
        _attribute("list", arrayValue={"values": [{"intValue": 7}, {"stringValue": "x"}]}),
        _attribute("bytes", bytesValue="aGk="),
    ]
    found = _only({"body": {"kvlistValue": {"values": pairs}}})
    assert found == {"event.dataset": "mcp.protocol", "n": 1.5, "yes": True, "list": [7, "x"], "bytes": "hi"}


def test_any_other_record_is_an_object_of_what_it_says() -> None:
    record = {
        "timeUnixNano": "1787227200000000000",
        "severityText": "INFO",
        "traceId": "0af7",
        "body": {"stringValue": "codex.tool_result"},
        "attributes": [_attribute("call_id", stringValue="c"), _attribute("call_id", stringValue="d")],
    }
    assert _only(record, attributes=[_attribute("host.name", stringValue="h")]) == {
        "timestamp": "2026-08-20T12:00:00.000000Z",
        "body": "codex.tool_result",
        "severity_text": "INFO",
        "trace_id": "0af7",
        "attributes": {"call_id": ["c", "d"]},
        "resource": {"attributes": {"host.name": "h"}},
        "scope": {"name": "s"},
    }


def test_a_record_that_is_no_object_is_refused_and_the_others_are_kept() -> None:
    lines = otlp_lines(_request("text", {"body": {"stringValue": "{}"}}))
    assert [line is None for line in lines] == [True, False]


def test_an_empty_request_has_no_lines() -> None:
    assert otlp_lines(b"{}") == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"not json",
        b'{"resourceLogs": {}}',
        b'{"resourceLogs": [1]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": 7}]}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_request_is_refused_in_words_of_ours(data: bytes) -> None:
    with pytest.raises(OtlpError) as raised:
        otlp_lines(data)
    assert len(str(raised.value)) < 100


def test_values_nested_without_end_are_cut_off() -> None:
    value: dict[str, object] = {"stringValue": "deep"}
    for _ in range(80):
        value = {"arrayValue": {"values": [value]}}
    assert otlp_lines(_request({"body": value}))[0] is not None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["key", "value", "values", "kvlistValue", "arrayValue", "intValue", "bytesValue", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(record=st.dictionaries(st.sampled_from(["body", "attributes", "timeUnixNano", "traceId"]), _JSON))
def test_no_record_breaks_it_and_each_line_is_one_json_object(record: dict[str, object]) -> None:
    for line in otlp_lines(_request(record)):
        assert line is None or (isinstance(json.loads(line), dict) and b"\n" not in line)
