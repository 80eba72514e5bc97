"""`Workers`: the units of a replay judged in several processes, and its correlations dealt out among them.

Each process is a fork, so that it has the compiled engine at once, and answers one message after another through a pipe
of its own; one that dies is an error. Hits stay where they were found until all are there, in unnamed files that
every process has open. A correlation, with all that build on one another, is run whole by one process.
"""

import gc
import heapq
import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.engine import Engine
from mcp_siem.errors import McpSiemError, UsageError
from mcp_siem.stream.blocks import Block
from mcp_siem.stream.judge import Here, Judged, Unit, correlated
from mcp_siem.stream.spill import Run, SortedRows, merged

__all__ = ["Workers", "shards_of"]

_log = logging.getLogger(__name__)
# A block that is read where it lies is sent ahead; one that fills the pipe only to a worker that waits for it.
_AHEAD = 2
_HELD_PER_WORKER = 4
_ROWS_AT_ONCE = 200
_PATIENCE = 5.0

Stored = Sequence[Sequence[Run]]


class Workers:
    """Does what `Here` does in `jobs` processes, which end with the block, however it ends.

    What sources told is judged in this process, since it was made here.
    """

    def __init__(self, here: Here, *, jobs: int, every: bool) -> None:
        self._here = here
        self._jobs = jobs
        self._every = every
        self._files: list[IO[bytes]] = []
        self._pipes: list[Connection] = []
        self._processes: list[BaseProcess] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._totals: list[object] = []
        self.failures: Counter[str] = Counter()
        self.dropped = 0

    def __enter__(self) -> Self:
        # One file for the hits of each worker, and one for those found here.
        self._files = [_unnamed() for _ in range(self._jobs + 1)]
        self._here.hits = SortedRows(partial(self._files.__getitem__, self._jobs))
        fork = multiprocessing.get_context("fork")
        gc.freeze()
        for number in range(self._jobs):
            ours, theirs = fork.Pipe()
            self._pipes.append(ours)
            work = partial(
                _Worker(self._here, self._files, number, every=self._every).serve, theirs, tuple(self._pipes)
            )
            process = fork.Process(target=work, daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if kind is not None:
                process.terminate()
            process.join(_PATIENCE)
            if process.exitcode is None:
                process.kill()
                process.join()
        for file in self._files:
            file.close()

    def judged(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Judged]]:
        """What each unit brought, in their order, while the workers are at those that follow."""
        coming = iter(units)
        due: Unit | None = next(coming, None)
        held: dict[int, Unit] = {}
        found: dict[int, Judged] = {}
        load = [0] * self._jobs
        sent = given = 0
        while due is not None or given < sent:
            while due is not None and sent - given < _HELD_PER_WORKER * self._jobs:
                if due.block is None:
                    found[sent] = self._here.unit(due)
                elif not self._send(sent, due, load):
                    break
                held[sent] = due
                sent += 1
                due = next(coming, None)
            if given not in found:
                self._receive(found, load)
            while given in found:
                yield held.pop(given), found.pop(given)
                given += 1

    def correlated(self) -> Iterator[object]:
        """What is to be written of the alerts of correlations."""
        self._here.hits.spill()
        stored: list[Sequence[Run]] = []
        counts = self._here.counts
        for worker in range(self._jobs):
            self._pipes[worker].send(("end",))
        for worker in range(self._jobs):
            runs, seen, failures = self._answer(worker)
            stored.append(runs)
            counts.update(seen)
            self.failures.update(failures)
        self.failures.update(self._here.failures)
        stored.append(self._here.hits.runs)
        shards = shards_of(self._here.correlations, counts, self._jobs)
        for worker, shard in enumerate(shards):
            self._pipes[worker].send(("correlate", shard, stored))
        return (row[-1] for row in heapq.merge(*map(self._rows, range(self._jobs))))

    def totals(self) -> list[object]:
        """What the alerts amount to, of each process."""
        return [*self._totals, *self._here.totals()]

    def _rows(self, worker: int) -> Iterator[tuple[Any, ...]]:
        while True:
            rows, end = self._answer(worker)
            yield from rows
            if end is not None:
                total, dropped = end
                self._totals.append(total)
                self.dropped += dropped
                return

    def _send(self, number: int, unit: Unit, load: list[int]) -> bool:
        """Gives a unit to the worker that has the least to do; False if all have enough."""
        block, feed = unit.block, unit.feed
        if block is None or feed is None:
            return False
        worker = load.index(min(load))
        place = self._place(block.name) if feed.source.plain else None
        if load[worker] >= (_AHEAD if place else 1):
            return False
        piece = (len(block.data), place) if place else block.data
        self._pipes[worker].send(("judge", number, feed.number, block.name, block.first, block.start, piece))
        load[worker] += 1
        return True

    def _place(self, name: str) -> tuple[int, int]:
        if name not in self._places:
            found = Path(name).stat()
            self._places[name] = (found.st_dev, found.st_ino)
        return self._places[name]

    def _receive(self, found: dict[int, Judged], load: list[int]) -> None:
        for ready in wait(self._pipes):
            worker = next(at for at, pipe in enumerate(self._pipes) if pipe is ready)
            number, judged = self._answer(worker)
            found[number] = judged
            load[worker] -= 1

    def _answer(self, worker: int) -> Any:
        try:
            answer, failed = self._pipes[worker].recv()
        except (EOFError, ConnectionResetError) as error:
            process = self._processes[worker]
            process.join(_PATIENCE)
            code = process.exitcode
            why = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise UsageError(
                f"a worker process died ({why}); what it read is lost",
                hint="see whether memory ran out, and run again with fewer --jobs",
            ) from error
        if failed is not None:
            raise failed
        return answer


