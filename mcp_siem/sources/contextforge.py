"""ContextForge's export to a SIEM (`--source contextforge`): its envelope as JSON, CEF or LEEF, bare or within syslog.

Every event is one of the gateway (`mcp.gateway`); a tool, resource or prompt that was run through it is a message of the
protocol as well, and a refused login or a missing right an exchange of HTTP.
"""

import re
from collections.abc import Iterator, Mapping

from mcp_siem.events.time import parse_time
from mcp_siem.sources.fields import address
from mcp_siem.sources.jsontext import compact
from mcp_siem.sources.linewise import Linewise, Made, objects
from mcp_siem.sources.logline import LogLine, read_line
from mcp_siem.sources.otlp import as_text, lookup
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.records import RecordReader, made
from mcp_siem.sources.shape import items, mapping, text
from mcp_siem.sources.tool_calls import ToolCall, call_fields, present, said_object

__all__ = ["CONTEXTFORGE"]

_SURE = 0.97
_MARKS = frozenset({"event_type", "schema_version"})
_CEF = re.compile(
    r"CEF:\s?\d+\|IBM\|ContextForge\|((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)\|([^|]*)\|(.*)", re.DOTALL
)
_LEEF = re.compile(r"LEEF:[\d.]+\|IBM\|ContextForge\|([^|]*)\|([^|]*)\|(.*)", re.DOTALL)
_EXTENSION = re.compile(r"(?:^|\s)([A-Za-z0-9_.]+)=")
_AUDIT = re.compile(r"Audit action (\w+) on ([^/\s]+)/(\S+?)(?: \((.*?)\))?(?:: (.*))?", re.DOTALL)
_ALLOWED = frozenset({"allowed", "allow", "success", "permitted", "test"})
_DENIED = frozenset({"denied", "deny", "blocked", "block", "rejected", "rate_limited", "quarantined"})
_RUNS = frozenset({"execute", "invoke", "call", "read", "access"})
_METHODS = {"tool": "tools/call", "resource": "resources/read", "prompt": "prompts/get"}
_REFUSED = {"authentication_failure": "401", "authorization_failure": "403", "rate_limit_exceeded": "429"}
_LOGINS = frozenset({"authentication_failure", "authentication_success", "authorization_failure"})


class ContextForgeReader(RecordReader):
    """Envelopes in, events out."""

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields what a line makes."""
        line = read_line(record.data, marks=_MARKS)
        found = _envelopes(line)
        if not found:
            if record.data.lstrip().startswith((b"{", b"[")) and line.value is None:
                yield from super().read(record)
            else:
                yield from self.other(record.ref, "lines that are no events of ContextForge")
        for index, one in enumerate(found):
            yield from _told(one, line, f"{record.ref}/{index}" if len(found) > 1 else record.ref)

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What one object of a list makes."""
        if _is_envelope(data):
            yield from _told(_with_audit(dict(data)), LogLine(said=""), ref)
        else:
            yield from self.other(ref)


def _envelopes(line: LogLine) -> list[Mapping[str, object]]:
    if line.value is not None:
        value = line.value.get("event")
        inner = [value] if isinstance(value, dict) else objects(dict(line.value))
        return [_with_audit(dict(one)) for one in inner if _is_envelope(one)]
    cef = _CEF.search(line.said)
    if cef is not None:
        return [_from_cef(cef)]
    leef = _LEEF.search(line.said)
    return [_from_leef(leef)] if leef is not None else []


def _is_envelope(data: Mapping[str, object]) -> bool:
    source, kind = mapping(data.get("source")), text(data.get("event_type"))
    if kind is None:
        return False
    ours = source.get("service") == "mcpgateway" or ("actor" in data and "threat" in data)
    return ours and isinstance(data.get("actor", {}), dict)


def _from_cef(found: re.Match[str]) -> dict[str, object]:
    version, signature, name, severity, rest = found.groups()
    values = _extension(rest)
    envelope = {
        "event_type": _plain(signature).lower(),
        "severity": severity,
        "description": values.get("msg") or _plain(name),
        "source": {"service": "mcpgateway", "version": version},
        "actor": {"user_email": values.get("suser"), "client_ip": values.get("src")},
        "context": {"correlation_id": values.get("cs1")},
        "timestamp": values.get("rt"),
    }
    return _with_audit(envelope)


