"""OTLP/HTTP logs in JSON: an ExportLogsServiceRequest as the raw lines that it carries.

A record whose body is a JSON object (as text, or as a key-value list) is that object as a line; its attributes are
kept beside it under `otel`, unless it has none. Any other record becomes an object of its own: `timestamp`, `body`,
`attributes`, `resource`, `scope`, and what else the record says. Nothing here raises on what a sender wrote.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import orjson

from mcp_siem.events.time import format_time
from mcp_siem.sources.jsontext import read_json

__all__ = ["OtlpError", "otlp_lines"]

_DEPTH = 50
_NANO = 1_000
_WIDE = 1 << 64


class OtlpError(Exception):
    """The request is none, in words that quote nothing of it."""


def otlp_lines(data: bytes) -> list[bytes | None]:
    """One line for each log record, None for one that cannot be kept; OtlpError if the whole is no request."""
    value, fault = read_json(data)
    if not isinstance(value, dict):
        raise OtlpError("the body is not JSON" if fault is not None and fault.fatal else "the body is no object")
    resources = value.get("resourceLogs", [])
    if not isinstance(resources, list):
        raise OtlpError("`resourceLogs` is no list")
    return [_line(record, resource, scope) for record, resource, scope in _records(resources)]


def _records(resources: list[object]) -> Iterator[tuple[object, object, object]]:
    for group in resources:
        inside = _list(group, "scopeLogs", "instrumentationLibraryLogs")
        for scoped in inside:
            for record in _list(scoped, "logRecords", "logs"):
                yield record, _mapping(group).get("resource"), _mapping(scoped).get("scope")


def _list(node: object, *names: str) -> list[object]:
    for name in names:
        found = _mapping(node).get(name)
        if isinstance(found, list):
            return found
        if found is not None:
            raise OtlpError(f"`{name}` is no list")
    if not isinstance(node, dict):
        raise OtlpError("a list holds something that is no object")
    return []


def _line(record: object, resource: object, scope: object) -> bytes | None:
    if not isinstance(record, dict):
        return None
    body = _value(record.get("body"))
    attributes = _attributes(record.get("attributes"))
    from_resource = _attributes(_mapping(resource).get("attributes"))
    carried = _object(body)
    if carried is not None:
        extra = {"attributes": attributes, "resource": from_resource}
        told = {name: value for name, value in extra.items() if value}
        return _written({**carried, "otel": told} if told and "otel" not in carried else carried)
    envelope = {
        "timestamp": _time(record.get("timeUnixNano")) or _time(record.get("observedTimeUnixNano")),
        "body": body,
        "event_name": record.get("eventName"),
        "severity_number": record.get("severityNumber"),
        "severity_text": record.get("severityText"),
        "trace_id": record.get("traceId"),
        "span_id": record.get("spanId"),
        "attributes": attributes,
        "resource": {"attributes": from_resource} if from_resource else None,
        "scope": {name: _mapping(scope).get(name) for name in ("name", "version") if _mapping(scope).get(name)} or None,
    }
    return _written({name: value for name, value in envelope.items() if value is not None})


def _object(body: object) -> dict[str, object] | None:
    """The object that a body is or says."""
    if isinstance(body, str) and body.lstrip().startswith("{"):
        value, _ = read_json(body)
        return value if isinstance(value, dict) else None
    return body if isinstance(body, dict) and body else None


def _attributes(listed: object) -> dict[str, object]:
    """Attributes by name; of two of one name both are kept, as a list."""
    found: dict[str, object] = {}
    for item in listed if isinstance(listed, list) else ():
        name = _mapping(item).get("key")
        if isinstance(name, str):
            value = _value(_mapping(item).get("value"))
            found[name] = [found[name], value] if name in found else value
    return found


def _value(node: object, depth: int = 0) -> object:
    """What an AnyValue says; whole numbers come as texts in OTLP."""
    if not isinstance(node, dict):
        return node
    if depth > _DEPTH:
        return None
    for name, read in _READ.items():
        if name in node:
            return read(node[name], depth)
    return node.get("stringValue", node.get("boolValue", node.get("doubleValue")))


def _array(node: object, depth: int) -> object:
    values = _mapping(node).get("values")
    return [_value(item, depth + 1) for item in values] if isinstance(values, list) else []


def _pairs(node: object, depth: int) -> object:
    pairs = _mapping(node).get("values")
    return {
        str(_mapping(item).get("key")): _value(_mapping(item).get("value"), depth + 1)
        for item in (pairs if isinstance(pairs, list) else ())
    }


def _integer(said: object) -> object:
    if isinstance(said, str) and len(said) < len(str(_WIDE)):
        with suppress(ValueError):
            return int(said)
    return said


def _bytes(said: object) -> object:
    if isinstance(said, str):
        with suppress(ValueError):
            return base64.b64decode(said, validate=True).decode("utf-8", "replace")
    return said


def _time(said: object) -> str | None:
    nano = _integer(said)
    if not isinstance(nano, int) or isinstance(nano, bool) or not 0 < nano < _WIDE:
        return None
    return format_time(nano // _NANO)


def _written(value: Mapping[str, object]) -> bytes | None:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        pass
    try:
        return json.dumps(value, separators=(",", ":")).encode("ascii")
    except (ValueError, RecursionError):
        return None


def _mapping(node: object) -> Mapping[str, object]:
    return node if isinstance(node, dict) else {}


_READ: Mapping[str, Callable[[object, int], object]] = {
    "intValue": lambda node, _: _integer(node),
    "bytesValue": lambda node, _: _bytes(node),
    "arrayValue": _array,
    "kvlistValue": _pairs,
}
