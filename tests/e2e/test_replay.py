"""Replay through the installed command: compressed input, processes, periods, what is unreadable, Ctrl-C."""

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = str(Path(sys.executable).with_name("mcp-siem"))
CAPTURE = "examples/captured_mcp_traffic.jsonl"
BASE = """title: A rule
id: 5f3c2d6e-1b7a-4c0e-9a43-0d1c5b6a7e81
name: base
status: test
level: high
logsource: {product: mcp, service: protocol}
detection: {selection: {gen_ai.tool.name: run}, condition: selection}
"""
MANY = """---
title: Many
id: 5f3c2d6e-1b7a-4c0e-9a43-0d1c5b6a7e82
status: test
level: medium
correlation: {type: event_count, rules: [base], group-by: [user.id], timespan: 5m, condition: {gte: 3}, generate: true}
"""


def _events(count: int, first: int = 0) -> bytes:
    return b"".join(
        b'{"event.dataset":"mcp.protocol","gen_ai.tool.name":"%s","user.id":"u%d","@timestamp":"2026-11-23T%02d:%02d:%02dZ"}\n'
        % (b"run" if at % 3 == 0 else b"read", at % 7, at // 3600 % 24, at // 60 % 60, at % 60)
        for at in range(first, first + count)
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(BASE + MANY)
    return tmp_path / "rules.yml"


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_the_bytes_are_those_of_one_process_however_many_work(run: Run, rules: Path, tmp_path: Path, form: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(_events(20_000))
    (tmp_path / "in" / "b.jsonl.gz").write_bytes(gzip.compress(_events(4_000, 2_000)))
    (tmp_path / "in" / "c.json.zst").write_bytes(zstandard.compress(_events(4_000, 9_000) + b"torn {\n"))
    words = ("replay", str(tmp_path / "in"), CAPTURE, "--rules", str(rules), "--format", form)
    one = run(*words)
    assert one.returncode == 0
    assert "not_json" in one.stderr
    for jobs in ("2", "5"):
        several = run(*words, "--jobs", jobs)
        assert (several.stdout, several.stderr, several.returncode) == (one.stdout, one.stderr, 0)
    if form != "text":
        alerts = json.loads(one.stdout)["alerts"] if form == "json" else list(map(json.loads, one.stdout.splitlines()))
        assert {alert["rule"]["title"] for alert in alerts} == {"A rule", "Many"}


def test_a_period_bounds_the_alerts_and_one_that_is_empty_is_told(run: Run, rules: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_events(600))
    words = ("replay", str(tmp_path / "a"), "--source", "event", "--rules", str(rules), "--format", "jsonl")
    done = run(*words, "--since", "2026-11-23T00:05:00Z", "--until", "2026-11-23T00:06:00Z")
    times = [json.loads(line)["time"] for line in done.stdout.splitlines()]
    assert len(times) == 20
    assert all(time.startswith("2026-11-23T00:05:") for time in times)
    later = run(*words, "--since", "2030-01-01")
    assert (later.stdout, later.returncode) == ("", 0)
    assert "the newest event is of 2026-11-23T00:09:59.000000Z" in later.stderr
    wrong = run(*words, "--since", "yesterday")
    assert wrong.returncode == 2
    assert "24h" in wrong.stderr


def test_input_of_which_nothing_can_be_read_is_exit_3_with_place_and_next_step(run: Run, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(os.urandom(3_000).replace(b"{", b"x") + b"\nno JSON\n")
    for words in (("replay", "--format", "jsonl"), ("replay", "--jobs", "2"), ("normalise",)):
        done = run(words[0], str(tmp_path / "garbage"), "--source", "event", *words[1:])
        assert done.returncode == 3
        error, hint = done.stderr.splitlines()[-2:]
        assert error.startswith(f"error: {tmp_path}/garbage:1: nothing in the input could be read: ")
        assert hint.startswith("  next: ")


def test_the_closing_lines_say_when_each_rule_first_and_last_alerted(run: Run, rules: Path) -> None:
    done = run("replay", "-", "--source", "event", "--rules", str(rules), stdin=_events(10))
    lines = done.stdout.splitlines()
    assert "10 events read, 4 alerts" in lines
    assert lines[-1].split("  ")[-1] == "2026-11-23T00:00:00.000000Z to 2026-11-23T00:00:09.000000Z"


def test_progress_is_shown_on_a_terminal_alone(rules: Path) -> None:
    ours, theirs = pty.openpty()
    words = [COMMAND, "replay", "-", "--source", "event", "--rules", str(rules), "--format", "jsonl"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=theirs) as child:
        os.close(theirs)
        assert child.stdin is not None
        deadline = time.monotonic() + 30
        said = b""
        while b"events/s" not in said and time.monotonic() < deadline:
            child.stdin.write(_events(20_000))
            child.stdin.flush()
            os.set_blocking(ours, False)
            try:
                said += os.read(ours, 4096)
            except BlockingIOError:
                continue
        child.stdin.close()
    os.close(ours)
    assert child.returncode == 0
    assert b"events/s read" in said


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command(rules: Path, tmp_path: Path, stop: signal.Signals) -> None:
    output = tmp_path / "out"
    words = [COMMAND, "replay", "-", "--source", "event", "--rules", str(rules), "--jobs", "3", "--output", str(output)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdin is not None
        workers: list[int] = []
        while len(workers) < 3:
            child.stdin.write(_events(20_000))
            child.stdin.flush()
            workers = _children(child.pid)
        child.send_signal(stop)
        child.wait(timeout=30)
        deadline = time.monotonic() + 20
        while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
        assert child.stderr is not None
        assert (b"interrupted" in child.stderr.read()) is (stop is not signal.SIGKILL)
    assert not output.exists()


def test_a_worker_that_is_killed_is_an_error_with_the_next_step(rules: Path) -> None:
    words = [COMMAND, "replay", "-", "--source", "event", "--rules", str(rules), "--jobs", "2", "--format", "jsonl"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        assert child.stdin is not None
        while len(_children(child.pid)) < 2:
            child.stdin.write(_events(20_000))
            child.stdin.flush()
        os.kill(_children(child.pid)[1], signal.SIGKILL)
        try:
            for _ in range(40):
                child.stdin.write(_events(20_000))
            child.stdin.close()
        except BrokenPipeError:
            pass
        assert child.stderr is not None
        said = child.stderr.read().decode()
    assert child.returncode == 2
    assert "a worker process died (signal 9)" in said
    assert "  next: " in said
    assert "Traceback" not in said
