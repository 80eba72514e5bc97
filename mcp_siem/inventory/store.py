"""The inventory on disk: read at the start of a run, written in batches. Several processes may use one file.

No connection outlives a call, so that a process may fork between two, and one that is killed leaves the file sound.
"""

import sqlite3
from collections.abc import Iterable

import orjson

from mcp_siem.inventory.book import Batch, Decisions, Inventory
from mcp_siem.inventory.schema import is_missing, opened, transaction
from mcp_siem.inventory.server import Definition, Server, space_of, space_parts

__all__ = ["SERVER_COLUMNS", "InventoryFile", "read_server"]

_MOST = {"servers": 50_000, "definitions": 100_000, "revisions": 100_000, "uses": 200_000}
_MOST_BYTES = 256 * 1024 * 1024
_TEXT_BYTES = 64 * 1024 * 1024
SERVER_COLUMNS = (
    "name, launch, first_seen, last_seen, scope, package, package_version, info_version, roots, "
    "status, decided_by, decided_at"
)


class InventoryFile:
    """One inventory file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self, *, now: int) -> Inventory:
        """All that earlier runs saw, and what people decided; nothing where there is no file yet. UsageError if it
        cannot be read, or could not be written.
        """
        inventory = Inventory(now=now)
        if is_missing(self.path):
            return inventory
        with opened(self.path) as connection:
            connection.execute("BEGIN")
            inventory.apply(
                Batch(
                    servers=tuple(_servers(connection)),
                    definitions=tuple(_definitions(connection)),
                    revisions=tuple(
                        connection.execute("SELECT server, client, max(revision), seen FROM revisions GROUP BY 1, 2")
                    ),
                    uses=tuple(connection.execute("SELECT use, seen FROM uses ORDER BY seen")),
                )
            )
            inventory.decide(_decisions(connection))
            connection.execute("COMMIT")
        return inventory

    def save(self, batch: Batch) -> None:
        """Writes a batch, whole or not at all. What people decided is never touched."""
        if not batch:
            return
        with opened(self.path) as connection, transaction(connection):
            connection.executemany(_PUT_SERVER, map(_server_row, batch.servers))
            connection.executemany(_PUT_DEFINITION, map(_definition_row, batch.definitions))
            connection.executemany(_PUT_REVISION, batch.revisions)
            connection.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", batch.uses)
            _prune(connection, batch)

    def refresh(self, inventory: Inventory) -> None:
        """Takes over what people decided since it was loaded."""
        with opened(self.path) as connection:
            if _decision_number(connection) != inventory.decided:
                connection.execute("BEGIN")
                inventory.decide(_decisions(connection))
                connection.execute("COMMIT")


_PUT_SERVER = """
    INSERT INTO servers (name, launch, scope, package, package_version, info_version, roots, first_seen, last_seen)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (name, launch) DO UPDATE SET
        scope = coalesce(excluded.scope, scope), package = coalesce(excluded.package, package),
        package_version = coalesce(excluded.package_version, package_version),
        info_version = coalesce(excluded.info_version, info_version), roots = excluded.roots,
        first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)
"""
_PUT_DEFINITION = """
    INSERT INTO definitions
        (name, launch, kind, item, hash, version, first_seen, last_seen, weight, baseline_hash, text, baseline)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?5, ?10, ?10)
    ON CONFLICT (name, launch, kind, item) DO UPDATE SET
        text = CASE WHEN excluded.text IS NULL AND hash = excluded.hash THEN text ELSE excluded.text END,
        baseline = CASE WHEN baseline IS NULL AND baseline_hash = excluded.hash THEN excluded.text ELSE baseline END,
        hash = excluded.hash, version = excluded.version, weight = max(weight, excluded.weight),
        first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)
"""
_PUT_REVISION = """
    INSERT INTO revisions (server, client, revision, seen) VALUES (?, ?, ?, ?)
    ON CONFLICT (server, client, revision) DO UPDATE SET seen = max(seen, excluded.seen)
