"""OpenTelemetry spans of MCP (`--source otel`): one `mcp.protocol` event a span of a message.

Semantic conventions for MCP as instrumented clients and servers, FastMCP and the MCP SDKs write them; of agents that
instrument their tools alone, the tools that are known to come from MCP, and an `mcp.host` event for any other.
"""

from collections.abc import Iterator, Mapping

from mcp_siem.sources.fields import address
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import Linewise, Made, objects
from mcp_siem.sources.otlp import Span, as_text, attributes_of, lookup, spans
from mcp_siem.sources.port import ParseIssue
from mcp_siem.sources.records import RecordReader, made
from mcp_siem.sources.requests import request_fields
from mcp_siem.sources.shape import integer, text
from mcp_siem.sources.tool_calls import ToolCall, call_fields, said_object, split_tool, transport_of

__all__ = ["OTEL"]

_SURE = 0.96
_LONGEST_DURATION = (1 << 63) - 1
_METHODS = ("mcp.method.name", "mcp.method", "gen_ai.mcp.method")
_FROM_SERVER = ("sampling/", "elicitation/", "roots/list")
_EXTENSIONS = frozenset({"extension", "mcp"})
_NAMED = {
    "mcp.session.id": ("mcp.session.id", "mcp.session_id"),
    "mcp.protocol.version": ("mcp.protocol.version",),
    "jsonrpc.request.id": ("jsonrpc.request.id", "rpc.jsonrpc.request_id", "mcp.request.id", "mcp.request_id"),
    "jsonrpc.protocol.version": ("jsonrpc.protocol.version", "rpc.jsonrpc.version"),
    "network.protocol.name": ("network.protocol.name",),
    "gen_ai.conversation.id": ("gen_ai.conversation.id", "session.id"),
    "gen_ai.agent.name": ("gen_ai.agent.name",),
    "gen_ai.agent.id": ("gen_ai.agent.id",),
    "gen_ai.tool.type": ("gen_ai.tool.type",),
    "gen_ai.tool.call.id": ("gen_ai.tool.call.id",),
    "gen_ai.tool.description": ("gen_ai.tool.description",),
    "gen_ai.provider.name": ("gen_ai.provider.name", "gen_ai.system"),
    "gen_ai.request.model": ("gen_ai.request.model",),
    "mcp.task.id": ("mcp.task.id",),
    "user.id": ("user.id", "enduser.id"),
    "user.email": ("user.email",),
    "user.name": ("user.name",),
    "host.name": ("host.name",),
    "user_agent.original": ("user_agent.original", "http.user_agent"),
    "mcp.client.name": ("mcp.client.name", "mcp.client.info.name"),
    "mcp.client.version": ("mcp.client.version", "mcp.client.info.version"),
    "mcp.server.info.name": ("mcp.server.info.name",),
    "mcp.server.info.version": ("mcp.server.version", "mcp.server.info.version"),
}
_SERVERS = ("mcp.server.name", "mcp.server", "fastmcp.server.name", "mcp.target", "mcp.provider.name", "rpc.service")
_NO_NAME = ("unknown_service",)


class OtelReader(RecordReader):
    """Spans in, events out. Spans of other things are counted."""

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What the spans of an object make."""
        found = spans(data)
        several = "resourceSpans" in data or "resource_spans" in data
        for index, span in enumerate(found):
            place = f"{ref}/{index}" if several else ref
            one = span_event(span, place)
            if one is None:
                yield from self.other(place, "spans that are no MCP messages")
            else:
                yield one


def span_event(span: Span, ref: str) -> Made | None:
    """The event of a span, or None if it shows nothing of MCP."""
    method = _method(span)
    if method is None:
        return _tool_event(span, ref)
    arguments = said_object(span.get("gen_ai.tool.call.arguments", "mcp.tool.arguments", "mcp.request.arguments"))
    if method == "tools/call":
        fields = _call(span, arguments)
    else:
        fields = {**request_fields(method, _params(span, method)), **_outcome(span, method)}
    told = {
        "event.dataset": "mcp.protocol",
        "mcp.message.direction": "client_to_server",
        "mcp.message.type": "transaction",
        **fields,
        **_shared(span),
    }
    if method.startswith(_FROM_SERVER):
        told["mcp.message.direction"] = "server_to_client"
    if method.startswith("notifications/"):
        told |= {"mcp.message.type": "notification", "mcp.message.direction": _sender(span)}
    typed = arguments if method in ("tools/call", "prompts/get") else None
    return made(told, time=span.time, ref=ref, arguments=typed, caller=None if _server(span) else _process(span))


def _method(span: Span) -> str | None:
    """The method: by its attribute, by that of RPC, else by the span's name, which begins with it."""
    said = as_text(lookup(span.attributes, *_METHODS))
    if said is not None:
        return said
    if lookup(span.attributes, "rpc.system", "rpc.system.name") in ("mcp", "jsonrpc"):
        method = as_text(lookup(span.attributes, "rpc.method"))
        return method if method and (lookup(span.attributes, "rpc.system", "rpc.system.name") == "mcp") else None
    first = (span.name or "").partition(" ")[0]
    kinds = ("tools/", "resources/", "prompts/", "sampling/", "elicitation/", "server/discover")
    return first if first.startswith(kinds) and _is_mcp(span) else None


