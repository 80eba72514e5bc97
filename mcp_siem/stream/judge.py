"""From pieces of input to rows: what alerts, what correlations will want to know, and what could not be read.

Lines of events are judged in blocks: of an event on which no rule holds nothing is made but its parsed JSON.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Protocol

import orjson

from mcp_siem.engine.alert import Alert
from mcp_siem.engine.compile import Detection
from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.formula import Verdict
from mcp_siem.engine.hit import Hit
from mcp_siem.engine.nodes import Keyword
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack
from mcp_siem.sources.event import EventSession, events_of, with_principal
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.blocks import Block, too_long
from mcp_siem.stream.lines import MAX_LINE, bare
from mcp_siem.stream.period import Period
from mcp_siem.stream.read import Feed
from mcp_siem.stream.spill import SortedRows

__all__ = ["Here", "Judge", "Judged", "Show", "Unit", "correlated", "place_of"]

_CALLER = frozenset({"mcp.principal", "mcp.principal_folded"})
_WHOLE = -1
_RULE_IDS = 5
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
_MICROSECOND = timedelta(microseconds=1)

Clock = str | int | None
Place = tuple[int, int]


class Show(Protocol):
    """Makes of an alert what will be written; asked in whichever process found the alert, so that it works there."""

    def show(self, alert: Alert) -> object:
        """What will be written of one alert; it must pass from process to process."""
        ...

    def total(self) -> object:
        """What all its alerts amount to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A piece of input: a block of lines of one feed, or what sources told, each with the number of its input.

    `head` is the time it begins at.
    """

    head: int
    feed: Feed | None = None
    block: Block | None = None
    told: Sequence[tuple[int, Event | ParseIssue]] = ()


@dataclass(slots=True, kw_only=True)
class Judged:
    """What came of a piece of input.

    Rows begin with time, input, line, index and a number, by which they sort; the time of an alert is None where neither its
    event nor one before it in the piece has any. Alerts end with what is to be written, hits with what `correlated` reads.
    """

    alerts: list[tuple[Any, ...]] = field(default_factory=list)
    hits: list[tuple[Any, ...]] = field(default_factory=list)
    issues: list[ParseIssue] = field(default_factory=list)
    events: int = 0
    lines: int = 0
    last: int | None = None
    newest: int | None = None


class Judge:
    """Asks an engine about pieces of input, in one process."""

    def __init__(self, engine: Engine, show: Show, period: Period, *, limit: int = MAX_LINE) -> None:
        self._engine = engine
        self._show = show
        self._period = period
        self._limit = limit
        self._number = 0
        self._clocks: dict[int, int | None] = {}
        self._reads_caller = any(_CALLER & one.fields or _has_keywords(one.node) for one in engine.detections)

    def block(self, block: Block, space: int) -> Judged:
        """Judges lines of events, each a JSON object or a list of them."""
        judged = Judged()
        # Line by line: a list of all of them would push each out of the processor's cache before it is parsed.
        lines: Iterable[bytes] = io.BytesIO(block.data)
        if len(block.data) > self._limit:
            lines = [self._within(line, f"{block.name}:{block.first + at}", judged) for at, line in enumerate(lines)]
        clock = self._lines(lines, block, space, judged)
        judged.last = _instant(clock)
        return judged

    def told(self, told: Iterable[tuple[int, Event | ParseIssue]]) -> Judged:
        """Judges what sources made of their records, each with the number of its input."""
        judged = Judged()
        for space, event in told:
            if isinstance(event, ParseIssue):
                judged.issues.append(event)
            else:
                self._clocks[space] = self._one(event, space, self._clocks.get(space), judged)
        return judged

    def _within(self, line: bytes, ref: str, judged: Judged) -> bytes:
        if len(line.rstrip(b"\r\n")) <= self._limit:
            return line
        judged.issues.append(too_long(ref, len(line.removesuffix(b"\n")), self._limit))
        return b""

    def _lines(self, lines: Iterable[bytes], block: Block, space: int, judged: Judged) -> Clock:
        """Judges lines one after another; returns the time of the last that has one."""
        loads, judge, isoformat, put = orjson.loads, self._engine.verdict, datetime.fromisoformat, object.__setattr__
        reads_caller, filters = self._reads_caller, not self._period.whole
        scratch = Event(data={})
        clock: Clock = None
        number = block.first - 1
        usual_events = 0
        for line in lines:
            number += 1
            try:
                data = loads(line)
            except orjson.JSONDecodeError:
                clock = self._repaired(line, f"{block.name}:{number}", space, clock, judged)
                continue
            try:
                stamp = data["@timestamp"]
                isoformat(stamp)
                usual = stamp[-1] == "Z" and stamp[7] == "-" and stamp[13] == ":"
            except (KeyError, TypeError, ValueError, IndexError):
                usual = False
            if not usual or filters:
                for event in events_of(data, f"{block.name}:{number}"):
                    clock = self._told(event, space, clock, judged)
                continue
            usual_events += 1
            clock = stamp
            if reads_caller:
                data = with_principal(data)
            # Frozen for everybody else: an event made for each line would be the dearest part of it.
            put(scratch, "data", data)
            verdict = judge(scratch)
            if verdict is None or verdict.held:
                event = Event(data=with_principal(data), time=_instant(stamp), raw_ref=f"{block.name}:{number}")
                self._alerts(event, (number, _WHOLE), space, event.time, judged, verdict)
        judged.events += usual_events
        block.lines = judged.lines = number - block.first + 1
        return clock

    def _repaired(self, line: bytes, ref: str, space: int, clock: Clock, judged: Judged) -> Clock:
        """A line that is no JSON as it stands."""
        data = bare(line)
        for event in EventSession().feed(Record(data=data, ref=ref)) if data else ():
            clock = self._told(event, space, clock, judged)
        return clock

    def _told(self, event: Event | ParseIssue, space: int, clock: Clock, judged: Judged) -> Clock:
        if isinstance(event, ParseIssue):
            judged.issues.append(event)
            return clock
        return self._one(event, space, clock, judged)

    def _one(self, event: Event, space: int, clock: Clock, judged: Judged) -> int | None:
        judged.events += 1
        if event.time is not None and (judged.newest is None or event.time > judged.newest):
            judged.newest = event.time
        time = event.time if event.time is not None else _instant(clock)
        if self._period.counts(event.time):
            self._alerts(event, place_of(event.raw_ref), space, time, judged)
        return time

    def _alerts(
        self,
        event: Event,
        place: Place,
        space: int,
        time: int | None,
        judged: Judged,
        verdict: Verdict[Detection] | None = None,
    ) -> None:
        alerts, hits = self._engine.match(event, verdict)
        if alerts and self._period.shows(event.time):
            for alert in alerts:
                self._number += 1
                judged.alerts.append((time, space, *place, self._number, self._show.show(alert)))
        for hit in hits:
            self._number += 1
            row = (hit.time, space, *place, self._number, tuple(hit.rule_ids), hit.fields, event.raw_ref, hit.pairs)
            judged.hits.append(row)


def place_of(ref: str | None) -> Place:
    """Line and index of `FILE:LINE/INDEX`; a line as a whole stands before its items."""
    line, _, index = (ref or "").rpartition(":")[2].partition("/")
    return (int(line) if line.isdecimal() else 0, int(index) if index.isdecimal() else _WHOLE)


def _instant(clock: Clock) -> int | None:
    if not isinstance(clock, str):
        return clock
    return (datetime.fromisoformat(clock) - _EPOCH) // _MICROSECOND


def _has_keywords(node: object) -> bool:
    pending: list[object] = [node]
    for one in pending:  # which grows
        if one is None:
            continue
        if isinstance(one, Keyword):
            return True
        pending.extend(getattr(one, "parts", ()))
        pending.append(getattr(one, "inner", None))
    return False


def _hit(row: Sequence[Any], order: int) -> Hit:
    """The hit that a row was made of; `order` is its place among all of them."""
    time, _, _, _, _, rule_ids, fields, ref, pairs = row
    return Hit.light(frozenset(rule_ids), time, order, fields, ref, pairs)


def correlated(
    engine: Engine, rows: Iterable[Sequence[Any]], show: Show, period: Period, places: Mapping[str, int]
) -> Iterator[tuple[Any, ...]]:
    """Rows of the alerts of correlations over sorted hits, by hit and then by the place of the rule."""
    for order, row in enumerate(rows):
        alerts = engine.correlate(_hit(row, order))
        if alerts and period.shows(row[0]):
            placed = [(_rank(alert, places), number, alert) for number, alert in enumerate(alerts)]
            for rank, number, alert in sorted(placed, key=lambda one: one[:2]):
                yield (*row[:_RULE_IDS], *rank, number, show.show(alert))


def _rank(alert: Alert, places: Mapping[str, int]) -> tuple[int, str]:
    """Where an alert stands among those of one hit: by rule, then what the engine says of its own limits, by correlation."""
    place = places.get(alert.rule_id)
    return (place, "") if place is not None else (len(places), str(alert.evidence[0].value if alert.evidence else ""))


class Here:
    """Judges units and correlates their hits in this process."""

    def __init__(
        self, pack: RulePack, engine: Engine, show: Show, period: Period, correlations: Sequence[Correlation]
    ) -> None:
        self.pack = pack
        self.show = show
        self.period = period
        self.correlations = correlations
        self.places = {rule.id: place for place, rule in enumerate(pack)}
        self.hits = SortedRows()
        self.counts: Counter[str] = Counter()
        self._engine = engine
        self._judge = Judge(engine, show, period)

    def unit(self, unit: Unit) -> Judged:
        """Judges one unit; its hits are kept here."""
        if unit.block is not None and unit.feed is not None:
            return self.block(unit.block, unit.feed.number)
        return self._keep(self._judge.told(unit.told))

    def block(self, block: Block, space: int) -> Judged:
        """Judges a block; its hits are kept here."""
        return self._keep(self._judge.block(block, space))

    def _keep(self, judged: Judged) -> Judged:
        if judged.hits:
            self.hits.extend(judged.hits)
            self.counts.update(chain.from_iterable(row[_RULE_IDS] for row in judged.hits))
            judged.hits = []
        return judged

    def judged(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Judged]]:
        """What each unit brought, in their order."""
        for unit in units:
            yield unit, self.unit(unit)

    def correlated(self) -> Iterator[object]:
        """What is to be written of the alerts of correlations."""
        rows = correlated(self._engine, self.hits.drain(), self.show, self.period, self.places)
        return (row[-1] for row in rows)

    def totals(self) -> list[object]:
        """What the alerts amount to."""
        return [self.show.total()]

    @property
    def failures(self) -> Counter[str]:
        """How often each rule failed."""
        return self._engine.failures

    @property
    def dropped(self) -> int:
        """How many events left a window early."""
        return self._engine.dropped
