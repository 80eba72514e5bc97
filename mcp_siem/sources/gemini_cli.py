"""Gemini CLI and those made from it (`--source gemini_cli`): their OpenTelemetry logs.

Decisions, modes and settings become `mcp.host`, a call of an MCP tool `mcp.protocol` as well.
<https://github.com/google-gemini/gemini-cli/blob/main/docs/cli/telemetry.md>
"""

from collections.abc import Iterator

from mcp_siem.sources.host_calls import Host, call_event, decision_of, host_event
from mcp_siem.sources.linewise import Linewise, Made
from mcp_siem.sources.otel_hosts import HostReader, HostSource, score_of, time_of
from mcp_siem.sources.otlp import LogRecord, as_text
from mcp_siem.sources.shape import integer
from mcp_siem.sources.tool_calls import ToolCall, present, said_object, split_tool

__all__ = ["GEMINI_CLI"]

_PREFIXES = ("gemini_cli.", "gemini-cli.", "qwen-code.", "qwen_code.")
_BARE = frozenset({"approval_mode_switch", "approval_mode_duration", "plan_execution"})
_ASIDE = (
    "api_",
    "next_speaker",
    "chat",
    "content_retry",
    "malformed",
    "loop_",
    "flash_",
    "startup",
    "ripgrep",
    "approval_mode_duration",
)
_SOURCES = {"accept": "user", "reject": "user", "modify": "user", "auto_accept": "config"}
_WORDS = (
    "mcp_servers",
    "mcp_tools",
    "sandbox_enabled",
    "core_tools_enabled",
    "extensions",
    "auth_type",
    "hook_event_name",
    "hook_name",
    "extension_name",
    "command",
    "subcommand",
)


def _bare(record: LogRecord) -> str:
    name = record.name or ""
    return next((name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), name)


def _host(record: LogRecord) -> Host:
    session, email = record.text("session.id", "session_id"), record.text("user.email")
    fields = {
        "event.provider": "gemini_cli",
        "event.action": _bare(record),
        "user.id": record.text("user.id", "enduser.id") or (None if email else record.text("installation.id")),
        "user.email": email,
        "host.name": record.text("host.name"),
        "gen_ai.conversation.id": session,
        "gen_ai.request.model": record.text("model"),
        "mcp.client.name": record.text("service.name") or "gemini-cli",
        "mcp.client.version": record.text("service.version"),
        "mcp.approval.mode": record.text("active_approval_mode", "approval_mode"),
        "trace.id": record.trace,
    }
    return Host(fields=present(fields), caller=session)


def _events(record: LogRecord, ref: str) -> Iterator[Made]:
    name, host = _bare(record), _host(record)
    if name.startswith(_ASIDE):
        return
    if name == "tool_call":
        yield from _tool(record, host, ref)
        return
    fields: dict[str, object] = {}
    if name == "approval_mode_switch":
        fields = {"mcp.approval.mode": record.text("to_mode"), "mcp.approval.mode_previous": record.text("from_mode")}
    words = [f"{word}={said}" for word in _WORDS if (said := _word(record.get(word))) is not None]
    fields["message"] = record.text("prompt") or " ".join(words) or None
    yield host_event(host, present(fields), time=record.time, ref=ref)


def _word(value: object) -> str | None:
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def _tool(record: LogRecord, host: Host, ref: str) -> Iterator[Made]:
    server, tool = split_tool(record.text("function_name", "tool_name"), record.text("mcp_server_name"))
    foreign = server is not None or record.text("tool_type") == "mcp"
    decision, success = record.text("decision"), record.get("success")
    denied = decision == "reject"
    call = ToolCall(
        tool=tool,
        server=server,
        arguments=said_object(record.get("function_args", "tool_args")),
        # What was refused was never answered.
        answered=not denied,
        failed=None if success is None or denied else success not in (True, "true"),
        error=record.text("error", "error.message"),
        error_type=record.text("error_type", "error.type"),
        duration_ms=record.get("duration_ms"),
    )
    fields = {
        "gen_ai.tool.call.id": record.text("call_id"),
        "mcp.method.name": "tools/call" if foreign else None,
        "mcp.policy.decision": decision_of(decision),
        "mcp.policy.source": _SOURCES.get(decision or ""),
        "mcp.response.size": integer(record.get("content_length")),
        "event.outcome": "failure" if denied else None,
    }
    yield host_event(host, present(fields), time=record.time, ref=ref, call=call)
    if foreign and not denied:
        yield call_event(host, present(fields), time=record.time, ref=ref, call=call)


def _is_gemini(record: LogRecord) -> bool:
    name = record.name or ""
    service = record.text("service.name") in ("gemini-cli", "qwen-code", "gemini_cli")
    return name.startswith(_PREFIXES) or service or (name in _BARE and record.get("session.id") is not None)


_SOURCE = HostSource(is_mine=_is_gemini, events=_events)
GEMINI_CLI = Linewise(
    name="gemini_cli", score=lambda line: score_of(_SOURCE, line), when=time_of, reader=lambda: HostReader(_SOURCE)
)
