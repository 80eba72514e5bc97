"""`watch` on a file that grows by 20,000 events a second: how long from a write to the verdict, and what it costs.

A writer appends events of 1.4 KB each millisecond and notes when; the command runs on a core of its own; its alerts
(one event in ten) are read from its standard output, and each is held against the write of its event. Processor time
of the command while it reads, for each event, is held against `orjson.loads` of the same events, before and after.
"""

import argparse
import array
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import engine_workload as workload

RESULTS = Path(__file__).parent / "results" / "live.json"
COMMAND = Path(sys.executable).with_name("mcp-siem")
_TICK = 0.001
_MALICIOUS = 0.1
_SETTLE = 2.0
# The engine writes itself code for each shape of event it meets: the first second is told apart.
_WARM = 1.0
_WRITER = """
import array, os, sys, time
source, target, stamps, each, tick = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
lines = open(source, "rb").readlines()
pieces = [(b"".join(lines[at:at + each]), len(lines[at:at + each])) for at in range(0, len(lines), each)]
out = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
times = array.array("d")
due = time.monotonic()
for piece, count in pieces:
    due += tick
    while (left := due - time.monotonic()) > 0:
        time.sleep(left)
    os.write(out, piece)
    times.extend([time.monotonic()] * count)
with open(stamps, "wb") as file:
    times.tofile(file)
"""
_LOOP = """
import os, sys, orjson
def loop(path):
    loads = orjson.loads
    with open(path, "rb", buffering=1 << 20) as lines:
        for line in lines:
            loads(line)
before = os.times().user
for _ in range(3):
    loop(sys.argv[1])
print((os.times().user - before) / 3)
"""


def cpu_seconds(pid: int) -> float:
    """Processor time of a running process so far, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loop_seconds(events: Path, core: int) -> float:
    """User seconds of parsing alone."""
    words = ["taskset", "-c", str(core), sys.executable, "-c", _LOOP, str(events)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def one_round(folder: Path, rate: int, core: int, *, checkpoint: bool) -> dict[str, float]:
    """One run of the stream through a fresh command."""
    events, log, stamps = folder / "events.jsonl", folder / "log.jsonl", folder / "stamps"
    for file in folder.glob("log.jsonl*"):
        file.unlink()
    log.touch()
    more = ["--checkpoint", str(folder / "log.jsonl.checkpoint")] if checkpoint else []
    words = ["taskset", "-c", str(core), str(COMMAND), "watch", str(log), "--source", "event"]
    words += ["--rules", str(folder / "rules.yml"), "--format", "jsonl", "--quiet", *more]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None  # noqa: S101 - it was asked for
        time.sleep(_SETTLE)
        before = cpu_seconds(child.pid)
        writer = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _WRITER,
                events,
                log,
                stamps,
                str(round(rate * _TICK)),
                str(_TICK),
            ]
        )
        arrivals = _read(child.stdout.fileno(), writer)
        spent = cpu_seconds(child.pid) - before
        child.terminate()
        child.stdout.read()
    written = array.array("d")
    written.frombytes(stamps.read_bytes())
    warm = written[0] + _WARM
    delays = sorted(at - written[line - 1] for line, at in arrivals if written[line - 1] >= warm)
    return {
        "max_ms_of_the_first_second": round(
            1000 * max(at - written[line - 1] for line, at in arrivals if written[line - 1] < warm), 2
        ),
        "alerting_events": len(delays),
        "p50_ms": round(1000 * delays[len(delays) // 2], 2),
        "p99_ms": round(1000 * delays[len(delays) * 99 // 100], 2),
        "max_ms": round(1000 * delays[-1], 2),
        "cpu_seconds": spent,
        "events_per_second": round(len(written) / (written[-1] - written[0])),
        "share_of_core": round(spent / (written[-1] - written[0]), 3),
    }


def _read(handle: int, writer: subprocess.Popen[bytes]) -> list[tuple[int, float]]:
    """Line and time of arrival of the first alert of each event that alerts."""
    pieces: list[tuple[bytes, float]] = []
    os.set_blocking(handle, False)
    quiet = time.monotonic()
    while writer.poll() is None or time.monotonic() - quiet < 1.0:
        try:
            piece = os.read(handle, 1 << 20)
            quiet = time.monotonic()
            pieces.append((piece, quiet))
        except BlockingIOError:
            time.sleep(0.0002)
    found: dict[int, float] = {}
    held = b""
    for piece, at in pieces:
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            ref = json.loads(line)["events"][0]["ref"]
            found.setdefault(int(ref.rpartition(":")[2]), at)
    return list(found.items())


def measure(rate: int, seconds: int, rounds: int, core: int, *, checkpoint: bool) -> dict[str, object]:
    """One row: medians of the rounds."""
    count = rate * seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "events.jsonl").open("wb") as out:
            out.writelines(workload.event_lines(count, malicious=_MALICIOUS))
        rules = "\n---\n".join(map(json.dumps, workload.rule_documents(narrow=True)))
        (folder / "rules.yml").write_text(rules, encoding="utf-8")
        found, times = [], []
        for _ in range(rounds):
            first = loop_seconds(folder / "events.jsonl", core)
            found.append(one_round(folder, rate, core, checkpoint=checkpoint))
            parsing = (first + loop_seconds(folder / "events.jsonl", core)) / 2
            times.append(found[-1]["cpu_seconds"] / parsing)
            print(found[-1], f"{times[-1]:.2f} times orjson", flush=True)
    row: dict[str, object] = {name: statistics.median(one[name] for one in found) for name in found[0]}
    row |= {
        "work": f"{rate} events a second" + (", a checkpoint each second" if checkpoint else ""),
        "events": count,
        "cpu_microseconds_per_event": round(1e6 * float(str(row.pop("cpu_seconds"))) / count, 2),
        "cpu_times_orjson": round(statistics.median(times), 2),
    }
    return row


def _come_first(nice: int) -> None:
    """Gives this process and its children their own place before others; Linux groups processes by session."""
    if os.getsid(0) != os.getpid() and os.getpgrp() != os.getpid():
        os.setsid()
    Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
    os.nice(nice)


def _machine() -> dict[str, object]:
    cpu = next(
        (line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line), ""
    )
    return {
        "date": datetime.now().astimezone().date().isoformat(),
        "machine": cpu.partition(":")[2].strip() or platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("orjson", "hyperscan", "google-re2")},
    }


def main() -> int:
    """Prints the rows and, with --write, keeps them under a name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--nice", type=int, default=0, help="priority of all of it, where other work must come second")
    parser.add_argument("--write", metavar="NAME", help="under which name the figures are kept")
    chosen = parser.parse_args()
    if chosen.nice:
        _come_first(chosen.nice)
    rows = []
    for checkpoint in (False, True):
        rows.append(measure(chosen.rate, chosen.seconds, chosen.rounds, chosen.core, checkpoint=checkpoint))
        print(json.dumps(rows[-1]), flush=True)
    if chosen.write:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        kept[chosen.write] = {**_machine(), "rounds": chosen.rounds, "rows": rows}
        RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
