"""The capture line, format 1 (also what a tap writes): one JSON object a line, read into a typed record.

Keys: `ts` or `timestamp`, `direction`, `message` or `http`, and optionally `seq`, `server`, `pid`. Every other
key is ignored, labels of a test corpus above all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mcp_siem.events.time import parse_time
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.shape import integer, text

__all__ = ["Capture", "Direction", "Exchange", "Frame", "Lifecycle", "Place", "line_time", "parse_capture"]


class Direction(StrEnum):
    """Which way a message went."""

    TO_SERVER = "client_to_server"
    TO_CLIENT = "server_to_client"

    @property
    def reverse(self) -> "Direction":
        """The way its answer goes."""
        return Direction.TO_CLIENT if self is Direction.TO_SERVER else Direction.TO_SERVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and when a message was seen: line, time, connection, and what its transport adds to each event."""

    ref: str
    time: int | None
    server: str | None = None
    pid: int | None = None
    sequence: int | None = None
    session: str | None = None
    endpoint: str | None = None
    transport: str = "pipe"
    weight: int = 0
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One JSON-RPC message (or batch) on its way."""

    place: Place
    direction: Direction
    message: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One HTTP request with its response."""

    place: Place
    http: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """What happened to the server's process: started, or ended."""

    place: Place
    message: Mapping[str, object]


Capture = Frame | Exchange | Lifecycle


def parse_capture(record: Record) -> tuple[Capture | None, list[ParseIssue]]:
    """Reads one line; what is wrong with it is told, and as much as can be used is used."""
    value, fault = read_json(record.data)
    issues = [ParseIssue(ref=record.ref, code=fault.code, reason=fault.reason)] if fault else []
    if is_fatal(fault):
        return None, issues
    if not isinstance(value, dict):
        return None, [*issues, _issue(record, "not_object", "a capture line is a JSON object")]
    place = _place(record, value, issues)
    if isinstance(value.get("http"), dict):
        return Exchange(place=place, http=value["http"]), issues
    return _message(record, value, place, issues), issues


def line_time(record: Record) -> int | None:
    """The time of a capture line, or None."""
    value, _ = read_json(record.data)
    return _time(value) if isinstance(value, dict) else None


def _time(line: Mapping[str, object]) -> int | None:
    found = parse_time(line.get("ts"))
    return found if found is not None else parse_time(line.get("timestamp"))


def _place(record: Record, line: Mapping[str, object], issues: list[ParseIssue]) -> Place:
    time = _time(line)
    if time is None:
        issues.append(_issue(record, "no_time", "neither `ts` nor `timestamp` is a time; line order stands in for it"))
    server, pid = line.get("server"), line.get("pid")
    if server is not None and text(server) is None:
        issues.append(_issue(record, "wrong_type", "`server` is not a text and is ignored"))
    if pid is not None and integer(pid) is None:
        issues.append(_issue(record, "wrong_type", "`pid` is not a whole number and is ignored"))
    return Place(
        ref=record.ref,
        time=time,
        server=text(server),
        pid=integer(pid),
        sequence=integer(line.get("seq")),
        weight=len(record.data),
    )


def _message(
    record: Record, line: Mapping[str, object], place: Place, issues: list[ParseIssue]
) -> Frame | Lifecycle | None:
    direction, message = line.get("direction"), line.get("message")
    if "http" in line and message is None:
        issues.append(_issue(record, "wrong_type", "`http` is not an object"))
        return None
    if isinstance(message, str):
        message, fault = read_json(message)
        if fault:
            issues.append(_issue(record, fault.code, f"`message`: {fault.reason}"))
    if not isinstance(message, dict | list):
        issues.append(_issue(record, "no_message", "the line has neither a `message` nor an `http` object"))
        return None
    if direction == "meta":
        if isinstance(message, dict):
            return Lifecycle(place=place, message=message)
        issues.append(_issue(record, "wrong_type", "the `message` of a `meta` line is not an object"))
        return None
    if direction not in (Direction.TO_SERVER, Direction.TO_CLIENT):
        said = "client_to_server, server_to_client or meta"
        issues.append(_issue(record, "no_direction", f"`direction` is none of {said}"))
        return None
    return Frame(place=place, direction=Direction(str(direction)), message=message)


def _issue(record: Record, code: str, reason: str) -> ParseIssue:
    return ParseIssue(ref=record.ref, code=code, reason=reason)
