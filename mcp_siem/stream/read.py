"""`read_events`: whatever inputs were named, as events in the order of time."""

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.port import Complete, Normaliser, ParseIssue, Record, Session
from mcp_siem.sources.table import detect, source_named
from mcp_siem.stream.inputs import Input, find_inputs
from mcp_siem.stream.lines import MAX_LINE
from mcp_siem.stream.reorder import Reorder

__all__ = ["Feed", "in_time", "open_feeds", "read_events", "unread"]

_BEFORE_ALL = -(2**63)
_EVENT_WEIGHT = 512


def read_events(
    paths: Sequence[str | Path],
    *,
    source: str = "auto",
    deriver: Complete,
    known: KnownItems | None = None,
    max_line: int = MAX_LINE,
) -> Iterator[Event | ParseIssue]:
    """Events of all inputs merged by time, and what could not be read as ParseIssue values.

    Inputs are checked at once, and read as the iterator is. Raises UsageError for an unknown source or an
    input that no source knows, NoInputError where there is nothing to read.
    """
    feeds, issues = open_feeds(paths, source=source, deriver=deriver, known=known, max_line=max_line)
    return _events(feeds, issues)


def open_feeds(
    paths: Sequence[str | Path],
    *,
    source: str = "auto",
    deriver: Complete,
    known: KnownItems | None = None,
    max_line: int = MAX_LINE,
) -> tuple[list["Feed"], list[ParseIssue]]:
    """The inputs with their sources, and those that no source knows; raises as `read_events` does."""
    named = None if source == "auto" else source_named(source)
    issues: list[ParseIssue] = []
    feeds: list[Feed] = []
    shared = KnownItems() if known is None else known
    for one in find_inputs(paths, max_line=max_line):
        normaliser = named or _detected(one, issues)
        if normaliser is not None:
            feeds.append(Feed(one, normaliser, normaliser.open(deriver, shared), len(feeds)))
    if not feeds:
        raise UsageError(issues[0].reason, source=issues[0].ref, hint="say what it is with --source")
    return feeds, issues


def _detected(one: Input, issues: list[ParseIssue]) -> Normaliser | None:
    """The source of an input; a file that only stood in a named directory may be of none."""
    sample = [item.data for item in one.head if isinstance(item, Record)]
    try:
        return detect(sample, place=one.name)
    except UsageError as error:
        if one.named:
            raise
        issues.append(ParseIssue(ref=one.name, code="unknown_input", reason=error.message))
        return None


class Feed:
    """One input on its way through its own session; `events` and `fault` say what came of it so far."""

    def __init__(self, source: Input, normaliser: Normaliser, session: Session, number: int) -> None:
        self.number = number
        self.source = source
        self.kind = normaliser.name
        self.events = 0
        self.fault: ParseIssue | None = None
        self._normaliser = normaliser
        self._session = session
        self._records: Iterator[Record | ParseIssue] | None = None
        self.clock = _BEFORE_ALL
        self.clock = self._time(source.head[0])

    def take(self) -> Record | ParseIssue | None:
        """The next record, None at the end; `clock` is then its time, never running backwards."""
        if self._records is None:
            self._records = self.source.records()
        return next(self._records, None)

    def tick(self, record: Record | ParseIssue) -> int:
        """Sets the clock to a record's time."""
        self.clock = max(self.clock, self._time(record))
        return self.clock

    def told(self, record: Record | ParseIssue | None) -> Iterator[Event | ParseIssue]:
        """What a record completes; None is the end of the input."""
        if record is None:
            return self._session.finish()
        return iter((record,)) if isinstance(record, ParseIssue) else self._session.feed(record)

    def came(self, told: Event | ParseIssue) -> None:
        """Takes note of what a record became."""
        if isinstance(told, Event):
            self.events += 1
        elif self.fault is None:
            self.fault = told

    def took(self, events: int, issues: Sequence[ParseIssue]) -> None:
        """The same for a whole block."""
        self.events += events
        if self.fault is None and issues:
            self.fault = issues[0]

    def _time(self, record: Record | ParseIssue) -> int:
        time = None if isinstance(record, ParseIssue) else self._normaliser.time(record)
        return self.clock if time is None else time


def _events(feeds: Sequence[Feed], issues: Sequence[ParseIssue]) -> Iterator[Event | ParseIssue]:
    yield from issues
    order = Reorder()
    for feed, record in in_time(feeds):
        weight = len(record.data) if isinstance(record, Record) else 0
        for told in feed.told(record):
            feed.came(told)
            if isinstance(told, ParseIssue):
                yield told
            else:
                yield from order.put(told, space=feed.number, weight=weight + _EVENT_WEIGHT)
                weight = 0
    yield from order.drain()
    yield from unread(feeds)


def unread(feeds: Sequence[Feed]) -> list[ParseIssue]:
    """The inputs of directories of which nothing could be read; raises NoInputError for one that was named, or if all are so."""
    found = [(feed, feed.fault) for feed in feeds if feed.fault is not None and not feed.events]
    for feed, fault in found:
        if feed.source.named or len(found) == len(feeds):
            hint = "say what it is with --source, or leave it out"
            raise NoInputError(f"nothing in the input could be read: {fault.reason}", source=fault.ref, hint=hint)
    reason = "nothing in it could be read"
    return [ParseIssue(ref=feed.source.name, code="nothing_read", reason=reason) for feed, _ in found]


def in_time(feeds: Sequence[Feed]) -> Iterator[tuple[Feed, Record | ParseIssue | None]]:
    """The records of all inputs in the order of time, so that what one shows is known to the next; each input
    ends with None. A file is opened when its first record is due.
    """
    if len(feeds) == 1:
        while (record := feeds[0].take()) is not None:
            yield feeds[0], record
        yield feeds[0], None
        return
    due = [(feed.clock, feed.number, None) for feed in feeds]
    heapq.heapify(due)
    waiting: dict[int, Record | ParseIssue | None] = {}
    while due:
        _, number, _ = heapq.heappop(due)
        feed = feeds[number]
        record = waiting.pop(number) if number in waiting else feed.take()
        yield feed, record
        if record is not None:
            waiting[number] = feed.take()
            following = waiting[number]
            clock = feed.clock if following is None else feed.tick(following)
            heapq.heappush(due, (clock, number, None))
