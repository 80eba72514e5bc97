"""Events as they are (`--source event`): one JSON object a line, flat or nested, or a list of them in time order."""

from collections.abc import Iterator, Mapping, Sequence

from mcp_siem.events.event import Event, path_exists, path_values
from mcp_siem.events.principal import principal_of
from mcp_siem.events.time import parse_time
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.port import Complete, ParseIssue, Record

__all__ = ["EVENT", "EventNormaliser", "EventSession", "events_of", "with_principal"]

_TIME_FIELDS = ("@timestamp", "time")
_CALLER_FIELDS = ("user.id", "user.email", "source.ip", "host.name", "process.pid", "mcp.server.name")
_OURS = ("mcp.", "gen_ai.")


class EventSession:
    """Hands events on in place. They are taken as redacted; the caller alone is filled in where it is missing."""

    def feed(self, record: Record) -> Iterator[Event | ParseIssue]:
        """Yields the event of a line, or the events of a list."""
        value, fault = read_json(record.data)
        if fault is not None:
            yield ParseIssue(ref=record.ref, code=fault.code, reason=fault.reason)
        if not is_fatal(fault):
            yield from events_of(value, record.ref)

    def finish(self) -> Iterator[Event | ParseIssue]:
        """Nothing is ever held back."""
        return iter(())


def events_of(value: object, ref: str) -> Iterator[Event | ParseIssue]:
    """The event that a JSON value is, or the events of a list."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _event(item, f"{ref}/{index}")
    else:
        yield from _event(value, ref)


def _event(value: object, ref: str) -> Iterator[Event | ParseIssue]:
    if not isinstance(value, dict):
        yield ParseIssue(ref=ref, code="not_object", reason="an event is a JSON object")
        return
    time, said = _time(value)
    if said and time is None:
        reason = "the time of the event is none that can be read; line order stands in for it"
        yield ParseIssue(ref=ref, code="no_time", reason=reason)
    yield Event(data=with_principal(value), time=time, raw_ref=ref)


class EventNormaliser:
    """Events in the shape of the taxonomy, or of any other."""

    name = "event"

    def confidence(self, sample: Sequence[bytes]) -> float:
        """Sure of lines that name their dataset, less so of any object with a time."""
        values = [read_json(line)[0] for line in sample]
        objects = [item for value in values for item in (value if isinstance(value, list) else [value])]
        scores = [_score(item) for item in objects if isinstance(item, dict)]
        return sum(scores) / len(scores) if scores else 0.0

    def time(self, record: Record) -> int | None:
        """The time of the line's first event."""
        value, _ = read_json(record.data)
        first = value[0] if isinstance(value, list) and value else value
        return _time(first)[0] if isinstance(first, dict) else None

    def open(self, complete: Complete, known: KnownItems) -> EventSession:  # noqa: ARG002 (the port's shape)
        """A session for one input."""
        return EventSession()


def with_principal(data: Mapping[str, object]) -> Mapping[str, object]:
    """The event with its caller, if it names one by another field alone."""
    inner = data.get("mcp")
    if isinstance(inner, dict) and "principal" in inner:
        return data
    if path_exists(data, "mcp.principal"):
        return data
    caller = principal_of({field: list(path_values(data, field)) for field in _CALLER_FIELDS})
    return data if caller is None else {**data, "mcp.principal": caller}


def _time(data: Mapping[str, object]) -> tuple[int | None, bool]:
    """The time, and whether there was anything that claims to be one."""
    said = False
    for field in _TIME_FIELDS:
        for value in path_values(data, field):
            said = True
            time = parse_time(value)
            if time is not None:
                return time, True
    return None, said


def _score(data: Mapping[str, object]) -> float:
    if path_exists(data, "event.dataset"):
        return 0.95
    if any(key.startswith(_OURS) for key in data) or "mcp" in data or "gen_ai" in data:
        return 0.9
    if "@timestamp" in data:
        return 0.7
    return 0.4 if parse_time(data.get("time")) is not None else 0.0


EVENT = EventNormaliser()
