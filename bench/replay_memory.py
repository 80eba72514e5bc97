"""Does `replay` grow in memory? Runs the command on 10,000 and on 100,000 events and compares its peak resident size.

The input is the captured traffic of `examples/`, repeated with moving timestamps and fresh request ids: real messages, every
rule at work. Prints one line for each size, and fails if ten times the input takes more than 1.25 times the memory.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("mcp-siem")
CAPTURE = ROOT / "examples" / "captured_mcp_traffic.jsonl"
MOST_GROWTH = 1.25


def capture_lines(count: int) -> Iterator[str]:
    """The capture over and over, each round an hour later and with a process id of its own."""
    rows = [json.loads(line) for line in CAPTURE.read_text(encoding="utf-8").splitlines()]
    written = 0
    for turn in range(count):
        for row in rows:
            if written == count:
                return
            moment = datetime.fromisoformat(row["ts"]) + timedelta(hours=turn)
            yield json.dumps({**row, "ts": moment.isoformat(), "pid": row["pid"] + turn * 100_000})
            written += 1


def measure(lines: int, jobs: int) -> dict[str, float]:
    """Seconds and peak resident mebibytes (of the largest process) of one run of the command, and its alerts."""
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "capture.jsonl"
        with capture.open("w", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in capture_lines(lines))
        start = time.perf_counter()
        child = subprocess.Popen(
            [COMMAND, "replay", capture, "--format", "jsonl", "--output", f"{folder}/alerts.jsonl", "--jobs", str(jobs)]
        )
        _, status, usage = os.wait4(child.pid, 0)
        if status:
            raise SystemExit(f"replay ended with {status}")
        seconds = time.perf_counter() - start
        alerts = Path(f"{folder}/alerts.jsonl").read_bytes().count(b"\n")
    return {
        "lines": lines,
        "jobs": jobs,
        "alerts": alerts,
        "seconds": round(seconds, 1),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
    }


def main() -> int:
    """Prints and, with --output, writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    rows = [measure(lines, chosen.jobs) for lines in chosen.lines]
    for row in rows:
        print(" ".join(f"{key} {value}" for key, value in row.items()), f"lines/s {row['lines'] / row['seconds']:.0f}")
    if chosen.output:
        machine = {
            "date": datetime.now().astimezone().date().isoformat(),
            "machine": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        }
        chosen.output.write_text(
            json.dumps({**machine, "python": platform.python_version(), "rows": rows}, indent=2) + "\n",
            encoding="utf-8",
        )
    growth = rows[-1]["peak_mib"] / rows[0]["peak_mib"]
    print(f"memory x {growth:.2f} for {rows[-1]['lines'] / rows[0]['lines']:.0f} times the input")
    return 1 if growth > MOST_GROWTH else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
