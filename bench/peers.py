"""Our engine and command beside others: zargunlite, pySigma's SQLite backend on sqlite3, and rsigma where it is found.

Everything runs on one pinned core, in turn, on the same events and rules of `engine_workload`; processor time counts,
and the median of the rounds is kept. Start-up is left out: of our engine the first events, at which it compiles what it
needs; of a command the same work on these first events; of the SQL peers the conversion of the rules. What each finds
is counted and compared on the events that all of them get. rsigma is only a command here, so its figure holds what it
prints.
"""

import argparse
import gc
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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import engine_workload as workload
import orjson

RESULTS = Path(__file__).parent / "results" / "peers.json"
COMMAND = Path(sys.executable).with_name("mcp-siem")
_SLOW = frozenset({"zargunlite", "pySigma SQLite"})
_MALICIOUS = 0.1
FIRST = 1_000

Found = Counter[str]


@dataclass(frozen=True, kw_only=True)
class Work:
    """Rules over a stream. `others` are the peers that can do it; `commands`: alerts are written, by commands alone."""

    name: str
    documents: list[dict[str, object]]
    malicious: float = 0.01
    commands: bool = False
    others: frozenset[str] = field(default_factory=frozenset)


def our_engine(rules: Path, events: Path) -> tuple[float, Found]:
    """Parses each line and asks the engine; with correlations, feeds it. The first events are start, if there are more."""
    from mcp_siem.engine.engine import Engine  # noqa: PLC0415 - each child loads what it measures
    from mcp_siem.events.event import Event  # noqa: PLC0415
    from mcp_siem.events.time import parse_time  # noqa: PLC0415

    documents = [json.loads(one) for one in rules.read_text(encoding="utf-8").split("\n---\n")]
    engine = Engine(workload.pack_of(documents))
    correlated = any("correlation" in one for one in documents)
    lines = events.read_bytes().splitlines()
    found: Found = Counter()

    def ask(line: bytes) -> None:
        data = orjson.loads(line)
        if correlated:
            found.update(alert.title for alert in engine.feed(Event(data=data, time=parse_time(data["@timestamp"]))))
        else:
            found.update(one.rule.title for one in engine.held(Event(data=data)))

    for line in lines[:FIRST]:
        ask(line)
    settle()
    started = time.process_time()
    for line in lines[FIRST:]:
        ask(line)
    return time.process_time() - started, found


def parsing(rules: Path, events: Path) -> tuple[float, Found]:
    """Nothing but `orjson.loads`: the limit."""
    del rules
    lines = events.read_bytes().splitlines()
    loads = orjson.loads
    settle()
    started = time.process_time()
    for line in lines[FIRST:]:
        loads(line)
    return time.process_time() - started, Counter()


def settle() -> None:
    """Leaves no garbage of the start to the measured part."""
    gc.collect()
    gc.freeze()


def zargunlite(rules: Path, events: Path) -> tuple[float, Found]:
    """Loads the events into its table and runs every rule."""
    from zargunlite.core import ZargunCore  # noqa: PLC0415

    queries = _queries(rules)
    settle()
    started = time.process_time()
    with ZargunCore() as core:
        core.load_data(_rows(events), strict_field_name=False)
        found = Counter({title: len(core.execute_sqlite_query(sql)) for title, sql in queries})
    return time.process_time() - started, +found


def sqlite(rules: Path, events: Path) -> tuple[float, Found]:
    """The same SQL on sqlite3 by itself: one table, rows in one go, matches counted."""
    import re  # noqa: PLC0415
    import sqlite3  # noqa: PLC0415

    queries = _queries(rules)
    settle()
    started = time.process_time()
    rows = _rows(events)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = ", ".join(f"`{name}` COLLATE NOCASE" for name in names)
    base = sqlite3.connect(":memory:")
    base.create_function("regexp", 2, lambda pattern, text: text is not None and bool(re.search(pattern, str(text))))
    base.execute(f"CREATE TABLE logs ({columns})")
    marks = ", ".join("?" * len(names))
    base.executemany(f"INSERT INTO logs VALUES ({marks})", ([row.get(name) for name in names] for row in rows))  # noqa: S608
    found: Found = Counter()
    for title, sql in queries:
        try:
            found[title] = sum(1 for _ in base.execute(sql))
        except sqlite3.OperationalError:  # a column that no event has
            continue
    return time.process_time() - started, +found


