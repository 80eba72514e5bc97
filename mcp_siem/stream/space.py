"""A connection space of a live stream: which source its lines are of, and the session they go through."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from mcp_siem.errors import UsageError
from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.event import EVENT
from mcp_siem.sources.port import Complete, Normaliser, ParseIssue, Record, Resumable, Session
from mcp_siem.sources.table import SOURCES, detect
from mcp_siem.stream.blocks import Block
from mcp_siem.stream.lines import MAX_LINE
from mcp_siem.stream.tail import Item, records_of

__all__ = ["UNKNOWN", "Space"]

UNKNOWN = "unknown_input"
_SAMPLED = 50
_SURE = 0.5


class Space:
    """All lines of one name. `mixed` says that lines of several sources may stand in it, as in a listener's.

    A name whose source is not known yet is looked at again with each batch; its lines are told as unread.
    """

    def __init__(
        self,
        name: str,
        *,
        complete: Complete,
        known: KnownItems,
        source: Normaliser | None = None,
        mixed: bool = False,
        max_line: int = MAX_LINE,
    ) -> None:
        self.name = name
        self._complete = complete
        self._known = known
        self._fixed = source
        self._mixed = mixed
        self._max_line = max_line
        self._source = source
        self._sessions: dict[str, Session] = {}

    def look(self, items: Sequence[Item]) -> None:
        """Finds out which source the lines are of, if it is not known."""
        if self._source is None and not self._mixed:
            blocks = (item for item in items if isinstance(item, Block))
            lines = islice(chain.from_iterable(records_of(block, self._max_line) for block in blocks), _SAMPLED)
            self._source = self._detected([line.data for line in lines if isinstance(line, Record)])

    @property
    def holds_events(self) -> bool:
        """Says whether each line stands for itself, as an event, so that whole blocks can be judged."""
        return self._source is EVENT and not self._mixed

    def lines(self, block: Block) -> Iterator[Record | ParseIssue]:
        """The lines of a block."""
        return records_of(block, self._max_line)

    def feed(self, items: Iterable[Record | ParseIssue]) -> Iterator[tuple[Record | ParseIssue, Event | ParseIssue]]:
        """What the next lines complete, each with the line that completed it."""
        for item in items:
            if isinstance(item, ParseIssue):
                yield item, item
                continue
            session = self._session_for(item)
            if session is None:
                reason = "no source knows this line; say what it is with --source"
                yield item, ParseIssue(ref=item.ref, code=UNKNOWN, reason=reason)
                continue
            for told in session.feed(item):
                yield item, told

    def finish(self) -> Iterator[Event | ParseIssue]:
        """What is still open."""
        for session in self._sessions.values():
            yield from session.finish()

    def dump(self) -> dict[str, object]:
        """Which source it is of, and what its sessions remember, as plain data."""
        sessions = {
            name: session.dump() if isinstance(session, Resumable) else None for name, session in self._sessions.items()
        }
        return {"source": self._source.name if self._source else None, "sessions": sessions}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave; a source named since has the last word."""
        named = document["source"]
        if self._fixed is None and named in SOURCES:
            self._source = SOURCES[named]
        for name, dumped in document["sessions"].items():
            if name in SOURCES and (self._fixed is None or self._fixed.name == name):
                session = self._opened(SOURCES[name])
                if dumped is not None and isinstance(session, Resumable):
                    session.load(dumped)

    def _session_for(self, record: Record) -> Session | None:
        if self._mixed and self._fixed is None:
            current = self._source
            if current is None or current.confidence([record.data]) < _SURE:
                self._source = self._detected([record.data])
        return None if self._source is None else self._opened(self._source)

    def _opened(self, source: Normaliser) -> Session:
        session = self._sessions.get(source.name)
        if session is None:
            session = self._sessions[source.name] = source.open(self._complete, self._known)
        return session

    def _detected(self, sample: Sequence[bytes]) -> Normaliser | None:
        try:
            return detect(sample, place=self.name) if sample else None
        except UsageError:
            return None
