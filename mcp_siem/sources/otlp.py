"""OpenTelemetry in JSON as exporters, collectors and search engines write it: log records and spans, read alike.

A line is a whole OTLP request (`resourceLogs`, `resourceSpans`), one record of it, one record as an SDK prints it, or
one as a search engine or a forwarder keeps it. Attributes come as a list of key and value, or as an object, nested or
flat.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from mcp_siem.events.time import parse_time
from mcp_siem.sources.jsontext import MAX_DEPTH
from mcp_siem.sources.shape import integer, items, mapping, text

__all__ = ["LogRecord", "Span", "as_text", "attributes_of", "log_records", "lookup", "spans", "trace_of"]

_MAX_RECORDS = 100_000
_NOTHING: Mapping[str, object] = {}
_RECORD_TIMES = ("timeUnixNano", "time_unix_nano", "timestamp", "@timestamp", "time", "observedTimeUnixNano", "_time")
_STARTS = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "@timestamp", "timestamp")
_ENDS = ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")
_NANO = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One log record: what it is called, when it was, what it says of itself and of its sender."""

    name: str | None
    time: int | None
    attributes: Mapping[str, object]
    resource: Mapping[str, object]
    body: object = None
    trace: str | None = None

    def get(self, *paths: str) -> object:
        """The first attribute of these names that there is, else of the resource."""
        found = lookup(self.attributes, *paths)
        return lookup(self.resource, *paths) if found is None else found

    def text(self, *paths: str) -> str | None:
        """The same as text, if it is one or a number."""
        return as_text(self.get(*paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(LogRecord):
    """One span: a log record that lasted, with its outcome and what happened within."""

    ended: int | None = None
    kind: str | None = None
    failed: bool = False
    said: str | None = None
    happened: tuple[Mapping[str, object], ...] = field(default=())


def lookup(data: Mapping[str, object], *paths: str) -> object:
    """The first value at these dotted paths, through flat keys and nesting; None if there is none."""
    for path in paths:
        pending: list[tuple[object, str]] = [(data, path)]
        while pending:
            node, rest = pending.pop()
            if not isinstance(node, dict):
                continue
            if node.get(rest) is not None:
                return node[rest]
            parts = rest.split(".")
            heads = (".".join(parts[:cut]) for cut in range(len(parts) - 1, 0, -1))
            pending.extend((node[head], rest[len(head) + 1 :]) for head in heads if head in node)
    return None


def as_text(value: object) -> str | None:
    """A text, or a number as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return text(value)


def attributes_of(said: object) -> Mapping[str, object]:
    """Attributes by name, whichever way they are written; of two of one name both are kept, as a list."""
    if isinstance(said, dict):
        return said
    found: dict[str, object] = {}
    for item in items(said):
        name = text(mapping(item).get("key"))
        if name is not None:
            value = _value(mapping(item).get("value"))
            found[name] = [found[name], value] if name in found else value
    return found


def trace_of(said: object) -> str | None:
    """The trace id as 32 hexadecimal digits in lower case, or None."""
    found = text(said)
    if found is None:
        return None
    bare = found.lower().removeprefix("0x")
    whole = len(bare) == 32 and bare.strip("0123456789abcdef") == "" and bare.strip("0")  # noqa: PLR2004 (W3C)
    return bare if whole else None


def log_records(value: Mapping[str, object]) -> list[LogRecord]:
    """The log records that an object holds or is."""
    groups = value.get("resourceLogs", value.get("resource_logs"))
    if not isinstance(groups, list):
        return [_log_record(value, _NOTHING)]
    found = _grouped(groups, (("scopeLogs", "scope_logs"), ("logRecords", "log_records")))
    return [_log_record(record, resource) for record, resource in found]


def spans(value: Mapping[str, object]) -> list[Span]:
    """The spans that an object holds or is."""
    groups = value.get("resourceSpans", value.get("resource_spans"))
    if not isinstance(groups, list):
        return [_span(value, _NOTHING)]
    return [_span(one, resource) for one, resource in _grouped(groups, (("scopeSpans", "scope_spans"), ("spans",)))]


def _grouped(
    groups: list[object], names: tuple[tuple[str, ...], tuple[str, ...]]
) -> Iterator[tuple[Mapping[str, object], Mapping[str, object]]]:
    left = _MAX_RECORDS
    for group in groups:
        resource = _resource(mapping(group))
        for scoped in _listed(group, names[0]):
            for one in _listed(scoped, names[1])[:left]:
                left -= 1
                yield mapping(one), resource


def _listed(node: object, names: tuple[str, ...]) -> list[object]:
    return next((found for name in names if (found := items(mapping(node).get(name)))), [])


def _log_record(value: Mapping[str, object], resource: Mapping[str, object]) -> LogRecord:
    fields = value.get("fields")
    given = attributes_of(value.get("attributes"))
    # What a forwarder sends to Splunk holds the attributes in `fields`; what has none of either is flat itself.
    attributes = given or (mapping(fields) if isinstance(fields, dict) else value)
    carried = mapping(value.get("otel"))
    if carried:
        # An object that came as the body of a record, with what else the record said beside it.
        attributes = {**mapping(carried.get("attributes")), **value}
        resource = mapping(carried.get("resource"))
    body = _value(value.get("body", value.get("Body", value.get("event"))))
    name = lookup(attributes, "event.name", "event_name")
    said = name if isinstance(name, str) else value.get("eventName", value.get("event_name"))
    return LogRecord(
        name=text(said) or _first_text(body),
        time=_first_time(value, _RECORD_TIMES, lookup(attributes, "event.timestamp")),
        attributes=attributes,
        resource=resource or _resource(value),
        body=body,
        trace=trace_of(value.get("traceId", value.get("trace_id"))),
    )


def _span(value: Mapping[str, object], resource: Mapping[str, object]) -> Span:
    context = mapping(value.get("context", value.get("spanContext")))
    status = value.get("status")
    code = mapping(status).get("code", mapping(status).get("status_code", status))
    said = mapping(status).get("message", mapping(status).get("description"))
    trace = value.get("traceId", value.get("trace_id", context.get("trace_id", context.get("traceId"))))
    return Span(
        name=text(value.get("name")),
        time=_first_time(value, _STARTS),
        ended=_first_time(value, _ENDS),
        attributes=attributes_of(value.get("attributes")),
        resource=resource or _resource(value),
        trace=trace_of(trace),
        kind=_kind(value.get("kind")),
        failed=code == 2 or (isinstance(code, str) and code.upper().endswith("ERROR")),  # noqa: PLR2004 (OTLP)
        said=text(said),
        happened=tuple(mapping(one) for one in items(value.get("events"))[:_MAX_RECORDS]),
    )


def _resource(value: Mapping[str, object]) -> Mapping[str, object]:
    said = mapping(value.get("resource"))
    return attributes_of(said["attributes"]) if "attributes" in said else said


def _first_time(value: Mapping[str, object], names: tuple[str, ...], *more: object) -> int | None:
    found = (_time(said) for said in (*(value.get(name) for name in names), *more))
    return next((time for time in found if time is not None), None)


def _time(said: object) -> int | None:
    """A time; OTLP writes nanoseconds as text, an SDK in JavaScript a list of seconds and nanoseconds."""
    pair = items(said)
    if len(pair) == 2:  # noqa: PLR2004 (seconds and nanoseconds)
        seconds, nanos = integer(pair[0]), integer(pair[1])
        return None if seconds is None or nanos is None else parse_time(seconds * 1_000_000_000 + nanos)
    if said in (0, "0"):
        return None
    whole = integer(said) if isinstance(said, str) and len(said) == len("1787227200000000000") else None
    return whole // _NANO if whole is not None else parse_time(said)


def _kind(said: object) -> str | None:
    if isinstance(said, int) and not isinstance(said, bool):
        return {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}.get(said)
    found = text(said)
    return found.rpartition(".")[2].removeprefix("SPAN_KIND_").lower() if found else None


def _first_text(body: object) -> str | None:
    """A body that is a text, or the text that it holds where a search engine keeps it apart."""
    return text(body) or text(mapping(body).get("text"))


def _value(node: object, depth: int = 0) -> object:
    """What an AnyValue says; whole numbers come as texts in OTLP. What is none says itself."""
    if not isinstance(node, dict) or depth > MAX_DEPTH or len(node) != 1:
        return node
    (name, said), *_ = node.items()
    values = items(mapping(said).get("values"))
    match name:
        case "stringValue" | "boolValue" | "doubleValue":
            read = said
        case "intValue":
            whole = integer(said) if isinstance(said, str) else None
            read = said if whole is None else whole
        case "bytesValue":
            read = _bytes(said)
        case "arrayValue":
            read = [_value(item, depth + 1) for item in values]
        case "kvlistValue":
            pairs = (mapping(pair) for pair in values)
            read = {str(pair.get("key")): _value(pair.get("value"), depth + 1) for pair in pairs}
        case _:
            read = node
    return read


def _bytes(said: object) -> object:
    with suppress(ValueError):
        return base64.b64decode(said, validate=True).decode("utf-8", "replace") if isinstance(said, str) else said
    return said
