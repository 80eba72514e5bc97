"""Codex (`--source codex`): its OpenTelemetry logs, which hold arguments and outputs of tools unless it is told otherwise.

Decisions and settings become `mcp.host`, a call of an MCP tool `mcp.protocol` as well.
"""

from collections.abc import Iterator

from mcp_siem.sources.host_calls import Host, call_event, decision_of, host_event
from mcp_siem.sources.linewise import Linewise, Made
from mcp_siem.sources.otel_hosts import HostReader, HostSource, score_of, time_of
from mcp_siem.sources.otlp import LogRecord, as_text
from mcp_siem.sources.tool_calls import ToolCall, present, said_object, split_tool

__all__ = ["CODEX"]

_PREFIX = "codex."
_ASIDE = ("api_request", "sse_event", "websocket", "turn_", "auth_recovery", "startup", "thread_skills")
_OPEN = "danger-full-access"
_SOURCES = {
    "user": "user",
    "config": "config",
    "automatedreviewer": "hook",
    "automated_reviewer": "hook",
    "hook": "hook",
}


def _host(record: LogRecord) -> Host:
    conversation = record.text("conversation.id", "session.id", "thread.id")
    fields = {
        "event.provider": "codex",
        "event.action": (record.name or "").removeprefix(_PREFIX),
        "user.id": record.text("user.account_id", "user.id", "enduser.id"),
        "user.email": record.text("user.email"),
        "host.name": record.text("host.name"),
        "gen_ai.conversation.id": conversation,
        "gen_ai.request.model": record.text("model", "slug"),
        "mcp.client.name": record.text("originator", "service.name") or "codex",
        "mcp.client.version": record.text("app.version", "service.version"),
        "trace.id": record.trace,
    }
    return Host(fields=present(fields), caller=conversation)


def _events(record: LogRecord, ref: str) -> Iterator[Made]:
    name = (record.name or "").removeprefix(_PREFIX)
    host = _host(record)
    if name.startswith(_ASIDE):
        return
    if name in ("tool_decision", "tool_result"):
        yield from _tool(name, record, host, ref)
    else:
        yield host_event(host, _settings(record), time=record.time, ref=ref)


def _tool(name: str, record: LogRecord, host: Host, ref: str) -> Iterator[Made]:
    said = record.text("tool_name", "tool.name")
    server, tool = split_tool(said, record.text("mcp_server", "mcp_server_name"))
    ended = name == "tool_result"
    success = record.get("success")
    failed = None if success is None or not ended else success not in (True, "true")
    call = ToolCall(
        tool=tool,
        server=server,
        arguments=said_object(record.get("arguments")),
        result=record.get("output") if ended else None,
        answered=ended,
        failed=failed,
        error=record.text("error.message", "output") if failed else None,
        duration_ms=record.get("duration_ms"),
    )
    fields = {
        "gen_ai.tool.call.id": record.text("call_id"),
        "mcp.server.url": _url(record.text("mcp_server_origin")),
        "mcp.policy.decision": decision_of(record.get("decision")),
        "mcp.policy.source": _SOURCES.get((record.text("source") or "").lower()),
    }
    yield host_event(host, present(fields), time=record.time, ref=ref, call=call)
    if ended and server is not None:
        yield call_event(host, present(fields), time=record.time, ref=ref, call=call)


def _url(origin: str | None) -> str | None:
    return origin if origin and "://" in origin else None


def _settings(record: LogRecord) -> dict[str, object]:
    """How a conversation began, a prompt, or anything else: modes where they are told, the rest in words."""
    approval, sandbox = record.text("approval_policy", "approval_mode"), record.text("sandbox_policy", "sandbox")
    # Nothing stops a tool that neither the sandbox nor a person holds back.
    mode = _OPEN if sandbox is not None and sandbox.lower().startswith(_OPEN) and approval == "never" else approval
    names = ("mcp_servers", "sandbox_policy", "reasoning_summary", "active_profile", "outcome", "auth_mode")
    words = [f"{name}={said}" for name in names if (said := as_text(record.get(name))) is not None]
    prompt = record.text("prompt")
    kept = prompt if prompt and prompt != "[REDACTED]" else None
    return present({"mcp.approval.mode": mode, "message": kept or " ".join(words) or None})


def _is_codex(record: LogRecord) -> bool:
    return (record.name or "").startswith(_PREFIX) or record.text("service.name") in (
        "codex_cli_rs",
        "codex-cli",
        "codex",
    )


_SOURCE = HostSource(is_mine=_is_codex, events=_events)


CODEX = Linewise(
    name="codex", score=lambda line: score_of(_SOURCE, line), when=time_of, reader=lambda: HostReader(_SOURCE)
)
