"""Writes vectors/generated.jsonl: seeded random rules, with the verdicts of the oracle in tests/oracle."""

import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "oracle"))

import oracle  # noqa: E402 - it stands beside, not in a package
from random_rules import Case, random_correlation, random_detection  # noqa: E402

__all__ = ["FILE", "lines"]

FILE = HERE / "vectors" / "generated.jsonl"
_EACH = 60


def lines() -> Iterator[str]:
    """The vectors, each of which fires at some event and rests at another."""
    yield from _of("detection", random_detection)
    yield from _of("correlation", random_correlation)


def _of(kind: str, make: Callable[[random.Random], Case]) -> Iterator[str]:
    made, seed = 0, 0
    while made < _EACH:
        seed += 1
        case = make(random.Random(f"{kind} {seed}"))
        expected = oracle.verdicts(case.rules, case.events)
        if any(expected) and not all(expected):
            made += 1
            vector = {
                "name": f"{kind} {seed}",
                "spec": f"generated: {kind}",
                "rules": case.rules,
                "events": case.events,
                "expected": expected,
                "settled": False,
                "generated": True,
            }
            yield json.dumps(vector, ensure_ascii=False)


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
