"""The speed of the engine, as a share of a tight `orjson.loads` loop over the same file in the same run, on one core.

Each kind of work is run in turn with the loop, several times; medians count. Every verdict of the measured engine is
compared with that of the exact tree of each rule before a figure is given; a difference ends the run with an error.
"""

import argparse
import gc
import importlib.metadata
import io
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import engine_workload as workload
import orjson

from mcp_siem.engine.engine import Engine
from mcp_siem.engine.match import EventView, twins_of
from mcp_siem.events.event import Event
from mcp_siem.events.time import parse_time
from mcp_siem.rules.rule import RulePack

RESULTS = Path(__file__).parent / "results" / "engine_speed.json"
_BUFFER = 1 << 20
_CHECKED = 2_000


def parse_all(lines: bytes) -> None:
    """The limit: nothing but parsing, in a function."""
    loads = orjson.loads
    for line in io.BufferedReader(io.BytesIO(lines), _BUFFER):
        loads(line)


def match_all(engine: Engine, lines: bytes) -> None:
    """Parses each line and asks the engine which rules hold."""
    loads, held = orjson.loads, engine.held
    for line in io.BufferedReader(io.BytesIO(lines), _BUFFER):
        held(Event(data=loads(line)))


def feed_all(engine: Engine, lines: bytes) -> None:
    """The same with the alerts, their evidence, and correlations, if there are any."""
    for event in events_of(lines):
        engine.feed(event)


def events_of(lines: bytes) -> Iterator[Event]:
    """The events of the lines, with their time."""
    for line in io.BytesIO(lines):
        data = orjson.loads(line)
        yield Event(data=data, time=parse_time(data["@timestamp"]))


def check(engine: Engine, lines: bytes) -> int:
    """Compares every verdict with that of the exact tree; returns how many rules held."""
    detections = engine.detections
    taxonomy = engine.taxonomy
    twins = twins_of({name for one in detections for name in one.fields}, taxonomy)
    total = 0
    for at, event in enumerate(events_of(lines)):
        if at == _CHECKED:
            break
        view = EventView(event, twins)
        exact = {one.rule.id for one in detections if one.node.holds(view)}
        found = {one.rule.id for one in engine.held(event)}
        if found != exact:
            raise SystemExit(f"event {at}: {sorted(found ^ exact)} are judged differently")
        total += len(exact)
    return total


def check_correlations(engine: Engine, lines: bytes) -> None:
    """Ends the run if a correlation fires nowhere: then its figure would prove nothing."""
    silent = {one.rule.stem for one in engine.correlations}
    for event in events_of(lines) if silent else ():
        silent.difference_update(alert.stem for alert in engine.feed(event))
    if silent:
        raise SystemExit(f"never fired: {sorted(silent)}")


def timed(work: Callable[[], None]) -> float:
    """Seconds of processor time."""
    gc.collect()
    gc.freeze()
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(
    name: str, lines: bytes, pack: RulePack, run: Callable[[Engine, bytes], None], rounds: int
) -> dict[str, object]:
    """One row: events a second, and the share of the parsing loop beside it."""
    events = lines.count(b"\n")
    engine = Engine(pack)
    held = check(engine, lines)
    check_correlations(engine, lines)
    rates, limits = [], []
    empty = Engine(pack).state()
    for _ in range(rounds):
        engine.restore(empty)  # or a round would be late after the one before
        limits.append(timed(lambda: parse_all(lines)))
        rates.append(timed(lambda: run(engine, lines)))
    share = statistics.median(limit / rate for limit, rate in zip(limits, rates, strict=True))
    row: dict[str, object] = {
        "work": name,
        "events": events,
        "bytes_per_event": round(len(lines) / events),
        "held_in_the_checked": held,
        "events_per_second": round(events / statistics.median(rates)),
        "orjson_per_second": round(events / statistics.median(limits)),
        "share_of_orjson": round(share, 4),
    }
    print(f"{name:46} {row['events_per_second']:>8} ev/s   {row['share_of_orjson']:.4f} of orjson", flush=True)
    return row


def folded(documents: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The rules, reading the folded twins of the two long texts."""
    text = json.dumps(documents)
    for name in ("mcp.request.text", "mcp.response.text"):
        text = text.replace(f'"{name}|contains"', f'"{name}_folded|contains"')
    return json.loads(text)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cpu = next(
        (line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line), ""
    )
    versions = {}
    for name in ("orjson", "google-re2", "hyperscan"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "date": datetime.now().astimezone().date().isoformat(),
        "machine": cpu.partition(":")[2].strip() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": versions,
    }


def main() -> int:
    """Prints the rows and, with --write, adds them to the results under a name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", metavar="NAME", help="under which name the figures are kept")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {chosen.core})
    lines = b"".join(workload.event_lines(chosen.events))
    bursts = b"".join(workload.burst_lines(chosen.events))
    hostile = b"".join(workload.hostile_lines(chosen.events // 4))
    rules = workload.rule_documents()
    works: list[tuple[str, list[dict[str, object]], bytes, Callable[[Engine, bytes], None]]] = [
        ("92 rules", rules, lines, match_all),
        ("92 rules, alerts with evidence", rules, lines, feed_all),
        ("92 rules, twins of two texts", folded(rules), lines, match_all),
        ("92 rules, hostile prefixes", rules, hostile, match_all),
        ("92 rules and 15 correlations", [*rules, *workload.correlation_documents()], bursts, feed_all),
        ("1000 rules", workload.rule_documents(1_000), lines, match_all),
    ]
    rows = []
    for name, documents, input_lines, run in works:
        if chosen.only in name:
            rows.append(measure(name, input_lines, workload.pack_of(documents), run, chosen.rounds))
    if chosen.write:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        kept[chosen.write] = {**machine(), "rounds": chosen.rounds, "rows": rows}
        RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