"""


def _server_row(one: Server) -> tuple[object, ...]:
    roots = orjson.dumps(one.roots).decode()
    facts = (one.scope, one.package, one.package_version, one.info_version, roots)
    return one.name, one.launch, *facts, one.first_seen, one.last_seen


def _definition_row(one: Definition) -> tuple[object, ...]:
    weight = 256 + 2 * len(one.text or b"")
    seen = (one.first_seen, one.last_seen, weight, one.text)
    return *space_parts(one.space), one.kind, one.name, one.hash, one.version, *seen


def read_server(row: Iterable[object]) -> Server:
    """A server of a row in the order of its table."""
    name, launch, first, last, scope, package, package_version, info_version, roots, *decided = row
    return Server(
        name=str(name),
        launch=str(launch),
        first_seen=int(str(first)),
        last_seen=int(str(last)),
        scope=_text(scope),
        package=_text(package),
        package_version=_text(package_version),
        info_version=_text(info_version),
        roots=tuple(orjson.loads(str(roots))),
        status=_text(decided[0]),
        decided_by=_text(decided[1]),
        decided_at=None if decided[2] is None else int(str(decided[2])),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _servers(connection: sqlite3.Connection) -> Iterable[Server]:
    return map(read_server, connection.execute(f"SELECT {SERVER_COLUMNS} FROM servers ORDER BY last_seen"))  # noqa: S608 (ours)


def _definitions(connection: sqlite3.Connection) -> list[Definition]:
    """All definitions; of the texts as many as there is room for, those seen last first."""
    columns = "name, launch, kind, item, hash, first_seen, last_seen, version, baseline_hash, approved_hash, text"
    room, found = _TEXT_BYTES, []
    for row in connection.execute(f"SELECT {columns} FROM definitions ORDER BY last_seen DESC"):  # noqa: S608 (ours)
        name, launch, kind, item, digest, first, last, version, baseline, approved, text = row
        room -= len(text or b"")
        found.append(
            Definition(
                space=space_of(name, launch),
                kind=kind,
                name=item,
                hash=digest,
                first_seen=first,
                last_seen=last,
                version=version,
                text=text if room >= 0 else None,
                baseline_hash=baseline,
                approved_hash=approved,
                is_kept=text is not None,
            )
        )
    return found[::-1]


def _decisions(connection: sqlite3.Connection) -> Decisions:
    servers = connection.execute("SELECT name, launch, status FROM servers WHERE status IS NOT NULL")
    approved = connection.execute(
        "SELECT name, launch, kind, item, approved_hash FROM definitions WHERE approved_hash IS NOT NULL"
    )
    return Decisions(
        servers=tuple((space_of(name, launch), status) for name, launch, status in servers),
        definitions=tuple(
            ((space_of(name, launch), kind, item), digest) for name, launch, kind, item, digest in approved
        ),
        number=_decision_number(connection),
    )


def _decision_number(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT number FROM decisions").fetchone()[0])


def _prune(connection: sqlite3.Connection, batch: Batch) -> None:
    """Drops what was not seen for the longest time where there is too much; never what people decided on."""
    for table, grew, undecided in (
        ("servers", batch.servers, " WHERE status IS NULL"),
        ("definitions", batch.definitions, " WHERE approved_hash IS NULL"),
        ("revisions", batch.revisions, ""),
        ("uses", batch.uses, ""),
    ):
        if not grew:
            continue
        held = int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 (a name of ours)
        if held > _MOST[table]:
            seen = "last_seen" if undecided else "seen"
            _drop(connection, f"{table}{undecided} ORDER BY {seen} LIMIT {held - _MOST[table] * 9 // 10}")
    if batch.definitions:
        weight = connection.execute("SELECT sum(weight) FROM definitions").fetchone()[0] or 0
        if weight > _MOST_BYTES:
            _drop(connection, "definitions WHERE approved_hash IS NULL ORDER BY last_seen LIMIT 10000")


def _drop(connection: sqlite3.Connection, which: str) -> None:
    table = which.partition(" ")[0]
    key = {"uses": "use", "revisions": "rowid"}.get(table, "rowid")
    connection.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {which})")  # noqa: S608 (ours)
