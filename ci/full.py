"""The long runs, by hand before a capability is called done: deep fuzzing, many referee pairs, kills, memory on a stream.

Writes what was measured, with date and machine, to bench/results/full.json.
"""

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
RUNS = {
    "damaged lines and property tests, 100 times as deep": (
        ["pytest", "tests/property"],
        {"MCP_SIEM_TEST_DEPTH": "100"},
    ),
    "random rules and streams against the oracles, 25 times as many": (
        ["pytest", "tests/oracle"],
        {"MCP_SIEM_TEST_DEPTH": "25"},
    ),
    "a watch killed 50 times": (
        ["pytest", "tests/e2e/test_watch_kill.py"],
        {"MCP_SIEM_TEST_DEPTH": "100"},
    ),
    "the engine against the queries on each target, 100,000 pairs": (
        ["python", "ci/referee.py", "--pairs", "100000", "--seed", "full"],
        {},
    ),
    "random rules and streams on each target, 10 times as many": (
        ["pytest", "tests/referee"],
        {"MCP_SIEM_TEST_DEPTH": "10", "MCP_SIEM_REFEREE_BATCHES": "20", "MCP_SIEM_ENGINES": "required"},
    ),
    "texts made to slow the engine down": (["python", "bench/hostile.py"], {}),
    "replay of 10,000 and 100,000 lines": (
        ["python", "bench/replay_memory.py", "--output", "bench/results/replay_memory.json"],
        {},
    ),
}


def main() -> int:
    """Runs everything, or what the arguments name by a part of its words; keeps going, and returns 1 after a failure."""
    RESULTS.mkdir(exist_ok=True)
    rows = []
    chosen = {name: run for name, run in RUNS.items() if all(word in name for word in sys.argv[1:])}
    for name, (command, environ) in chosen.items():
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        tool = Path(sys.executable).with_name(command[0])
        done = subprocess.run(
            [tool, *command[1:]], cwd=ROOT, env={**os.environ, **environ}, check=False, capture_output=True, text=True
        )
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        print("\n".join(lines[-3:]), flush=True)
        rows.append(
            {
                "run": name,
                "seconds": round(time.perf_counter() - start),
                "passed": done.returncode == 0,
                "said": lines[-1:],
            }
        )
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "machine": _machine(),
        "python": platform.python_version(),
        "runs": rows,
    }
    if chosen == RUNS:
        (RESULTS / "full.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["passed"] for row in rows) else 1


def _machine() -> str:
    """The processor's name, as the kernel gives it."""
    for line in (
        Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else ()
    ):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
