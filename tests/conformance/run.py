"""Runs a Sigma engine against the vectors of this folder and says what it gets right: docs/conformance.md.

    run.py --engine 'COMMAND' [--only WORDS] [--differences N]

The command reads one vector a line on standard input and answers each with one line; see `docs/conformance.md`.
"""

# ruff: noqa: T201 - a script that prints

import argparse
import json
import queue
import shlex
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["VECTORS", "Engine", "judged", "vectors"]

VECTORS = Path(__file__).parent / "vectors"
OUTCOMES = ("right", "wrong", "refused", "failed")
_PATIENCE = 30.0

Vector = Mapping[str, Any]


def vectors(only: str = "") -> Iterator[tuple[str, Vector]]:
    """Every vector with the name of its file, in a stable order."""
    for file in sorted(VECTORS.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            vector = json.loads(line)
            if only in f"{file.stem}: {vector['name']}":
                yield file.stem, vector


class Engine:
    """A command that answers one line with one line. It is started anew when it dies or takes too long."""

    def __init__(self, command: str, *, patience: float = _PATIENCE) -> None:
        self._command = shlex.split(command)
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def ask(self, question: Mapping[str, object]) -> dict[str, Any]:
        """The answer, or `{"error": ...}` where there is none."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            answer = json.loads(self._answers.get(timeout=self._patience))
        except (OSError, queue.Empty, ValueError) as error:
            self.close()
            return {"error": f"no answer ({type(error).__name__})"}
        return answer if isinstance(answer, dict) else {"error": "the answer is no object"}

    def close(self) -> None:
        """Ends the command."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._answers = queue.Queue()
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            threading.Thread(target=_collect, args=(self._process, self._answers), daemon=True).start()
        return self._process


def _collect(process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        answers.put(line)
    answers.put("")  # the command ended: no JSON, so the question fails at once


def judged(vector: Vector, answer: Mapping[str, Any]) -> str:
    """One of OUTCOMES for an answer: an engine may refuse a rule, and must where the vector says so."""
    if "refused" in answer:
        return "right" if vector["expected"] == "refused" else "refused"
    verdicts = answer.get("verdicts")
    if not isinstance(verdicts, list):
        return "failed"
    expected = vector["expected"]
    if expected == "refused":
        return "wrong"
    return "right" if list(map(_comparable, verdicts)) == list(map(_comparable, expected)) else "wrong"


def _comparable(said: Sequence[object]) -> Counter[str]:
    """Verdicts of one event in any order."""
    return Counter(json.dumps(one, sort_keys=True) for one in said)


def _shown(name: str, vector: Vector, answer: Mapping[str, Any]) -> None:
    print(f"\n{name}: {vector['name']}  ({vector['spec']})")
    if vector["expected"] == "refused":
        print("  must be refused, is not")
    elif not isinstance(answer.get("verdicts"), list):
        print(f"  {answer}")
    else:
        for event, want, found in zip(vector["events"], vector["expected"], answer["verdicts"], strict=False):
            if _comparable(want) != _comparable(found):
                print(f"  {json.dumps(event, ensure_ascii=False)[:140]}: expected {want}, found {found}")


def _table(counts: Mapping[str, Counter[str]]) -> None:
    print(f"{'':18}" + "".join(f"{outcome:>9}" for outcome in OUTCOMES) + f"{'of':>7}")
    for name, count in counts.items():
        print(f"{name:18}" + "".join(f"{count[outcome]:9}" for outcome in OUTCOMES) + f"{count.total():7}")


def main() -> int:
    """Prints a table by file, and of all vectors and those that the specification settles; 1 if one is not right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True, help="the command to ask")
    parser.add_argument("--only", default="", help="only vectors whose `file: name` holds this")
    parser.add_argument("--differences", type=int, default=0, help="show that many in full")
    parser.add_argument("--json", action="store_true", help="the totals as one JSON object")
    chosen = parser.parse_args()
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    totals = {"all": Counter[str](), "settled": Counter[str]()}
    engine = Engine(chosen.engine)
    for name, vector in vectors(chosen.only):
        answer = engine.ask({key: vector[key] for key in ("rules", "events", "vars") if key in vector})
        outcome = judged(vector, answer)
        counts[name][outcome] += 1
        totals["all"][outcome] += 1
        if vector.get("settled", True):
            totals["settled"][outcome] += 1
        if outcome != "right" and chosen.differences > 0:
            chosen.differences -= 1
            _shown(name, vector, answer)
    engine.close()
    if chosen.json:
        print(json.dumps({name: {**count, "of": count.total()} for name, count in totals.items()}))
    else:
        _table(counts | totals)
    return 0 if totals["all"]["right"] == totals["all"].total() else 1


if __name__ == "__main__":
    sys.exit(main())
