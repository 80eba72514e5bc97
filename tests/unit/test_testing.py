import json
from pathlib import Path

import pytest

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.port import Record
from mcp_siem.sources.wire import WIRE
from mcp_siem.testing import START, capture_lines, event, frame, tool_call

_ROWS = [
    {"server": "a", "tool": "one", "arguments": {"x": 1}, "result": "fine", "label": "benign"},
    {"server": "b", "tool": "two", "arguments": None, "result_text": "fine too"},
    {"suite": "c", "tool": "three", "arguments": {}, "result": {"content": [], "structuredContent": {"y": 2}}},
    {"server": "a", "tool": "four", "arguments": {}, "result": None, "error": "it broke"},
    {"server": "a", "tool": "five", "arguments": {}},
]


class _Bare:
    def complete(self, data: dict[str, object], **_: object) -> dict[str, object]:
        return data


def _events(lines: list[bytes]) -> list[Event]:
    session = WIRE.open(_Bare(), KnownItems())  # type: ignore[arg-type]
    records = (Record(data=line, ref=f"f:{number}") for number, line in enumerate(lines, 1))
    told = [*(item for record in records for item in session.feed(record)), *session.finish()]
    assert all(isinstance(item, Event) for item in told)
    return [item for item in told if isinstance(item, Event)]


def test_rows_become_captures_of_calls_with_their_results() -> None:
    lines = list(capture_lines(_ROWS))
    assert b"benign" not in b"".join(lines)
    told = {str(event.data["gen_ai.tool.name"]): event for event in _events(lines)}
    assert list(told) == ["one", "two", "three", "four", "five"]
    assert told["one"].data["mcp.response.text"] == "fine"
    assert told["two"].data["mcp.response.text"] == "fine too"
    assert told["three"].data["mcp.response.text"] == '{"y":2}'
    assert (told["four"].data["mcp.response.text"], told["four"].data["mcp.tool.is_error"]) == ("it broke", True)
    assert told["five"].data["mcp.message.pairing"] == "unanswered"


def test_each_server_is_a_process_and_time_goes_on() -> None:
    told = _events(list(capture_lines(_ROWS)))
    assert [event.data["process.pid"] for event in told] == [1000, 1001, 1002, 1000, 1000]
    assert [event.time for event in told] == [START + number * 15_000_000 for number in range(5)]


def test_the_benign_corpus_is_a_capture_of_as_many_calls() -> None:
    text = Path("examples/livemcpbench_benign_toolcalls.jsonl").read_text(encoding="utf-8")
    told = _events(list(capture_lines(map(json.loads, text.splitlines()))))
    assert len(told) == 294
    assert {event.data["mcp.message.pairing"] for event in told} == {"paired"}


def test_what_is_none_is_left_out_of_a_frame() -> None:
    line = json.loads(frame({"id": 1}, at=None, server=None, pid=None))
    assert line == {"direction": "client_to_server", "message": {"id": 1}}


@pytest.mark.parametrize("at", [START, "2026-08-20T12:00:00Z"])
def test_an_event_is_built_with_a_time_in_either_form(at: int | str) -> None:
    assert event({"a": 1}, at=at) == Event(data={"a": 1}, time=START, raw_ref="test:1")


def test_a_tool_call_is_built_as_the_wire_source_writes_it() -> None:
    built = tool_call("read", {"path": "/a"}, result="x", mcp__server__name="s").data
    asked = frame(
        {"id": 1, "method": "tools/call", "params": {"name": "read", "arguments": {"path": "/a"}}}, server="s"
    )
    said = frame({"id": 1, "result": {"content": "x"}}, server="s", direction="server_to_client")
    (read,) = _events([asked, said])
    same = set(built) - {"mcp.principal", "mcp.argument.value", "mcp.response.text"}
    assert {name: built[name] for name in same} == {name: read.data[name] for name in same}
