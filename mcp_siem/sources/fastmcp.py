"""FastMCP's logging middleware (`--source fastmcp`): one line when a message comes, one when it was served or failed.

Structured (JSON) or `key=value`, bare or behind what a formatter or a container engine puts before it. The lines of a
message have no id in common: a line that ends one ends the oldest of its method, or with times the one that its
duration fits. Neither caller nor server is named, so the input's name stands for the caller.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.linewise import Linewise, Made
from mcp_siem.sources.logline import LogLine, read_line
from mcp_siem.sources.messages import Response
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.records import made
from mcp_siem.sources.requests import arguments_of, request_fields
from mcp_siem.sources.results import response_fields
from mcp_siem.sources.shape import text
from mcp_siem.sources.tally import Tally
from mcp_siem.sources.tool_calls import present
from mcp_siem.sources.waiting import Entry, Waiting

__all__ = ["FASTMCP"]

_SURE = 0.97
_MARKS = frozenset({"event"})
_KINDS = re.compile(r"(request|notification|message|response|unknown)_(start|success|error)")
_PAIRS = re.compile(r"\bevent=((?:request|notification|message)_(?:start|success|error)) method=(\S+)(.*)", re.DOTALL)
_PAYLOAD = re.compile(r" payload=(.*?)(?: payload_type=\w+|$)", re.DOTALL)
_ERROR = re.compile(r" error=(.*)$", re.DOTALL)
# What a console puts at the end of a line.
_PLACE = re.compile(r"\s+[\w.-]+\.py:\d+\s*$")
_NAME = re.compile(r'"name"\s*:\s*("(?:[^"\\]|\\.){1,300}")')
_PAIR = re.compile(r" (source|type|timestamp|duration_ms|payload_length|payload_tokens)=(\S+)")
# Of a message's own object all fields are written, whether they were sent or not.
_UNSENT = ("task", "inputResponses", "requestState", "_meta", "meta", "cursor")
_FAR = 3_600_000_000
_LONGEST_PLACE = 200


class FastmcpReader:
    """Pairs the line that a message came with the line that it was served. What was never served is told at the end."""

    def __init__(self) -> None:
        self._open = Waiting()
        self._tally = Tally()
        self._count = 0

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """What the next line completes."""
        line = read_line(record.data, marks=_MARKS)
        told = _told(line)
        if told is None:
            yield from self._tally.note("other_record", record.ref, "lines that the logging middleware did not write")
            return
        kind, phase = str(told["event"]).split("_", 1)
        if phase == "start":
            yield from self._start(kind, told, line, record.ref)
        else:
            yield self._end(kind, told, line, record.ref)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields what was never served, and how many lines were of others."""
        for entry in self._open.drain():
            yield _unserved(entry)
        yield from self._tally.finish()

    def dump(self) -> dict[str, object]:
        """What waits for its end, and the counts."""
        return {"open": self._open.dump(), "tally": self._tally.dump(), "count": self._count}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._open.load(document["open"])
        self._tally.load(document["tally"])
        self._count = int(document["count"])

    def _start(self, kind: str, told: Mapping[str, object], line: LogLine, ref: str) -> Iterator[Made | ParseIssue]:
        params, cut = _params(told)
        if cut is not None:
            yield ParseIssue(ref=ref, code="cut", reason=f"the payload is not whole JSON: {cut}")
        self._count += 1
        held = {
            "kind": kind,
            "method": told["method"],
            "params": params,
            "source": told.get("source"),
            "host": line.host,
        }
        entry = Entry(owner=_owner(kind, told), ref=ref, time=line.time, data=held)
        for displaced in self._open.put(str(self._count), entry):
            yield _unserved(displaced)

    def _end(self, kind: str, told: Mapping[str, object], line: LogLine, ref: str) -> Made:
        began = None
        duration = told.get("duration_ms")
        if line.time is not None and isinstance(duration, int | float):
            began = line.time - round(duration * 1000)
        entry = self._open.take_nearest(_owner(kind, told), began, within=_FAR)
        held = {"kind": kind, "method": told["method"], "source": told.get("source"), "host": line.host}
        fields, arguments = _asked(held if entry is None else entry.data)
        fields |= _came_of(str(told["method"]), told)
        fields["mcp.message.type"] = "transaction" if entry is not None else "response"
        if kind == "notification":
            fields["mcp.message.type"] = "notification"
        where = (entry.time if entry.time is not None else began) if entry is not None else line.time
        return made(fields, time=where, ref=ref if entry is None else entry.ref, arguments=arguments)


