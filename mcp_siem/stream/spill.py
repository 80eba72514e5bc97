"""Rows sorted exactly in constant memory: full runs are sorted and set down in a file, and merged when all are there.

A row is a tuple that sorts by its first five members, which no two rows share. Runs that follow one another in order are read one
after another: sorted input holds one or two of them open, however many there are.
"""

import heapq
import itertools
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

__all__ = ["HELD_ROWS", "Run", "SortedRows", "merged"]

HELD_ROWS = 2_000
_BATCH = 64
_KEY = 5

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Sorted rows in a file: the first of them, and where each batch of them starts, and the last ends."""

    first: Row
    places: tuple[int, ...]


class SortedRows:
    """Takes rows in any order and gives them back in order; at most `held` wait in memory, the rest in the file."""

    def __init__(self, opened: Callable[[], IO[bytes]] = tempfile.TemporaryFile, *, held: int = HELD_ROWS) -> None:
        self._opened = opened
        self._most = held
        self._rows: list[Row] = []
        self._file: IO[bytes] | None = None
        self._end = 0
        self.runs: list[Run] = []

    def extend(self, rows: Iterable[Row]) -> None:
        """Keeps rows."""
        self._rows.extend(rows)
        if len(self._rows) >= self._most:
            self.spill()

    def before(self, low: int) -> list[Row]:
        """Gives away, in order, the rows whose first member is below `low`; none once some had to be set down."""
        if self.runs or not self._rows:
            return []
        self._rows.sort()
        cut = next((at for at, row in enumerate(self._rows) if row[0] >= low), len(self._rows))
        early, self._rows = self._rows[:cut], self._rows[cut:]
        return early

    def spill(self) -> None:
        """Sets down what is in memory."""
        if not self._rows:
            return
        if self._file is None:
            self._file = self._opened()
        self._rows.sort()
        places = [self._end]
        for at in range(0, len(self._rows), _BATCH):
            data = pickle.dumps(self._rows[at : at + _BATCH], pickle.HIGHEST_PROTOCOL)
            self._file.write(data)
            places.append(places[-1] + len(data))
        self._file.flush()
        self._end = places[-1]
        self.runs.append(Run(first=self._rows[0][:_KEY], places=tuple(places)))
        self._rows = []

    def drain(self) -> Iterator[Row]:
        """Gives back every row once, in order."""
        rows, self._rows = sorted(self._rows), []
        runs, self.runs = self.runs, []
        file, self._file = self._file, None
        if file is None:
            yield from rows
            return
        with file:
            yield from heapq.merge(merged([(file, runs)]), rows)


def merged(stored: Sequence[tuple[IO[bytes], Sequence[Run]]]) -> Iterator[Row]:
    """The rows of all runs in order; a run is opened when its first row is due."""
    waiting = sorted(
        ((run.first, number, file, run) for number, (file, runs) in enumerate(stored) for run in runs),
        key=lambda item: item[:2],
        reverse=True,
    )
    heap: list[tuple[Row, Iterator[Row]]] = []
    while waiting or heap:
        while waiting and (not heap or waiting[-1][0] <= heap[0][0]):
            _, _, file, run = waiting.pop()
            rows = _read(file, run)
            heapq.heappush(heap, (next(rows), rows))
        first, rows = heap[0]
        yield first
        due = waiting[-1][0] if waiting else None
        # While a run is alone it needs no heap.
        if len(heap) == 1:
            for row in rows:
                if due is not None and due <= row:
                    heap[0] = (row, rows)
                    break
                yield row
            else:
                heap.pop()
            continue
        following = next(rows, None)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (following, rows))


def _read(file: IO[bytes], run: Run) -> Iterator[Row]:
    for start, end in itertools.pairwise(run.places):
        yield from pickle.loads(_piece(file, start, end - start))  # noqa: S301 - what this run of the command wrote


def _piece(file: IO[bytes], start: int, size: int) -> bytes:
    """Bytes of a file that several processes may read at once, where the system lets them."""
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), size, start)
    file.seek(start)
    return file.read(size)
