"""What people do with an inventory: look at it, approve, block, and carry decisions from one file to another."""

import difflib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.inventory.approved import Approval, ApprovedServer
from mcp_siem.inventory.schema import opened, transaction
from mcp_siem.inventory.server import Server
from mcp_siem.inventory.store import SERVER_COLUMNS, read_server

__all__ = ["Desk", "Entry", "Known"]

_FEW = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A server with the revisions it was seen to speak."""

    server: Server
    revisions: tuple[str, ...] = ()
    definitions: int = 0
    changed: int = 0

    @property
    def status(self) -> str:
        """approved, blocked, or known: what was never seen is not here."""
        return self.server.status or "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A definition with its baseline: what was approved, else what was seen first."""

    server: str
    launch: str
    kind: str
    name: str
    hash: str
    version: str | None
    first_seen: int
    last_seen: int
    baseline_hash: str
    approved_hash: str | None
    approved_by: str | None
    approved_at: int | None
    text: bytes | None
    baseline: bytes | None

    @property
    def state(self) -> str:
        """approved, changed (since it was approved, or seen first), or new (as it was seen first)."""
        if self.hash != self.baseline_hash:
            return "changed"
        return "approved" if self.approved_hash == self.hash else "new"


class Desk:
    """One inventory file as people see it."""

    def __init__(self, path: str, *, make: bool = False) -> None:
        if not make and not Path(path).exists():
            hint = "it is made by replay, watch or normalise with --inventory, or by inventory import"
            raise NoInputError("there is no inventory", source=path, hint=hint)
        self._path = path

    def servers(self) -> list[Known]:
        """All servers, by name."""
        with opened(self._path) as connection:
            revisions = _grouped(connection.execute("SELECT DISTINCT server, revision FROM revisions ORDER BY 2"))
            counts = {
                (name, launch): (count, changed)
                for name, launch, count, changed in connection.execute(
                    "SELECT name, launch, count(*), sum(hash != baseline_hash) FROM definitions GROUP BY 1, 2"
                )
            }
            rows = connection.execute(f"SELECT {SERVER_COLUMNS} FROM servers ORDER BY name, launch")  # noqa: S608 (ours)
            return [_known(server, revisions, counts) for server in map(read_server, rows)]

    def chosen(self, word: str | None, *, every: bool) -> list[Known]:
        """The servers of a name or id. UsageError if there is none, or several and not `every` of them is meant."""
        known = self.servers()
        if word is None:
            return known
        found = [one for one in known if word in (one.server.name, one.server.id)]
        if not found:
            raise UsageError(f"no server {word!r} in the inventory", source=self._path, hint=_near(word, known))
        if len(found) > 1 and not every:
            listed = ", ".join(
                f"{one.server.id} ({one.server.launch[:60] or 'no launch seen'})" for one in found[:_FEW]
            )
            hint = f"name one by its id, or all with --all: {listed}"
            raise UsageError(f"{len(found)} servers are named {word!r}", source=self._path, hint=hint)
        return found

    def definitions(self, servers: Iterable[Server]) -> list[Entry]:
        """The definitions of servers, by server, kind and name."""
        with opened(self._path) as connection:
            return [entry for server in servers for entry in _entries(connection, server)]

    def approve(self, servers: Sequence[Server], tools: Sequence[str], by: str, at: int) -> list[Entry]:
        """Approves servers with all they were last seen to define, or of them the definitions named alone; returns the
        definitions. UsageError if one that is named is not there.
        """
        with opened(self._path) as connection, _decision(connection):
            entries = [entry for server in servers for entry in _entries(connection, server)]
            missing = sorted(set(tools) - {entry.name for entry in entries})
            if missing:
                hint = "see: mcp-siem inventory show"
                raise UsageError(f"no definition {missing[0]!r} of this server", source=self._path, hint=hint)
            chosen = [entry for entry in entries if not tools or entry.name in tools]
            if not tools:
                _put_status(connection, servers, "approved", by, at)
            connection.executemany(
                "UPDATE definitions SET approved_hash = hash, approved_by = ?, approved_at = ?, baseline_hash = hash, "
                "baseline = text WHERE name = ? AND launch = ? AND kind = ? AND item = ?",
                [(by, at, entry.server, entry.launch, entry.kind, entry.name) for entry in chosen],
            )
            return chosen

    def block(self, servers: Sequence[Server], by: str, at: int) -> None:
        """Blocks servers: wherever they are seen from now on, they are said to be blocked."""
        with opened(self._path) as connection, _decision(connection):
            _put_status(connection, servers, "blocked", by, at)

    def approvals(self) -> list[ApprovedServer]:
        """All that was decided, in the order of names."""
        with opened(self._path) as connection:
            rows = connection.execute(f"SELECT {SERVER_COLUMNS} FROM servers ORDER BY name, launch")  # noqa: S608 (ours)
            decided = [_approval(connection, server) for server in map(read_server, rows)]
        return [one for one in decided if one.status is not None or one.definitions]

    def take_over(self, approved: Sequence[ApprovedServer], at: int) -> None:
        """Makes the decisions of a list ours. What the list does not name stays as it is."""
        with opened(self._path) as connection, _decision(connection):
            for one in approved:
                row = (one.name, one.launch, one.package, at, at, one.status, one.by, one.at)
                connection.execute(_TAKE_SERVER, row)
                connection.executemany(
                    _TAKE_DEFINITION,
                    [
                        (one.name, one.launch, told.kind, told.name, told.hash, at, told.by, told.at)
                        for told in one.definitions
                    ],
                )


