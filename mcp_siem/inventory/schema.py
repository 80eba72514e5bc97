"""The file of the inventory: its tables, how it is opened, and what is said when it cannot be."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from mcp_siem.errors import UsageError

__all__ = ["is_missing", "opened", "transaction"]

_APPLICATION = 0x6D637069
_MIGRATIONS = (
    """
    CREATE TABLE servers (
        name TEXT NOT NULL, launch TEXT NOT NULL, scope TEXT, package TEXT, package_version TEXT, info_version TEXT,
        roots TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
        status TEXT CHECK (status IN ('approved', 'blocked')), decided_by TEXT, decided_at INTEGER,
        PRIMARY KEY (name, launch));
    CREATE TABLE definitions (
        name TEXT NOT NULL, launch TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, hash TEXT NOT NULL,
        version TEXT, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, weight INTEGER NOT NULL,
        approved_hash TEXT, approved_by TEXT, approved_at INTEGER, baseline_hash TEXT NOT NULL,
        text BLOB, baseline BLOB,
        PRIMARY KEY (name, launch, kind, item));
    CREATE TABLE revisions (
        server TEXT NOT NULL, client TEXT NOT NULL, revision TEXT NOT NULL, seen INTEGER NOT NULL,
        PRIMARY KEY (server, client, revision));
    CREATE TABLE uses (use TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE decisions (number INTEGER NOT NULL);
    INSERT INTO decisions VALUES (0);
    CREATE INDEX servers_seen ON servers (last_seen) WHERE status IS NULL;
    CREATE INDEX definitions_seen ON definitions (last_seen) WHERE approved_hash IS NULL;
    """,
)
_WAIT = 10.0
_FOLDER = "name a file in a folder that you may write to with --inventory"
_RESTORE = "keep it aside, restore a copy, or import the approved list into a new file (mcp-siem inventory import)"


def is_missing(path: str) -> bool:
    """Whether there is no file yet; UsageError if none could be made."""
    place = Path(path)
    if place.exists():
        return False
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise UsageError("the inventory cannot be made: its folder is missing or closed", source=path, hint=_FOLDER)
    return True


@contextmanager
def opened(path: str, *, wait: float = _WAIT) -> Iterator[sqlite3.Connection]:
    """A connection to the inventory, which is made if it is not there; UsageError says why it cannot be used."""
    try:
        _make(path)
        with closing(sqlite3.connect(path, timeout=wait, isolation_level=None)) as connection:
            _prepare(connection, path)
            yield connection
    except OSError as error:
        raise UsageError(
            f"the inventory cannot be opened: {error.strerror or error}",
            source=path,
            hint=_FOLDER,
        ) from error
    except sqlite3.Error as error:
        raise _fault(path, error) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that the block writes, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def _make(path: str) -> None:
    """An empty file that nobody but its owner can read: commands and definitions are nobody else's business."""
    if not Path(path).exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    application, version = _number(connection, "application_id"), _number(connection, "user_version")
    is_empty = _number(connection, "page_count") == 0
    if application != _APPLICATION and not is_empty:
        hint = "name another file with --inventory; this one is left as it is"
        raise UsageError("this is a database of something else", source=path, hint=hint)
    if version > len(_MIGRATIONS):
        hint = "update mcp-siem, or name another file with --inventory"
        raise UsageError("the inventory was written by a newer mcp-siem", source=path, hint=hint)
    # There is nothing to lose in a file that is just being made.
    connection.execute("PRAGMA synchronous = " + ("NORMAL" if version else "OFF"))
    with suppress(sqlite3.OperationalError):
        # While another process makes the file, it does this for us.
        connection.execute("PRAGMA journal_mode = WAL")
    if version < len(_MIGRATIONS):
        with transaction(connection):
            for number in range(_number(connection, "user_version"), len(_MIGRATIONS)):
                for statement in _MIGRATIONS[number].split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute("PRAGMA synchronous = NORMAL")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _fault(path: str, error: sqlite3.Error) -> UsageError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        hint = "wait until the other process is done, and run again"
        return UsageError("the inventory is in use by another process", source=path, hint=hint)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return UsageError(f"the inventory is damaged, or is none: {error}", source=path, hint=_RESTORE)
    if code == sqlite3.SQLITE_FULL:
        return UsageError("the disk is full", source=path, hint="free space, and run again")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        hint = "give yourself the right to write the file and its folder, or name another with --inventory"
        return UsageError(f"the inventory cannot be written: {error}", source=path, hint=hint)
    return UsageError(f"the inventory cannot be used: {error}", source=path, hint=_RESTORE)
