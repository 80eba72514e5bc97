"""What the folded twin costs on usual and on hostile texts: nanoseconds a byte, and how often `orjson.loads` of the text.

No text should cost much more than the usual ones: whoever can write into a tool's output must not be able to slow the
watch. The texts are made anew from a seed; the memos of the folding are emptied before each round.
"""

import argparse
import base64
import hashlib
import json
import os
import random
import statistics
import string
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import engine_workload as workload
import orjson

from mcp_siem.events import fold as folding
from mcp_siem.events.confusables import CONFUSABLES

RESULTS = Path(__file__).parent / "results" / "fold_speed.json"
_SIZE = 1_000
_TEXTS = 60
_SURROGATES = range(0xD800, 0xE000)


class _Writer:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def words(self, chars: str, length: int, between: str = " ") -> str:
        """Random words of some characters, to the size of a text."""
        made = ("".join(self.random.choices(chars, k=length)) for _ in range(_SIZE // (length + len(between)) + 1))
        return between.join(made)

    def runs(self, tail: bytes = b"", before: str = "", between: str = " ") -> str:
        """Runs of Base64 that say short words, with a tail that makes them text or none."""
        said = (bytes(self.random.choices(range(97, 123), k=12 - len(tail))) + tail for _ in range(_SIZE // 17))
        return between.join(before + base64.b64encode(one).decode() for one in said)

    def each(self, make: Callable[[], str]) -> str:
        """Pieces to the size of a text."""
        text = ""
        while len(text) < _SIZE:
            text += make()
        return text


def _between(first: int, last: int) -> str:
    return "".join(chr(point) for point in range(first, last) if point not in _SURROGATES)


def usual_texts() -> Iterator[tuple[str, list[str]]]:
    """Texts as tools write them."""
    texts = []
    for line in workload.event_lines(3_000):
        params = json.dumps(orjson.loads(line)["mcp"], ensure_ascii=False)
        texts.append(params)
    yield "plain ASCII", [text for text in texts if text.isascii()][:_TEXTS]
    yield "some letters of other scripts", [text for text in texts if not text.isascii()][:_TEXTS]
    writer = _Writer(1)
    paths = ("usr", "local", "lib", "python3", "site-packages", "src", "main", "server", "index")
    yield (
        "paths",
        [writer.each(lambda: "/" + "/".join(writer.random.choices(paths, k=5)) + "\n") for _ in range(_TEXTS)],
    )
    yield "Cyrillic", [writer.words(_between(0x430, 0x450), 7) for _ in range(_TEXTS)]
    yield "Chinese", [writer.words(_between(0x4E00, 0x9FFF), 40) for _ in range(_TEXTS)]


def hostile_texts() -> Iterator[tuple[str, Callable[[_Writer], str]]]:
    """Texts that make as much work of each byte as we could think of."""
    look_alikes = "".join(CONFUSABLES)
    letters = string.ascii_letters + string.digits
    yield "look-alikes", lambda one: one.words(look_alikes, 6)
    yield "look-alikes without a blank", lambda one: one.words(look_alikes, _SIZE)
    yield "any character of Unicode", lambda one: one.words(_between(0x80, 0x110000), _SIZE)
    yield "any character of the first planes", lambda one: one.words(_between(0x80, 0x20000), 8)
    yield "mathematical letters", lambda one: one.words(_between(0x1D400, 0x1D800), _SIZE)
    yield "letters with marks", lambda one: one.each(lambda: one.random.choice(letters) + "\u0301\u0327")
    yield "marks alone", lambda one: one.words(_between(0x300, 0x370), _SIZE)
    yield "invisible characters", lambda one: one.each(lambda: one.random.choice(letters) + "\u200b")
    yield "control characters", lambda one: one.each(lambda: one.random.choice(letters) + "\x07")
    yield "runs of 16 symbols", lambda one: one.words(letters, 16)
    yield "runs of 15 symbols", lambda one: one.words(letters, 15)
    yield "runs that are text", lambda one: one.runs()
    yield "runs that are nearly text", lambda one: one.runs(b"\xff")
    yield "the same behind escapes", lambda one: one.runs(b"\xff", before="\\n")
    yield "the same between escapes", lambda one: one.runs(b"\xff", between="\\n")
    yield "lines of 76 symbols", lambda one: one.words(letters, 76, "\n")
    yield "segments of a path", lambda one: one.words(letters, 16, "/")
    yield "digests", lambda one: one.each(lambda: hashlib.sha256(one.random.randbytes(8)).hexdigest() + " ")
    yield "& alone", lambda one: one.each(lambda: "&")
    yield "entities that are none", lambda one: one.each(lambda: f"&{''.join(one.random.choices(letters[:52], k=3))};")
    yield "entities by number", lambda one: one.each(lambda: f"&#{one.random.randrange(1, 65536)};")
    yield "% alone", lambda one: one.each(lambda: "%")
    yield "URL escapes of any bytes", lambda one: one.each(lambda: f"%{one.random.randrange(256):02x}")
    yield (
        "URL escapes by twos",
        lambda one: one.each(lambda: f"%{one.random.randrange(256):02x}%{one.random.randrange(256):02x}z"),
    )
    yield "sequences of a terminal", lambda one: one.each(lambda: f"\x1b[{one.random.randrange(100)}m")
    yield "blanks", lambda one: one.each(lambda: "  ")


def _timed(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _fold_all(texts: list[str]) -> None:
    for text in texts:
        folding.fold(text)


def _parse_all(lines: list[bytes]) -> None:
    for line in lines:
        orjson.loads(line)


def measure(name: str, texts: list[str], rounds: int) -> dict[str, object]:
    """One row: the cost of folding the texts, beside that of parsing them as JSON strings."""
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    lines = [orjson.dumps(text) for text in texts]
    size = sum(len(text.encode()) for text in texts)
    fold_times, parse_times = [], []
    for _ in range(rounds):
        folding._WORDS.clear()  # noqa: SLF001 - every round is the first of its texts
        folding._ISLANDS.clear()  # noqa: SLF001 - every round is the first of its texts
        fold_times.append(_timed(lambda: _fold_all(texts)))
        parse_times.append(_timed(lambda: _parse_all(lines)))
    cost = statistics.median(fold_times) / size * 1e9
    times = statistics.median(one / max(other, 1e-9) for one, other in zip(fold_times, parse_times, strict=True))
    print(f"{name:36} {cost:8.1f} ns a byte {times:8.1f} times orjson.loads", flush=True)
    return {"text": name, "ns_per_byte": round(cost, 1), "times_orjson": round(times, 1)}


def main() -> int:
    """Prints the rows and, with --write, keeps them under a name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--write", metavar="NAME", help="under which name the figures are kept")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {chosen.core})
    rows = [measure(name, texts, chosen.rounds) for name, texts in usual_texts()]
    writer = _Writer(2)
    rows += [measure(name, [make(writer) for _ in range(_TEXTS)], chosen.rounds) for name, make in hostile_texts()]
    if chosen.write:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        kept[chosen.write] = {"date": datetime.now().astimezone().date().isoformat(), "rows": rows}
        RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
