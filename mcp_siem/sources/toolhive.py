"""ToolHive's audit log (`--source toolhive`): one record a request that its proxy or virtual server handled.

A request of MCP becomes `mcp.protocol`, with arguments and result where the log holds them; the exchange, and what was
denied, become `mcp.http` and `mcp.gateway`.
"""

from collections.abc import Iterator, Mapping

from mcp_siem.events.time import parse_time
from mcp_siem.sources.fields import address
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import Linewise, Made, objects
from mcp_siem.sources.otlp import as_text, lookup
from mcp_siem.sources.port import ParseIssue
from mcp_siem.sources.records import RecordReader, made
from mcp_siem.sources.requests import request_fields
from mcp_siem.sources.shape import integer, items, mapping
from mcp_siem.sources.tool_calls import ToolCall, call_fields, present, said_object, transport_of

__all__ = ["TOOLHIVE"]

_SURE = 0.97
_METHODS = {
    "mcp_tool_call": "tools/call",
    "mcp_tools_list": "tools/list",
    "mcp_resource_read": "resources/read",
    "mcp_resources_list": "resources/list",
    "mcp_prompt_get": "prompts/get",
    "mcp_prompts_list": "prompts/list",
    "mcp_initialize": "initialize",
    "mcp_ping": "ping",
    "mcp_completion": "completion/complete",
    "mcp_logging": "logging/setLevel",
}
_TYPES = {"tool": "tools/call", "resource": "resources/read", "prompt": "prompts/get"}
_NOBODY = frozenset({"anonymous", "unknown"})


class ToolHiveReader(RecordReader):
    """Audit records in, events out."""

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What one object makes."""
        if not _is_audit(data):
            yield from self.other(ref)
            return
        method = _method(data)
        outcome = as_text(data.get("outcome")) or ""
        shared, time = _shared(data, outcome), _time(data)
        if method is not None:
            fields, arguments = _message(data, method, outcome)
            yield made({**fields, **shared, "event.dataset": "mcp.protocol"}, time=time, ref=ref, arguments=arguments)
        else:
            status = 401 if outcome == "denied" else None
            exchange = {
                "event.dataset": "mcp.http",
                "network.protocol.name": "http",
                "http.response.status_code": status,
            }
            exchange |= {"url.path": as_text(lookup(data, "target.endpoint"))}
            exchange |= {"http.request.method": as_text(lookup(data, "target.method"))}
            seen = {name: value for name, value in shared.items() if name != "mcp.policy.source"}
            yield made({**seen, **exchange}, time=time, ref=ref)
        if outcome == "denied":
            named = as_text(lookup(data, "target.name")) if method == "tools/call" else None
            denied = {"event.dataset": "mcp.gateway", "gen_ai.tool.name": named, "mcp.method.name": method}
            yield made({**shared, **denied}, time=time, ref=ref)


def _is_audit(data: Mapping[str, object]) -> bool:
    named = isinstance(data.get("audit_id"), str) and isinstance(data.get("outcome"), str)
    return named and isinstance(data.get("type"), str) and isinstance(data.get("source"), dict)


def _method(data: Mapping[str, object]) -> str | None:
    """The method of MCP; `target.method` may hold the verb of HTTP instead."""
    said = as_text(lookup(data, "target.method")) or ""
    if "/" in said or said in ("initialize", "ping"):
        return said
    known = _METHODS.get(as_text(data.get("type")) or "")
    return known or _TYPES.get(as_text(lookup(data, "target.type")) or "")


def _message(data: Mapping[str, object], method: str, outcome: str) -> tuple[dict[str, object], object]:
    asked = mapping(said_object(lookup(data, "data.request")))
    params = mapping(asked.get("params")) if "params" in asked else asked
    name = as_text(lookup(data, "target.name"))
    if method != "tools/call":
        given: dict[str, object] = dict(params)
        if not given and name and method.startswith(("resources/", "prompts/")):
            given = {"uri" if method.startswith("resources/") else "name": name}
        kind = {"mcp.message.direction": "client_to_server", "mcp.message.type": "transaction"}
        return {**request_fields(method, given or None), **kind}, given.get("arguments")
    arguments = params.get("arguments", None if "name" in params else (dict(params) or None))
    answered = said_object(lookup(data, "data.response"))
    call = ToolCall(
        tool=name or as_text(params.get("name")),
        arguments=arguments,
        result=mapping(answered).get("result", answered),
        failed={"success": False}.get(outcome, True if outcome else None),
        error=as_text(lookup(data, "metadata.extra.jsonrpc_error_message")),
        more={"mcp.tool.is_error": None} if outcome == "denied" or _code(data) else {},
    )
    return call_fields(call), arguments


def _code(data: Mapping[str, object]) -> str | None:
    return as_text(lookup(data, "metadata.extra.jsonrpc_error_code"))


def _shared(data: Mapping[str, object], outcome: str) -> dict[str, object]:
    duration, code = integer(lookup(data, "metadata.extra.duration_ms")), _code(data)
    chain = items(lookup(data, "delegation.chain"))
    actors = [said for one in chain if (said := as_text(mapping(one).get("sub")))]
    denied, failed = outcome == "denied", outcome not in ("success", "")
    fields = {
        "event.provider": "toolhive",
        "event.action": as_text(data.get("type")),
        "event.outcome": "failure" if failed else "success" if outcome else "unknown",
        "event.duration": duration * 1_000_000 if duration is not None and 0 <= duration < 1 << 40 else None,
        "user.id": _known(lookup(data, "subjects.user_id")),
        "user.email": _known(lookup(data, "subjects.user")),
        "source.ip": address(lookup(data, "source.value")),
        "user_agent.original": as_text(lookup(data, "source.extra.user_agent")),
        "mcp.client.name": as_text(lookup(data, "subjects.client_name")),
        "mcp.client.version": as_text(lookup(data, "subjects.client_version")),
        "mcp.server.name": as_text(lookup(data, "metadata.extra.backend_name")) or as_text(data.get("component")),
        "mcp.response.size": integer(lookup(data, "metadata.extra.response_size_bytes")),
        "network.transport": transport_of(lookup(data, "metadata.extra.transport")),
        "rpc.response.status_code": code,
        "error.type": (code or outcome) if failed else None,
        "error.message": as_text(lookup(data, "metadata.extra.jsonrpc_error_message")),
        "mcp.policy.decision": "deny" if denied else None,
        "mcp.policy.source": "gateway_rule" if denied else None,
        "mcp.delegation.actor": actors or None,
    }
    return present(fields)


def _known(said: object) -> str | None:
    found = as_text(said)
    return None if found is None or found.lower() in _NOBODY else found


def _time(data: Mapping[str, object]) -> int | None:
    times = (parse_time(data.get(name)) for name in ("logged_at", "time", "timestamp"))
    return next((time for time in times if time is not None), None)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return _SURE * sum(map(_is_audit, found)) / len(found) if found else None


def _when(line: bytes) -> int | None:
    times = map(_time, objects(read_json(line)[0]))
    return next((time for time in times if time is not None), None)


TOOLHIVE = Linewise(name="toolhive", score=_score, when=_when, reader=ToolHiveReader)
