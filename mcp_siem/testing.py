"""Doubles and builders for tests, ours and others': events, and captures made of recorded calls."""

from collections.abc import Iterable, Iterator, Mapping

import orjson

from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time, parse_time

__all__ = ["START", "capture_lines", "event", "frame", "tool_call"]

START = 1_787_227_200_000_000
"""2026-08-20T12:00:00Z in microseconds: where built captures and events begin."""

_SECOND = 1_000_000
_FIRST_PID = 1_000
# A model thinks between two calls: about four calls a minute.
_STEP = 15 * _SECOND
_TOOK = 200_000


def capture_lines(rows: Iterable[Mapping[str, object]], *, start: int = START, step: int = _STEP) -> Iterator[bytes]:
    """Capture lines (format 1, without line ends) of recorded tool calls: a request and its response a row.

    A row has `tool`, `arguments`, and `server` (else `suite`); what came back is `result` (an object is taken
    as a CallToolResult), else `result_text`; `error` or `is_error` marks a failed call. A row without any of
    these was never answered. Each server is a process of its own; ids count per server.
    """
    processes: dict[str, int] = {}
    ids: dict[str, int] = {}
    for number, row in enumerate(rows):
        server = _text(row.get("server") or row.get("suite") or "server")
        pid = processes.setdefault(server, _FIRST_PID + len(processes))
        ids[server] = ids.get(server, 0) + 1
        at = start + number * step
        arguments = row.get("arguments")
        params = {"name": row.get("tool"), "arguments": {} if arguments is None else arguments}
        asked = {"jsonrpc": "2.0", "id": ids[server], "method": "tools/call", "params": params}
        yield frame(asked, at=at, server=server, pid=pid)
        result = _result(row)
        if result is not None:
            told = {"jsonrpc": "2.0", "id": ids[server], "result": result}
            yield frame(told, at=at + _TOOK, server=server, pid=pid, direction="server_to_client")


def frame(
    message: object,
    *,
    at: int | None = START,
    server: str | None = "files",
    pid: int | None = _FIRST_PID,
    direction: str = "client_to_server",
) -> bytes:
    """One capture line of a message; `at` in microseconds. What is None is left out."""
    line = {
        "ts": None if at is None else format_time(at),
        "direction": direction,
        "server": server,
        "pid": pid,
        "message": message,
    }
    return orjson.dumps({key: value for key, value in line.items() if value is not None})


def event(fields: Mapping[str, object] | None = None, *, at: int | str | None = START, ref: str = "test:1") -> Event:
    """An event with these fields; `at` in microseconds or as RFC 3339 text."""
    time = parse_time(at) if isinstance(at, str) else at
    return Event(data=dict(fields or {}), time=time, raw_ref=ref)


def tool_call(
    tool: str,
    arguments: Mapping[str, object] | None = None,
    *,
    result: str | None = None,
    at: int | str | None = START,
    **fields: object,
) -> Event:
    """The event of an answered tool call, as the wire source writes it; more fields with `__` for the dot."""
    given = dict(arguments or {})
    data: dict[str, object] = {
        "event.dataset": "mcp.protocol",
        "event.outcome": "success",
        "mcp.method.name": "tools/call",
        "mcp.message.type": "transaction",
        "mcp.message.direction": "client_to_server",
        "mcp.server.name": "files",
        "mcp.principal": f"files/{_FIRST_PID}",
        "gen_ai.tool.name": tool,
        "mcp.request.text": orjson.dumps(given).decode(),
        "mcp.argument.value": [value for value in given.values() if isinstance(value, str)],
        "mcp.tool.is_error": False,
    }
    if result is not None:
        data["mcp.response.text"] = result
    return event({**data, **{name.replace("__", "."): value for name, value in fields.items()}}, at=at)


def _result(row: Mapping[str, object]) -> dict[str, object] | None:
    told = row.get("result", row.get("result_text"))
    failed = bool(row.get("is_error") or row.get("error"))
    if isinstance(told, dict):
        return {**told, "isError": True} if failed else dict(told)
    if told is None and not failed:
        return None
    said = _text(row["error"] if told is None and "error" in row else told)
    return {"content": [{"type": "text", "text": said}], "isError": failed}


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
