"""Readers of records that make several events, or wait for one another: what sources of calls share."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.linewise import Made, Parsed, objects
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.tally import Tally

__all__ = ["RecordReader", "made", "of_value"]

_MAX_LISTED = 10_000
_CALLERS = frozenset({"user.id", "user.email", "source.ip"})
_PLACES = frozenset({"mcp.server.name", "host.name"})


class RecordReader:
    """A reader of JSON lines, object by object; subclasses say what an object makes, and what they remember."""

    def __init__(self) -> None:
        self.tally = Tally()

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What one object makes."""
        raise NotImplementedError

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields what the objects of a line make."""
        value, fault = read_json(record.data)
        if fault is not None:
            yield ParseIssue(ref=record.ref, code=fault.code, reason=fault.reason)
        if not is_fatal(fault):
            yield from of_value(self, value, record.ref)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields the counts of what is no event here."""
        yield from self.tally.finish()

    def other(self, ref: str, reason: str = "records of a kind that is no event here") -> Iterator[ParseIssue]:
        """Counts a record that is told by no event."""
        yield from self.tally.note("other_record", ref, reason)

    def dump(self) -> dict[str, object]:
        """The counts."""
        return {"tally": self.tally.dump()}

    def load(self, document: Any) -> None:
        """Goes on from the counts."""
        self.tally.load(document["tally"])


def of_value(reader: RecordReader, value: object, ref: str) -> Iterator[Made | ParseIssue]:
    """What a JSON value makes: an object, or each object of a list."""
    found = objects(value)
    if not found:
        yield ParseIssue(ref=ref, code="not_object", reason="a record is a JSON object")
    for index, one in enumerate(found[:_MAX_LISTED]):
        yield from reader.told(one, f"{ref}/{index}" if isinstance(value, list) else ref)
    if len(found) > _MAX_LISTED:
        reason = f"{len(found) - _MAX_LISTED} records beyond the first {_MAX_LISTED} of a list are not read"
        yield ParseIssue(ref=ref, code="long_batch", reason=reason)


def made(
    fields: Mapping[str, object], *, time: int | None, ref: str, arguments: object = None, caller: str | None = None
) -> Made:
    """One event to be completed; fields without a value are left out.

    `caller` names who did it where no user and no address is told; else that is the server or the host, or the input itself.
    """
    told = {name: value for name, value in fields.items() if value is not None}
    if not told.keys() & _CALLERS:
        named = caller or (None if told.keys() & _PLACES else PurePath(ref.rpartition(":")[0]).name or ref)
        told |= {"mcp.principal": named} if named else {}
    return Made(parsed=Parsed(fields=told, time=time, arguments=arguments), ref=ref)
