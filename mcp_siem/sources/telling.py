"""From paired messages to events: which events a message makes, and what each of them says."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import Facts, Item, KnownItems
from mcp_siem.inventory.server import stable_launch
from mcp_siem.sources.capture import Direction, Place
from mcp_siem.sources.connection import Connections
from mcp_siem.sources.definitions import Advertised, advertised, definition_fields, hint_fields, kept_text, unreadable
from mcp_siem.sources.lifecycle import introduction_fields
from mcp_siem.sources.messages import Notification, Request, Response, id_text
from mcp_siem.sources.meta import meta_of, server_facts
from mcp_siem.sources.pairing import OpenRequest
from mcp_siem.sources.port import Complete, ParseIssue
from mcp_siem.sources.requests import arguments_of, request_fields
from mcp_siem.sources.results import response_fields
from mcp_siem.sources.serving import Servings, launch_of, place_fields, roots_in
from mcp_siem.sources.shape import mapping, strings, text
from mcp_siem.sources.standing import Standings, believable

__all__ = ["Teller"]

_LONGEST_DURATION = (1 << 63) - 1


class Teller:
    """Makes events. Knows the ends of each connection and, shared by all inputs, what servers advertised."""

    def __init__(self, complete: Complete, known: KnownItems, connections: Connections, servings: Servings) -> None:
        self._complete = complete
        self._known = known
        self._connections = connections
        self._servings = servings
        self._standings = None if known.inventory is None else Standings(known.inventory, servings)

    def event(
        self,
        dataset: str,
        place: Place,
        fields: Mapping[str, object],
        *,
        arguments: object | None = None,
        schema: Mapping[str, object] | None = None,
    ) -> Event:
        """One finished event of a place: its connection's facts, the fields, and what is derived from them."""
        learnt = self._connections.facts(place)
        data: dict[str, object] = {
            "event.dataset": dataset,
            "event.provider": "wire",
            **learnt,
            **place.facts,
            **fields,
            "mcp.server.name": self._server(place, fields),
            "process.pid": place.pid,
            "event.sequence": place.sequence,
            "network.transport": place.transport,
        }
        bare = {name: value for name, value in data.items() if value is not None}
        done = self._complete.complete(bare, arguments=arguments, schema=schema)
        # A capture that names neither caller nor server holds one connection: without a name it would count nowhere.
        if "mcp.principal" not in done:
            done["mcp.principal"] = _input_name(place.ref)
        if "mcp.argument.path" in done and dataset == "mcp.protocol":
            done.update(place_fields(self._servings.of(place), done))
        if self._standings is not None:
            self._standings.enrol(dataset, place, done)
        return Event(data=done, time=place.time, raw_ref=place.ref)

    def lifecycle(self, place: Place, fields: Mapping[str, object], started: object) -> Event:
        """A server's process starts or ends."""
        if started is not None:
            self._started(place, fields, started)
        return self.event("mcp.session", place, fields)

    def _started(self, place: Place, fields: Mapping[str, object], started: object) -> None:
        # What is kept and shown later must be as free of secrets as an event is.
        told = self._complete.complete(
            {
                "mcp.server.command_line": fields.get("mcp.server.command_line"),
                "mcp.package.name": fields.get("mcp.package.name"),
                "mcp.package.version": fields.get("mcp.package.version"),
                "mcp.fs.root": list(launch_of(started).roots),
            }
        )
        line = text(told.get("mcp.server.command_line"))
        self._servings.forget(place)
        self._servings.learn(
            place,
            launch=stable_launch(line) if line else None,
            package=text(told.get("mcp.package.name")),
            version=text(told.get("mcp.package.version")),
            roots=tuple(strings(told.get("mcp.fs.root"))),
        )

    def notification(self, place: Place, direction: Direction, message: Notification) -> Event:
        """A message that expects no answer."""
        fields = {
            "mcp.message.type": "notification",
            "event.outcome": "unknown",
            "mcp.message.direction": direction.value,
            "jsonrpc.protocol.version": message.version,
            **request_fields(message.method, message.params),
        }
        return self.event("mcp.protocol", place, fields)

    def unanswered(self, opened: OpenRequest, *, status: int | None = None) -> Event:
        """A request without a response; `status` where HTTP itself refused it."""
        fields = self._asked(opened.place, opened.direction, opened.request)
        refused = status is not None
        fields |= {
            "mcp.message.type": "request",
            "mcp.message.pairing": "cancelled" if opened.cancelled else "unanswered",
            "event.outcome": "failure" if refused else "unknown",
            "error.type": str(status) if refused else None,
        }
        return self._call(opened.place, opened.request, fields)

    def unrequested(
        self, place: Place, direction: Direction, response: Response, *, seen: bool
    ) -> Iterator[Event | ParseIssue]:
        """A response whose request is not there; unless the capture has `seen` the time before, it may have been."""
        fields = response_fields(None, response)
        self._connections.learn(place, fields, protocol="serverInfo" in mapping(response.result))
        fields |= {
            "mcp.message.type": "response",
            "mcp.message.pairing": "unrequested" if seen else "unseen",
            "mcp.message.direction": direction.value,
            "jsonrpc.request.id": id_text(response.id),
        }
        yield self.event("mcp.protocol", place, fields)
        if direction is Direction.TO_CLIENT:
            yield from self._inventory(None, place, response.result)

    def transaction(self, opened: OpenRequest, place: Place, response: Response) -> Iterator[Event | ParseIssue]:
        """A request with its response, and the events that the response makes besides."""
        method = opened.request.method
        fields = self._asked(opened.place, opened.direction, opened.request)
        fields |= response_fields(method, response)
        fields |= {"mcp.message.type": "transaction", "mcp.message.pairing": "paired"}
        if opened.cancelled:
            fields["mcp.message.pairing"] = "cancelled"
        # Both within one HTTP exchange share its time: that says nothing of how long it took.
        if opened.place.time is not None and place.time is not None and place.time > opened.place.time:
            fields["event.duration"] = min((place.time - opened.place.time) * 1000, _LONGEST_DURATION)
        if opened.direction is Direction.TO_SERVER:
            self._connections.learn(opened.place, fields, protocol=method == "initialize")
        yield self._call(opened.place, opened.request, fields)
        roots = roots_in(method, opened.request.params, response.result)
        if roots is not None:
            self._servings.learn(place, told_roots=tuple(roots))
        if opened.direction is Direction.TO_SERVER:
            newest = self._newest(opened.place, fields) if _VERSION in fields else None
            introduced = introduction_fields(method, response.result)
            if introduced is not None:
                told = {**introduced, "mcp.inventory.protocol_version": newest, **self._version(opened.place, fields)}
                yield self.event("mcp.session", opened.place, self._session_fields(fields, told))
            yield from self._inventory(method, place, response.result)

    def _asked(self, place: Place, direction: Direction, request: Request) -> dict[str, object]:
        fields = request_fields(request.method, request.params)
        if direction is Direction.TO_SERVER:
            self._connections.learn(place, fields)
        return {
            **fields,
            "mcp.message.direction": direction.value,
            "jsonrpc.request.id": id_text(request.id),
            "jsonrpc.protocol.version": request.version,
        }

    def _call(self, place: Place, request: Request, fields: dict[str, object]) -> Event:
        """The event of a request, joined with what its server said of the tool."""
        facts = self._tool(place, fields) if request.method == "tools/call" else None
        if facts is not None:
            fields = {**fields, "mcp.tool.title": facts.title, **hint_fields(facts.annotations)}
        return self.event(
            "mcp.protocol",
            place,
            fields,
            arguments=arguments_of(request.method, request.params),
            schema=facts.schema if facts else None,
        )

    def _newest(self, place: Place, fields: Mapping[str, object]) -> str | None:
        """The newest revision that this client and this server spoke before; what they speak now is remembered."""
        server, learnt = self._server(place, fields), self._connections.facts(place)
        if server is None:
            return None
        spoken = believable(fields[_VERSION], place.time) if fields.get("event.outcome") == "success" else None
        client = text(fields.get("mcp.client.name", learnt.get("mcp.client.name"))) or ""
        return self._known.revision(server, client, spoken, place.time)

    def _version(self, place: Place, fields: Mapping[str, object]) -> dict[str, object]:
        """Whether the server says another version than when it was last seen."""
        version = text(fields.get(_INFO_VERSION))
        before = self._known.version(self._space(place, fields), version) if version else None
        return {"mcp.server.info.version_changed": True} if before is not None and before != version else {}

    def _session_fields(self, fields: Mapping[str, object], introduced: Mapping[str, object]) -> dict[str, object]:
        """An introduction tells of its transaction what is not text of a request or a response."""
        kept = {name: value for name, value in fields.items() if name not in {"mcp.request.text", "mcp.response.text"}}
        return {**kept, **introduced}

    def _inventory(self, method: str | None, place: Place, result: object) -> Iterator[Event | ParseIssue]:
        wrong = unreadable(method, result)
        if wrong is not None:
            yield ParseIssue(ref=place.ref, code="bad_definition", reason=wrong)
        shared = server_facts(mapping(result).get("serverInfo") or meta_of(result).get(_SERVER_INFO))
        for item in advertised(method, result):
            yield self._definition(replace(place, ref=f"{place.ref}/{item.index}"), item, shared)

    def _definition(self, place: Place, item: Advertised, shared: Mapping[str, object]) -> Event:
        fields = {"mcp.inventory.kind": item.kind, "event.outcome": "success", **shared, **definition_fields(item)}
        if item.name is None:
            return self.event("mcp.inventory", place, fields)
        version = text(fields.get(_INFO_VERSION)) or text(self._connections.facts(place).get(_INFO_VERSION))
        space = self._space(place, fields)
        seen = Item(space=space, kind=item.kind, name=item.name, definition=item.definition, version=version)
        facts, before = self._known.observe(seen)
        fields["mcp.tool.definition_hash"] = facts.hash
        changed = before is not None and before.hash != facts.hash and not self._is_approved(seen, facts)
        fields["mcp.tool.definition_changed"] = changed
        if changed and before is not None:
            fields["mcp.tool.definition_hash_previous"] = before.hash
            if version and before.version and version != before.version:
                fields["mcp.server.info.version_changed"] = True
        event = self.event("mcp.inventory", place, fields)
        if self._standings is not None and space.startswith("["):
            self._known.keep(seen, facts.hash, kept_text(item, event.data), place.time)
        return event

    def _is_approved(self, seen: Item, facts: Facts) -> bool:
        """Whether a definition is the one that was approved: a server that returns to it changes nothing."""
        if self._known.inventory is None:
            return False
        known = self._known.inventory.definition(seen.space, seen.kind, seen.name)
        return known is not None and known.approved_hash == facts.hash

    def _tool(self, place: Place, fields: Mapping[str, object]) -> Facts | None:
        name = text(fields.get("gen_ai.tool.name"))
        return self._known.tool(self._space(place, fields), name) if name else None

    def _server(self, place: Place, fields: Mapping[str, object]) -> str | None:
        learnt = self._connections.facts(place)
        said = fields.get("mcp.server.info.name", learnt.get("mcp.server.info.name"))
        return place.server or text(said)

    def _space(self, place: Place, fields: Mapping[str, object]) -> str:
        """Whose definitions these are: the server's by name (in an inventory, with its launch), else the connection's."""
        name = self._server(place, fields)
        found = name if self._standings is None else self._standings.space(place, name)
        return found or f"\0{place.ref.rpartition(':')[0]}\0{place.pid}\0{place.endpoint}"


def _input_name(ref: str) -> str:
    return PurePath(ref.rpartition(":")[0]).name or ref


_VERSION = "mcp.protocol.version"
_INFO_VERSION = "mcp.server.info.version"
_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
