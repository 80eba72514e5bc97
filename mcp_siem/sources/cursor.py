"""Cursor's hooks (`--source cursor`), logged by them line by line: what they were given, and perhaps what they answered.

`beforeMCPExecution` and its like become `mcp.host`, a call that came back `mcp.protocol` as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mcp_siem.sources.claude_hooks import hook_time
from mcp_siem.sources.host_calls import Host, call_event, decision_of, host_event
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import Linewise, Made, objects
from mcp_siem.sources.otlp import as_text, lookup
from mcp_siem.sources.port import ParseIssue
from mcp_siem.sources.records import RecordReader
from mcp_siem.sources.shape import text
from mcp_siem.sources.tool_calls import ToolCall, present, said_object, split_tool
from mcp_siem.sources.waiting import Entry, Waiting

__all__ = ["CURSOR"]

_SURE = 0.98
_KEYS = frozenset({"conversation_id", "generation_id", "workspace_roots", "cursor_version"})
_BEFORE = frozenset({"beforeMCPExecution", "beforeShellExecution", "beforeReadFile", "preToolUse", "beforeTabFileRead"})
_AFTER = frozenset({"afterMCPExecution", "afterShellExecution", "afterFileEdit", "postToolUse", "postToolUseFailure"})
_OVER = frozenset({"stop", "sessionEnd", "beforeSubmitPrompt"})
_BUILT_IN = {
    "beforeShellExecution": "Shell",
    "afterShellExecution": "Shell",
    "beforeReadFile": "Read",
    "beforeTabFileRead": "Read",
    "afterFileEdit": "Edit",
}
_ARGUMENTS = {"Shell": ("command", "cwd"), "Read": ("file_path",), "Edit": ("file_path", "edits")}
_HOSTS = ("hostname", "host.name", "host", "computer")


class CursorReader(RecordReader):
    """Calls of MCP tools wait for what came of them."""

    def __init__(self) -> None:
        super().__init__()
        self._open = Waiting()

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What one hook's record makes."""
        if not _is_hook(data):
            yield from self.other(ref)
            return
        name, time = str(data["hook_event_name"]), hook_time(data)
        if name in _BEFORE | _AFTER:
            yield from self._tool(name, data, time, ref)
            return
        if name in _OVER:
            for entry in self._open.take_of(_owner(data)):
                yield _unanswered(entry)
        said = [word for key in ("prompt", "text", "status", "reason") if (word := as_text(data.get(key)))]
        fields = present({"event.action": name, "message": "\n".join(said) or None, **_answer(data)})
        yield host_event(_host(data), fields, time=time, ref=ref)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields the calls that nothing came of, and the counts."""
        for entry in self._open.drain():
            yield _unanswered(entry)
        yield from super().finish()

    def dump(self) -> dict[str, object]:
        """The calls that wait."""
        return {**super().dump(), "open": self._open.dump()}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        super().load(document)
        self._open.load(document["open"])

    def _tool(self, name: str, data: Mapping[str, object], time: int | None, ref: str) -> Iterator[Made]:
        host = _host(data)
        server, tool, foreign = _named(name, data)
        key = f"{_owner(data)}\0{as_text(data.get('generation_id'))}\0{as_text(data.get('tool_use_id')) or tool}"
        asked = self._open.take(key) if foreign and name in _AFTER else None
        if asked is not None:
            # Who asked, and where and as what the server runs, may be told before the call alone.
            host = Host(fields={**asked.data["host"], **host.fields}, caller=asked.data["caller"])
            server = server or asked.data["server"]
        call = _call(name, data, server, tool)
        fields = present({"event.action": name, **_place(data, foreign=foreign), **_answer(data)})
        yield host_event(host, fields, time=time, ref=ref, call=call)
        if foreign and name in _AFTER:
            before = {} if asked is None else asked.data["fields"]
            yield call_event(host, {**before, **fields}, time=time, ref=ref, call=call)
        elif foreign:
            held = {
                "server": server,
                "tool": tool,
                "arguments": call.arguments,
                "host": dict(host.fields),
                "caller": host.caller,
                "fields": fields,
            }
            for displaced in self._open.put(key, Entry(owner=_owner(data), ref=ref, time=time, data=held)):
                yield _unanswered(displaced)


def _is_hook(data: Mapping[str, object]) -> bool:
    name = text(data.get("hook_event_name"))
    return name is not None and name[:1].islower() and bool(data.keys() & _KEYS)


def _owner(data: Mapping[str, object]) -> str:
    return as_text(data.get("conversation_id")) or as_text(data.get("session_id")) or ""


def _host(data: Mapping[str, object]) -> Host:
    conversation = as_text(data.get("conversation_id")) or as_text(data.get("session_id"))
    fields = {
        "event.provider": "cursor",
        "user.email": as_text(data.get("user_email")),
        "user.id": as_text(data.get("user_id")),
        "host.name": as_text(lookup(data, *_HOSTS)),
        "gen_ai.conversation.id": conversation,
        "gen_ai.request.model": as_text(data.get("model")),
        "mcp.client.name": "cursor",
        "mcp.client.version": as_text(data.get("cursor_version")),
    }
    return Host(fields=present(fields), caller=conversation)


def _named(name: str, data: Mapping[str, object]) -> tuple[str | None, str | None, bool]:
    """Server, tool, and whether it is one of an MCP server."""
    said = as_text(data.get("tool_name")) or _BUILT_IN.get(name)
    given = as_text(data.get("server_name")) or as_text(data.get("mcp_server_name")) or as_text(data.get("server"))
    named = (said or "").startswith(("mcp__", "MCP:", "mcp:"))
    foreign = "MCP" in name or named or given is not None
    server, tool = split_tool(said, given)
    if foreign and server is None:
        server = as_text(data.get("url")) or as_text(data.get("command"))
    return server if foreign else None, tool, foreign


def _place(data: Mapping[str, object], *, foreign: bool) -> dict[str, object]:
    """Where the server runs: a remote one has an address, one of this machine a command."""
    if not foreign:
        return {}
    return {"mcp.server.url": as_text(data.get("url")), "mcp.server.command_line": as_text(data.get("command"))}


def _call(name: str, data: Mapping[str, object], server: str | None, tool: str | None) -> ToolCall:
    ended, failed = name in _AFTER, name == "postToolUseFailure"
    arguments = said_object(data.get("tool_input"))
    if arguments is None:
        arguments = {key: data[key] for key in _ARGUMENTS.get(tool or "", ()) if data.get(key) is not None} or None
    results = (data.get(key) for key in ("result_json", "tool_output", "output", "result"))
    return ToolCall(
        tool=tool,
        server=server,
        arguments=arguments,
        result=next((one for one in results if one is not None), None) if ended else None,
        answered=ended,
        failed=failed if ended else None,
        error=as_text(data.get("error_message")) or as_text(data.get("error")),
        duration_ms=data.get("duration", data.get("duration_ms")),
    )


def _answer(data: Mapping[str, object]) -> dict[str, object]:
    """What the hook answered, where it was written down with what it was given."""
    decision = decision_of(
        lookup(data, "permission", "output.permission", "response.permission", "hook_output.permission")
    )
    if decision is None:
        return {}
    return {"mcp.policy.decision": decision, "mcp.policy.source": "hook"}


def _unanswered(entry: Entry) -> Made:
    held = entry.data
    call = ToolCall(tool=held["tool"], server=held["server"], arguments=held["arguments"], answered=False)
    fields = {**held["fields"], "mcp.message.pairing": "unanswered"}
    host = Host(fields=held["host"], caller=held["caller"])
    return call_event(host, fields, time=entry.time, ref=entry.ref, call=call)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return _SURE * sum(map(_is_hook, found)) / len(found) if found else None


def _when(line: bytes) -> int | None:
    times = map(hook_time, objects(read_json(line)[0]))
    return next((time for time in times if time is not None), None)


CURSOR = Linewise(name="cursor", score=_score, when=_when, reader=CursorReader)
