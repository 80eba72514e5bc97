"""Docker's MCP Gateway (`--source docker_gateway`): policy audit records, and what it writes with `--log-calls`.

A policy decision is `mcp.gateway`, and one on a call `mcp.protocol` as well; of the log the calls are `mcp.protocol`, what was
denied or left open is `mcp.gateway`, clients and containers that come and go are `mcp.session`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mcp_siem.events.time import parse_time
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.linewise import Linewise, Made
from mcp_siem.sources.logline import LogLine, read_line
from mcp_siem.sources.otlp import trace_of
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.records import made
from mcp_siem.sources.shape import items, mapping, text
from mcp_siem.sources.tally import Tally
from mcp_siem.sources.tool_calls import ToolCall, call_fields, present, transport_of
from mcp_siem.sources.waiting import Entry, Waiting

__all__ = ["DOCKER_GATEWAY"]

_SURE = 0.97
_MARKS = frozenset({"trigger", "target_type", "events"})
_AUDIT_KEYS = frozenset({"trigger", "target_type", "result"})
_METHODS = {"tool": "tools/call", "prompt": "prompts/get"}
_DECISIONS = {"allowed": "allow", "denied": "deny", "error": "error"}
_FAR = 3_600_000_000
# No line of the log is longer, but for the arguments of a call.
_LONGEST = 16_384
_STAMP = re.compile(r"^\s*\d{4}-\d\d-\d\dT\S+\s")
_UNITS = {
    "h": 3_600_000.0,
    "m": 60_000.0,
    "s": 1000.0,
    "ms": 1.0,
    "us": 0.001,
    "µs": 0.001,
    "μs": 0.001,
    "ns": 0.000_001,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|μs|ns)")
_CALLING = re.compile(r"- Calling tool (\S+) with (?:arguments|method): (.*)", re.DOTALL)
_TOOK = re.compile(r"> Calling tool (\S+) took: (\S+)")
_ARGUMENTS = re.compile(
    r"(?:object with \d+ field|array with \d+ item)\(s\)|none|string|boolean|number|raw JSON|tools/call"
)
_DENIED = re.compile(r"policy denied (server|tool|prompt|mcp-exec) (\S+?): ?(.*)", re.DOTALL)
_FAILED = re.compile(r"policy check failed for (server|tool|prompt|mcp-exec) (\S+?): (.*?)(?: \(denying\))?", re.DOTALL)
_FAILED_ALL = re.compile(r"(?:batch policy check failed|policy filtering failed): ?(.*)", re.DOTALL)
_CLIENT = re.compile(r"- Client (initialized|disconnected) (.+?)@(\S*?)(?:[ ,].*)?", re.DOTALL)
_RUNNING = re.compile(
    r"- Running (?:container )?(\S+) with (?:args )?\[(.*?)\](?: and command \[?(.*?)\]?)?", re.DOTALL
)
_OPEN = re.compile(
    r"audit event dropped due to backpressure|signature verification is disabled|--allow-unauthenticated"
    r"|Authentication disabled by explicit configuration|[Ff]ailing open|fail-open"
)
_CANNOT = re.compile(r"> Can't (start|list tools) (\S+): (.*)", re.DOTALL)
_OTHER = re.compile(
    r"[->!] (?:Reading|Configuration|Using images|Using|Images|Listing|\d+ tools listed|Initialized in|Start (?:stdio|sse|streaming)"
    r"|Interceptors enabled|Watching|Scanning tool call|No secret found|Gateway URL|Use Bearer|Starting|Client |Loading|mcp/|Adding)"
)


class DockerReader:
    """Pairs the two lines of a call; everything else is told at once."""

    def __init__(self) -> None:
        self._open = Waiting()
        self._tally = Tally()
        self._count = 0

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """What the next line completes."""
        line = read_line(record.data, marks=_MARKS)
        if line.value is not None:
            yield from self._audits(line, record.ref)
            return
        value, fault = read_json(record.data)
        if not is_fatal(fault):
            for index, one in enumerate(items(value)):
                yield from self._audits(LogLine(said="", value=mapping(one)), f"{record.ref}/{index}")
            return
        yield from self._spoken(line, record.ref)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields the calls that did not end, and how many lines were of other kinds."""
        for entry in self._open.drain():
            yield _unanswered(entry)
        yield from self._tally.finish()

    def dump(self) -> dict[str, object]:
        """The calls that run, and the counts."""
        return {"open": self._open.dump(), "tally": self._tally.dump(), "count": self._count}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._open.load(document["open"])
        self._tally.load(document["tally"])
        self._count = int(document["count"])

    def _audits(self, line: LogLine, ref: str) -> Iterator[Made | ParseIssue]:
        value = line.value or {}
        listed = items(value.get("events")) if "events" in value else [value]
        for index, one in enumerate(listed):
            place = f"{ref}/{index}" if "events" in value else ref
            if mapping(one).keys() >= _AUDIT_KEYS:
                yield from _audit(mapping(one), line, place)
            else:
                yield from self._other(place)

    def _spoken(self, line: LogLine, ref: str) -> Iterator[Made | ParseIssue]:
        said = _STAMP.sub("", line.said).strip()
        calling, took = _CALLING.search(said), _TOOK.search(said[:_LONGEST])
        if calling is not None:
            self._count += 1
            tool, arguments = calling.groups()
            held = {
                "tool": None if tool == "(unknown)" else tool,
                "arguments": _arguments(arguments),
                "host": line.host,
            }
            entry = Entry(owner=tool, ref=ref, time=line.time, data=held)
            for displaced in self._open.put(str(self._count), entry):
                yield _unanswered(displaced)
        elif took is not None:
            yield self._took(took.group(1), _milliseconds(took.group(2)), line, ref)
        else:
            found = _told(said, line, ref)
            if found is None:
                yield from self._other(ref)
            else:
                yield found

    def _took(self, tool: str, duration: float | None, line: LogLine, ref: str) -> Made:
        began = None if line.time is None or duration is None else line.time - round(duration * 1000)
        entry = self._open.take_nearest(tool, began, within=_FAR)
        held = {"tool": tool, "arguments": None, "host": line.host} if entry is None else entry.data
        fields, arguments = _call(held, answered=True, duration=duration)
        time = began if entry is None or entry.time is None else entry.time
        return made(fields, time=time, ref=ref if entry is None else entry.ref, arguments=arguments)

    def _other(self, ref: str) -> Iterator[ParseIssue]:
        yield from self._tally.note("other_record", ref, "lines that tell of no call and no decision")


