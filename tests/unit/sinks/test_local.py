import json
import os
from pathlib import Path

import pytest

from mcp_siem.errors import UsageError
from mcp_siem.sinks.dead import DeadLetters, read_letters
from mcp_siem.sinks.local import LocalSink, file_sink
from mcp_siem.sinks.port import Notice


def _notice(number: int, size: int = 10) -> Notice:
    return Notice(id=str(number), level="high", line=json.dumps({"n": number, "x": "y" * size}).encode())


@pytest.fixture
def dead(tmp_path: Path) -> DeadLetters:
    return DeadLetters(str(tmp_path / "dead"), now=lambda: "2026-08-20T12:00:00.000000Z")


def test_a_file_gets_a_line_for_each_alert_behind_what_is_there(tmp_path: Path, dead: DeadLetters) -> None:
    (tmp_path / "alerts").write_bytes(b'{"old": 1}\n{"cut of')
    sink = file_sink(str(tmp_path / "alerts"), dead=dead)
    sink.write(_notice(1))
    sink.write(_notice(2))
    assert [notice.id for notice in sink.waiting()] == ["1", "2"]
    sink.pump()
    assert sink.waiting() == []
    lines = (tmp_path / "alerts").read_bytes().splitlines()
    assert lines == [b'{"old": 1}', b'{"cut of', _notice(1).line, _notice(2).line]


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path: Path, dead: DeadLetters) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        file_sink(str(tmp_path / "none" / "alerts"), dead=dead)


def test_a_full_disk_makes_dead_letters(dead: DeadLetters) -> None:
    sink = file_sink("/dev/full", dead=dead)
    sink.write(_notice(1))
    sink.write(_notice(2))
    sink.pump()
    assert [notice.id for _, notice in read_letters(dead.path)] == ["1", "2"]
    assert sink.waiting() == []


def test_a_reader_that_does_not_read_holds_nobody_up_and_gets_all_in_order_later(dead: DeadLetters) -> None:
    reading, writing = os.pipe()
    sink = LocalSink("stdout", writing, dead=dead)
    for number in range(300):
        sink.write(_notice(number, 1000))
        sink.pump()
    assert 100 < len(sink.waiting()) < 300
    os.set_blocking(reading, False)
    found = b""
    while sink.waiting():
        found += os.read(reading, 1 << 16)
        sink.pump()
    os.close(writing)
    while piece := os.read(reading, 1 << 16):
        found += piece
    assert [json.loads(line)["n"] for line in found.splitlines()] == list(range(300))
    os.close(reading)


def test_more_than_may_wait_goes_to_the_dead_letters_and_is_counted(dead: DeadLetters) -> None:
    reading, writing = os.pipe()
    sink = LocalSink("stdout", writing, dead=dead)
    for number in range(70):
        sink.write(_notice(number, 1 << 20))
    assert sink.dropped == dead.alerts > 0
    letters = list(read_letters(dead.path))
    assert len(letters) + len(sink.waiting()) == 70
    assert letters[-1] == ("stdout", _notice(69, 1 << 20))
    os.close(reading)
    os.close(writing)


def test_a_reader_that_left_is_noticed_and_what_it_did_not_take_is_given_back(dead: DeadLetters) -> None:
    reading, writing = os.pipe()
    sink = LocalSink("stdout", writing, dead=dead)
    os.close(reading)
    sink.write(_notice(1))
    sink.pump()
    assert sink.reader_gone
    assert [notice.id for notice in sink.close(60.0)] == ["1"]
    os.close(writing)


def test_dead_letters_keep_why_and_lines_beside_alerts(tmp_path: Path, dead: DeadLetters) -> None:
    dead.record("http:1", b"no json \xff\x1b[2J", "unknown_input: no source knows it")
    dead.alert("https://x#1", _notice(1), "the receiver answered 400")
    dead.close()
    record, alert = map(json.loads, (tmp_path / "dead").read_bytes().splitlines())
    assert record["kind"] == "record"
    assert record["data"] == "no json \\xff\x1b[2J"
    assert (alert["kind"], alert["reason"]) == ("alert", "the receiver answered 400")
    assert b"\x1b" not in (tmp_path / "dead").read_bytes()
    assert (dead.records, dead.alerts) == (1, 1)
    assert list(read_letters(dead.path)) == [("https://x#1", _notice(1))]
    assert (tmp_path / "dead").stat().st_mode & 0o077 == 0


def test_dead_letters_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    dead = DeadLetters(str(tmp_path / "none" / "dead"), now=lambda: "")
    dead.record("x", b"", "")
    assert dead.failed


@pytest.mark.parametrize("text", ["{}", "no json", '{"kind": "other"}', '{"kind": "alert"}', "[1]"])
def test_what_is_no_dead_letter_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "dead").write_text(text + "\n")
    with pytest.raises(UsageError, match="no dead letter") as raised:
        list(read_letters(str(tmp_path / "dead")))
    assert str(raised.value).startswith(f"{tmp_path / 'dead'}:1")
