"""JSON-RPC messages line by line (`--source jsonrpc`): bare, as the Splunk add-on for MCP indexes them, as MCPSpy and an
MCP proxy record them. Where a record does not say which way a message went, its method does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcp_siem.events.time import parse_time
from mcp_siem.sources.capture import Capture, Direction, Frame, Place
from mcp_siem.sources.frames import FrameSource, sender_of
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.linewise import objects
from mcp_siem.sources.otlp import as_text
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.shape import integer, mapping, text
from mcp_siem.sources.tally import Tally

__all__ = ["JSONRPC"]

_SURE = 0.93
_TIMES = ("timestamp", "_time", "time", "time_ms", "ts", "@timestamp")
_DIRECTIONS = {
    "inbound": Direction.TO_SERVER,
    "outbound": Direction.TO_CLIENT,
    "client_to_server": Direction.TO_SERVER,
    "server_to_client": Direction.TO_CLIENT,
}
# The methods that have no slash in their names: any other such word is the tool that was called.
_PLAIN = frozenset({"initialize", "ping", "initialized", "shutdown"})
_PREVIEWS = ("result_preview", "content_preview")
_FRAME = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_MOST_WAITING = 5_000


class JsonRpcReader:
    """Messages in, frames out. Of a proxy that records no ids it remembers which requests are open."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._waiting: dict[str, int] = {}
        self._count = 0

    def read(self, record: Record) -> Iterator[Capture | ParseIssue]:
        """What a line holds; a line of an array that was written over several lines may end in a comma."""
        data = record.data.strip().rstrip(b",")
        if data in (b"[", b"]", b""):
            return
        value, fault = read_json(data)
        if fault is not None:
            yield ParseIssue(ref=record.ref, code=fault.code, reason=fault.reason)
        if is_fatal(fault):
            return
        listed = isinstance(value, list)
        for index, one in enumerate(objects(value)):
            ref = f"{record.ref}/{index}" if listed else record.ref
            yield from self._object(one, ref, len(data))

    def finish(self) -> Iterator[Capture | ParseIssue]:
        """Yields how many records hold no message."""
        yield from self._tally.finish()

    def dump(self) -> dict[str, object]:
        """What is remembered."""
        return {"tally": self._tally.dump(), "waiting": dict(self._waiting), "count": self._count}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._tally.load(document["tally"])
        self._waiting = {str(key): int(number) for key, number in document["waiting"].items()}
        self._count = int(document["count"])

    def _object(self, data: Mapping[str, object], ref: str, weight: int) -> Iterator[Capture | ParseIssue]:
        if _is_spied(data):
            yield from _spied(data, ref, weight)
        elif _is_proxied(data):
            yield from self._proxied(data, ref, weight)
        elif _is_message(data):
            yield from _indexed(data, ref, weight)
        else:
            inner = data.get("_raw", data.get("event"))
            value = read_json(inner)[0] if isinstance(inner, str) else inner
            if isinstance(value, dict) and _is_message(value):
                around = {name: one for name, one in data.items() if name in (*_TIMES, "host", "source")}
                yield from _indexed({**around, **value}, ref, weight)
            else:
                yield from self._tally.note("other_record", ref, "records that hold no message")

    def _proxied(self, data: Mapping[str, object], ref: str, weight: int) -> Iterator[Capture]:
        """A request or a response of a proxy, each with its method and its body and without an id."""
        session = as_text(data.get("session_id")) or as_text(data.get("session_uid"))
        method, body = as_text(data.get("method")), data.get("body")
        named = as_text(mapping(data.get("tool")).get("name"))
        place = Place(
            ref=ref, time=_time(data), server=_server(data), session=session, weight=weight, facts=_facts(data)
        )
        key = f"{session}\0{method}\0{named}"
        params = _params(body, named)
        if data.get("direction") == "request":
            self._count += 1
            self._waiting[key] = self._count
            while len(self._waiting) > _MOST_WAITING:
                self._waiting.pop(next(iter(self._waiting)))
            yield _ask(place, self._count, method, params)
            return
        number = self._waiting.pop(key, None)
        if number is None:
            # The request was not recorded: what is answered is known all the same.
            self._count += 1
            number = self._count
            yield _ask(place, number, method, {"name": named} if named else None)
        failed = (
            mapping(body).get("error") if isinstance(body, dict) and set(body) <= {"error", "jsonrpc", "id"} else None
        )
        answer = {"error": failed} if failed is not None else {"result": _result(method, body)}
        message = {"jsonrpc": "2.0", "id": number, **answer}
        yield Frame(place=place, direction=Direction.TO_CLIENT, message=message)


def _ask(place: Place, number: int, method: str | None, params: object) -> Frame:
    message = {"jsonrpc": "2.0", "id": number, "method": method or "unknown"}
    if params is not None:
        message["params"] = params
    return Frame(place=place, direction=Direction.TO_SERVER, message=message)


def _params(body: object, named: str | None) -> object:
    told = mapping(body)
    if "params" in told:
        return told["params"]
    if named is not None and "name" not in told:
        return {"name": named, "arguments": told.get("arguments", body)}
    return body