def _told(line: LogLine) -> Mapping[str, object] | None:
    """What the middleware wrote, or None if it did not write the line."""
    if line.value is not None:
        event = text(line.value.get("event"))
        whole = event is not None and _KINDS.fullmatch(event) and text(line.value.get("method"))
        return line.value if whole else None
    end = line.said[-_LONGEST_PLACE:]
    found = _PAIRS.search(line.said[:-_LONGEST_PLACE] + _PLACE.sub("", end))
    return _pairs(found) if found is not None else None


def _pairs(found: re.Match[str]) -> dict[str, object]:
    event, method, rest = found.groups()
    told: dict[str, object] = {"event": event, "method": method}
    error = _ERROR.search(rest) if event.endswith("_error") else None
    payload = _PAYLOAD.search(rest)
    head = rest[: payload.start()] if payload else rest[: error.start()] if error else rest
    told |= dict(_PAIR.findall(head))
    if payload is not None:
        told["payload"] = payload.group(1)
    if error is not None:
        told["error"] = error.group(1)
    try:
        told["duration_ms"] = float(str(told["duration_ms"]))
    except (KeyError, ValueError):
        told.pop("duration_ms", None)
    return told


def _owner(kind: str, told: Mapping[str, object]) -> str:
    return f"{kind}\0{told['method']}\0{told.get('source')}"


def _params(told: Mapping[str, object]) -> tuple[object, str | None]:
    """The parameters of a message, and in words why they are not whole."""
    payload = told.get("payload")
    if isinstance(payload, str):
        value, fault = read_json(payload)
        if is_fatal(fault):
            return payload, None if fault is None else fault.reason
    else:
        value = payload
    if not isinstance(value, dict):
        return value, None
    if "method" in value and "params" in value and value.get("method") == told["method"]:
        value = value["params"]
    if not isinstance(value, dict):
        return value, None
    return {name: one for name, one in value.items() if one is not None or name not in _UNSENT}, None


def _asked(held: Mapping[str, Any]) -> tuple[dict[str, object], object]:
    method, params = str(held["method"]), held.get("params")
    fields = {
        "event.dataset": "mcp.protocol",
        "event.provider": "fastmcp",
        "event.action": f"{held['kind']}_start" if "params" in held else None,
        "event.outcome": "unknown",
        **request_fields(method, params if params != {} else None),
        "mcp.message.direction": "server_to_client" if held.get("source") == "server" else "client_to_server",
        "host.name": held.get("host"),
    }
    if isinstance(params, str):
        # A payload that was cut: what is left of it is what there is to match.
        named = _NAME.search(params) if method == "tools/call" else None
        tool = text(read_json(named.group(1))[0]) if named is not None else None
        return present({**fields, "gen_ai.tool.name": tool}), params if method == "tools/call" else None
    return present(fields), arguments_of(method, params)


def _came_of(method: str, told: Mapping[str, object]) -> dict[str, object]:
    duration = told.get("duration_ms")
    fields: dict[str, object] = {"event.action": told["event"]}
    if isinstance(duration, int | float) and not isinstance(duration, bool) and 0 <= duration < _FAR:
        fields["event.duration"] = round(duration * 1_000_000)
    if str(told["event"]).endswith("_success"):
        return {
            **fields,
            "event.outcome": "success",
            **({"mcp.tool.is_error": False} if method == "tools/call" else {}),
        }
    said = text(told.get("error"))
    if method == "tools/call":
        # What a tool raises its client gets as a result that is an error.
        failed = {"content": [{"type": "text", "text": said}] if said else [], "isError": True}
        fields |= response_fields(method, Response(id=None, result=failed, error=None))
    return {
        **fields,
        "event.outcome": "failure",
        "error.type": fields.get("error.type", "error"),
        "error.message": said,
    }


def _unserved(entry: Entry) -> Made:
    fields, arguments = _asked(entry.data)
    if entry.data["kind"] == "notification":
        fields["mcp.message.type"] = "notification"
    else:
        fields |= {"mcp.message.type": "request", "mcp.message.pairing": "unanswered"}
    return made(fields, time=entry.time, ref=entry.ref, arguments=arguments)


def _score(line: bytes) -> float | None:
    if _told(read_line(line, marks=_MARKS)) is not None:
        return _SURE
    # A server writes other things into the same log, in JSON or as words.
    return None if not line.lstrip().startswith((b"{", b"[")) else 0.0


def _when(line: bytes) -> int | None:
    return read_line(line, marks=_MARKS).time


FASTMCP = Linewise(name="fastmcp", score=_score, when=_when, reader=FastmcpReader)
