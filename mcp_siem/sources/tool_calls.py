"""A tool call as hosts and gateways tell it, not as the wire does: names with a prefix, arguments and results as text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.messages import Response
from mcp_siem.sources.requests import request_fields
from mcp_siem.sources.results import response_fields
from mcp_siem.sources.shape import text

__all__ = ["ToolCall", "call_fields", "present", "said_object", "split_tool", "transport_of"]

_LONGEST_DURATION = (1 << 63) - 1
_COLONS = re.compile(r"mcp:(?:([^:]+):)?(.+)", re.IGNORECASE | re.DOTALL)
_TRANSPORTS = {
    "stdio": "pipe",
    "pipe": "pipe",
    "sse": "tcp",
    "http": "tcp",
    "https": "tcp",
    "tcp": "tcp",
    "streaming": "tcp",
    "streamable-http": "tcp",
    "streamable_http": "tcp",
    "streamablehttp": "tcp",
    "websocket": "tcp",
    "ws": "tcp",
    "quic": "quic",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call: of what, with what, and what came of it as far as it is told (`answered` says that it ended)."""

    tool: str | None
    server: str | None = None
    arguments: object = None
    result: object = None
    answered: bool = True
    failed: bool | None = None
    error: str | None = None
    error_type: str | None = None
    duration_ms: object = None
    more: Mapping[str, object] = field(default_factory=dict)


def split_tool(name: str | None, server: str | None = None) -> tuple[str | None, str | None]:
    """Server and tool of a name as hosts write it (`mcp__server__tool`, `MCP:server:tool`); `server` if it is known."""
    if name is None:
        return server, None
    if name.startswith("mcp__"):
        rest = name.removeprefix("mcp__")
        if server is not None and rest.startswith(f"{server}__"):
            return server, rest.removeprefix(f"{server}__")
        first, found, tool = rest.partition("__")
        return (server or first, tool) if found and first and tool else (server, rest or name)
    colons = _COLONS.fullmatch(name)
    if colons is not None:
        return server or colons.group(1), colons.group(2)
    for prefix in (f"{server}__", f"mcp_{server}_") if server else ():
        if name.startswith(prefix) and name != prefix:
            return server, name.removeprefix(prefix)
    return server, name


def said_object(value: object) -> object:
    """What a text of JSON says; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        read, fault = read_json(value)
        return value if is_fatal(fault) else read
    return value


def transport_of(said: object) -> str | None:
    """The transport in the words of OpenTelemetry."""
    found = text(said)
    return _TRANSPORTS.get(found.lower()) if found else None


def call_fields(call: ToolCall) -> dict[str, object]:
    """The fields of a call, the same as the wire would give; typed arrays are made of its arguments elsewhere."""
    asked = request_fields("tools/call", _params(call))
    fields: dict[str, object] = {
        **asked,
        "mcp.message.direction": "client_to_server",
        "mcp.message.type": "transaction" if call.answered else "request",
        "mcp.server.name": call.server,
        "event.outcome": "unknown",
    }
    if call.answered:
        fields |= _came_of(call)
    if call.arguments is None:
        del fields["mcp.request.size"]
    fields["event.duration"] = _nanoseconds(call.duration_ms)
    return present({**fields, **call.more})


def present(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _params(call: ToolCall) -> dict[str, object]:
    params: dict[str, object] = {"name": call.tool}
    if call.arguments is not None:
        params["arguments"] = call.arguments
    return params


def _came_of(call: ToolCall) -> dict[str, object]:
    told: dict[str, object] = {}
    result = _as_result(call.result)
    if result is not None:
        told = response_fields("tools/call", Response(id=None, result=result, error=None))
    if call.failed is None:
        return {"event.outcome": "unknown", **told} if result is not None else {}
    if not call.failed:
        return told if told.get("mcp.tool.is_error") else {**told, "event.outcome": "success"}
    return {
        **told,
        "event.outcome": "failure",
        "mcp.tool.is_error": True,
        "error.type": call.error_type or told.get("error.type") or "tool_error",
        "error.message": call.error,
        "mcp.response.text": told.get("mcp.response.text") or call.error,
    }


def _as_result(said: object) -> Mapping[str, object] | None:
    """A CallToolResult of whatever a source shows: itself, its content alone, text, or the data it gave."""
    value = said_object(said)
    if value is None:
        return None
    if isinstance(value, list):
        return {"content": value}
    if isinstance(value, dict):
        framed = value.keys() & {"content", "contents", "messages", "structuredContent", "isError"}
        return value if framed else {"structuredContent": value}
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else str(value)}]}


def _nanoseconds(milliseconds: object) -> int | None:
    said = milliseconds
    if isinstance(said, str):
        try:
            said = float(said)
        except ValueError:
            return None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 1e12:  # noqa: PLR2004 (30 years)
        return None
    return min(round(said * 1_000_000), _LONGEST_DURATION)
