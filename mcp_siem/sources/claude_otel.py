"""Claude Code's OpenTelemetry events, as <https://code.claude.com/docs/en/monitoring-usage> lists them."""

from collections.abc import Iterator

from mcp_siem.sources.host_calls import Host, call_event, decision_of, host_event
from mcp_siem.sources.linewise import Made
from mcp_siem.sources.otlp import LogRecord, as_text
from mcp_siem.sources.records import made
from mcp_siem.sources.shape import integer, mapping
from mcp_siem.sources.tool_calls import ToolCall, present, said_object, split_tool, transport_of
from mcp_siem.sources.waiting import Seen

__all__ = ["event_name", "is_claude", "otel_events"]

PREFIX = "claude_code."
# What these tell is cost, health and conversation, not what was done to whom.
_ASIDE = (
    "api_",
    "assistant_response",
    "compaction",
    "feedback_survey",
    "internal_error",
    "hook_plugin_metrics",
)
_NAMES = frozenset(
    {
        "tool_result",
        "tool_decision",
        "mcp_server_connection",
        "permission_mode_changed",
        "user_prompt",
        "auth",
        "plugin_installed",
        "plugin_loaded",
        "skill_activated",
        "at_mention",
        "hook_registered",
        "hook_execution_start",
        "hook_execution_complete",
    }
)
_HIDDEN = "<REDACTED>"
_MASKED = "mcp_tool"
_MCP_SOURCES = frozenset({"mcp", "sdk_host_builtin_mcp"})
_SCOPES = ("mcp_server_scope", "server_scope")
# What a person or a file changed, in words: the attributes that say it.
_WORDS = (
    "hook_event",
    "hook_name",
    "hook_type",
    "hook_source",
    "hook_matcher",
    "num_hooks",
    "num_blocking",
    "safe_mode",
    "plugin.name",
    "plugin.version",
    "plugin.scope",
    "marketplace.name",
    "marketplace.is_official",
    "install.trigger",
    "enabled_via",
    "has_mcp",
    "skill.name",
    "skill.source",
    "invocation_trigger",
    "mention_type",
    "action",
    "auth_method",
    "error_category",
    "trigger",
    "command_name",
)


def event_name(record: LogRecord) -> str:
    """The name of the event without its prefix."""
    return (record.name or "").removeprefix(PREFIX)


def is_claude(record: LogRecord) -> bool:
    """Says whether a log record is one of Claude Code's."""
    if record.text("service.name") in ("claude-code", "claude_code"):
        return True
    name = record.name or ""
    body = as_text(record.body) or as_text(mapping(record.body).get("text")) or ""
    if name.startswith(PREFIX) or body.startswith(PREFIX):
        return True
    return name in _NAMES and record.get("session.id") is not None and record.get("event.timestamp") is not None


def otel_events(record: LogRecord, ref: str, decided: Seen) -> Iterator[Made]:
    """The events of a log record; none for one that is no event here. `decided` holds the calls whose decision was told."""
    name = event_name(record)
    host = _host(record)
    if name.startswith(_ASIDE):
        return
    if name == "mcp_server_connection":
        yield made(_connection(record, host), time=record.time, ref=ref, caller=host.caller)
    elif name in ("tool_decision", "tool_result"):
        yield from _tool_events(name, record, host, ref, decided)
    else:
        yield host_event(host, _told(name, record), time=record.time, ref=ref)


def _host(record: LogRecord) -> Host:
    session = record.text("session.id")
    fields = {
        "event.provider": "claude_code",
        "event.sequence": integer(record.get("event.sequence")),
        "user.id": record.text("enduser.id", "user.id", "user.account_uuid"),
        "user.email": record.text("user.email"),
        "user.name": record.text("user.name"),
        "host.name": record.text("host.name"),
        "gen_ai.conversation.id": session,
        "gen_ai.agent.name": record.text("agent.name"),
        "mcp.client.name": record.text("service.name") or "claude-code",
        "mcp.client.version": record.text("service.version", "app.version"),
        "trace.id": record.trace,
    }
    return Host(fields=present(fields), caller=session)


