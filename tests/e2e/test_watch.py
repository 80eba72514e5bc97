"""`watch` as a user runs it: files, pipes, sockets, sinks, signals."""

import gzip
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mcp_siem.deploy.loopback import Answer, LoopbackServer, Request
from mcp_siem.testing import START, frame

COMMAND = str(Path(sys.executable).with_name("mcp-siem"))
CAPTURE = Path(__file__).resolve().parents[2] / "examples" / "captured_mcp_traffic.jsonl"
_PATIENCE = 30.0

Run = Callable[..., subprocess.CompletedProcess[str]]


class Child:
    """A running watch whose output goes to files."""

    def __init__(self, folder: Path, *words: str, stdin: int | None = None, **env: str) -> None:
        self.folder = folder
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MCP_SIEM_")}
        with (folder / "out").open("ab") as out, (folder / "err").open("ab") as err:
            self.process = subprocess.Popen(
                [COMMAND, "watch", *words], cwd=folder, stdout=out, stderr=err, stdin=stdin, env={**clean, **env}
            )

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def alerts(self, file: str = "out") -> list[dict[str, object]]:
        path = self.folder / file
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def until(self, holds: Callable[[], object]) -> None:
        end = time.monotonic() + _PATIENCE
        while not holds():
            assert time.monotonic() < end, self.err
            assert self.process.poll() is None, self.err
            time.sleep(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(_PATIENCE)
        assert "Traceback" not in self.err, self.err
        return code

    def port(self) -> int:
        self.until(lambda: "listening at" in self.err)
        return int(re.findall(r"listening at \S+:(\d+)", self.err)[0])


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def start(*words: str, stdin: int | None = None, **env: str) -> Child:
        made.append(Child(tmp_path, *words, stdin=stdin, **env))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.wait()


def _expected(run: Run, *words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run("replay", *words, "--format", "jsonl").stdout.splitlines()]


def _plain(alerts: list[dict[str, object]]) -> list[str]:
    """Alerts without what only a watch says, in an order of their own: it alerts as events come."""
    return sorted(json.dumps({name: value for name, value in one.items() if name != "id"}) for one in alerts)


def _bad(number: int = 1) -> bytes:
    """A request that reads a credential file, and its answer."""
    params = {"name": "read_file", "arguments": {"path": "/home/x/.ssh/id_rsa"}}
    asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    told = {"jsonrpc": "2.0", "id": number, "result": {"content": []}}
    return frame(asked) + b"\n" + frame(told, at=START + 1, direction="server_to_client") + b"\n"


def test_a_growing_file_gives_the_alerts_of_a_replay_each_with_an_id(
    watch: Callable[..., Child], run: Run, tmp_path: Path
) -> None:
    lines = CAPTURE.read_bytes().splitlines(keepends=True)
    (tmp_path / "log").write_bytes(b"".join(lines[:99]))
    env = {"MCP_SIEM_HASH_KEY": "k"}
    child = watch("log", "--format", "jsonl", "--lateness", "3", **env)
    child.until(child.alerts)
    with (tmp_path / "log").open("ab") as log:
        log.writelines(lines[99:])
    done = run("replay", "log", "--format", "jsonl", cwd=tmp_path, **env)
    expected = [json.loads(line) for line in done.stdout.splitlines()]
    child.until(lambda: len(child.alerts()) >= len(expected))
    assert child.end(signal.SIGINT) == 0
    assert _plain(child.alerts()) == _plain(expected)
    assert len({alert["id"] for alert in child.alerts()}) == len(expected)
    assert f"{len(expected)} alerts" in child.err


def test_standard_input_ends_the_watch_when_it_ends(run: Run) -> None:
    done = run("watch", "-", "--format", "jsonl", stdin=CAPTURE.read_bytes(), MCP_SIEM_HASH_KEY="k")
    assert done.returncode == 0
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    expected = run("replay", "-", "--format", "jsonl", stdin=CAPTURE.read_bytes(), MCP_SIEM_HASH_KEY="k").stdout
    assert _plain(alerts) == _plain([json.loads(line) for line in expected.splitlines()])


def test_several_files_of_old_content_are_merged_by_time(run: Run, watch: Callable[..., Child], tmp_path: Path) -> None:
    pids: list[int] = []
    for line in CAPTURE.read_bytes().splitlines(keepends=True):
        pid = json.loads(line)["pid"]
        pids += [] if pid in pids else [pid]
        with (tmp_path / f"{pids.index(pid) % 3}.jsonl").open("ab") as log:
            log.write(line)
    words = [f"{number}.jsonl" for number in range(3)]
    expected = run("replay", *words, "--format", "jsonl", cwd=tmp_path, MCP_SIEM_HASH_KEY="k").stdout
    child = watch(*words, "--format", "jsonl", "--lateness", "5", MCP_SIEM_HASH_KEY="k")
    child.until(lambda: "mcp_" in child.out)
    time.sleep(1)
    assert child.end() == 0
    assert _plain(child.alerts()) == _plain([json.loads(line) for line in expected.splitlines()])


def test_the_story_is_told_as_text(watch: Callable[..., Child], tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(_bad())
    child = watch("log")
    child.until(lambda: "Credential File Read" in child.out and "matched" in child.out)
    assert child.end() == 0


def test_what_came_over_http_is_judged_and_what_no_source_knows_is_kept(
    watch: Callable[..., Child], tmp_path: Path
) -> None:
    child = watch("--listen", "http://127.0.0.1:0", "--format", "jsonl", "--checkpoint", "point")
    connection = http.client.HTTPConnection("127.0.0.1", child.port(), timeout=10)
    records = [{"body": {"stringValue": line.decode()}} for line in _bad().splitlines()]
    records.append({"body": {"stringValue": "hello \x1b[2J"}})
    body = gzip.compress(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    connection.request("POST", "/v1/logs", body, headers)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"{}")
    connection.close()
    child.until(child.alerts)
    child.until((tmp_path / "point.dead-letters.jsonl").exists)
    assert child.end() == 0
    (letter,) = child.alerts("point.dead-letters.jsonl")
    assert (letter["kind"], json.loads(str(letter["data"]))["body"]) == ("record", "hello \x1b[2J")
    assert "\x1b" not in child.err


def test_what_was_answered_before_a_kill_is_judged_after_it(watch: Callable[..., Child], tmp_path: Path) -> None:
    words = ("--listen", "http://127.0.0.1:0", "--sink", "file:alerts", "--checkpoint", "point")
    for number in range(1, 5):
        (tmp_path / "err").write_text("")
        child = watch(*words)
        connection = http.client.HTTPConnection("127.0.0.1", child.port(), timeout=10)
        connection.request("POST", "/lines", _bad(number))
        assert connection.getresponse().status == 200
        connection.close()
        child.process.kill()
        child.process.wait()
    child = watch(*words)
    child.until(lambda: len({alert["id"] for alert in child.alerts("alerts")}) >= 4)
    assert child.end() == 0
    spools = [path.name for path in tmp_path.glob("point.spool/*/*")]
    assert len(spools) <= 2


def test_lines_over_tcp_are_judged(watch: Callable[..., Child]) -> None:
    child = watch("--listen", "tcp://127.0.0.1:0", "--format", "jsonl")
    with socket.create_connection(("127.0.0.1", child.port()), timeout=10) as connection:
        connection.sendall(_bad())
        child.until(child.alerts)
    assert child.end() == 0


class Hook(LoopbackServer):
    """Keeps every alert."""

    def answer(self, request: Request) -> Answer:
        del request
        return Answer(status=200, body=b"", content_type="text/plain")


def test_a_webhook_that_failed_gets_its_alerts_after_a_restart(watch: Callable[..., Child], tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(_bad())
    with Hook() as server:
        url = server.url
        server.faults += [Answer(status=503, body=b"", content_type="text/plain")] * 2
        words = ("log", "--sink", url, "--checkpoint", "point", "--checkpoint-interval", "0.1")
        child = watch(*words)
        child.until(lambda: server.exchanges and (tmp_path / "point").exists())
        child.until(lambda: b'"outbox":{"http' in (tmp_path / "point").read_bytes())
        child.process.kill()
        child.process.wait()
        child = watch(*words)
        child.until(lambda: any(one.answer.status == 200 for one in server.exchanges))
        assert child.end() == 0
        (taken,) = {one.request.headers["idempotency-key"] for one in server.exchanges}
    assert len(taken) == 32


def test_dead_letters_are_sent_again(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(_bad())
    with Hook() as server:
        server.faults += [Answer(status=400, body=b"", content_type="text/plain")]
        words = ("--sink", server.url, "--dead-letters", "dead")
        done = run("watch", "-", *words, stdin=_bad(), cwd=tmp_path)
        assert done.returncode == 0
        assert "1 alerts and 0 lines went to dead" in done.stderr
        again = run("watch", "--resend", "dead", "--sink", server.url, "--dead-letters", "still", cwd=tmp_path)
        assert again.returncode == 0
        assert "1 alerts sent again; 0 failed" in again.stderr
        assert [one.answer.status for one in server.exchanges] == [400, 200]
        assert server.exchanges[0].request.body == server.exchanges[1].request.body
    assert not (tmp_path / "still").exists()


def test_a_loss_is_an_alert_of_its_own(watch: Callable[..., Child], tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(_bad() * 3)
    child = watch("log", "--format", "jsonl")
    child.until(child.alerts)
    (tmp_path / "log").write_bytes(b"")
    child.until(lambda: "watch_bound_reached" in child.out)
    assert child.end() == 0
    assert "cut_back" in child.err


def test_a_reader_that_has_enough_ends_the_watch(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(_bad())
    words = [COMMAND, "watch", "log", "--format", "jsonl"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        child.stdout.close()
        with (tmp_path / "log").open("ab") as log:
            log.write(_bad(2))
        assert child.wait(_PATIENCE) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "there is nothing to watch"),
        (("log", "--sink", "smoke:signals"), "no such sink"),
        (("log", "--source", "nonsense"), "unknown source"),
        (("--listen", "http://0.0.0.0:4318"), "other machines can reach this address"),
        (("--listen", "smtp://127.0.0.1:25"), "no address to listen on"),
        (("--resend", "none"), "no such file"),
        (("log", "--checkpoint", "none/point"), "cannot be written"),
        (("log", "--checkpoint", "broken"), "no usable checkpoint"),
    ],
)
def test_what_cannot_be_meant_is_told_with_what_to_do(
    words: tuple[str, ...], says: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(b"")
    (tmp_path / "broken").write_bytes(b"broken\n")
    done = run("watch", *words, cwd=tmp_path)
    assert done.returncode in (2, 3)
    assert says in done.stderr
    assert "next:" in done.stderr


def test_a_second_watch_with_the_same_checkpoint_is_refused(
    watch: Callable[..., Child], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(_bad())
    child = watch("log", "--checkpoint", "point")
    child.until((tmp_path / "point").exists)
    done = run("watch", "log", "--checkpoint", "point", cwd=tmp_path)
    assert done.returncode == 2
    assert "another watch" in done.stderr
    assert child.end() == 0


def test_a_watch_that_went_on_from_a_checkpoint_tells_nothing_twice(
    watch: Callable[..., Child], tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(_bad())
    first = watch("log", "--format", "jsonl", "--checkpoint", "point")
    first.until(first.alerts)
    assert first.end() == 0
    with (tmp_path / "log").open("ab") as log:
        log.write(_bad(2))
    second = watch("log", "--format", "jsonl", "--checkpoint", "point")
    second.until(lambda: len(second.alerts()) > 1)
    assert second.end() == 0
    refs = [alert["events"][0]["ref"] for alert in second.alerts()]  # type: ignore[index]
    assert refs == ["log:1", "log:3"]