def _is_mcp(span: Span) -> bool:
    scope = ("mcp.", "gen_ai.tool", "fastmcp.")
    return any(isinstance(name, str) and name.startswith(scope) for name in span.attributes)


def _call(span: Span, arguments: object) -> dict[str, object]:
    server, tool = split_tool(_tool(span), _server(span))
    call = ToolCall(
        tool=tool,
        server=server,
        arguments=arguments,
        result=span.get("gen_ai.tool.call.result", "mcp.tool.result"),
    )
    return {**call_fields(call), **_outcome(span, "tools/call")}


def _tool(span: Span) -> str | None:
    said = as_text(lookup(span.attributes, "gen_ai.tool.name", "mcp.tool.name", "tool.name"))
    return said or (span.name or "").partition(" ")[2] or None


def _params(span: Span, method: str) -> dict[str, object] | None:
    uri = as_text(span.get("mcp.resource.uri"))
    name = as_text(span.get("gen_ai.prompt.name", "mcp.prompt.name"))
    if method.startswith("resources/") and uri:
        return {"uri": uri}
    if method == "prompts/get":
        arguments = said_object(span.get("gen_ai.tool.call.arguments", "mcp.request.arguments"))
        return {"name": name} | ({"arguments": arguments} if arguments is not None else {})
    if method == "logging/setLevel" and as_text(span.get("mcp.logging.level", "mcp.log.level")):
        return {"level": as_text(span.get("mcp.logging.level", "mcp.log.level"))}
    return None


def _outcome(span: Span, method: str) -> dict[str, object]:
    """How it ended: an error of the protocol has a code, an error of a tool has none."""
    code = as_text(lookup(span.attributes, "rpc.response.status_code", "rpc.jsonrpc.error_code", "mcp.error.code"))
    kind = as_text(lookup(span.attributes, "error.type"))
    flagged = lookup(span.attributes, "mcp.tool.is_error", "mcp.tool.result.is_error") in (True, "true")
    failed = span.failed or kind is not None or flagged or (code is not None and code not in ("0", "OK"))
    if not failed:
        return {"event.outcome": "success"} | ({"mcp.tool.is_error": False} if method == "tools/call" else {})
    said = _said(span)
    told: dict[str, object] = {
        "event.outcome": "failure",
        "error.type": kind or code or "error",
        "error.message": said,
        "rpc.response.status_code": code or (kind if kind and kind.lstrip("-").isdigit() and kind[0] == "-" else None),
    }
    if method == "tools/call" and told["rpc.response.status_code"] is None:
        told["mcp.tool.is_error"] = True
    if method == "tools/call" and said is not None and span.get("gen_ai.tool.call.result") is None:
        told["mcp.response.text"] = said
    return told


def _said(span: Span) -> str | None:
    """What the error says: the status, else the exception that was last recorded."""
    said = span.said or as_text(lookup(span.attributes, "error.message", "rpc.jsonrpc.error_message"))
    for one in reversed(span.happened):
        said = said or as_text(lookup(attributes_of(one.get("attributes")), "exception.message"))
    return said


