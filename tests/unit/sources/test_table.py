from pathlib import Path

import pytest

from mcp_siem.errors import UsageError
from mcp_siem.sources.table import SOURCES, detect, source_named

_FRAME = b'{"ts":1,"direction":"client_to_server","message":{}}'
_HTTP = b'{"timestamp":1,"http":{"request":{}}}'


def test_the_table_holds_each_source_under_its_name() -> None:
    assert {name: source.name for name, source in SOURCES.items()} == {name: name for name in SOURCES}
    assert {"event", "wire"} < set(SOURCES)


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ([_FRAME], "wire"),
        ([_HTTP], "wire"),
        ([b"torn line", _FRAME, b"\xff"], "wire"),
        ([b'{"event.dataset":"mcp.protocol"}'], "event"),
        ([b'{"event":{"dataset":"mcp.protocol"}}'], "event"),
        ([b'{"@timestamp":"2026-01-01T00:00:00Z","CommandLine":"x"}'], "event"),
        ([b'{"time":"2026-01-01T00:00:00Z"}'], "event"),
        ([b'[{"mcp.method.name":"ping"}]'], "event"),
    ],
)
def test_an_input_is_recognised_by_its_lines(sample: list[bytes], name: str) -> None:
    assert detect(sample).name == name


@pytest.mark.parametrize("path", sorted(Path("examples").glob("captured*.jsonl")), ids=str)
def test_the_captures_are_wire(path: Path) -> None:
    assert detect(path.read_bytes().splitlines()[:50]).name == "wire"


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ([b'{"audit_id":"x","secret":"hunter2"}'], "'audit_id', 'secret'"),
        ([b"plain text"], "no line of it is JSON"),
        ([b"[1]"], "JSON that is no object (list)"),
        ([b"{}"], "empty JSON objects"),
        ([b'{"direction":["x"],"message":1}'], "'direction', 'message'"),
        ([], "no line of it is JSON"),
    ],
)
def test_an_unknown_input_is_refused_saying_what_was_seen(sample: list[bytes], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        detect(sample, place="f.jsonl")
    assert said in str(caught.value)
    assert str(caught.value).startswith("f.jsonl: ")
    assert caught.value.hint == f"say what it is with --source: {', '.join(sorted(SOURCES))}"
    assert "hunter2" not in str(caught.value)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown source 'splunk'") as caught:
        source_named("splunk")
    assert str(caught.value.hint).endswith(", ".join(sorted(SOURCES)))
