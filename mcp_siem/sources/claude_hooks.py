"""What Claude Code hands to hooks, logged by them line by line, and its transcripts: calls in two halves.

A hook that writes down what it was given (<https://code.claude.com/docs/en/hooks>) gives no time of its own; one that
adds `timestamp` does. What the hook answered may stand beside it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_siem.events.time import parse_time
from mcp_siem.sources.host_calls import Host, call_event, decision_of, host_event
from mcp_siem.sources.linewise import Made
from mcp_siem.sources.otlp import as_text, lookup
from mcp_siem.sources.shape import items, mapping, text
from mcp_siem.sources.tool_calls import ToolCall, present, said_object, split_tool
from mcp_siem.sources.waiting import Entry, Waiting

__all__ = ["HookCalls", "hook_name", "hook_time", "is_hook", "is_transcript"]

_TIMES = ("timestamp", "@timestamp", "ts", "time", "logged_at", "datetime", "event_time", "received_at")
_HOSTS = ("hostname", "host.name", "host", "computer", "machine")
_BEFORE = frozenset({"PreToolUse", "PermissionRequest", "PermissionDenied"})
_AFTER = frozenset({"PostToolUse", "PostToolUseFailure"})
# The turn is over: what still waits was refused or never came back.
_OVER = frozenset({"Stop", "StopFailure", "SessionEnd", "UserPromptSubmit", "SessionStart"})
_WORDS = (
    "prompt",
    "message",
    "reason",
    "source",
    "trigger",
    "notification_type",
    "file_path",
    "last_assistant_message",
)
_HOME = re.compile(r"(?:^|[\\/])(?:home|Users)[\\/]([^\\/]+)[\\/]")
_CLAUDE_KEYS = frozenset({"session_id", "transcript_path", "permission_mode", "cwd", "stop_hook_active"})


def is_hook(data: Mapping[str, object]) -> bool:
    """Says whether a record is what Claude Code gives to a hook."""
    name = text(data.get("hook_event_name"))
    # Cursor's hooks have the same key; their names begin in lower case, and a conversation stands for the session.
    return name is not None and name[:1].isupper() and bool(data.keys() & _CLAUDE_KEYS)


def is_transcript(data: Mapping[str, object]) -> bool:
    """Says whether a record is a line of a transcript."""
    kind = data.get("type")
    return text(data.get("sessionId")) is not None and isinstance(kind, str) and ("message" in data or "uuid" in data)


def hook_name(data: Mapping[str, object]) -> str:
    """The event that called the hook."""
    return text(data.get("hook_event_name")) or ""


def hook_time(data: Mapping[str, object]) -> int | None:
    """When the hook ran, if whoever wrote the record said so."""
    return next((time for name in _TIMES if (time := parse_time(data.get(name))) is not None), None)


class HookCalls:
    """Calls by their id: what was asked for waits for what came of it."""

    def __init__(self) -> None:
        self._open = Waiting()

    def hook(self, data: Mapping[str, object], ref: str) -> Iterator[Made]:
        """The events of a hook's record."""
        name, time = hook_name(data), hook_time(data)
        host = _host(data, text(data.get("session_id")))
        if name in _BEFORE | _AFTER:
            yield from self._tool_hook(name, data, host, time, ref)
            return
        if name in _OVER:
            yield from self._given_up(_session(host))
        if name in ("Elicitation", "ElicitationResult"):
            yield _asked(name, data, host, time, ref)
            return
        words = [said for word in _WORDS if (said := as_text(data.get(word))) is not None]
        fields = {
            "event.action": name,
            "mcp.approval.mode": text(data.get("permission_mode")),
            "message": "\n".join(words) or None,
            **_answer(data),
        }
        yield host_event(host, present(fields), time=time, ref=ref)

    def transcript(self, data: Mapping[str, object], ref: str) -> Iterator[Made]:
        """The events of a line of a transcript: the calls that it holds, or what came of them."""
        host = _host(data, text(data.get("sessionId")))
        time = parse_time(data.get("timestamp"))
        for block in items(mapping(data.get("message")).get("content")):
            told = mapping(block)
            if told.get("type") == "tool_use":
                given = {"tool_name": told.get("name"), "tool_input": told.get("input"), "tool_use_id": told.get("id")}
                yield from self._before("tool_use", given, host, time, ref)
            elif told.get("type") == "tool_result":
                answer = {"tool_use_id": told.get("tool_use_id"), "tool_response": told.get("content")}
                yield from self._after("tool_result", answer, host, time, ref, failed=told.get("is_error") is True)
        if data.get("type") == "user" and isinstance(mapping(data.get("message")).get("content"), str):
            said = {"event.action": "user_prompt", "message": mapping(data.get("message"))["content"]}
            yield host_event(host, said, time=time, ref=ref)

    def finish(self) -> Iterator[Made]:
        """The calls that nothing came of."""
        for entry in self._open.drain():
            yield _unanswered(entry)

    def dump(self) -> list[object]:
        """The calls that wait, as plain data."""
        return self._open.dump()

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        self._open.load(dumped)

    def _tool_hook(
        self, name: str, data: Mapping[str, object], host: Host, time: int | None, ref: str
    ) -> Iterator[Made]:
        if name in _BEFORE:
            yield from self._before(name, data, host, time, ref)
        else:
            yield from self._after(name, data, host, time, ref, failed=name == "PostToolUseFailure")

    def _before(self, name: str, data: Mapping[str, object], host: Host, time: int | None, ref: str) -> Iterator[Made]:
        server, tool, foreign = _named(data)
        arguments = said_object(data.get("tool_input"))
        call = ToolCall(tool=tool, server=server, arguments=arguments, answered=False)
        fields = present({**_about(name, data), **_verdict(name, data)})
        yield host_event(host, fields, time=time, ref=ref, call=call)
        if not foreign or name not in {"PreToolUse", "tool_use"}:
            return
        held = {
            "server": server,
            "tool": tool,
            "arguments": arguments,
            "host": dict(host.fields),
            "caller": host.caller,
            "fields": fields,
        }
        key = _key(host, data, tool)
        for displaced in self._open.put(key, Entry(owner=_session(host), ref=ref, time=time, data=held)):
            yield _unanswered(displaced)

    def _after(
        self, name: str, data: Mapping[str, object], host: Host, time: int | None, ref: str, *, failed: bool
    ) -> Iterator[Made]:
        server, tool, foreign = _named(data)
        asked = self._open.take(_key(host, data, tool))
        arguments = said_object(data.get("tool_input"))
        if asked is not None:
            server, tool, foreign = asked.data["server"], asked.data["tool"], True
            arguments = asked.data["arguments"] if arguments is None else arguments
            # A line of a transcript that holds a result does not say where the session lies.
            host = Host(fields={**asked.data["host"], **host.fields}, caller=asked.data["caller"])
        elif tool is None:
            # What came of a call of the host's own tools, told by a transcript: the call was told already.
            return
        call = ToolCall(
            tool=tool,
            server=server,
            arguments=arguments,
            result=data.get("tool_response", data.get("tool_result")),
            failed=failed,
            error=as_text(data.get("error")),
            duration_ms=data.get("duration_ms"),
        )
        fields = present(_about(name, data))
        if name != "tool_result":
            yield host_event(host, fields, time=time, ref=ref, call=call)
        if foreign:
            yield call_event(host, fields, time=time, ref=ref, call=call)

    def _given_up(self, owner: str) -> Iterator[Made]:
        for entry in self._open.take_of(owner):
            yield _unanswered(entry)