def _from_leef(found: re.Match[str]) -> dict[str, object]:
    version, event, rest = found.groups()
    # LEEF 2.0 may name the character that parts its fields; this one writes a tab.
    pairs = (pair.partition("=") for pair in rest.split("\t"))
    values = {name.strip(): said.replace("\\\\", "\\") for name, mark, said in pairs if mark}
    envelope = {
        "event_type": event.lower(),
        "severity": values.get("severity"),
        "category": values.get("cat"),
        "description": values.get("msg"),
        "source": {"service": "mcpgateway", "version": version},
        "actor": {"user_email": values.get("usrName"), "client_ip": values.get("src")},
        "context": {"correlation_id": values.get("correlationId")},
        "timestamp": values.get("devTime"),
    }
    return _with_audit(envelope)


def _extension(rest: str) -> dict[str, str]:
    """The fields of a CEF extension: a value ends where the next name begins; its equal signs are escaped."""
    starts = list(_EXTENSION.finditer(rest))
    ends = [one.start() for one in starts[1:]] + [len(rest)]
    return {one.group(1): _plain(rest[one.end() : end].strip()) for one, end in zip(starts, ends, strict=True)}


def _plain(said: str) -> str:
    return re.sub(r"\\(.)", r"\1", said)


def _with_audit(envelope: dict[str, object]) -> dict[str, object]:
    """An audit event in CEF or LEEF has its object in words alone, and in JSON the error."""
    found = _AUDIT.fullmatch(text(envelope.get("description")) or "")
    if found is None:
        return envelope
    action, kind, number, name, error = found.groups()
    read = {"action": action, "resource_type": kind, "resource_id": number}
    read |= {"resource_name": name} if name else {}
    read |= {"error_message": error} if error else {}
    told = {name: said for name, said in mapping(envelope.get("context")).items() if said is not None}
    # Of a failure there may be no word after its object: then severity tells.
    failed = bool(error) or str(envelope.get("severity")).upper() in ("7", "HIGH")
    taken = envelope.get("action_taken") or ("denied" if failed else "allowed")
    return {**envelope, "context": {**read, **told}, "action_taken": taken}


def _told(data: Mapping[str, object], line: LogLine, ref: str) -> Iterator[Made]:
    time = parse_time(data.get("timestamp"))
    time = line.time if time is None else time
    shared, context = _shared(data, line), mapping(data.get("context"))
    kind = (as_text(data.get("event_type")) or "").lower()
    call = _call(data, context)
    arguments = None if call is None else call.arguments
    about: dict[str, object] = (
        {} if call is None else {**_gateway_part(call_fields(call)), "mcp.method.name": "tools/call"}
    )
    ran = _METHODS.get(_resource(context)) if _action(context) in _RUNS else None
    gateway = {**about, **shared, "event.dataset": "mcp.gateway", "mcp.method.name": ran, **_object_fields(context)}
    yield made(gateway, time=time, ref=ref, arguments=arguments)
    if ran is not None:
        spoken = call_fields(call) if call is not None else {"mcp.method.name": ran}
        message = {
            **spoken,
            "mcp.message.direction": "client_to_server",
            "mcp.message.type": "transaction",
            **{name: value for name, value in shared.items() if name != "message"},
            **_object_fields(context),
            "event.dataset": "mcp.protocol",
            "mcp.method.name": ran,
            "error.message": as_text(context.get("error_message")),
        }
        yield made(message, time=time, ref=ref, arguments=arguments)
    if kind in _LOGINS:
        status = _REFUSED.get(kind)
        exchange = {**shared, "event.dataset": "mcp.http", "http.response.status_code": int(status) if status else None}
        exchange |= {"mcp.auth.method": _auth(context), "error.type": status, "network.protocol.name": "http"}
        left_out = ("message", "mcp.policy.source", "mcp.policy.reason", "rule.name")
        yield made({name: value for name, value in exchange.items() if name not in left_out}, time=time, ref=ref)


def _gateway_part(fields: Mapping[str, object]) -> dict[str, object]:
    left_out = ("mcp.message.", "gen_ai.operation.name", "mcp.response.content_type", "mcp.result.type")
    return {name: value for name, value in fields.items() if not name.startswith(left_out)}


def _shared(data: Mapping[str, object], line: LogLine) -> dict[str, object]:
    actor, context = mapping(data.get("actor")), mapping(data.get("context"))
    decision = _decision(data, context)
    reason = as_text(context.get("error_message")) or as_text(lookup(data, "metadata.reason", "context.reason"))
    fields = {
        "event.provider": "contextforge",
        "event.action": (as_text(data.get("event_type")) or "").lower() or None,
        "event.outcome": _outcome(context, decision),
        "message": as_text(data.get("description")),
        "user.id": _known(actor.get("user_id")),
        "user.email": _known(actor.get("user_email")),
        "source.ip": address(actor.get("client_ip")),
        "user_agent.original": as_text(actor.get("user_agent")),
        "host.name": as_text(lookup(data, "source.instance_id")) or line.host,
        "mcp.client.name": _client(as_text(actor.get("user_agent"))),
        "mcp.policy.decision": decision,
        "mcp.policy.source": "gateway_rule" if decision is not None else None,
        "mcp.policy.reason": reason,
        "rule.name": "; ".join(str(one) for one in items(lookup(data, "threat.indicators"))[:20]) or None,
    }
    return present(fields)


