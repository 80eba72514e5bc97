from typing import Any

import pytest

from mcp_siem.sources.jsontext import MAX_DEPTH, read_json
from mcp_siem.testing import START

_CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}'


def _line(message: bytes = _CALL, **more: str) -> bytes:
    keys = {"ts": f"{START}", "direction": '"client_to_server"', **more}
    head = b",".join(b'"%s":%s' % (key.encode(), value.encode()) for key, value in keys.items())
    return b"{" + head + b',"message":' + message + b"}"


def test_labels_are_never_read(tap: Any) -> None:
    tap.raw(_line(scenario='"attack"', label='"malicious"', technique='"T1"'))
    (told,) = tap.end()
    assert not any(word in str(told) for word in ("attack", "malicious", "T1"))


def test_both_names_of_the_time_are_read(tap: Any) -> None:
    tap.raw(b'{"timestamp":"2026-11-23T09:28:08.483Z","direction":"client_to_server","message":%s}' % _CALL)
    assert tap.end()
    assert tap.events[0].time == 1_795_426_088_483_000
    assert tap.issues == []


def test_a_line_without_time_is_an_event_without_time(tap: Any) -> None:
    tap.raw(_line(ts='"yesterday"'))
    assert tap.end()
    assert tap.events[0].time is None
    assert [issue.code for issue in tap.issues] == ["no_time"]


def test_server_pid_and_sequence_are_taken_over(tap: Any) -> None:
    tap.raw(_line(server='"files"', pid="7", seq="3"))
    (told,) = tap.end()
    assert (told["mcp.server.name"], told["process.pid"], told["event.sequence"]) == ("files", 7, 3)


def test_a_server_or_pid_of_the_wrong_type_is_ignored_and_told(tap: Any) -> None:
    tap.raw(_line(server="[1]", pid="{}"))
    (told,) = tap.end()
    assert "mcp.server.name" not in told
    assert [issue.code for issue in tap.issues] == ["wrong_type", "wrong_type"]


def test_a_message_may_be_the_text_of_a_message(tap: Any) -> None:
    tap.raw(_line(b'"{\\"id\\":1,\\"method\\":\\"ping\\"}"'))
    assert tap.end()[0]["mcp.method.name"] == "ping"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"nonsense", "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
        (b"12", "not_object"),
        (b"{}", "no_message"),
        (_line(b"5"), "no_message"),
        (_line(b"null"), "no_message"),
        (_line(b'"text"'), "not_json"),
        (_line(b"[]"), "empty_batch"),
        (_line(b"{}"), "not_jsonrpc"),
        (_line(b'{"method":5}'), "not_jsonrpc"),
        (_line(direction='"sideways"'), "no_direction"),
        (_line(direction="[1]"), "no_direction"),
        (_line(direction="null"), "no_direction"),
        (_line(b"[1]", direction='"meta"'), "wrong_type"),
        (_line(b"{}", direction='"meta"'), "unknown_meta"),
        (b'{"ts":1,"http":5}', "wrong_type"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too_deep"),
        (_line(b"[" * 990 + b"]" * 990), "deep"),
    ],
)
def test_a_malformed_line_is_an_issue_with_a_code(tap: Any, line: bytes, code: str) -> None:
    assert tap.raw(line) == []
    assert code in {issue.code for issue in tap.issues}
    assert {issue.ref for issue in tap.issues} == {"tap:1"}


def test_a_reason_quotes_nothing_of_the_line(tap: Any) -> None:
    tap.raw(b'{"password": hunter2}')
    assert "hunter2" not in tap.issues[0].reason


def test_bytes_that_are_no_utf8_do_not_hide_the_message(tap: Any) -> None:
    tap.raw(_line(b'{"id":1,"method":"tools/call","params":{"name":"t","arguments":{"x":"/etc/shadow \xff"}}}'))
    (told,) = tap.end()
    assert "/etc/shadow" in str(told["mcp.request.text"])
    assert [issue.code for issue in tap.issues] == ["not_utf8"]


def test_half_a_surrogate_does_not_hide_the_message(tap: Any) -> None:
    tap.raw(_line(b'{"id":1,"method":"tools/call","params":{"name":"t","arguments":{"x":"/etc/shadow \\ud800"}}}'))
    assert "/etc/shadow" in str(tap.end()[0]["mcp.request.text"])
    assert tap.issues == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 30, "9" * 5_000, "-0", "1.0"])
def test_numbers_that_json_does_not_have_do_not_hide_the_message(tap: Any, number: str) -> None:
    tap.raw(_line(b'{"id":1,"method":"tools/call","params":{"arguments":{"n":%s}}}' % number.encode()))
    assert len(tap.end()) == 1
    assert tap.issues == []


def test_what_is_nested_too_deep_is_kept_as_text(tap: Any) -> None:
    deep = b'{"a":' * 300 + b'"/etc/shadow"' + b"}" * 300
    tap.raw(_line(b'{"id":1,"method":"tools/call","params":{"name":"t","arguments":%s}}' % deep))
    assert "/etc/shadow" in str(tap.end()[0]["mcp.request.text"])
    assert [issue.code for issue in tap.issues] == ["deep"]


def test_nothing_read_is_deeper_than_the_limit() -> None:
    value, fault = read_json(b"[" * 500 + b"]" * 500)
    depth = 0
    while isinstance(value, list):
        value, depth = (value[0] if value else None), depth + 1
    assert depth == MAX_DEPTH
    assert fault is not None


def test_a_long_batch_is_read_in_part_and_the_rest_counted(tap: Any) -> None:
    tap.raw(_line(b"[" + b",".join([b'{"method":"ping"}'] * 10_500) + b"]"))
    assert len(tap.events) == 10_000
    assert [issue.code for issue in tap.issues] == ["long_batch"]
    assert tap.issues[0].reason.startswith("500 messages")
