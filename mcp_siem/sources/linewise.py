"""What sources share whose lines become events one by one: sessions, issues, and the reading of JSON lines."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Protocol

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.port import Complete, ParseIssue, Record
from mcp_siem.sources.shape import mapping
from mcp_siem.sources.tally import Tally

__all__ = ["JsonReader", "LineSession", "Linewise", "Made", "Parsed", "Reader", "objects", "share"]

_MAX_LISTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a record says: the fields of an event, its time, the names of fields that could not be read, and the
    arguments of a call, of which the typed arrays are made.
    """

    fields: Mapping[str, object]
    time: int | None
    wrong: tuple[str, ...] = ()
    arguments: object | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A parsed record and where it stood."""

    parsed: Parsed
    ref: str


class Reader(Protocol):
    """Lines of one input on their way to events; what it remembers is bounded, and plain data when dumped."""

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """What the next line completes; never raises on input."""
        ...

    def finish(self) -> Iterator[Made | ParseIssue]:
        """What is still open at the end."""
        ...

    def dump(self) -> dict[str, object]:
        """All that is remembered, as plain data of JSON."""
        ...

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        ...


class LineSession:
    """One input of a line-wise source: completes what its reader makes, and tells what could not be read."""

    def __init__(self, complete: Complete, reader: Reader) -> None:
        self._complete = complete
        self._reader = reader

    def feed(self, record: Record) -> Iterator[Event | ParseIssue]:
        """Yields the events of a line."""
        yield from self._told(self._reader.read(record))

    def finish(self) -> Iterator[Event | ParseIssue]:
        """Yields what the reader still held."""
        yield from self._told(self._reader.finish())

    def dump(self) -> dict[str, object]:
        """What the reader remembers."""
        return self._reader.dump()

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._reader.load(document)

    def _told(self, made: Iterator[Made | ParseIssue]) -> Iterator[Event | ParseIssue]:
        for item in made:
            if isinstance(item, ParseIssue):
                yield item
                continue
            parsed = item.parsed
            if parsed.wrong:
                reason = f"left out, for their values cannot be read: {', '.join(parsed.wrong)}"
                yield ParseIssue(ref=item.ref, code="bad_value", reason=reason)
            if parsed.time is None:
                reason = "the record has no time that can be read; line order stands in for it"
                yield ParseIssue(ref=item.ref, code="no_time", reason=reason)
            data = self._complete.complete(dict(parsed.fields), arguments=parsed.arguments)
            # A log of changes that does not say who made them is of one place: without a name it would count nowhere.
            if "mcp.principal" not in data and data.get("event.dataset") == "mcp.siem_audit":
                data["mcp.principal"] = PurePath(item.ref.rpartition(":")[0]).name or item.ref
            yield Event(data=data, time=parsed.time, raw_ref=item.ref)


class JsonReader:
    """Reads JSON lines object by object: each is an event or several. Kinds that are no event here (None) are counted."""

    def __init__(self, parse: Callable[[Mapping[str, object]], Parsed | Sequence[Parsed] | None]) -> None:
        self._parse = parse
        self._tally = Tally()

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields what the objects of a line say."""
        value, fault = read_json(record.data)
        if fault is not None:
            yield ParseIssue(ref=record.ref, code=fault.code, reason=fault.reason)
        if is_fatal(fault):
            return
        found = objects(value)
        if not found:
            yield ParseIssue(ref=record.ref, code="not_object", reason="a record is a JSON object")
        for index, one in enumerate(found[:_MAX_LISTED]):
            ref = f"{record.ref}/{index}" if isinstance(value, list) else record.ref
            parsed = self._parse(one)
            parts = (parsed,) if isinstance(parsed, Parsed) else parsed or ()
            for number, part in enumerate(parts):
                yield Made(parsed=part, ref=f"{ref}/{number}" if len(parts) > 1 else ref)
            if not parts:
                yield from self._tally.note("other_record", ref, "records of a kind that is no event here")
        if len(found) > _MAX_LISTED:
            reason = f"{len(found) - _MAX_LISTED} records beyond the first {_MAX_LISTED} of a list are not read"
            yield ParseIssue(ref=record.ref, code="long_batch", reason=reason)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields how many records were of other kinds."""
        yield from self._tally.finish()

    def dump(self) -> dict[str, object]:
        """The counts."""
        return {"tally": self._tally.dump()}

    def load(self, document: Any) -> None:
        """Goes on from the counts."""
        self._tally.load(document["tally"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Linewise:
    """A source whose lines become events one by one: how sure it is of a line, when that was, and its reader."""

    name: str
    score: Callable[[bytes], float | None]
    when: Callable[[bytes], int | None]
    reader: Callable[[], Reader]

    def confidence(self, sample: Sequence[bytes]) -> float:
        """The mean of what the lines say; lines that say nothing (None) do not count."""
        return share(self.score, sample)

    def time(self, record: Record) -> int | None:
        """When the line says it happened."""
        return self.when(record.data)

    def open(self, complete: Complete, known: KnownItems) -> LineSession:  # noqa: ARG002 (the port's shape)
        """A session for one input."""
        return LineSession(complete, self.reader())


def share(score: Callable[[bytes], float | None], sample: Sequence[bytes]) -> float:
    """The mean score of the lines that have one."""
    scores = [one for one in map(score, sample) if one is not None]
    return sum(scores) / len(scores) if scores else 0.0


def objects(value: object) -> list[Mapping[str, object]]:
    """The objects of a line: itself, or those of a list; what a search engine exported is taken out of its wrapping."""
    listed = value if isinstance(value, list) else [value]
    return [_unwrapped(one) for one in listed if isinstance(one, dict)]


def _unwrapped(value: Mapping[str, object]) -> Mapping[str, object]:
    inner = value.get("_source")
    return mapping(inner) if isinstance(inner, dict) and ("_index" in value or "_id" in value) else value