def _known(said: object) -> str | None:
    """A name, unless the export took it out."""
    found = as_text(said)
    return (
        None
        if found is None or found.lower() in ("unknown", "anonymous", "none", "***") or found.startswith("[REDACT")
        else found
    )


def _client(agent: str | None) -> str | None:
    return agent.partition("/")[0] if agent and "/" in agent and " " not in agent.partition("/")[0] else None


def _decision(data: Mapping[str, object], context: Mapping[str, object]) -> str | None:
    taken = (as_text(data.get("action_taken")) or "").lower()
    if taken in _ALLOWED:
        return "allow"
    if taken in _DENIED:
        return "deny"
    if "error" in taken:
        return "error"
    success, kind = context.get("success"), (as_text(data.get("event_type")) or "").lower()
    if isinstance(success, bool):
        return "allow" if success else "deny"
    return "deny" if kind in _REFUSED else "allow" if kind == "authentication_success" else None


def _outcome(context: Mapping[str, object], decision: str | None) -> str:
    success = context.get("success")
    if isinstance(success, bool):
        return "success" if success else "failure"
    return {"allow": "success", "deny": "failure", "error": "failure"}.get(decision or "", "unknown")


def _resource(context: Mapping[str, object]) -> str:
    return (as_text(context.get("resource_type")) or "").lower()


def _action(context: Mapping[str, object]) -> str:
    return (as_text(context.get("action")) or "").lower().removesuffix("_tool")


def _object_fields(context: Mapping[str, object]) -> dict[str, object]:
    """What the event is about: a tool, a server, a resource or a prompt of the gateway's catalogue."""
    kind, name = _resource(context), as_text(context.get("resource_name")) or as_text(context.get("resource_id"))
    server = as_text(lookup(context, "server_name", "gateway_name", "server", "gateway"))
    fields: dict[str, object] = {"mcp.server.name": server}
    if kind == "tool":
        fields["gen_ai.tool.name"] = name
    elif kind in ("server", "gateway"):
        fields["mcp.server.name"] = server or name
        fields["mcp.server.url"] = as_text(lookup(context, "url", "new_values.url", "changes.url"))
    elif kind == "resource":
        fields["mcp.resource.uri"] = as_text(context.get("resource_uri")) or name
    changed = {name: context[name] for name in ("old_values", "new_values", "changes") if context.get(name)}
    if changed:
        fields["mcp.request.text"] = compact(changed)
    return present(fields)


def _call(data: Mapping[str, object], context: Mapping[str, object]) -> ToolCall | None:
    if _resource(context) != "tool" or _action(context) not in _RUNS:
        return None
    success = context.get("success")
    failed = not success if isinstance(success, bool) else _decision(data, context) == "deny" or None
    return ToolCall(
        tool=as_text(context.get("resource_name")) or as_text(context.get("resource_id")),
        server=as_text(lookup(context, "server_name", "gateway_name", "server", "gateway")),
        arguments=said_object(lookup(context, "arguments", "params", "tool_arguments")),
        failed=failed,
        error=as_text(context.get("error_message")),
        error_type="denied" if failed else None,
        duration_ms=context.get("duration_ms"),
        # A call that was denied never came to the tool.
        more={"mcp.tool.is_error": None, "mcp.response.text": None} if failed else {},
    )


def _auth(context: Mapping[str, object]) -> str | None:
    said = (as_text(context.get("auth_method")) or "").lower()
    return {
        "jwt": "bearer",
        "bearer": "bearer",
        "basic": "basic",
        "oauth": "oauth2",
        "oauth2": "oauth2",
        "sso": "oauth2",
    }.get(said)


def _score(line: bytes) -> float | None:
    return _SURE if _envelopes(read_line(line, marks=_MARKS)) else 0.0 if line.strip() else None


def _when(line: bytes) -> int | None:
    read = read_line(line, marks=_MARKS)
    times = (parse_time(one.get("timestamp")) for one in _envelopes(read))
    return next((time for time in times if time is not None), read.time)


CONTEXTFORGE = Linewise(name="contextforge", score=_score, when=_when, reader=ContextForgeReader)