def _named(data: Mapping[str, object]) -> tuple[str | None, str | None, bool]:
    said = text(data.get("tool_name"))
    given = data.get("mcp_server")
    server = text(given) or text(mapping(given).get("name")) or text(data.get("mcp_server_name"))
    if server is None and not (said or "").startswith("mcp__"):
        return None, said, False
    found, tool = split_tool(said, server)
    return found, tool, found is not None


def _key(host: Host, data: Mapping[str, object], tool: str | None) -> str:
    return f"{_session(host)}\0{text(data.get('tool_use_id')) or tool}"


def _session(host: Host) -> str:
    return text(host.fields.get("gen_ai.conversation.id")) or ""


def _about(name: str, data: Mapping[str, object]) -> dict[str, object]:
    return {
        "event.action": name,
        "mcp.approval.mode": text(data.get("permission_mode")),
        "gen_ai.tool.call.id": text(data.get("tool_use_id")),
    }


def _verdict(name: str, data: Mapping[str, object]) -> dict[str, object]:
    """What was decided before the call: by a hook, by the host, or nothing yet."""
    if name == "PermissionRequest":
        return {"mcp.policy.decision": "ask", **_answer(data)}
    if name == "PermissionDenied":
        reason = as_text(data.get("reason"))
        return {"mcp.policy.decision": "deny", "mcp.policy.source": "config", "mcp.policy.reason": reason}
    return _answer(data)