class _Worker:
    """One of the processes."""

    def __init__(self, here: Here, files: Sequence[IO[bytes]], number: int, *, every: bool) -> None:
        self._here = here
        self._files = files
        self._number = number
        self._every = every
        self._opened: dict[str, int] = {}

    def serve(self, pipe: Connection, others: Iterable[Connection]) -> None:
        """Answers messages until the other end is closed."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer, which then ends us
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in others:
            other.close()
        self._here.hits = SortedRows(partial(self._files.__getitem__, self._number))
        with suppress(EOFError, BrokenPipeError, ConnectionResetError):
            try:
                while True:
                    for answer in self._answers(*pipe.recv()):
                        pipe.send((answer, None))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:  # noqa: BLE001 - it is the parent's to say, which raises it again
                pipe.send((None, _portable(error)))

    def _answers(self, what: str, *details: Any) -> Iterable[object]:
        match what:
            case "judge":
                return (self._judge(*details),)
            case "end":
                self._here.hits.spill()
                return ((self._here.hits.runs, self._here.counts, self._here.failures),)
            case _:
                return self._correlate(*details)

    def _judge(
        self, number: int, space: int, name: str, first: int, start: int, piece: bytes | tuple[int, tuple[int, int]]
    ) -> tuple[int, Judged]:
        data = piece if isinstance(piece, bytes) else self._read(name, start, *piece)
        judged = self._here.block(Block(name=name, first=first, start=start, data=data), space)
        judged.hits = []
        return number, judged

    def _read(self, name: str, start: int, size: int, place: tuple[int, int]) -> bytes:
        if name not in self._opened:
            while self._opened:
                os.close(self._opened.popitem()[1])
            self._opened[name] = os.open(name, os.O_RDONLY)
        file = self._opened[name]
        data = os.pread(file, size, start)
        while len(data) < size and (more := os.pread(file, size - len(data), start + len(data))):
            data += more
        found = os.fstat(file)
        if (found.st_dev, found.st_ino) != place or len(data) < size:
            raise UsageError("the file was replaced or cut while it was read", source=name, hint="run again")
        return data

    def _correlate(self, shard: frozenset[str], stored: Stored) -> Iterator[object]:
        """The rows of a shard's alerts, in parts; with the last part goes what they amount to."""
        dropped = 0
        if shard:
            pack = replace(self._here.pack, rules=tuple(rule for rule in self._here.pack if rule.id in shard))
            engine = Engine(pack, every=self._every)
            bases = {
                member.rule_id for one in self._here.correlations if one.rule.id in shard for member in one.members
            }
            hits = (row for row in merged(list(zip(self._files, stored, strict=True))) if not bases.isdisjoint(row[5]))
            rows = correlated(engine, hits, self._here.show, self._here.period, self._here.places)
            while some := list(islice(rows, _ROWS_AT_ONCE)):
                yield some, None
            dropped = engine.dropped
        yield [], (self._here.show.total(), dropped)


def _unnamed() -> IO[bytes]:
    return tempfile.TemporaryFile()


def shards_of(correlations: Sequence[Correlation], counts: Mapping[str, int], jobs: int) -> list[frozenset[str]]:
    """The ids of correlations for each of so many processes, by how many hits they will see; what builds on one another stays together."""
    whole: dict[str, set[str]] = {one.rule.id: {one.rule.id} for one in correlations}
    for one in correlations:
        for member in one.members:
            if member.rule_id in whole and whole[member.rule_id] is not whole[one.rule.id]:
                together = whole[one.rule.id] | whole[member.rule_id]
                whole.update(dict.fromkeys(together, together))
    work = {
        one.rule.id: 1 + sum(counts.get(rule_id, 0) for rule_id in {member.rule_id for member in one.members})
        for one in correlations
    }
    parts = {id(part): part for part in whole.values()}.values()
    shards: list[set[str]] = [set() for _ in range(jobs)]
    loads = [0] * jobs
    for part in sorted(parts, key=lambda part: (-sum(work[one] for one in part), min(part))):
        least = loads.index(min(loads))
        shards[least] |= part
        loads[least] += sum(work[one] for one in part)
    return [frozenset(shard) for shard in shards]


def _portable(error: Exception) -> Exception:
    """The error if it can pass between processes, else its words."""
    if not isinstance(error, McpSiemError | OSError):
        _log.debug("a worker failed", exc_info=error)
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled in the same line
    except Exception:  # noqa: BLE001 - whatever an error holds
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