_TAKE_SERVER = """
    INSERT INTO servers (name, launch, package, roots, first_seen, last_seen, status, decided_by, decided_at)
    VALUES (?, ?, ?, '[]', ?, ?, ?, ?, ?)
    ON CONFLICT (name, launch) DO UPDATE SET
        status = coalesce(excluded.status, status), package = coalesce(package, excluded.package),
        decided_by = CASE WHEN excluded.status IS NULL THEN decided_by ELSE excluded.decided_by END,
        decided_at = CASE WHEN excluded.status IS NULL THEN decided_at ELSE excluded.decided_at END
"""
# What was approved elsewhere is what is expected here: another definition that was seen is told again as changed.
_TAKE_DEFINITION = """
    INSERT INTO definitions
        (name, launch, kind, item, hash, first_seen, last_seen, weight, approved_hash, approved_by, approved_at, baseline_hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 256, ?5, ?7, ?8, ?5)
    ON CONFLICT (name, launch, kind, item) DO UPDATE SET
        baseline = CASE WHEN hash = ?5 THEN text WHEN baseline_hash = ?5 THEN baseline ELSE NULL END,
        text = CASE WHEN hash = ?5 THEN text ELSE NULL END,
        hash = ?5, approved_hash = ?5, approved_by = ?7, approved_at = ?8, baseline_hash = ?5
"""
_ENTRY = (
    "name, launch, kind, item, hash, version, first_seen, last_seen, baseline_hash, approved_hash, approved_by, "
    "approved_at, text, baseline"
)


@contextmanager
def _decision(connection: sqlite3.Connection) -> Iterator[None]:
    """Decisions that are made together, on disk before they are told; runs on the way take them over."""
    connection.execute("PRAGMA synchronous = FULL")
    with transaction(connection):
        yield
        connection.execute("UPDATE decisions SET number = number + 1")


def _known(
    server: Server, revisions: Mapping[str, Sequence[str]], counts: Mapping[tuple[str, str], tuple[int, int]]
) -> Known:
    count, changed = counts.get((server.name, server.launch), (0, 0))
    return Known(
        server=server, revisions=tuple(revisions.get(server.name, ())), definitions=count, changed=changed or 0
    )


def _entries(connection: sqlite3.Connection, server: Server) -> list[Entry]:
    query = f"SELECT {_ENTRY} FROM definitions WHERE name = ? AND launch = ? ORDER BY kind, item"  # noqa: S608 (ours)
    names = [one.name for one in fields(Entry)]
    rows = connection.execute(query, (server.name, server.launch))
    return [Entry(**dict(zip(names, row, strict=True))) for row in rows]


def _put_status(connection: sqlite3.Connection, servers: Sequence[Server], status: str, by: str, at: int) -> None:
    connection.executemany(
        "UPDATE servers SET status = ?, decided_by = ?, decided_at = ? WHERE name = ? AND launch = ?",
        [(status, by, at, server.name, server.launch) for server in servers],
    )


def _approval(connection: sqlite3.Connection, server: Server) -> ApprovedServer:
    approved = [
        Approval(kind=one.kind, name=one.name, hash=one.approved_hash, by=one.approved_by, at=one.approved_at)
        for one in _entries(connection, server)
        if one.approved_hash is not None
    ]
    return ApprovedServer(
        name=server.name,
        launch=server.launch,
        status=server.status,
        package=server.package,
        by=server.decided_by,
        at=server.decided_at,
        definitions=tuple(approved),
    )


def _near(word: str, known: Sequence[Known]) -> str:
    names = list(dict.fromkeys(one.server.name for one in known))
    close = difflib.get_close_matches(word, names, n=1) or names[:_FEW]
    return f"the inventory has: {', '.join(close)}" if close else "the inventory is empty"


def _grouped(rows: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in rows:
        found.setdefault(key, []).append(value)
    return found
