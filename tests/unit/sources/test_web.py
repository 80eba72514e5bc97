from collections.abc import Callable
from typing import Any

import pytest

Read = Callable[[str], Any]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b'192.0.2.1 - - [20/Aug/2026:10:00:00 +0000] "GET /a?b=c#d HTTP/1.1" 200 5 "-" "x"',
            {"c-ip": "192.0.2.1", "cs-method": "GET", "cs-uri-stem": "/a", "cs-uri-query": "b=c#d", "sc-status": 200},
        ),
        (
            b'192.0.2.1 - - [20/Aug/2026:10:00:00.250 +0000] "OPTIONS * HTTP/1.1" 200 0',
            {"cs-method": "OPTIONS", "cs-uri-stem": "*"},
        ),
        (
            b'192.0.2.1 - - [20/Aug/2026:10:00:00 +0000] "CONNECT mcp.example.com:443 HTTP/1.1" 405 0',
            {"cs-method": "CONNECT", "cs-host": "mcp.example.com:443"},
        ),
        (
            b'192.0.2.1 - - [20/Aug/2026:10:00:00 +0000] "GET /a b?c HTTP/1.1" 200 0',
            {"cs-uri-stem": "/a b", "cs-uri-query": "c"},
        ),
        (
            b'192.0.2.1 - - [20/Aug/2026:10:00:00 +0000] "GET /\\"\\\\x41\\x41 HTTP/1.1" 200 0 "-" "\\x22a\\x22"',
            {"cs-uri-stem": '/"\\x41A', "cs-user-agent": '"a"'},
        ),
        (
            b'192.0.2.1 - - [20/Aug/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 0 "-" "open',
            {"cs-uri-stem": "/a", "sc-status": 200, "cs-user-agent": '"open'},
        ),
        (
            b'192.0.2.1 - a [01/Jan/2000:00:00:00 +0000] b [20/Aug/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 0',
            {"cs-uri-stem": "/a"},
        ),
        (
            b'gw.example.com 2001:db8::1 - - [20/Aug/2026:10:00:00 +0000] "GET https://u:p@h:8443/a HTTP/1.1" 200 0',
            {"c-ip": "2001:db8::1", "cs-host": "h:8443", "cs-uri-stem": "/a"},
        ),
    ],
)
def test_a_line_is_read_by_its_parts(lines: Read, line: bytes, expected: dict[str, object]) -> None:
    log = lines("web")
    [told] = log.read(line)
    assert {name: told.get(name) for name in expected} == expected
    assert log.issues == []
    assert log.events[0].time in (1_787_220_000_000_000, 1_787_220_000_000_000 + 250_000)


def test_a_client_that_is_a_name_is_told_as_unreadable_and_the_rest_stays(lines: Read) -> None:
    log = lines("web")
    [told] = log.read(b'pc.example.com - - [20/Aug/2026:10:00:00 +0000] "GET /mcp HTTP/1.1" 200 5')
    assert told["cs-uri-stem"] == "/mcp"
    assert "c-ip" not in told
    assert [(issue.code, issue.reason.partition(": ")[2]) for issue in log.issues] == [("bad_value", "c-ip")]


def test_columns_hold_until_others_are_announced(lines: Read) -> None:
    log = lines("web")
    log.read(b"2026-08-20 10:00:00 192.0.2.1 GET /early 200")
    log.read(b"#Fields: date time c-ip cs-method cs-uri-stem sc-status")
    [told] = log.read(b"2026-08-20 10:00:00 192.0.2.1 GET /mcp 200")
    assert told["cs-uri-stem"] == "/mcp"
    assert log.read(b"2026-08-20 10:00:00 192.0.2.1 GET /mcp 200 more") == []
    log.read(b"#Fields: cs(User-Agent) cs-uri c-ip")
    [told] = log.read(b'"a b" /sse?sid=1 192.0.2.1')
    assert (told["cs-user-agent"], told["cs-uri-stem"], told["cs-uri-query"]) == ("a b", "/sse", "sid=1")
    assert log.codes == ["no_columns", "columns", "no_time"]


def test_a_directive_of_too_many_columns_is_not_followed(lines: Read) -> None:
    log = lines("web")
    log.read(b"#Fields: " + b"a " * 10_000)
    assert log.read(b"a " * 10_000) == []
    assert log.codes == ["not_access_log"]


@pytest.mark.parametrize(
    "line",
    [
        b"just words",
        b'192.0.2.1 - - [20/Aug/2026] "GET /"',
        b' [20/Aug/2026:10:00:00 +0000] "GET /a HTTP/1.1"',
        b'"' * 9_000,
    ],
)
def test_other_lines_are_issues(lines: Read, line: bytes) -> None:
    log = lines("web")
    assert log.read(line, b"", b"  ") == []
    assert log.codes == ["not_access_log"]


def test_a_gateway_that_logs_http_is_no_access_log(lines: Read) -> None:
    log = lines("web")
    assert log.read({"method": "tools/call", "status": 200, "request": {"id": 1}, "time": 1}) == []
    assert log.codes == ["other_record"]


@pytest.mark.parametrize(("dataset", "own"), [("web.server", True), ("mcp.http", True), ("nginx.access", False)])
def test_an_event_of_our_own_is_left_to_its_source(lines: Read, dataset: str, own: bool) -> None:  # noqa: FBT001
    log = lines("web")
    made = log.read(
        {"event.dataset": dataset, "cs-method": "GET", "cs-uri-stem": "/", "@timestamp": "2026-08-20T10:00:00Z"}
    )
    assert bool(made) is not own
