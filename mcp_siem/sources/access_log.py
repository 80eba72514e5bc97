"""Access logs of gateways for MCP (`--source mcp_access_log`): agentgateway, Envoy AI Gateway, Cloudflare's MCP portal.

One line a request of HTTP: `mcp.http`, and `mcp.protocol` where it names a method of MCP. Arguments are opt-in.
"""

import re
from collections.abc import Iterator, Mapping

from mcp_siem.events.time import parse_time
from mcp_siem.sources.fields import address, number
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import Linewise, Made, objects
from mcp_siem.sources.otlp import as_text, lookup, trace_of
from mcp_siem.sources.port import ParseIssue
from mcp_siem.sources.records import RecordReader, made
from mcp_siem.sources.requests import request_fields
from mcp_siem.sources.tool_calls import ToolCall, call_fields, present, said_object

__all__ = ["ACCESS_LOG"]

_SURE = 0.97
_FAILED = 400
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|us|µs)?")
_UNITS = {"ms": 1.0, "s": 1000.0, "us": 0.001, "µs": 0.001, None: 1.0, "": 1.0}
_PATHS = {
    "user.id": ("jwt.sub", "UserID", "user.id"),
    "user.email": ("jwt.email", "UserEmail", "user.email"),
    "user_agent.original": ("user-agent", "user_agent", "http.user_agent"),
    "mcp.server.name": ("mcp.target", "mcp.provider.name", "ServerID", "mcp.backend"),
    "mcp.server.url": ("ServerURL",),
    "mcp.session.id": ("mcp.session.id", "SessionID"),
    "jsonrpc.request.id": ("jsonrpc.request.id",),
    "rpc.response.status_code": ("mcp.error.code",),
}
_METHOD = ("mcp.method.name", "mcp.method", "Method")
_STATUS = ("http.status", "response_code", "http.response.status_code")
_TIMES = ("time", "start_time", "Datetime", "timestamp", "@timestamp")


class AccessReader(RecordReader):
    """Lines of a gateway in, events out."""

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What one line makes."""
        if not _is_access(data):
            yield from self.other(ref)
            return
        method, status = as_text(lookup(data, *_METHOD)), number(lookup(data, *_STATUS))
        shared, time = _shared(data, status), _time(data)
        if status is not None:
            exchange = {
                "event.dataset": "mcp.http",
                "network.protocol.name": "http",
                "mcp.method.name": method,
                **shared,
            }
            yield made({**exchange, **_http(data, status)}, time=time, ref=ref)
        if method is not None:
            fields, arguments = _message(data, method, status)
            yield made({**fields, **shared, "event.dataset": "mcp.protocol"}, time=time, ref=ref, arguments=arguments)


def _is_access(data: Mapping[str, object]) -> bool:
    if data.get("scope") == "request" and ("route" in data or "listener" in data):
        return True
    if "response_code" in data and ("mcp.method.name" in data or "mcp.provider.name" in data):
        return True
    return isinstance(data.get("PortalID"), str) and "Method" in data


def _http(data: Mapping[str, object], status: int) -> dict[str, object]:
    refused = status in (401, 403)
    reason = as_text(lookup(data, "error", "reason"))
    return {
        "http.request.method": as_text(lookup(data, "http.method", "method")),
        "http.response.status_code": status,
        "url.path": as_text(lookup(data, "http.path", "x-envoy-origin-path", "path")),
        "mcp.http.host": as_text(lookup(data, "http.host")),
        "mcp.http.origin": as_text(lookup(data, "http.origin", "origin")),
        "error.message": reason,
        "mcp.auth.error": "insufficient_scope" if refused and reason and "insufficient_scope" in reason else None,
        "http.request.bytes": number(data.get("bytes_received")),
        "http.response.bytes": number(data.get("bytes_sent")),
    }


def _message(data: Mapping[str, object], method: str, status: int | None) -> tuple[dict[str, object], object]:
    said = as_text(lookup(data, "mcp.error.message", "Error"))
    failed = said is not None or lookup(data, "mcp.error.code") is not None or (status or 0) >= _FAILED
    if method == "tools/call":
        arguments = said_object(lookup(data, "gen_ai.tool.call.arguments", "mcp.tool.arguments"))
        call = ToolCall(
            tool=as_text(lookup(data, "gen_ai.tool.name", "mcp.tool.name", "ToolCallName")),
            arguments=arguments,
            result=lookup(data, "gen_ai.tool.call.result", "mcp.tool.result"),
            failed=failed,
            error=said,
            # An error of the protocol or of HTTP is no result of the tool.
            more={"mcp.tool.is_error": None} if failed else {},
        )
        return call_fields(call), arguments
    uri = as_text(lookup(data, "mcp.resource.uri", "ResourceReadURI"))
    name = as_text(lookup(data, "gen_ai.prompt.name", "PromptGetName"))
    params = {"uri": uri} if uri else {"name": name} if name else None
    kind = {"mcp.message.direction": "client_to_server", "mcp.message.type": "transaction", "error.message": said}
    return {**request_fields(method, params), **kind}, None


def _shared(data: Mapping[str, object], status: int | None) -> dict[str, object]:
    code = as_text(lookup(data, "mcp.error.code"))
    told = data.get("Success")
    failed = code is not None or (status or 0) >= _FAILED or told is False
    duration = _DURATION.fullmatch(as_text(lookup(data, "duration", "ServerResponseDurationMs")) or "")
    fields: dict[str, object] = {name: as_text(lookup(data, *paths)) for name, paths in _PATHS.items()}
    fields |= {
        "event.provider": "mcp_access_log",
        "event.outcome": "failure" if failed else "unknown" if status is None and told is None else "success",
        "source.ip": address(lookup(data, "src.addr", "downstream_remote_address", "x-forwarded-for", "ClientIP")),
        "error.type": (code or (str(status) if (status or 0) >= _FAILED else "error")) if failed else None,
        "trace.id": trace_of(lookup(data, "trace.id")),
        "network.transport": "tcp",
    }
    if duration is not None:
        fields["event.duration"] = round(float(duration.group(1)) * _UNITS[duration.group(2)] * 1_000_000) % (1 << 62)
    return present(fields)


def _time(data: Mapping[str, object]) -> int | None:
    return next((time for name in _TIMES if (time := parse_time(data.get(name))) is not None), None)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return _SURE * sum(map(_is_access, found)) / len(found) if found else None


def _when(line: bytes) -> int | None:
    times = map(_time, objects(read_json(line)[0]))
    return next((time for time in times if time is not None), None)


ACCESS_LOG = Linewise(name="mcp_access_log", score=_score, when=_when, reader=AccessReader)