def _tool_events(name: str, record: LogRecord, host: Host, ref: str, decided: Seen) -> Iterator[Made]:
    parameters = mapping(said_object(record.get("tool_parameters")))
    said = record.text("tool_name")
    server = as_text(parameters.get("mcp_server_name")) or record.text("mcp_server_name", "mcp_server.name")
    tool = as_text(parameters.get("mcp_tool_name")) or record.text("mcp_tool_name", "mcp_tool.name") or said
    foreign = _is_foreign(record, said, server)
    if foreign:
        server, tool = split_tool(tool, server)
    arguments = said_object(record.get("tool_input"))
    if arguments is None and parameters and not foreign:
        arguments = parameters
    ended = name == "tool_result"
    call = ToolCall(
        tool=tool,
        server=server,
        arguments=arguments,
        answered=ended,
        failed=_failed(record) if ended else None,
        error=record.text("error"),
        error_type=record.text("error_type"),
        duration_ms=record.get("duration_ms"),
    )
    about = {
        "event.action": name,
        "gen_ai.tool.call.id": record.text("tool_use_id"),
        "mcp.server.scope": record.text(*_SCOPES),
        "mcp.method.name": "tools/call" if foreign else None,
    }
    verdict = {
        "mcp.policy.decision": decision_of(record.get("decision", "decision_type")),
        "mcp.policy.source": _source(record.text("source", "decision_source")),
    }
    sizes = {
        "mcp.request.size": integer(record.get("tool_input_size_bytes")),
        "mcp.response.size": integer(record.get("tool_result_size_bytes")),
    }
    # A result repeats the decision; a person who allowed once is not to count twice.
    key = f"{record.text('session.id')}\0{record.text('tool_use_id', 'prompt.id')}\0{tool}"
    repeated = ended and key in decided
    told = present({**about, **sizes, **({} if repeated else verdict)})
    if not ended:
        decided.add(key)
    yield host_event(host, told, time=record.time, ref=ref, call=call)
    if ended and foreign:
        found = {field: value for field, value in {**about, **sizes, **verdict}.items() if field != "mcp.server.scope"}
        yield call_event(host, present(found), time=record.time, ref=ref, call=call)


def _is_foreign(record: LogRecord, said: str | None, server: str | None) -> bool:
    """Says whether the tool is one of an MCP server's."""
    if server is not None or said == _MASKED or (said or "").startswith("mcp__"):
        return True
    return record.text("mcp_server_scope") is not None or record.text("tool_source") in _MCP_SOURCES


def _failed(record: LogRecord) -> bool | None:
    said = record.get("success")
    return None if said is None else said not in (True, "true", "True", 1)


def _source(said: str | None) -> str | None:
    if said is None:
        return None
    return "user" if said.startswith("user") else said if said in ("config", "hook") else None


def _connection(record: LogRecord, host: Host) -> dict[str, object]:
    """A server was connected, was lost, or could not be reached."""
    status = record.text("status")
    transport = record.text("transport_type", "transport")
    failed = status == "failed"
    return {
        "event.dataset": "mcp.session",
        **host.fields,
        "event.action": "disconnect" if status == "disconnected" else "connect",
        "event.outcome": "failure" if failed else "success" if status else "unknown",
        "mcp.server.name": record.text("server_name") or record.text("plugin.name"),
        "mcp.server.scope": record.text("server_scope") or ("plugin" if record.get("is_plugin") is True else None),
        "network.transport": transport_of(transport),
        "error.type": record.text("error_code") or ("connection_failed" if failed else None),
        "error.message": record.text("error"),
        "event.duration": _milliseconds(record.get("duration_ms")),
    }


def _told(name: str, record: LogRecord) -> dict[str, object]:
    """Any other event: a change of mode, a prompt, a hook that ran or blocked, a plugin, a login."""
    fields: dict[str, object] = {"event.action": name or None, "mcp.approval.mode": record.text("permission_mode")}
    success = record.get("success")
    if success is not None:
        fields["event.outcome"] = "failure" if _failed(record) else "success"
    if name == "permission_mode_changed":
        fields["mcp.approval.mode"] = record.text("to_mode")
        fields["mcp.approval.mode_previous"] = record.text("from_mode")
        fields["event.outcome"] = "success"
    prompt = record.text("prompt")
    words = [f"{word}={said}" for word in _WORDS if (said := _word(record.get(word))) is not None]
    fields["message"] = prompt if prompt and prompt != _HIDDEN else " ".join(words) or None
    if (integer(record.get("num_blocking")) or 0) > 0:
        fields |= {"mcp.policy.decision": "deny", "mcp.policy.source": "hook", "event.outcome": "failure"}
    return present(fields)


def _word(value: object) -> str | None:
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def _milliseconds(said: object) -> int | None:
    whole = integer(said)
    return None if whole is None or whole < 0 or whole > 1 << 40 else whole * 1_000_000
