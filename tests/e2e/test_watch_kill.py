"""`watch`, killed with SIGKILL at random points of a growing, rotated file: no alert is lost, and what comes twice
comes from the time since the last checkpoint.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from mcp_siem.testing import frame

COMMAND = str(Path(sys.executable).with_name("mcp-siem"))
KILLS = max(3, int(os.environ.get("MCP_SIEM_TEST_DEPTH", "0")) // 2)
INTERVAL = "0.2"
LINES = 60 * KILLS * 4
_PATIENCE = 60.0

RULES = """
title: Shell
id: 00000000-0000-4000-8000-000000000001
name: shell
status: test
level: high
logsource: {product: mcp, service: protocol}
detection:
    selection: {gen_ai.tool.name: shell}
    condition: selection
---
title: Any call
id: 00000000-0000-4000-8000-000000000002
name: any_call
status: test
level: low
logsource: {product: mcp, service: protocol}
detection:
    selection: {mcp.method.name: tools/call}
    condition: selection
---
title: Many calls
id: 00000000-0000-4000-8000-000000000003
status: test
level: medium
correlation:
    type: event_count
    rules: [any_call]
    group-by: [mcp.server.name]
    timespan: 10s
    condition: {gte: 12}
---
title: Read, then shell
id: 00000000-0000-4000-8000-000000000004
status: test
level: medium
correlation:
    type: temporal_ordered
    generate: true
    rules: [any_call, shell]
    group-by: [mcp.server.name]
    timespan: 3s
"""


def _lines() -> list[bytes]:
    """Requests and, a few lines later, their answers: whoever is killed in between must remember what was asked."""
    rng = random.Random(5)
    at = 1_787_227_200_000_000
    lines: list[bytes] = []
    waiting: list[tuple[int, str, int]] = []
    for number in range(LINES):
        at += rng.choice([50_000, 200_000, 400_000, 30_000_000 if rng.random() < 0.03 else 100_000])
        server, pid = f"server-{number % 3}", 100 + number % 3
        tool = "shell" if rng.random() < 0.08 else "read"
        asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": {}}}
        lines.append(frame(asked, at=at, server=server, pid=pid))
        waiting.append((number, server, pid))
        while len(waiting) > (3 if number < LINES - 1 else 0):
            id_, server, pid = waiting.pop(0)
            told = {"jsonrpc": "2.0", "id": id_, "result": {"content": [{"type": "text", "text": "ok"}]}}
            lines.append(frame(told, at=at, server=server, pid=pid, direction="server_to_client"))
    # An hour later something comes that tells the watch that nothing earlier will.
    lines.append(frame({"jsonrpc": "2.0", "method": "notifications/initialized"}, at=at + 3_600_000_000))
    return lines


class _Watch:
    """A watch that is killed and started again with the same command."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        rules = folder / "rules.yml"
        rules.write_text(RULES)
        options = ["--sink", "file:alerts.jsonl", "--checkpoint", "state/checkpoint", "--checkpoint-interval", INTERVAL]
        late = ["--lateness", "30"]
        self._words = [COMMAND, "watch", "log.jsonl", "--rules", "rules.yml", "--source", "wire", *options, *late]
        (folder / "state").mkdir()

    def start(self) -> None:
        env = {**os.environ, "MCP_SIEM_HASH_KEY": "a key of the test"}
        with (self._folder / "stderr").open("ab") as words:
            self._child = subprocess.Popen(self._words, cwd=self._folder, env=env, stderr=words)

    def end(self, how: signal.Signals) -> int:
        assert self._child is not None
        assert self._child.poll() is None, (self._folder / "stderr").read_text()
        self._child.send_signal(how)
        return self._child.wait(_PATIENCE)

    def alerts(self) -> list[dict[str, object]]:
        file = self._folder / "alerts.jsonl"
        data = file.read_bytes() if file.exists() else b""
        # A line that a kill cut off is told again as a whole; every whole one ends with the id.
        return [json.loads(line) for line in data.splitlines() if re.search(rb',"id":"[0-9a-f]{32}"}$', line)]

    def saved(self) -> int:
        """How many alerts the checkpoint knows of: those and no others are not told again."""
        file = self._folder / "state/checkpoint"
        return int(json.loads(file.read_bytes().split(b"\n")[1])["alerts"]) if file.exists() else 0


def _meaning(alert: dict[str, object]) -> str:
    """An alert without its id, which a replay does not give, and without places: a rotated file has another name."""
    events = [event["time"] for event in alert["events"]]  # type: ignore[attr-defined]
    return json.dumps({**alert, "id": None, "events": events}, sort_keys=True)


def _expected(folder: Path, lines: list[bytes]) -> Counter[str]:
    (folder / "whole.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    words = [COMMAND, "replay", "whole.jsonl", "--rules", "rules.yml", "--source", "wire", "--format", "jsonl"]
    done = subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return Counter(_meaning(json.loads(line)) for line in done.stdout.splitlines())


def _written(folder: Path, lines: list[bytes], rng: random.Random) -> Iterator[None]:
    """Writes the lines in uneven pieces, that end in the middle of lines too, and rotates the file now and then."""
    log = folder / "log.jsonl"
    data = b"\n".join(lines) + b"\n"
    at = 0
    rotated = 0
    while at < len(data):
        size = rng.randrange(1, 20_000)
        piece = data[at : at + size]
        at += len(piece)
        with log.open("ab") as stream:
            stream.write(piece)
        if (folder / "state/checkpoint").exists() and rng.random() < 0.1:
            # A log is rotated between two lines; before the first checkpoint nobody knows of older files.
            end = data.find(b"\n", at - 1) + 1
            with log.open("ab") as stream:
                stream.write(data[at:end])
            at = max(at, end)
            rotated += 1
            log.rename(folder / f"log.jsonl.{rotated}")
        yield


def test_a_watch_killed_at_random_points_loses_no_alert(tmp_path: Path) -> None:
    rng = random.Random(17)
    lines = _lines()
    watch = _Watch(tmp_path)
    expected = _expected(tmp_path, lines)
    writer = _written(tmp_path, lines, rng)
    unsaved = 0
    for _ in range(KILLS):
        watch.start()
        for _ in range(rng.randrange(6)):
            next(writer, None)
            time.sleep(rng.random() * 0.3)
        assert watch.end(signal.SIGKILL) == -signal.SIGKILL
        unsaved += len(watch.alerts()) - watch.saved() - unsaved
        for _ in range(rng.randrange(3)):
            next(writer, None)
    watch.start()
    for _ in writer:
        time.sleep(0.01)
    _until(lambda: len({alert["id"] for alert in watch.alerts()}) >= sum(expected.values()))
    assert watch.end(signal.SIGTERM) == 0
    said = (tmp_path / "stderr").read_text()
    assert len(watch.alerts()) - len({alert["id"] for alert in watch.alerts()}) == unsaved
    found = Counter({str(alert["id"]): _meaning(alert) for alert in watch.alerts()}.values())
    assert not expected - found, (list(expected - found)[:3], said)
    assert not found - expected, (list(found - expected)[:3], said)
    assert "lost" not in said


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and not holds():
        time.sleep(0.05)