def _shared(span: Span) -> dict[str, object]:
    """What any span of MCP may say of the ends of its connection, of its time and of its trace."""
    fields: dict[str, object] = {name: as_text(span.get(*paths)) for name, paths in _NAMED.items()}
    fields |= {
        "event.provider": "otel",
        "event.action": span.name,
        "mcp.server.name": _server(span),
        "network.transport": transport_of(span.get("network.transport", "mcp.transport")),
        "source.ip": address(span.get("client.address", "source.address", "net.peer.ip")),
        "source.port": integer(span.get("client.port")),
        "process.pid": integer(span.get("process.pid")),
        "trace.id": span.trace,
        "mcp.auth.scope": (as_text(span.get("enduser.scope")) or "").split() or None,
    }
    if span.time is not None and span.ended is not None and span.ended >= span.time:
        fields["event.duration"] = min((span.ended - span.time) * 1000, _LONGEST_DURATION)
    if "mcp.prompt.name" in span.attributes or "gen_ai.prompt.name" in span.attributes:
        fields["gen_ai.prompt.name"] = as_text(span.get("gen_ai.prompt.name", "mcp.prompt.name"))
    return {name: value for name, value in fields.items() if value is not None}


def _server(span: Span) -> str | None:
    """The server's name; a service that a server's own spans name is the server, unless nobody named it."""
    said = as_text(lookup(span.attributes, *_SERVERS))
    if said is None and span.kind == "server":
        service = as_text(lookup(span.resource, "service.name"))
        said = None if service is None or service.startswith(_NO_NAME) else service
    if said is None and span.kind == "client":
        said = as_text(lookup(span.attributes, "server.address"))
    return said


def _process(span: Span) -> str | None:
    """The process that wrote the span, where nothing else says who called or was called."""
    return as_text(lookup(span.resource, "service.instance.id", "service.name"))


def _sender(span: Span) -> str:
    method = _method(span) or ""
    from_client = ("notifications/initialized", "notifications/roots", "notifications/cancelled")
    return "client_to_server" if method.startswith(from_client) else "server_to_client"


def _tool_event(span: Span, ref: str) -> Made | None:
    """A tool that an agent ran: of MCP, if the span says so, else of its host."""
    if lookup(span.attributes, "gen_ai.operation.name") != "execute_tool":
        return None
    named = as_text(lookup(span.attributes, "gen_ai.tool.name")) or (span.name or "").removeprefix("execute_tool ")
    server, tool = split_tool(named, as_text(span.get("mcp.server.name", "mcp_server_name", "mcp.server")))
    arguments = said_object(span.get("gen_ai.tool.call.arguments"))
    call = ToolCall(tool=tool, server=server, arguments=arguments, result=span.get("gen_ai.tool.call.result"))
    foreign = server is not None or lookup(span.attributes, "gen_ai.tool.type") in _EXTENSIONS
    fields = {
        **call_fields(call),
        **_outcome(span, "tools/call"),
        **_shared(span),
        "event.dataset": "mcp.protocol" if foreign else "mcp.host",
        "mcp.server.name": server,
        "mcp.client.name": as_text(span.get("mcp.client.name", "service.name")),
        "mcp.client.version": as_text(span.get("mcp.client.version", "service.version")),
    }
    if not foreign:
        left_out = ("gen_ai.operation.name", "gen_ai.tool.description", "mcp.message.", "mcp.method.name", "jsonrpc.")
        fields = {name: value for name, value in fields.items() if not name.startswith(left_out)}
    caller = as_text(span.get("gen_ai.conversation.id", "session.id")) if server is None else None
    return made(fields, time=span.time, ref=ref, arguments=arguments, caller=caller)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return sum(map(_sure, found)) / len(found) if found else None


def _sure(data: Mapping[str, object]) -> float:
    if "resourceSpans" in data or "resource_spans" in data:
        return _SURE
    attributes = attributes_of(data.get("attributes"))
    if not attributes or "name" not in data:
        return 0.0
    # What ran within a message (its database, its HTTP client) stands among the spans of MCP.
    timed = bool(data.keys() & {"kind", "spanId", "span_id", "start_time", "startTimeUnixNano", "context"})
    return _SURE if timed and text(data.get("name")) else 0.0


def _when(line: bytes) -> int | None:
    times = (span.time for one in objects(read_json(line)[0]) for span in spans(one))
    return next((time for time in times if time is not None), None)


OTEL = Linewise(name="otel", score=_score, when=_when, reader=OtelReader)
