"""`Replay`: inputs that end, through the engine, to what is written; in one process or in several, with the same result.

Alerts of single events come in the order of time, exactly, and while the input is read, as long as it is about in that
order itself. Then come those of correlations, over hits sorted exactly by time and place. Captures are one shard: what
belongs together in them is paired, and definitions are compared, across all inputs in the order of time. Lines of events
are judged in blocks.
"""

import heapq
import importlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.judge import Here, Judged, Show, Unit
from mcp_siem.stream.lines import bare
from mcp_siem.stream.period import EARLIEST, Period, correlations_of, reach_of
from mcp_siem.stream.read import Feed, in_time, unread
from mcp_siem.stream.spill import SortedRows

__all__ = ["Replay", "Step"]

# An alert waits until so many pieces were begun after its time: what is a little out of order comes in order all the same.
_LAG = 4
_BATCH_RECORDS = 500
_BATCH_WEIGHT = 4 * 1024 * 1024
_SHOWN_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a piece of the input brought: what to write, and what could not be read."""

    shown: Sequence[object] = ()
    issues: Sequence[ParseIssue] = ()


class Bench(Protocol):
    """Where units are judged: here, or in processes."""

    @property
    def failures(self) -> Counter[str]:
        """How often each rule failed."""
        ...

    @property
    def dropped(self) -> int:
        """How many events left a window early."""
        ...

    def judged(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Judged]]:
        """What each unit brought, in their order."""
        ...

    def correlated(self) -> Iterator[object]:
        """What is to be written of the alerts of correlations."""
        ...

    def totals(self) -> list[object]:
        """What the alerts amount to."""
        ...


class Replay:
    """One replay on its way. `events` and `done` (bytes) grow with each step; the rest is whole at the end."""

    def __init__(
        self, pack: RulePack, feeds: Sequence[Feed], *, show: Show, period: Period, every: bool = False, jobs: int = 1
    ) -> None:
        self._feeds = feeds
        self._every = every
        self._jobs = jobs
        correlations = correlations_of(pack)
        reach = period.since - reach_of(correlations) if period.since != EARLIEST else EARLIEST
        self._here = Here(pack, Engine(pack, every=every), show, replace(period, reach=reach), correlations)
        self._alerts = SortedRows()
        self._clocks: dict[int, int] = {}
        self.events = 0
        self.newest: int | None = None
        self.totals: list[object] = []
        self.failures: Counter[str] = Counter()
        self.dropped = 0

    @property
    def done(self) -> int:
        """How many bytes of the inputs were read, as they lie on disk."""
        return sum(feed.source.done for feed in self._feeds)

    def steps(self) -> Iterator[Step]:
        """All there is to write, in order. Raises NoInputError at the end if an input gave nothing."""
        with self._bench() as bench:
            recent: deque[int] = deque(maxlen=_LAG)
            for unit, judged in bench.judged(self._units()):
                recent.append(unit.head)
                yield self._took(unit, judged, min(recent))
            yield from _stepwise(row[-1] for row in self._alerts.drain())
            yield from _stepwise(bench.correlated())
            self.totals += bench.totals()
            self.failures.update(bench.failures)
            self.dropped = bench.dropped
        yield Step(issues=unread(self._feeds))

    def _bench(self) -> AbstractContextManager[Bench]:
        if self._jobs == 1:
            return nullcontext(self._here)
        workers: Any = importlib.import_module("mcp_siem.stream.workers")
        made: AbstractContextManager[Bench] = workers.Workers(self._here, jobs=self._jobs, every=self._every)
        return made

    def _took(self, unit: Unit, judged: Judged, low: int) -> Step:
        """Takes in what a unit brought; gives away the alerts that nothing to come stands before."""
        self.events += judged.events
        if judged.newest is not None:
            self.newest = judged.newest if self.newest is None else max(self.newest, judged.newest)
        if unit.feed is not None:
            unit.feed.took(judged.events, judged.issues)
            space = unit.feed.number
            clock = self._clocks.get(space, EARLIEST)
            self._alerts.extend(row if row[0] is not None else (clock, *row[1:]) for row in judged.alerts)
            if judged.last is not None:
                self._clocks[space] = judged.last
        else:
            self._alerts.extend(row if row[0] is not None else (EARLIEST, *row[1:]) for row in judged.alerts)
        return Step(shown=[row[-1] for row in self._alerts.before(low)], issues=judged.issues)

    def _units(self) -> Iterator[Unit]:
        """Pieces of all inputs in the order of the times they begin at; a file is opened when its first is due."""
        alone = [feed for feed in self._feeds if feed.kind == "event"]
        together = [feed for feed in self._feeds if feed.kind != "event"]
        due: list[tuple[int, int, Unit | None, Iterator[Unit]]] = [
            (feed.clock, feed.number, None, _blocks(feed)) for feed in alone
        ]
        if together:
            due.append((min(feed.clock for feed in together), together[0].number, None, _told(together)))
        heapq.heapify(due)
        while due:
            _, number, unit, units = heapq.heappop(due)
            unit = unit or next(units, None)
            if unit is not None:
                yield unit
                following = next(units, None)
                if following is not None:
                    heapq.heappush(due, (following.head, number, following, units))


def _blocks(feed: Feed) -> Iterator[Unit]:
    for piece in feed.source.blocks():
        if isinstance(piece, ParseIssue):
            feed.took(0, [piece])
            yield Unit(head=feed.clock, told=[(feed.number, piece)])
        else:
            first = piece.data[: piece.data.find(b"\n") + 1 or len(piece.data)]
            head = feed.tick(Record(data=bare(first), ref=f"{piece.name}:{piece.first}"))
            yield Unit(head=head, feed=feed, block=piece)


def _told(feeds: Sequence[Feed]) -> Iterator[Unit]:
    """What the sources make of the records of several inputs, in batches."""
    batch: list[tuple[int, Event | ParseIssue]] = []
    records, weight, head = 0, 0, None
    for feed, record in in_time(feeds):
        if head is None:
            head = feed.clock
        for told in feed.told(record):
            feed.came(told)
            batch.append((feed.number, told))
        records += 1
        weight += len(record.data) if isinstance(record, Record) else 0
        if records >= _BATCH_RECORDS or weight >= _BATCH_WEIGHT:
            yield Unit(head=head, told=batch)
            batch, records, weight, head = [], 0, 0, None
    if batch and head is not None:
        yield Unit(head=head, told=batch)


def _stepwise(shown: Iterator[Any]) -> Iterator[Step]:
    while some := list(islice(shown, _SHOWN_AT_ONCE)):
        yield Step(shown=some)
