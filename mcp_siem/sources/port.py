"""The port of a source: what a normaliser promises to the stream that feeds it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mcp_siem.events.event import Event

__all__ = ["Normaliser", "ParseIssue", "Record", "Session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of input as it came: its bytes without the line end, and where it stood (`FILE:LINE`)."""

    data: bytes
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseIssue:
    """A record, or a part of one, that could not become an event: where, a stable code, and why in words."""

    ref: str
    code: str
    reason: str


class Session(Protocol):
    """One connection space: all records of one input. State is bounded however long the stream is."""

    def feed(self, record: Record) -> Iterator[Event | ParseIssue]:
        """Takes the next record and yields what it completes; never raises on input."""
        ...

    def finish(self) -> Iterator[Event | ParseIssue]:
        """Yields what is still open when the input ends (a request never answered is an event)."""
        ...


class Normaliser(Protocol):
    """A source format: recognises itself, and opens sessions."""

    name: str

    def confidence(self, sample: Sequence[bytes]) -> float:
        """0.0 (not mine) to 1.0 (certain) for the first lines of an input; the highest wins, ties by name."""
        ...

    def open(self) -> Session:
        """A fresh session for one input."""
        ...
