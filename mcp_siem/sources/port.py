"""The port of a source: what a normaliser promises to the stream that feeds it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems

__all__ = ["Complete", "Normaliser", "ParseIssue", "Record", "Resumable", "Session"]


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


class Complete(Protocol):
    """What every event goes through last: derived fields, and secrets taken out (`Deriver`)."""

    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        """The event with its derived fields; `arguments` and their JSON `schema` give the typed arrays."""
        ...


class Session(Protocol):
    """One connection space: all records of one input. State is bounded however long the stream is."""

    def feed(self, record: Record) -> Iterator[Event | ParseIssue]:
        """Takes the next record and yields what it completes; never raises on input."""
        ...

    def finish(self) -> Iterator[Event | ParseIssue]:
        """Yields what is still open when the input ends (a request never answered is an event)."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A session that remembers more than the line it reads: a later process can go on where this one was."""

    def dump(self) -> dict[str, object]:
        """All that is remembered, as plain data of JSON, without what `known` holds."""
        ...

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave; LookupError, TypeError or ValueError if it is not that."""
        ...


class Normaliser(Protocol):
    """A source format: recognises itself, and opens sessions."""

    @property
    def name(self) -> str:
        """The word that `--source` takes."""
        ...

    def confidence(self, sample: Sequence[bytes]) -> float:
        """0.0 (not mine) to 1.0 (certain) for the first lines of an input; the highest wins, ties by name."""
        ...

    def time(self, record: Record) -> int | None:
        """When the record says it happened, so that several inputs can be read in the order of time."""
        ...

    def open(self, complete: Complete, known: KnownItems) -> Session:
        """A fresh session for one input; `known` is shared by all inputs of a run."""
        ...
