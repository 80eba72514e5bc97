"""Bodies of HTTP messages: JSON, a stream of server-sent events, or already parsed; JSON-RPC found in them."""

from dataclasses import dataclass

from mcp_siem.sources.jsontext import is_fatal, read_json

__all__ = ["Body", "read_body"]

_RPC_KEYS = frozenset({"jsonrpc", "method"})
_STREAM_STARTS = ("data:", "event:", "id:", "retry:", ":")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a body holds: JSON-RPC messages (`listed` if they came in a list), the parsed JSON, and what was wrong."""

    messages: tuple[object, ...] = ()
    listed: bool = False
    value: object = None
    fault: tuple[str, str] | None = None


def read_body(body: object, content_type: str) -> Body:
    """Reads a body; one that is not JSON-RPC (an error page, a token request) is no fault."""
    if isinstance(body, str):
        return _read_text(body, content_type.lower())
    return _found(body)


def _read_text(body: str, content_type: str) -> Body:
    stripped = body.lstrip("\ufeff \t\r\n")
    if not stripped:
        return Body()
    streamed = "text/event-stream" in content_type and stripped[0] not in "{["
    if streamed or stripped.startswith(_STREAM_STARTS):
        return _read_stream(body)
    value, fault = read_json(body)
    if not is_fatal(fault):
        found = _found(value)
        return found if fault is None else _with_fault(found, fault.code, fault.reason)
    if fault is not None and ("json" in content_type or stripped[0] in "{["):
        return Body(fault=(fault.code, fault.reason))
    return Body()


def _read_stream(body: str) -> Body:
    messages: list[object] = []
    fault: tuple[str, str] | None = None
    for data in _stream_data(body):
        value, wrong = read_json(data)
        if wrong is not None:
            fault = (wrong.code, f"event of a stream: {wrong.reason}")
        if not is_fatal(wrong):
            messages.extend(value if isinstance(value, list) else [value])
    return Body(messages=tuple(messages), listed=True, fault=fault)


def _stream_data(body: str) -> list[str]:
    """The data of each event, its lines joined; an event cut off by the end of the capture counts too."""
    events: list[str] = []
    lines: list[str] = []
    for line in [*body.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                lines.append(value.removeprefix(" "))
        elif lines:
            data = "\n".join(lines)
            lines = []
            # A stream may be primed with an event that has an id and no data.
            if data.strip():
                events.append(data)
    return events


def _found(value: object) -> Body:
    if isinstance(value, list):
        return Body(messages=tuple(value), listed=True, value=value)
    if isinstance(value, dict) and (value.keys() & _RPC_KEYS or ("id" in value and value.keys() & {"result", "error"})):
        return Body(messages=(value,), value=value)
    return Body(value=value)


def _with_fault(body: Body, code: str, reason: str) -> Body:
    return Body(messages=body.messages, listed=body.listed, value=body.value, fault=(code, reason))
