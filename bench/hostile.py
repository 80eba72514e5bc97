"""Texts made to slow the engine down: what each costs a byte, against the usual event, with 92 rules and folded twins.

The promise is that no input makes matching more than ten times slower than the median; a worse one ends with an error.
Run it with `--scanner re2` to see what google-re2's set costs where Hyperscan is missing.
"""

import argparse
import base64
import gc
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import engine_workload as workload
import orjson
from engine_speed import folded, machine

from mcp_siem.engine import reader
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.scan import PlainScanner, Re2Scanner
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

RESULTS = Path(__file__).parent / "results" / "hostile.json"
_MOST = 10.0
_EVENTS = 200
_WARM = 250

Make = Callable[[random.Random, int], dict[str, object]]


def _with_text(text: Callable[[random.Random], str]) -> Make:
    def make(rng: random.Random, at: int) -> dict[str, object]:
        event = workload.event(rng, at)
        event["mcp"]["request"]["text"] = text(rng)
        event["mcp"]["response"]["text"] = text(rng)
        return event

    return make


def _prefixes(rng: random.Random, size: int = 700) -> str:
    literals = workload.literals()
    return "".join(one[: rng.randrange(1, len(one))] for one in rng.choices(literals, k=size // 8))[:size]


def _letters(first: int, last: int, size: int) -> Callable[[random.Random], str]:
    return lambda rng: "".join(chr(rng.randrange(first, last)) for _ in range(size))


def _nested(rng: random.Random, at: int) -> dict[str, object]:
    event = workload.event(rng, at)
    node: object = {"text": "x"}
    for depth in range(300):
        node = [node] if depth % 2 else {rng.choice(["request", "mcp", "text"]): node}
    event["mcp"]["request"] = node
    return event


def _spread(rng: random.Random, at: int) -> dict[str, object]:
    event = workload.event(rng, at)
    event |= {f"key {rng.randrange(10**9)}": at for _ in range(60)}
    event["mcp"] |= {f"k.{rng.randrange(10**9)}": {"a": at} for _ in range(60)}
    return event


def _dotted(rng: random.Random, at: int) -> dict[str, object]:
    event = workload.event(rng, at)
    flat = {
        f"mcp.{key}.{name}": value
        for key, held in event["mcp"].items()
        if isinstance(held, dict)
        for name, value in held.items()
    }
    names = rng.sample(sorted(flat), rng.randrange(len(flat)))
    return {**event, **{name: flat[name] for name in names}}


def _array(value: Callable[[random.Random], object]) -> Make:
    def make(rng: random.Random, at: int) -> dict[str, object]:
        event = workload.event(rng, at)
        event["mcp"]["argument"] = {name: [value(rng) for _ in range(500)] for name in ("path", "host")}
        return event

    return make


def _distinct(rng: random.Random, at: int) -> dict[str, object]:
    event = workload.event(rng, at)
    for node in (
        event["user"],
        event["gen_ai"]["tool"],
        event["mcp"]["server"],
        event["mcp"]["method"],
        event["user_agent"],
    ):
        for name in node:
            node[name] = f"{rng.randrange(10**12)}"
    event["event"]["dataset"] = f"d{rng.randrange(10**9)}"
    return event


def _many_masks(rng: random.Random, at: int) -> dict[str, object]:
    return _with_text(lambda rng: " ".join(rng.sample(workload.literals(), 12)))(rng, at)


def _encoded(rng: random.Random) -> str:
    return " ".join(base64.b64encode(rng.randbytes(30)).decode() for _ in range(17))


KINDS: dict[str, Make] = {
    "usual": workload.event,
    "beginnings of literals": _with_text(_prefixes),
    "one letter": _with_text(lambda rng: rng.choice("aAi ") * 700),
    "one letter, 100 KB": _with_text(lambda rng: rng.choice("aAi ") * 100_000),
    "beginnings, 100 KB": _with_text(lambda rng: _prefixes(rng, 2_000) * 50),
    "random ASCII": _with_text(_letters(0x20, 0x7F, 700)),
    "random Cyrillic": _with_text(_letters(0x410, 0x450, 700)),
    "fullwidth": _with_text(_letters(0xFF01, 0xFF5E, 700)),
    "all of the BMP": _with_text(_letters(0x100, 0xD7FF, 700)),
    "what regexes ask for first": _with_text(lambda _: "AKIA xoxb- ghp_ curl -s base64 - eval(atob( /etc/ " * 15),
    "Base64": _with_text(_encoded),
    "URL escapes": _with_text(lambda rng: "".join(f"%{rng.randrange(256):02x}" for _ in range(230))),
    "HTML entities": _with_text(lambda rng: "".join(f"&#{rng.randrange(32, 999)};" for _ in range(120))),
    "deep nesting": _nested,
    "keys never met": _spread,
    "dotted and nested at once": _dotted,
    "arrays of texts": _array(lambda rng: f"/srv/{rng.randrange(10**9)}"),
    "arrays of objects": _array(lambda rng: {"path": rng.randrange(10**9)}),
    "values never met": _distinct,
    "many literals at once": _many_masks,
}


def cost(engine: Engine, make: Make, rounds: int) -> tuple[float, float]:
    """Nanoseconds a byte, and microseconds an event, of asking for verdicts and alerts; the median of the rounds."""
    rng = random.Random(5)
    lines = [json.dumps(make(rng, at), ensure_ascii=False).encode() for at in range(_WARM + _EVENTS)]
    for line in lines[:_WARM]:
        engine.feed(Event(data=orjson.loads(line)))
    times = []
    for _ in range(rounds):
        events = [Event(data=orjson.loads(line)) for line in lines[_WARM:]]
        gc.collect()
        started = time.process_time()
        for event in events:
            engine.held(event)
        times.append(time.process_time() - started)
    seconds = statistics.median(times)
    return seconds * 1e9 / sum(map(len, lines[_WARM:])), seconds * 1e6 / _EVENTS


def _rows(work: str, pack: RulePack, rounds: int) -> list[dict[str, object]]:
    usual = 0.0
    rows: list[dict[str, object]] = []
    for name, make in KINDS.items():
        a_byte, an_event = cost(Engine(pack), make, rounds)
        usual = usual or a_byte
        times = round(a_byte / usual, 2)
        rows.append(
            {
                "work": work,
                "kind": name,
                "ns_a_byte": round(a_byte, 2),
                "us_an_event": round(an_event, 1),
                "times_usual": times,
            }
        )
        print(f"{work:24} {name:28} {a_byte:8.2f} ns/byte {an_event:10.1f} us/event {times:8.2f} times", flush=True)
    return rows


def main() -> int:
    """Prints the rows and, with --write, keeps them under a name; 1 if one breaks the promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--scanner", choices=["best", "re2", "plain"], default="best")
    parser.add_argument("--write", metavar="NAME", help="under which name the figures are kept")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {chosen.core})
    if chosen.scanner != "best":
        reader.best_scanner = {"re2": Re2Scanner, "plain": PlainScanner}[chosen.scanner]
    rules = workload.rule_documents()
    rows = [
        *_rows("92 rules", workload.pack_of(rules), chosen.rounds),
        *_rows("92 rules, most on twins", workload.pack_of([*rules[:25], *folded(rules[25:])]), chosen.rounds),
    ]
    if chosen.write:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        kept[chosen.write] = {**machine(), "scanner": chosen.scanner, "rows": rows}
        RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    slow = [f"{row['work']}: {row['kind']}" for row in rows if float(str(row["times_usual"])) > _MOST]
    print(f"more than {_MOST:g} times the usual: {', '.join(slow) or 'nothing'}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
