"""What the listener keeps of OTLP logs is read by the sources of the hosts that sent them, as if it came from a file."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.sources.port import Record
from mcp_siem.sources.table import SOURCES, detect
from mcp_siem.stream.otlp import otlp_lines

_HOSTS = ("claude_code", "codex", "gemini_cli")
_REQUESTS = [
    (path.parent.name, line)
    for host in _HOSTS
    for path in sorted(Path("sigma_rules/sources", host).glob("*.raw.jsonl"))
    for line in path.read_bytes().splitlines()
    if b"resourceLogs" in line
]


def _events(source: str, lines: Iterable[bytes]) -> list[tuple[int | None, dict[str, object]]]:
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"no secret"))
    session = SOURCES[source].open(deriver, KnownItems())
    told = [item for line in lines for item in session.feed(Record(data=line, ref="spool:1"))]
    return [(item.time, dict(item.data)) for item in [*told, *session.finish()] if isinstance(item, Event)]


def test_there_are_requests_of_each_host() -> None:
    assert {source for source, _ in _REQUESTS} == set(_HOSTS)


@pytest.mark.parametrize(("source", "request_body"), _REQUESTS)
def test_a_spooled_record_is_known_and_makes_the_events_of_its_request(source: str, request_body: bytes) -> None:
    spooled = [line for line in otlp_lines(request_body) if line is not None]
    assert spooled
    assert {detect([line]).name for line in spooled} == {source}
    assert _events(source, spooled) == _events(source, [request_body])


def test_a_hook_sent_as_the_body_of_a_log_record_is_read_as_the_hook() -> None:
    body = b'{"resourceLogs":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"dev-7"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1787220000000000000","body":{"stringValue":"{\\"session_id\\":\\"s\\",\\"hook_event_name\\":\\"PreToolUse\\",\\"tool_name\\":\\"mcp__github__x\\",\\"tool_input\\":{}}"}}]}]}]}'
    (line,) = otlp_lines(body)
    assert line is not None
    assert detect([line]).name == "claude_code"
    (host, call) = _events("claude_code", [line])
    assert (host[1]["event.dataset"], call[1]["event.dataset"]) == ("mcp.host", "mcp.protocol")
