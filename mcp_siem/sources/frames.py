"""Sources whose records hold JSON-RPC messages: they are read as frames, and the wire pairs and tells them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.capture import Capture, Direction
from mcp_siem.sources.messages import Notification, Request, parse_message
from mcp_siem.sources.port import Complete, ParseIssue, Record
from mcp_siem.sources.wire import WireSession

__all__ = ["FrameReader", "FrameSource", "sender_of"]

_FROM_SERVER = (
    "sampling/",
    "elicitation/",
    "notifications/message",
    "notifications/tools",
    "notifications/resources",
    "notifications/prompts",
    "notifications/elicitation",
    "notifications/tasks",
)


class FrameReader(Protocol):
    """Lines of one input on their way to captures; what it remembers is bounded, and plain data when dumped."""

    def read(self, record: Record) -> Iterator[Capture | ParseIssue]:
        """What the next line completes; never raises on input."""
        ...

    def finish(self) -> Iterator[Capture | ParseIssue]:
        """What is still open at the end."""
        ...

    def dump(self) -> dict[str, object]:
        """All that is remembered, as plain data of JSON."""
        ...

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        ...


class FrameSession:
    """One input: its reader's captures go through a session of the wire."""

    def __init__(self, name: str, reader: FrameReader, wire: WireSession) -> None:
        self._name = name
        self._reader = reader
        self._wire = wire

    def feed(self, record: Record) -> Iterator[Event | ParseIssue]:
        """Yields what a line completes."""
        yield from self._told(self._reader.read(record))

    def finish(self) -> Iterator[Event | ParseIssue]:
        """Yields what is still open."""
        yield from self._told(self._reader.finish())
        yield from map(self._named, self._wire.finish())

    def dump(self) -> dict[str, object]:
        """What reader and wire remember."""
        return {"reader": self._reader.dump(), "wire": self._wire.dump()}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._reader.load(document["reader"])
        self._wire.load(document["wire"])

    def _told(self, read: Iterator[Capture | ParseIssue]) -> Iterator[Event | ParseIssue]:
        for item in read:
            if isinstance(item, ParseIssue):
                yield item
            else:
                yield from map(self._named, self._wire.take(item))

    def _named(self, told: Event | ParseIssue) -> Event | ParseIssue:
        if isinstance(told, ParseIssue):
            return told
        return Event(data={**told.data, "event.provider": self._name}, time=told.time, raw_ref=told.raw_ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSource:
    """A source of frames: how sure it is of the first lines, when a line was, and its reader."""

    name: str
    sure: Callable[[Sequence[bytes]], float]
    when: Callable[[bytes], int | None]
    reader: Callable[[], FrameReader]

    def confidence(self, sample: Sequence[bytes]) -> float:
        """How sure the source is of these lines."""
        return self.sure(sample)

    def time(self, record: Record) -> int | None:
        """When the line says it happened."""
        return self.when(record.data)

    def open(self, complete: Complete, known: KnownItems) -> FrameSession:
        """A session for one input."""
        return FrameSession(self.name, self.reader(), WireSession(complete, known))


def sender_of(message: object, asked: object = None) -> Direction:
    """Which way a message goes, told from its method; of a response from the method that it answers."""
    parsed = parse_message(message)
    if isinstance(parsed, Request | Notification):
        return Direction.TO_CLIENT if _is_from_server(parsed.method) else Direction.TO_SERVER
    return Direction.TO_SERVER if isinstance(asked, str) and _is_from_server(asked) else Direction.TO_CLIENT


def _is_from_server(method: str) -> bool:
    return method == "roots/list" or method.startswith(_FROM_SERVER)