def _audit(data: Mapping[str, object], line: LogLine, ref: str) -> Iterator[Made]:
    kind, trigger = text(data.get("target_type")) or "", text(data.get("trigger")) or "invoke"
    decision = _DECISIONS.get((text(data.get("result")) or "").lower())
    failed = data.get("outcome_reason") == "policy_error"
    time = parse_time(data.get("timestamp"))
    method = _METHODS.get(kind) if trigger in ("invoke", "prompt", "") else None
    shared = {
        "event.provider": "docker_gateway",
        "event.action": trigger,
        "event.outcome": {"allow": "success", "deny": "failure"}.get(decision or "", "unknown"),
        "user.id": text(data.get("actor_id")),
        "user.name": text(data.get("actor_name")),
        "host.name": line.host,
        "mcp.client.name": text(data.get("client_name")),
        "mcp.client.version": text(data.get("client_version")),
        "mcp.session.id": text(data.get("session_id")),
        "mcp.server.name": text(data.get("server_name")),
        "mcp.method.name": method,
        "gen_ai.tool.name": text(data.get("tool_name")),
        "network.transport": transport_of(data.get("transport")),
        "trace.id": trace_of(data.get("trace_id")),
        "mcp.policy.decision": "error" if failed and decision == "allow" else decision,
        "mcp.policy.source": "error" if failed else "gateway_rule",
        "mcp.policy.reason": text(data.get("reason")),
        "error.type": "policy_error" if failed else "denied" if decision == "deny" else None,
    }
    where = line.time if time is None else time
    rule = {"rule.id": text(data.get("policy_id")), "rule.name": text(data.get("policy_source"))}
    gateway = {"event.dataset": "mcp.gateway", **shared, **rule, "message": text(data.get("reason"))}
    caller = text(data.get("actor_name")) or text(data.get("session_id"))
    yield made(gateway, time=where, ref=ref, caller=caller)
    if method is not None:
        message = {
            "event.dataset": "mcp.protocol",
            **shared,
            "mcp.message.direction": "client_to_server",
            "mcp.message.type": "request",
            "gen_ai.operation.name": "execute_tool" if method == "tools/call" else None,
            "gen_ai.prompt.name": text(data.get("prompt_name")),
            # What was allowed is told before it ran.
            "event.outcome": "failure" if decision == "deny" else "unknown",
        }
        yield made(message, time=where, ref=ref, caller=caller)


def _told(said: str, line: LogLine, ref: str) -> Made | None:
    """The event of a line of the log that is no call, or None if it tells nothing to a rule."""
    for pattern, read in _LINES:
        found = pattern.search(said[:_LONGEST])
        if found is not None:
            shared = {"event.provider": "docker_gateway", "event.outcome": "unknown", "host.name": line.host}
            return made({**shared, **read(found)}, time=line.time, ref=ref)
    return None


def _denied(found: re.Match[str]) -> dict[str, object]:
    kind, name, reason = found.groups()
    return {
        **_policy(kind, name, reason, found.group()),
        "mcp.policy.decision": "deny",
        "mcp.policy.source": "gateway_rule",
    }


