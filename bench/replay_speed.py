"""The speed of the whole `replay` command, beside a tight `orjson.loads` loop over the same file in the same run.

- One process: user time of the command, alerts and evidence written, less that of the command on the first 2,000 of the
  events (its start, and what is compiled when it is first needed); one event in ten alerts. Also `rsigma`, where it is
  named or on the path, on the same rules and events.
- Two processes: seconds from start to end of `--jobs 2`, beside those of one process, taken in turn; detections alone, and with
  15 correlations. The bytes written must be the same.

Medians count. The machine does other things meanwhile, so only what was measured side by side is compared.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import engine_workload as workload

RESULTS = Path(__file__).parent / "results" / "replay_speed.json"
COMMAND = Path(sys.executable).with_name("mcp-siem")
_LOOP = """
import os, sys, orjson
def loop(path):
    loads = orjson.loads
    with open(path, "rb", buffering=1 << 20) as lines:
        for line in lines:
            loads(line)
os.sched_setaffinity(0, {int(sys.argv[2])})
before = os.times().user
loop(sys.argv[1])
print(os.times().user - before)
"""
_START = 2_000
_MALICIOUS = 0.1


def run(words: Sequence[str | Path], core: int | None = None, output: Path | None = None) -> tuple[float, float]:
    """User seconds, of all its processes, and seconds on the clock of one command that ends well."""

    def settle() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})

    with (output or Path(os.devnull)).open("wb") as out:
        started = time.perf_counter()
        child = subprocess.Popen(
            [str(word) for word in words],
            stdout=out,
            stderr=subprocess.DEVNULL,
            preexec_fn=settle,  # noqa: PLW1509 - no threads here
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{words[0]} ended with {child.returncode}")
    return usage.ru_utime, seconds


def replay_words(events: Path, rules: Path, output: Path, jobs: int = 1) -> list[str | Path]:
    """The command line that is measured."""
    words = ["replay", events, "--source", "event", "--rules", rules, "--format", "jsonl", "--quiet"]
    return [COMMAND, *words, "--jobs", str(jobs), "--output", output]


def loop_seconds(events: Path, core: int) -> float:
    """User seconds of the loop alone."""
    done = subprocess.run([sys.executable, "-c", _LOOP, events, str(core)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def one_process(folder: Path, count: int, rounds: int, core: int, rsigma: str | None) -> dict[str, object]:
    """The row of one process."""
    events, first, rules, output = (folder / name for name in ("events.jsonl", "first.jsonl", "rules.yml", "alerts"))
    with events.open("wb") as out:
        out.writelines(workload.event_lines(count, malicious=_MALICIOUS))
    with events.open("rb") as lines:
        first.write_bytes(b"".join(islice(lines, _START)))
    counted = count - _START
    _write_rules(rules, workload.rule_documents(narrow=True))
    shares, loops, ours, theirs = [], [], [], []
    for _ in range(rounds):
        loops.append(loop_seconds(events, core) * counted / count)
        whole, start = (run(replay_words(one, rules, output), core)[0] for one in (events, first))
        ours.append(whole - start)
        shares.append(loops[-1] / ours[-1])
        if rsigma:
            words = [rsigma, "engine", "eval", "--rules", rules, "--event"]
            whole, start = (run([*words, f"@{one}"], core, folder / "theirs")[0] for one in (events, first))
            theirs.append(whole - start)
    run(replay_words(events, rules, output))
    alerts = [json.loads(line) for line in output.read_bytes().splitlines()]
    row: dict[str, object] = {
        "events": count,
        "bytes_per_event": round(events.stat().st_size / count),
        "alerts": len(alerts),
        "share_of_events_that_alert": round(len({alert["events"][0]["ref"] for alert in alerts}) / count, 3),
        "events_per_second": round(counted / statistics.median(ours)),
        "orjson_per_second": round(counted / statistics.median(loops)),
        "share_of_orjson": round(statistics.median(shares), 4),
    }
    if theirs:
        row["rsigma_events_per_second"] = round(counted / statistics.median(theirs))
        row["times_rsigma"] = round(statistics.median(t / o for t, o in zip(theirs, ours, strict=True)), 2)
    return row


def two_processes(folder: Path, count: int, rounds: int, documents: list[dict[str, object]]) -> dict[str, object]:
    """The row of two processes beside one."""
    events, rules = folder / "events.jsonl", folder / "rules.yml"
    with events.open("wb") as out:
        out.writelines(workload.event_lines(count))
    _write_rules(rules, documents)
    gains = []
    processor, seconds = {1: 0.0, 2: 0.0}, {1: 0.0, 2: 0.0}
    for _ in range(rounds):
        for jobs in (1, 2):
            processor[jobs], seconds[jobs] = run(replay_words(events, rules, folder / f"alerts{jobs}", jobs))
        gains.append(seconds[1] / seconds[2])
    if (folder / "alerts1").read_bytes() != (folder / "alerts2").read_bytes():
        raise SystemExit("two processes write something else than one")
    return {
        "events": count,
        "alerts": (folder / "alerts1").read_bytes().count(b"\n"),
        "seconds_of_one": round(seconds[1], 1),
        "seconds_of_two": round(seconds[2], 1),
        "processor_seconds_of_one": round(processor[1], 1),
        "processor_seconds_of_two": round(processor[2], 1),
        "times_as_fast": round(statistics.median(gains), 3),
    }


def _write_rules(place: Path, documents: list[dict[str, object]]) -> None:
    place.write_text("\n---\n".join(map(json.dumps, documents)), encoding="utf-8")


def main() -> int:
    """Prints the rows and, with --write, keeps them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--rsigma", default=shutil.which("rsigma"))
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    rules, correlations = workload.rule_documents(), workload.correlation_documents()
    works = {
        "one process, one event in ten alerts": lambda folder: one_process(
            folder, chosen.events, chosen.rounds, chosen.core, chosen.rsigma
        ),
        "two processes, detections": lambda folder: two_processes(
            folder, chosen.many, max(1, chosen.rounds // 2), workload.rule_documents(narrow=True)
        ),
        "two processes, 15 correlations": lambda folder: two_processes(
            folder, chosen.many, max(1, chosen.rounds // 2), [*rules, *correlations]
        ),
    }
    rows: dict[str, object] = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else {}
    for name, work in works.items():
        if chosen.only in name:
            with tempfile.TemporaryDirectory() as folder:
                rows[name] = work(Path(folder))
            print(name, json.dumps(rows[name]), flush=True)
    if chosen.write:
        kept = {**_machine(), "rounds": chosen.rounds, "rows": rows}
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
