"""The inventory in memory: servers, definitions and revisions of earlier runs, what people decided, and what is new.

Sources ask it and tell it; it reads no clock and no file. A store fills it and writes what `take` gives.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

from mcp_siem.inventory.lookalike import Lookalikes
from mcp_siem.inventory.server import Definition, Server, identity, space_of, space_parts

__all__ = ["Batch", "Decisions", "Inventory"]

_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE
_MOST_SERVERS = 20_000
_MOST_DEFINITIONS = 100_000
_MOST_REVISIONS = 50_000
_MOST_USES = 200_000
_MOST_WAITING = 5_000
_MOST_WEIGHT = 16 * 1024 * 1024

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a store has yet to write. Writing it twice is the same as once."""

    servers: tuple[Server, ...] = ()
    definitions: tuple[Definition, ...] = ()
    revisions: tuple[tuple[str, str, str, int], ...] = ()
    uses: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.servers or self.definitions or self.revisions or self.uses)

    def dump(self) -> dict[str, object]:
        """The batch as plain data of JSON."""
        definitions = [
            {**asdict(one), "text": None if one.text is None else one.text.decode()} for one in self.definitions
        ]
        servers = [asdict(one) for one in self.servers]
        return {"servers": servers, "definitions": definitions, "revisions": self.revisions, "uses": self.uses}

    @classmethod
    def load(cls, dumped: Any) -> "Batch":
        """The batch again; LookupError, TypeError or ValueError if it is none."""
        definitions = [
            Definition(**{**one, "text": None if one["text"] is None else str(one["text"]).encode()})
            for one in dumped["definitions"]
        ]
        return cls(
            servers=tuple(Server(**{**one, "roots": tuple(one["roots"])}) for one in dumped["servers"]),
            definitions=tuple(definitions),
            revisions=tuple((str(a), str(b), str(c), int(at)) for a, b, c, at in dumped["revisions"]),
            uses=tuple((str(use), int(at)) for use, at in dumped["uses"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What people decided: the status of servers by their space, and approved hashes of definitions."""

    servers: tuple[tuple[str, str], ...] = ()
    definitions: tuple[tuple[_Key, str], ...] = ()
    number: int = 0


@dataclass(slots=True, kw_only=True)
class _Pending:
    """What changed since it was last taken."""

    servers: set[str] = field(default_factory=set)
    definitions: set[_Key] = field(default_factory=set)
    revisions: set[tuple[str, str]] = field(default_factory=set)
    uses: dict[str, int] = field(default_factory=dict)
    weight: int = 0


class Inventory:
    """Who was seen before. `now` stands in for the time of events that have none."""

    def __init__(self, *, now: int = 0) -> None:
        self._now = now
        self._servers: dict[str, Server] = {}
        self._of_name: dict[str, dict[str, None]] = {}
        self._of_launch: dict[str, dict[str, None]] = {}
        self._definitions: dict[_Key, Definition] = {}
        self._latest: dict[_Key, str] = {}
        self._revisions: dict[tuple[str, str], tuple[str, int]] = {}
        self._uses: dict[str, None] = {}
        self._pending = _Pending()
        self._lookalikes = Lookalikes(())
        self.decided = 0

    def __len__(self) -> int:
        return len(self._servers) + len(self._definitions) + len(self._revisions) + len(self._uses)

    @property
    def servers(self) -> list[Server]:
        """All servers."""
        return list(self._servers.values())

    @property
    def is_due(self) -> bool:
        """Whether so much waits to be written that it should be."""
        held = self._pending
        count = len(held.servers) + len(held.definitions) + len(held.revisions) + len(held.uses)
        return count > _MOST_WAITING or held.weight > _MOST_WEIGHT

    def space(self, name: str | None, launch: str | None) -> str | None:
        """Which server this is: by name and launch; where one of them is not known, by the other alone."""
        launch = identity(launch) if launch else None
        if name is None:
            return self._best(self._of_launch.get(launch, ())) if launch else None
        name = identity(name)
        found = space_of(name, launch or "")
        if launch or found in self._servers:
            return found
        return self._best(self._of_name.get(name, ())) or found

    def server(self, space: str) -> Server | None:
        """The server, if it is in the inventory."""
        return self._servers.get(space)

    def time(self, time: int | None) -> int:
        """The time of an event, or what stands in for it."""
        return self._now if time is None else time

    def meet(self, space: str, time: int | None) -> tuple[Server, bool]:
        """A server was seen: what is known of it, and whether it was unknown until now."""
        at = self.time(time)
        found = self._servers.get(space)
        if found is None:
            name, launch = space_parts(space)
            found = Server(name=name, launch=launch, first_seen=at, last_seen=at)
            self._put(found)
            self._pending.servers.add(space)
            self._forget_servers()
            return found, True
        # Each event tells the time; to write it down once a minute is enough.
        if at - found.last_seen >= _MINUTE:
            found = self._servers[space] = replace(found, last_seen=at)
            self._pending.servers.add(space)
        return found, False

    def describe(self, space: str, **facts: Any) -> None:
        """More is known of a server that was met: its package, its version, its folders."""
        found = self._servers.get(space)
        if found is None:
            return
        told = {name: value for name, value in facts.items() if value}
        changed = replace(found, **told)
        if changed != found:
            self._servers[space] = changed
            self._pending.servers.add(space)

    def lookalike(self, name: str) -> str | None:
        """The approved server whose name this one imitates."""
        return self._lookalikes.of(identity(name))

    def definition(self, space: str, kind: str, name: str) -> Definition | None:
        """The definition as it was last seen: of this server, else of the one of the same name that was seen last."""
        name = identity(name)
        found = self._definitions.get((space, kind, name))
        if found is None and space.startswith("["):
            other = self._latest.get((space_parts(space)[0], kind, name))
            found = None if other is None else self._definitions.get((other, kind, name))
        return found

    def define(self, seen: Definition) -> None:
        """A definition was seen. What was decided of it, and when it was seen first, stays."""
        key = (seen.space, seen.kind, identity(seen.name))
        seen = replace(seen, name=key[2])
        before = self._definitions.get(key)
        if before is not None:
            # A connection that does not say its version takes nothing away from what another said.
            seen = replace(seen, version=seen.version or before.version)
            recent = before.is_kept and seen.last_seen - before.last_seen < _DAY
            if recent and before.hash == seen.hash and before.version == seen.version:
                return
            first, baseline = before.first_seen, before.baseline_hash or before.hash
            seen = replace(seen, first_seen=first, baseline_hash=baseline, approved_hash=before.approved_hash)
        else:
            seen = replace(seen, baseline_hash=seen.hash)
        self._keep(key, seen)
        self._pending.definitions.add(key)
        self._pending.weight += len(seen.text or b"")
        self._forget_definitions()

    def revision(self, server: str, client: str) -> str | None:
        """The newest revision of the protocol that the two were seen to speak."""
        found = self._revisions.get((identity(server), identity(client)))
        return None if found is None else found[0]

    def speak(self, server: str, client: str, revision: str, time: int | None) -> None:
        """The two speak a revision that is newer than all before."""
        key = (identity(server), identity(client))
        self._revisions[key] = (revision, self.time(time))
        self._pending.revisions.add(key)
        _shrink(self._revisions, _MOST_REVISIONS)

    def first(self, use: str, time: int | None) -> bool:
        """Whether something is used for the first time; from then on it is not."""
        if use in self._uses:
            return False
        self._uses[use] = None
        self._pending.uses[use] = self.time(time)
        _shrink(self._uses, _MOST_USES)
        return True

    def take(self) -> Batch:
        """What a store has to write; the next batch begins empty."""
        held, self._pending = self._pending, _Pending()
        definitions = tuple(self._definitions[one] for one in sorted(held.definitions) if one in self._definitions)
        for one in definitions:
            # What is written need not be held: of what is asked again the run itself remembers the text.
            self._definitions[one.space, one.kind, one.name] = replace(one, text=None)
        return Batch(
            servers=tuple(self._servers[one] for one in sorted(held.servers) if one in self._servers),
            definitions=definitions,
            revisions=tuple((*one, *self._revisions[one]) for one in sorted(held.revisions) if one in self._revisions),
            uses=tuple(sorted(held.uses.items())),
        )

    def apply(self, batch: Batch) -> None:
        """Takes in what a store holds, or what another process left unwritten."""
        for server in batch.servers:
            space = space_of(server.name, server.launch)
            before = self._servers.get(space)
            self._put(server if before is None else replace(server, status=before.status))
        for told in batch.definitions:
            one = told
            key = (one.space, one.kind, one.name)
            known = self._definitions.get(key)
            if known is not None:
                one = replace(one, baseline_hash=known.baseline_hash, approved_hash=known.approved_hash)
            self._keep(key, one)
        self._revisions.update({(server, client): (said, at) for server, client, said, at in batch.revisions})
        self._uses.update(dict.fromkeys(use for use, _ in batch.uses))

    def decide(self, decisions: Decisions) -> None:
        """Takes over what people decided, in place of what was decided before."""
        told = dict(decisions.servers)
        for space, server in list(self._servers.items()):
            status = told.get(space)
            if server.status != status:
                self._servers[space] = replace(server, status=status)
        for space in told.keys() - self._servers.keys():
            name, launch = space_parts(space)
            self._put(Server(name=name, launch=launch, first_seen=self._now, last_seen=self._now, status=told[space]))
        approved = dict(decisions.definitions)
        for key, one in self._definitions.items():
            if one.approved_hash != (digest := approved.get(key)):
                self._definitions[key] = replace(one, approved_hash=digest, baseline_hash=digest or one.baseline_hash)
        self._lookalikes = Lookalikes(one.name for one in self._servers.values() if one.status == "approved")
        self.decided = decisions.number

    def _put(self, server: Server) -> None:
        space = space_of(server.name, server.launch)
        self._servers[space] = server
        self._of_name.setdefault(server.name, {})[space] = None
        if server.launch:
            self._of_launch.setdefault(server.launch, {})[space] = None

    def _keep(self, key: _Key, one: Definition) -> None:
        self._definitions.pop(key, None)
        self._definitions[key] = one
        self._latest[space_parts(one.space)[0], one.kind, one.name] = one.space

    def _best(self, spaces: Iterable[str]) -> str | None:
        """Of servers that cannot be told apart the approved one, else a blocked one, else the one seen last."""
        found = [(_RANK.get(self._servers[one].status, 0), self._servers[one].last_seen, one) for one in spaces]
        return max(found)[2] if found else None

    def _forget_servers(self) -> None:
        """Those that nobody decided on go, the longest known first."""
        if len(self._servers) <= _MOST_SERVERS:
            return
        undecided = (space for space, one in self._servers.items() if one.status is None)
        for space in list(islice(undecided, _MOST_SERVERS // 10)):
            server = self._servers.pop(space)
            self._of_name[server.name].pop(space)
            if not self._of_name[server.name]:
                del self._of_name[server.name]
            if server.launch:
                self._of_launch[server.launch].pop(space)
                if not self._of_launch[server.launch]:
                    del self._of_launch[server.launch]

    def _forget_definitions(self) -> None:
        if len(self._definitions) <= _MOST_DEFINITIONS:
            return
        undecided = (key for key, one in self._definitions.items() if one.approved_hash is None)
        for key in list(islice(undecided, _MOST_DEFINITIONS // 10)):
            space = self._definitions.pop(key).space
            named = (space_parts(space)[0], key[1], key[2])
            if self._latest.get(named) == space:
                del self._latest[named]


_RANK: dict[str | None, int] = {"approved": 2, "blocked": 1}


def _shrink(held: dict[Any, Any], most: int) -> None:
    """Drops what was put in first."""
    if len(held) > most:
        for key in list(islice(held, most // 10)):
            del held[key]