def _failed(found: re.Match[str]) -> dict[str, object]:
    kind, name, reason = found.groups()
    return {**_policy(kind, name, reason, found.group()), **_ERROR}


def _failed_all(found: re.Match[str]) -> dict[str, object]:
    return {**_policy("", "", found.group(1), found.group()), **_ERROR}


_ERROR = {"mcp.policy.decision": "deny", "mcp.policy.source": "error", "error.type": "policy_error"}


def _policy(kind: str, name: str, reason: str, said: str) -> dict[str, object]:
    server, _, tool = name.partition("/") if kind != "mcp-exec" else ("", "", name)
    return {
        "event.dataset": "mcp.gateway",
        "event.action": "policy",
        "event.outcome": "failure",
        "mcp.server.name": server or None,
        "gen_ai.tool.name": tool or None,
        "mcp.policy.reason": reason.strip() or None,
        "message": said,
    }


def _left_open(found: re.Match[str]) -> dict[str, object]:
    return {"event.dataset": "mcp.gateway", "event.action": "configuration", "message": found.string.strip()}


def _client(found: re.Match[str]) -> dict[str, object]:
    what, name, version = found.groups()
    return {
        "event.dataset": "mcp.session",
        "event.action": "initialize" if what == "initialized" else "disconnect",
        "event.outcome": "success",
        "mcp.client.name": name,
        "mcp.client.version": version or None,
    }


def _running(found: re.Match[str]) -> dict[str, object]:
    image, options, command = found.groups()
    name = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return {
        "event.dataset": "mcp.session",
        "event.action": "process_start",
        "event.outcome": "success",
        "mcp.server.name": name,
        "mcp.server.command_line": " ".join(part for part in ("docker", options, image, command) if part),
        "network.transport": "pipe",
    }


def _cannot(found: re.Match[str]) -> dict[str, object]:
    what, server, reason = found.groups()
    return {
        "event.dataset": "mcp.session",
        "event.action": "connect" if what == "start" else "tools/list",
        "event.outcome": "failure",
        "mcp.server.name": server,
        "error.type": "connection_failed",
        "error.message": reason,
    }


_LINES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, object]]], ...] = (
    (re.compile(_DENIED.pattern + r"\Z", re.DOTALL), _denied),
    (re.compile(_FAILED.pattern + r"\Z", re.DOTALL), _failed),
    (_FAILED_ALL, _failed_all),
    (re.compile(_CLIENT.pattern + r"\Z", re.DOTALL), _client),
    (re.compile(_RUNNING.pattern + r"\Z", re.DOTALL), _running),
    (_CANNOT, _cannot),
    (_OPEN, _left_open),
)


def _arguments(said: str) -> object:
    """The arguments, where an older version wrote them; a newer one tells their number alone."""
    if _ARGUMENTS.fullmatch(said.strip()):
        return None
    value, fault = read_json(said)
    return said if is_fatal(fault) else value


def _call(
    held: Mapping[str, Any], *, answered: bool, duration: float | None = None
) -> tuple[dict[str, object], object]:
    call = ToolCall(
        tool=held["tool"],
        arguments=held["arguments"],
        answered=answered,
        # A call that failed leaves no second line.
        failed=False if answered else None,
        duration_ms=duration,
        more=present({"event.dataset": "mcp.protocol", "event.provider": "docker_gateway", "host.name": held["host"]}),
    )
    return {**call_fields(call), "event.action": "call"}, held["arguments"]


def _unanswered(entry: Entry) -> Made:
    fields, arguments = _call(entry.data, answered=False)
    return made({**fields, "mcp.message.pairing": "unanswered"}, time=entry.time, ref=entry.ref, arguments=arguments)


def _milliseconds(said: str) -> float | None:
    """A duration as Go writes it."""
    parts = _DURATION.findall(said)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None


def _score(line: bytes) -> float | None:
    read = read_line(line, marks=_MARKS)
    if read.value is not None:
        listed = items(read.value.get("events")) if "events" in read.value else [read.value]
        ours = [mapping(one).keys() >= {*_AUDIT_KEYS, "server_name"} for one in listed]
        return _SURE * sum(ours) / len(ours) if ours else 0.0
    said = read.said.strip()
    known = (_CALLING, _TOOK, _OTHER, *(pattern for pattern, _ in _LINES))
    if any(pattern.search(said[:_LONGEST]) for pattern in known):
        return _SURE
    return 0.0 if said.startswith(("{", "[")) else None


def _when(line: bytes) -> int | None:
    read = read_line(line, marks=_MARKS)
    first = mapping(next(iter(items((read.value or {}).get("events"))), read.value))
    time = parse_time(first.get("timestamp"))
    return read.time if time is None else time


DOCKER_GATEWAY = Linewise(name="docker_gateway", score=_score, when=_when, reader=DockerReader)
