"""Lines of a log with a record inside: what a formatter, a container engine or a journal puts around it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcp_siem.events.time import parse_time
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.otlp import attributes_of
from mcp_siem.sources.shape import mapping, text

__all__ = ["LogLine", "read_line"]

_MESSAGES = ("message", "msg", "log", "MESSAGE", "event", "body", "Body", "_raw", "textPayload", "record")
_TIMES = (
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "asctime",
    "timeUnixNano",
    "observedTimeUnixNano",
    "__REALTIME_TIMESTAMP",
    "_time",
)
_HOSTS = ("host", "hostname", "_HOSTNAME", "HOSTNAME")
_MOST_WRAPPINGS = 3
_STAMP = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)  # asctime, RFC 3339, syslog of RFC 5424
_RICH = re.compile(r"\[(\d\d)/(\d\d)/(\d\d) (\d\d:\d\d:\d\d)\]", re.ASCII)
_LONGEST_PREFIX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """What a line says: the text inside, the JSON object that it is where it is one, and when and where it was written."""

    said: str
    value: Mapping[str, object] | None = None
    time: int | None = None
    host: str | None = None
    around: Mapping[str, object] = field(default_factory=dict)


def read_line(data: bytes, *, marks: frozenset[str]) -> LogLine:
    """Unwraps a line until it is an object that has one of the keys `marks`, or text that is no JSON."""
    said = data.decode("utf-8", "replace")
    found, time, host = said, None, None
    around: dict[str, object] = {}
    for _ in range(_MOST_WRAPPINGS + 1):
        before, value = _object(found)
        time = _stamped(before) if before and time is None else time
        if value is None:
            break
        if value.keys() & marks and not _is_wrapping(value, marks):
            return LogLine(said=found, value=value, time=_time(value, time), host=host, around=around)
        inner = _inner(value)
        if inner is None and before.strip():
            # An object within words is a part of them.
            break
        if inner is None:
            return LogLine(said=found, value=value, time=_time(value, time), host=host, around=around)
        around |= {name: one for name, one in value.items() if not isinstance(one, dict | list)}
        time, host = _time(value, time), host or next((one for name in _HOSTS if (one := text(value.get(name)))), None)
        found = inner
    return LogLine(said=found, time=time if time is not None else _stamped(found), host=host, around=around)


def _object(said: str) -> tuple[str, Mapping[str, object] | None]:
    """What stands before the first brace, and the object that begins there."""
    start = said.find("{")
    if not 0 <= start <= _LONGEST_PREFIX:
        return said[:_LONGEST_PREFIX], None
    value, fault = read_json(said[start:].strip())
    return said[:start], None if is_fatal(fault) or not isinstance(value, dict) else value


def _is_wrapping(value: Mapping[str, object], marks: frozenset[str]) -> bool:
    """Says whether the keys that were looked for hold yet another text of JSON."""
    inner = _inner(value)
    return inner is not None and inner.lstrip().startswith("{") and not (value.keys() & marks) - set(_MESSAGES)


def _inner(value: Mapping[str, object]) -> str | None:
    for name in _MESSAGES:
        said = value.get(name)
        held = mapping(said).get("stringValue", mapping(said).get("text"))
        found = text(said) or text(held)
        if found is not None:
            return found
    fields = attributes_of(value.get("attributes"))
    return text(fields.get("log.record.original"))


def _time(value: Mapping[str, object], known: int | None) -> int | None:
    found = (parse_time(value.get(name)) for name in _TIMES)
    return next((time for time in found if time is not None), known)


def _stamped(said: str) -> int | None:
    """The time that stands in a text before a record."""
    found = _STAMP.search(said[:_LONGEST_PREFIX])
    if found is not None:
        return parse_time(found.group().replace(",", "."))
    rich = _RICH.search(said[:_LONGEST_PREFIX])
    if rich is not None:
        month, day, year, clock = rich.groups()
        return parse_time(f"20{year}-{month}-{day}T{clock}Z")
    return None
