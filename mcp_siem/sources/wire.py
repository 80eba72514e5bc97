"""Raw JSON-RPC as a tap records it (capture lines): both protocol eras, stdio and HTTP.

One `mcp.protocol` event per request with its response, or per notification; one `mcp.inventory` event per
definition a server advertises; `mcp.session` for processes and introductions; `mcp.http` per HTTP exchange.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.bodies import Body
from mcp_siem.sources.capture import (
    Capture,
    Direction,
    Exchange,
    Frame,
    Lifecycle,
    Place,
    line_time,
    parse_capture,
)
from mcp_siem.sources.connection import Connections
from mcp_siem.sources.exchange import ReadExchange, read_exchange
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.lifecycle import process_fields
from mcp_siem.sources.messages import Message, Notification, Request, Response, parse_message
from mcp_siem.sources.pairing import FirstIds, Held, OpenAnswer, OpenRequest, pair_key
from mcp_siem.sources.port import Complete, ParseIssue, Record
from mcp_siem.sources.saved import dump_answer, dump_request, load_answer, load_request
from mcp_siem.sources.serving import Servings
from mcp_siem.sources.shape import mapping
from mcp_siem.sources.tally import Tally
from mcp_siem.sources.telling import Teller

__all__ = ["WIRE", "Limits", "WireNormaliser", "WireSession"]

_MAX_BATCH = 10_000
_SAMPLE_KEYS = frozenset({"ts", "timestamp", "direction", "message", "http"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one session may hold."""

    open_requests: int = 10_000
    early_answers: int = 1_000
    held_bytes: int = 32 * 1024 * 1024