def _queries(rules: Path) -> list[tuple[str, str]]:
    from sigma.backends.sqlite import sqliteBackend  # noqa: PLC0415
    from sigma.collection import SigmaCollection  # noqa: PLC0415

    collection = SigmaCollection.from_yaml(rules.read_text(encoding="utf-8"))
    converted = json.loads(str(sqliteBackend().convert(collection, "zircolite")))
    return [(one["title"], sql) for one in converted for sql in one["rule"]]


def _rows(events: Path) -> list[dict[str, Any]]:
    rows = []
    for line in events.read_bytes().splitlines():
        row: dict[str, Any] = {}
        _flatten(orjson.loads(line), "", row)
        rows.append(row)
    return rows


def _flatten(node: Mapping[str, Any], prefix: str, row: dict[str, Any]) -> None:
    for key, value in node.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{key}.", row)
        elif isinstance(value, list):
            row[prefix + key] = value[0] if len(value) == 1 else json.dumps(value)
        else:
            row[prefix + key] = value


CHILDREN: dict[str, Callable[[Path, Path], tuple[float, Found]]] = {
    "orjson.loads alone": parsing,
    "mcp-siem engine": our_engine,
    "zargunlite": zargunlite,
    "pySigma SQLite": sqlite,
}


def run_child(name: str, rules: Path, events: Path) -> tuple[float, Found]:
    """One of CHILDREN in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", name, str(rules), str(events)], capture_output=True, check=True, text=True
    )
    seconds, found = json.loads(done.stdout)
    return seconds, Counter(found)


def run_command(words: Sequence[str | Path], output: Path) -> float:
    """Seconds of processor time of a command that ends well."""
    with output.open("wb") as out:
        child = subprocess.Popen([str(word) for word in words], stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{words[0]} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def command_words(name: str, rsigma: str, rules: Path, events: Path) -> list[str | Path]:
    """The command line of a contestant that is a command."""
    if name == "rsigma":
        return [rsigma, "engine", "eval", "--rules", rules, "--event", f"@{events}", "--quiet", "--no-stats"]
    return [COMMAND, "replay", events, "--source", "event", "--rules", rules, "--format", "jsonl", "--quiet"]


def printed(output: Path, *, correlations: bool) -> Found:
    """The alerts that a command wrote, by rule."""
    found: Found = Counter()
    for line in output.read_bytes().splitlines():
        said = orjson.loads(line)
        if "rule" in said:
            found[said["rule"]["title"]] += 1
        elif not correlations or "correlation_type" in said:
            found[said["rule_title"]] += 1
    return found


class Contest:
    """One work, run by everybody in turn."""

    def __init__(self, work: Work, folder: Path, *, events: int, rsigma: str | None) -> None:
        self._work = work
        self._rsigma = rsigma or ""
        self._correlated = any("correlation" in one for one in work.documents)
        self._rules, self._output = folder / "rules.yml", folder / "output"
        self._all, self._few = folder / "all.jsonl", folder / "few.jsonl"
        self._rules.write_text("\n---\n".join(map(json.dumps, work.documents)), encoding="utf-8")
        lines = list(workload.event_lines(events, malicious=work.malicious))
        for file, part in ((self._all, lines), (self._few, lines[:FIRST])):
            file.write_bytes(b"".join(part))
        self._events = events
        self.rates: dict[str, list[float]] = {}
        self.found: dict[str, Found] = {}

    def names(self) -> list[str]:
        """Who takes part."""
        named = ["orjson.loads alone", "mcp-siem command" if self._work.commands else "mcp-siem engine"]
        peers = ["rsigma"] if self._rsigma else []
        return [*named, *peers, *(name for name in sorted(_SLOW) if name in self._work.others)]

    def round(self) -> None:
        """Everybody once."""
        for name in self.names():
            if name in _SLOW:
                rate = FIRST / self._seconds(name, self._few)
            else:
                start = 0.0 if name in CHILDREN else self._seconds(name, self._few)
                rate = (self._events - FIRST) / (self._seconds(name, self._all) - start)
            self.rates.setdefault(name, []).append(rate)

    def compare(self) -> None:
        """What everybody finds in the few events."""
        for name in self.names():
            self._seconds(name, self._few)

    def _seconds(self, name: str, events: Path) -> float:
        if name in CHILDREN:
            seconds, self.found[name] = run_child(name, self._rules, events)
            return seconds
        seconds = run_command(command_words(name, self._rsigma, self._rules, events), self._output)
        self.found[name] = printed(self._output, correlations=self._correlated)
        return seconds

    def row(self) -> dict[str, object]:
        """The medians, and how often as fast as each peer we are, from round to round."""
        ours = next(name for name in self.rates if name.startswith("mcp-siem"))
        mine = self.found[ours]
        return {
            "work": self._work.name,
            "rules": sum("detection" in one for one in self._work.documents),
            "correlations": sum("correlation" in one for one in self._work.documents),
            "bytes_per_event": round(self._all.stat().st_size / self._events),
            "compared_events": FIRST,
            "engines": {
                name: {
                    "events": FIRST if name in _SLOW else self._events - FIRST,
                    "events_per_second": round(statistics.median(rates)),
                    "ours_is_times_as_fast": round(_times(self.rates[ours], rates), 2),
                    "found": self.found[name].total(),
                    "found_as_we_do": None if name.startswith("orjson") else self.found[name] == mine,
                }
                for name, rates in self.rates.items()
            },
        }


def _times(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def works() -> list[Work]:
    """What is contested."""
    rules = workload.rule_documents()
    return [
        Work(name="92 rules", documents=rules, others=_SLOW),
        Work(name="1,000 rules", documents=workload.rule_documents(1_000), others=_SLOW),
        Work(name="92 rules and 15 correlations", documents=[*rules, *workload.correlation_documents()]),
        Work(
            name="whole command, one event in ten alerts",
            documents=workload.rule_documents(narrow=True),
            malicious=_MALICIOUS,
            commands=True,
        ),
    ]


def machine(rsigma: str | None) -> dict[str, object]:
    """Where and with what."""
    info = Path("/proc/cpuinfo")
    cpu = next((line for line in info.read_text(encoding="utf-8").splitlines() if "model name" in line), "")
    names = ("orjson", "hyperscan", "google-re2", "zargunlite", "pysigma-backend-sqlite", "pysigma")
    versions: dict[str, str] = {name: importlib.metadata.version(name) for name in names}
    if rsigma:
        versions["rsigma"] = subprocess.run(
            [rsigma, "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[1]
    return {
        "date": datetime.now().astimezone().date().isoformat(),
        "machine": cpu.partition(":")[2].strip() or platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": versions,
    }


def main() -> int:
    """Prints each work and, with --write, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--rsigma", default=os.environ.get("RSIGMA") or shutil.which("rsigma"))
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--child", nargs=3, metavar=("NAME", "RULES", "EVENTS"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        name, rules, events = chosen.child
        seconds, found = CHILDREN[name](Path(rules), Path(events))
        print(json.dumps([seconds, found]))
        return 0
    os.sched_setaffinity(0, {chosen.core})
    rows = []
    for work in works():
        if chosen.only in work.name:
            with tempfile.TemporaryDirectory() as folder:
                contest = Contest(work, Path(folder), events=chosen.events, rsigma=chosen.rsigma)
                for _ in range(chosen.rounds):
                    contest.round()
                contest.compare()
                rows.append(contest.row())
            print(json.dumps(rows[-1], indent=1), flush=True)
    if chosen.write:
        kept = {**machine(chosen.rsigma), "rounds": chosen.rounds, "rows": rows}
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