def _result(method: str | None, body: object) -> object:
    """The result of a body: itself, or what it holds under `result`; of a tool what is no content is data that it gave."""
    told = mapping(body)
    if "result" in told:
        return told["result"]
    if (
        method == "tools/call"
        and isinstance(body, dict)
        and not told.keys() & {"content", "structuredContent", "isError"}
    ):
        return {"structuredContent": body}
    return body


def _indexed(data: Mapping[str, object], ref: str, weight: int) -> Iterator[Capture]:
    """A message as it is or as the add-on indexes it, with what it added beside it."""
    said = as_text(data.get("direction"))
    place = Place(ref=ref, time=_time(data), server=_server(data), weight=weight, facts=_facts(data))
    message = {name: one for name, one in data.items() if name in _FRAME}
    method = text(message.get("method"))
    if method is not None and "/" not in method and method not in _PLAIN:
        yield from _named_by_tool(place, message, method)
        return
    yield Frame(place=place, direction=_DIRECTIONS.get((said or "").lower()) or sender_of(message), message=message)


def _named_by_tool(place: Place, message: Mapping[str, object], tool: str) -> Iterator[Capture]:
    """Records that have the tool where the method should stand, and its arguments as parameters."""
    arguments = dict(mapping(message.get("params")))
    previews = [said for name in _PREVIEWS if (said := text(arguments.pop(name, None)))]
    asked = {"jsonrpc": "2.0", "id": message.get("id"), "method": "tools/call"}
    if "result" not in message and "error" not in message:
        asked["params"] = {"name": tool, "arguments": arguments}
        yield Frame(place=place, direction=Direction.TO_SERVER, message=asked)
        if not previews:
            return
    result = message.get("result", {"content": [{"type": "text", "text": said} for said in previews]})
    answer = {"error": message["error"]} if "error" in message else {"result": result}
    yield Frame(
        place=place, direction=Direction.TO_CLIENT, message={"jsonrpc": "2.0", "id": message.get("id"), **answer}
    )


def _spied(data: Mapping[str, object], ref: str, weight: int) -> Iterator[Capture]:
    """What MCPSpy saw go from one process to another, or over HTTP."""
    raw, fault = read_json(str(data.get("raw", "")))
    if is_fatal(fault) or not isinstance(raw, dict):
        raw = {name: one for name, one in data.items() if name in _FRAME and one not in ({}, None)}
    asked = mapping(data.get("request")).get("method")
    direction = sender_of(raw, asked)
    ends = mapping(data.get("stdio_transport"))
    side = "to" if direction is Direction.TO_SERVER else "from"
    http = mapping(data.get("http_transport"))
    name = as_text(ends.get(f"{side}_comm")) or as_text(http.get("comm"))
    place = Place(
        ref=ref,
        time=_time(data),
        pid=integer(ends.get(f"{side}_pid")) or integer(http.get("pid")),
        endpoint=as_text(http.get("host")),
        transport="pipe" if ends or data.get("transport_type") == "stdio" else "tcp",
        weight=weight,
        facts={"process.name": name} if name else {},
    )
    yield Frame(place=place, direction=direction, message=raw)


def _time(data: Mapping[str, object]) -> int | None:
    return next((time for name in _TIMES if (time := parse_time(data.get(name))) is not None), None)


def _server(data: Mapping[str, object]) -> str | None:
    named = as_text(data.get("server")) or as_text(data.get("server_name")) or as_text(data.get("mcp.server_name"))
    return named or as_text(data.get("source"))


def _facts(data: Mapping[str, object]) -> dict[str, object]:
    user = data.get("user")
    facts = {"host.name": as_text(data.get("host")) or as_text(data.get("dest")), "user.id": as_text(user)}
    return {name: value for name, value in facts.items() if value is not None}


def _is_message(data: Mapping[str, object]) -> bool:
    return data.get("jsonrpc") == "2.0" and bool(data.keys() & {"method", "result", "error"})


def _is_spied(data: Mapping[str, object]) -> bool:
    return data.get("transport_type") in ("stdio", "http", "sse") and ("raw" in data or "stdio_transport" in data)


def _is_proxied(data: Mapping[str, object]) -> bool:
    session = text(data.get("session_id")) or text(data.get("session_uid"))
    return (
        session is not None
        and data.get("direction") in ("request", "response")
        and text(data.get("method")) is not None
    )


def _sure(sample: Sequence[bytes]) -> float:
    """The share of the objects that hold a message; the brackets around them do not count."""
    lines = [line.strip().rstrip(b",") for line in sample]
    found = [one for line in lines if line not in (b"", b"[", b"]") for one in objects(read_json(line)[0])]
    return _SURE * sum(map(_is_ours, found)) / len(found) if found else 0.0


def _is_ours(data: Mapping[str, object]) -> bool:
    if _is_spied(data) or _is_proxied(data) or _is_message(data):
        return True
    inner = data.get("_raw", data.get("event"))
    value = read_json(inner)[0] if isinstance(inner, str) else inner
    return isinstance(value, dict) and _is_message(value)


def _when(line: bytes) -> int | None:
    times = map(_time, objects(read_json(line.strip().rstrip(b","))[0]))
    return next((time for time in times if time is not None), None)


JSONRPC = FrameSource(name="jsonrpc", sure=_sure, when=_when, reader=JsonRpcReader)