class WireSession:
    """All capture lines of one input: pairs what belongs together, in bounded memory."""

    def __init__(self, complete: Complete, known: KnownItems, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._connections = Connections()
        self._servings = Servings()
        self._teller = Teller(complete, known, self._connections, self._servings)
        self._known = known
        self._tally = Tally()
        self._forgotten = known.forgotten
        self._open: Held[OpenRequest] = Held(limit=limits.open_requests, weight=limits.held_bytes)
        self._early: Held[OpenAnswer] = Held(limit=limits.early_answers, weight=limits.held_bytes)
        self._first = FirstIds()
        self._posted = False  # whether the exchange at hand is a POST

    def feed(self, record: Record) -> Iterator[Event | ParseIssue]:
        """Takes the next line and yields what it completes."""
        captured, issues = parse_capture(record)
        yield from issues
        yield from self.take(captured)

    def take(self, captured: Capture | None) -> Iterator[Event | ParseIssue]:
        """Takes what a line was read as; sources of other forms begin here."""
        match captured:
            case Frame():
                yield from self._messages(captured.place, captured.direction, captured.message)
            case Exchange():
                yield from self._exchange(read_exchange(captured))
            case Lifecycle():
                yield from self._lifecycle(captured)
            case None:
                pass
            case _:
                assert_never(captured)
        if captured is not None:
            yield from self._told_forgotten(captured.place)

    def finish(self) -> Iterator[Event | ParseIssue]:
        """Yields the requests never answered, the answers never asked for, and what was dropped."""
        for opened in self._open.drain():
            yield self._teller.unanswered(opened)
        for answer in self._early.drain():
            yield from self._unrequested(answer.place, answer.direction, answer.response)
        yield from self._tally.finish()

    def dump(self) -> dict[str, object]:
        """What waits for its other half, and what is known of both ends, as plain data."""
        return {
            "open": [dump_request(one) for one in self._open.items()],
            "early": [dump_answer(one) for one in self._early.items()],
            "connections": self._connections.dump(),
            "servings": self._servings.dump(),
            "first": self._first.dump(),
            "tally": self._tally.dump(),
            "evicted": self._open.evicted,
            "forgotten": self._forgotten,
        }

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        for request in map(load_request, document["open"]):
            self._open.put(pair_key(request.place, request.direction, request.request.id), request)
        for answer in map(load_answer, document["early"]):
            self._early.put(pair_key(answer.place, answer.direction.reverse, answer.response.id), answer)
        self._connections.load(document["connections"])
        self._servings.load(document.get("servings", ()))
        self._first.load(document["first"])
        self._tally.load(document["tally"])
        self._open.evicted = int(document["evicted"])
        self._forgotten = int(document["forgotten"])

    @property
    def held(self) -> int:
        """How many things are remembered: what must not grow with the length of the input."""
        return len(self._open) + len(self._early) + len(self._connections) + len(self._servings) + len(self._known)

    def _lifecycle(self, captured: Lifecycle) -> Iterator[Event | ParseIssue]:
        fields = process_fields(captured.message)
        if fields is None:
            reason = "a `meta` line holds `process_start` or `process_exit`"
            yield ParseIssue(ref=captured.place.ref, code="unknown_meta", reason=reason)
            return
        yield self._teller.lifecycle(captured.place, fields, captured.message.get("process_start"))
        if "process_exit" in captured.message:
            # A process that is gone answers nothing, and its number may be given to another.
            for opened in self._open.take_all(captured.place.server, captured.place.pid):
                yield self._teller.unanswered(opened)
            self._connections.forget(captured.place)
            self._servings.forget(captured.place)

    def _messages(self, place: Place, direction: Direction, value: object) -> Iterator[Event | ParseIssue]:
        """One message, or a batch of them (2025-03-26; a hostile peer may send one in any revision)."""
        if not isinstance(value, list):
            yield from self._message(place, direction, parse_message(value))
            return
        if not value:
            yield ParseIssue(ref=place.ref, code="empty_batch", reason="a batch holds at least one message")
        yield from self._listed(place, direction, value, {"mcp.message.batch": True})

    def _listed(
        self, place: Place, direction: Direction, values: Sequence[object], facts: Mapping[str, object]
    ) -> Iterator[Event | ParseIssue]:
        inside = replace(place, weight=place.weight // max(len(values), 1), facts={**place.facts, **facts})
        messages = [parse_message(item) for item in values[:_MAX_BATCH]]
        # The one answer of a stream stands for its line: what it lists is then numbered from there.
        alone = sum(isinstance(message, Response) for message in messages) == 1
        wrong = 0
        for index, message in enumerate(messages):
            if isinstance(message, str):
                wrong += 1
            elif alone and isinstance(message, Response):
                yield from self._message(inside, direction, message)
            else:
                yield from self._message(replace(inside, ref=f"{place.ref}/{index}"), direction, message)
        if wrong:
            yield ParseIssue(ref=place.ref, code="not_jsonrpc", reason=f"{wrong} items of a list are no messages")
        if len(values) > _MAX_BATCH:
            reason = f"{len(values) - _MAX_BATCH} messages beyond the first {_MAX_BATCH} of a list are not read"
            yield ParseIssue(ref=place.ref, code="long_batch", reason=reason)

    def _message(self, place: Place, direction: Direction, message: Message | str) -> Iterator[Event | ParseIssue]:
        match message:
            case Request():
                yield from self._request(OpenRequest(place=place, direction=direction, request=message))
            case Notification():
                yield from self._notification(place, direction, message)
            case Response():
                yield from self._response(place, direction, message)
            case str():
                yield ParseIssue(ref=place.ref, code="not_jsonrpc", reason=message)
            case _:
                assert_never(message)

    def _request(self, opened: OpenRequest) -> Iterator[Event | ParseIssue]:
        self._first.note(opened.place, opened.direction, opened.request.id)
        key = pair_key(opened.place, opened.direction, opened.request.id)
        early = self._early.take(key)
        if early is not None:
            yield from self._teller.transaction(opened, early.place, early.response)
            return
        evicted = self._open.evicted
        for displaced in self._open.put(key, opened):
            yield self._teller.unanswered(displaced)
        reason = "too many requests wait for an answer; the oldest are told as unanswered"
        yield from self._tally.note("requests_evicted", opened.place.ref, reason, times=self._open.evicted - evicted)

    def _notification(self, place: Place, direction: Direction, message: Notification) -> Iterator[Event | ParseIssue]:
        if message.method == "notifications/cancelled":
            taken_back = mapping(message.params).get("requestId")
            self._open.change(pair_key(place, direction, taken_back), OpenRequest.cancel)
        yield self._teller.notification(place, direction, message)

    def _response(self, place: Place, direction: Direction, response: Response) -> Iterator[Event | ParseIssue]:
        key = pair_key(place, direction.reverse, response.id)
        opened = self._open.take(key)
        if opened is not None:
            yield from self._teller.transaction(opened, place, response)
        elif place.transport == "tcp" and direction is Direction.TO_SERVER:
            # The stream that asked is recorded when it ends, after the POST that answers it.
            for late in self._early.put(key, OpenAnswer(place=place, direction=direction, response=response)):
                yield from self._unrequested(late.place, late.direction, late.response)
        else:
            yield from self._unrequested(place, direction, response)

    def _unrequested(self, place: Place, direction: Direction, response: Response) -> Iterator[Event | ParseIssue]:
        if place.transport == "tcp":
            # A POST is captured with its answer; what a stream of the server carries may answer any request.
            begun = self._posted or direction is Direction.TO_SERVER
        else:
            begun = not self._first.before(place, direction.reverse, response.id)
        yield from self._teller.unrequested(place, direction, response, seen=begun)

    def _exchange(self, read: ReadExchange) -> Iterator[Event | ParseIssue]:
        """The exchange itself, then what its bodies carry; what HTTP refused is answered by that."""
        place = read.place
        yield self._teller.event("mcp.http", place, read.fields)
        for body in (read.asked, read.answered):
            if body.fault is not None:
                yield ParseIssue(ref=place.ref, code=body.fault[0], reason=f"HTTP body: {body.fault[1]}")
        self._posted = read.verb == "POST"
        asked = [parse_message(value) for value in read.asked.messages[:_MAX_BATCH]]
        requests = [message for message in asked if isinstance(message, Request)]
        yield from self._body(place, Direction.TO_SERVER, read.asked, {"mcp.message.batch": True})
        yield from self._body(place, Direction.TO_CLIENT, _addressed(read, requests), {})
        if read.failed:
            yield from self._refused(read, requests)
        if read.verb == "DELETE" and place.session is not None:
            ended = {"event.action": "disconnect", "event.outcome": read.fields.get("event.outcome")}
            yield self._teller.event("mcp.session", place, ended)

    def _body(
        self, place: Place, direction: Direction, body: Body, listed: Mapping[str, object]
    ) -> Iterator[Event | ParseIssue]:
        if body.listed:
            yield from self._listed(place, direction, body.messages, listed)
        else:
            for message in body.messages:
                yield from self._message(place, direction, parse_message(message))

    def _refused(self, read: ReadExchange, requests: Sequence[Request]) -> Iterator[Event]:
        for request in requests:
            opened = self._open.take(pair_key(read.place, Direction.TO_SERVER, request.id))
            if opened is not None:
                yield self._teller.unanswered(opened, status=read.status)

    def _told_forgotten(self, place: Place) -> Iterator[ParseIssue]:
        """Says when definitions or connections had to be forgotten, for what is told of later ones is then less sure."""
        forgotten = self._known.forgotten + self._connections.forgotten
        reason = "too many definitions or connections; the oldest are forgotten"
        yield from self._tally.note("forgotten", place.ref, reason, times=forgotten - self._forgotten)
        self._forgotten = forgotten


def _addressed(read: ReadExchange, requests: Sequence[Request]) -> Body:
    """The answers; an error without an id answers the one request of its exchange (it could not be read, or its
    headers contradict it), and so does the only error that HTTP refused it with, under an id of the server's own.
    """
    answered = read.answered
    if len(requests) != 1:
        return answered
    alone = read.failed and len(answered.messages) == 1

    def address(value: object) -> object:
        told = mapping(value)
        nameless = "error" in told and "method" not in told and (alone or told.get("id") is None)
        return {**told, "id": requests[0].id} if nameless else value

    return replace(answered, messages=tuple(address(value) for value in answered.messages))


class WireNormaliser:
    """Capture lines, format 1."""

    name = "wire"

    def confidence(self, sample: Sequence[bytes]) -> float:
        """The share of the JSON objects that are capture lines."""
        lines = [value for value in (read_json(line)[0] for line in sample) if isinstance(value, dict)]
        return sum(_is_capture(line) for line in lines) / len(lines) if lines else 0.0

    def time(self, record: Record) -> int | None:
        """The time of the line."""
        return line_time(record)

    def open(self, complete: Complete, known: KnownItems) -> WireSession:
        """A session for one input."""
        return WireSession(complete, known)


def _is_capture(line: Mapping[str, object]) -> bool:
    if isinstance(line.get("http"), dict) and ("ts" in line or "timestamp" in line):
        return "request" in mapping(line["http"]) or "response" in mapping(line["http"])
    return line.get("direction") in ("client_to_server", "server_to_client", "meta") and "message" in line


WIRE = WireNormaliser()