def _answer(data: Mapping[str, object]) -> dict[str, object]:
    """What the hook answered, where it was written down with what it was given."""
    paths = ("hookSpecificOutput.permissionDecision", "hookSpecificOutput.decision.behavior", "permissionDecision")
    inside = [f"{place}.{path}" for place in ("output", "hook_output", "response") for path in paths]
    decision = decision_of(lookup(data, *paths, *inside, "decision"))
    if decision is None:
        return {}
    reasons = ("permissionDecisionReason", "hookSpecificOutput.permissionDecisionReason", "output.reason")
    return {
        "mcp.policy.decision": decision,
        "mcp.policy.source": "hook",
        "mcp.policy.reason": as_text(lookup(data, *reasons)),
    }


def _host(data: Mapping[str, object], session: str | None) -> Host:
    fields = {
        "event.provider": "claude_code",
        "gen_ai.conversation.id": session,
        "gen_ai.agent.name": text(data.get("agent_type")),
        "gen_ai.agent.id": text(data.get("agent_id")),
        "user.id": as_text(lookup(data, "user.id", "user_id")),
        "user.email": as_text(lookup(data, "user.email", "user_email")),
        "user.name": as_text(lookup(data, "user.name", "username")) or as_text(data.get("user")) or _user_of(data),
        "host.name": as_text(lookup(data, *_HOSTS)),
        "mcp.client.name": "claude-code",
        "mcp.client.version": text(data.get("version")),
        "gen_ai.request.model": text(data.get("model")) or text(mapping(data.get("message")).get("model")),
    }
    kept = present(fields)
    who = [said for name in ("host.name", "user.name") if (said := text(kept.get(name)))]
    return Host(fields=kept, caller="/".join(who) or session)


def _user_of(data: Mapping[str, object]) -> str | None:
    """Whose home folder the session lies in."""
    for name in ("transcript_path", "cwd"):
        found = _HOME.search(text(data.get(name)) or "")
        if found is not None:
            return found.group(1)
    return None


def _asked(name: str, data: Mapping[str, object], host: Host, time: int | None, ref: str) -> Made:
    """A server asks the user something, or the user answered."""
    answered = name == "ElicitationResult"
    action = text(data.get("action"))
    fields = {
        "event.dataset": "mcp.protocol",
        "event.action": name,
        "event.outcome": "success" if answered else "unknown",
        "mcp.method.name": "elicitation/create",
        "mcp.message.direction": "server_to_client",
        "mcp.message.type": "transaction" if answered else "request",
        "mcp.server.name": text(data.get("mcp_server_name")) or text(data.get("server_name")),
        "mcp.elicitation.mode": text(data.get("mode")) or "form",
        "mcp.elicitation.url": text(data.get("url")),
        "mcp.elicitation.message": text(data.get("message")),
        "mcp.elicitation.action": action if answered else None,
    }
    return host_event(host, present(fields), time=time, ref=ref)


def _unanswered(entry: Entry) -> Made:
    held = entry.data
    call = ToolCall(tool=held["tool"], server=held["server"], arguments=held["arguments"], answered=False)
    fields = {**held["fields"], "mcp.message.pairing": "unanswered"}
    host = Host(fields=held["host"], caller=held["caller"])
    return call_event(host, fields, time=entry.time, ref=entry.ref, call=call)
