"""Hits of a replay, sorted exactly in constant memory: full runs are sorted and set down in an unnamed file."""

import heapq
import pickle
import tempfile
from collections.abc import Iterator
from typing import IO

from mcp_siem.engine.hit import Hit, sort_key

__all__ = ["HELD_HITS", "SpillingStore"]

HELD_HITS = 5_000


class SpillingStore:
    """A `HitStore` that keeps at most `held` hits in memory; the rest waits on disk in sorted runs."""

    def __init__(self, held: int = HELD_HITS) -> None:
        self._most = held
        self._hits: list[Hit] = []
        self._runs: list[IO[bytes]] = []

    def add(self, hit: Hit) -> None:
        """Keeps one hit."""
        self._hits.append(hit)
        if len(self._hits) >= self._most:
            self._spill()

    def drain(self) -> Iterator[Hit]:
        """Gives back every hit once, by time and then by place in the input."""
        hits, self._hits = sorted(self._hits, key=sort_key), []
        runs, self._runs = self._runs, []
        try:
            yield from heapq.merge(hits, *map(_read, runs), key=sort_key)
        finally:
            for run in runs:
                run.close()

    def _spill(self) -> None:
        run = tempfile.TemporaryFile()  # noqa: SIM115 - it lives until the hits are drained, and has no name to leave behind
        self._runs.append(run)
        for hit in sorted(self._hits, key=sort_key):
            pickle.dump(hit, run, pickle.HIGHEST_PROTOCOL)
        run.seek(0)
        self._hits = []


def _read(run: IO[bytes]) -> Iterator[Hit]:
    while True:
        try:
            hit = pickle.load(run)  # noqa: S301 - the unnamed file holds only what this process wrote
        except EOFError:
            return
        yield hit
