"""The journal: what stood on the SIEM before each write, on disk before the write is sent."""

import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcp_siem.errors import ConfigError

__all__ = ["Entry", "FileJournal", "Journal", "MemoryJournal", "read_journal", "without_secrets"]

JOURNAL_FORMAT = 1

_SECRET_WORDS = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "private_key")
_REMOVED = "[removed]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: `event` is `before` (the write `verb` follows; `document` is what it replaces), `done` or `failed`."""

    event: str
    target: str
    address: str
    action: str
    says: str
    verb: str = ""
    document: Mapping[str, object] | None = None


class Journal(Protocol):
    """Where entries go. `record` returns only when the entry is safe."""

    def record(self, entry: Entry) -> None:
        """Keeps one entry, or raises ConfigError: without a journal nothing is written to a SIEM."""
        ...

    def interrupted(self, address: str) -> Mapping[str, object] | None:
        """The document that a replacement deleted at this address and was not seen to write again, if any."""
        ...


class _Unfinished:
    """Follows the entries of a journal and knows which replacements stopped between their delete and their write."""

    def __init__(self) -> None:
        self._before: dict[str, Mapping[str, object]] = {}
        self._deleted: set[str] = set()

    def follow(self, event: object, address: str, writes: tuple[object, object], document: object) -> None:
        """Takes the next entry; `writes` are its action and verb."""
        action, verb = writes
        if event == "done" or action == "delete":
            self._before.pop(address, None)
            self._deleted.discard(address)
        elif event == "before":
            if isinstance(document, Mapping):
                self._before.setdefault(address, document)
            if verb == "delete":
                self._deleted.add(address)

    def document(self, address: str) -> Mapping[str, object] | None:
        """What stood at the address before."""
        return self._before.get(address) if address in self._deleted else None


class MemoryJournal:
    """Keeps entries in a list, for tests."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def record(self, entry: Entry) -> None:
        """Keeps one entry."""
        self.entries.append(entry)

    def interrupted(self, address: str) -> Mapping[str, object] | None:
        """As a journal on disk."""
        unfinished = _Unfinished()
        for entry in self.entries:
            unfinished.follow(entry.event, entry.address, (entry.action, entry.verb), entry.document)
        return unfinished.document(address)


class FileJournal:
    """Appends JSON lines to a file only its owner can read; each line is on disk when `record` returns.

    `place` names the SIEM that is written to (the connection): what was interrupted there is found again there
    only; without a place nothing is.
    """

    def __init__(self, path: Path, *, run: str, clock: Callable[[], str], place: str = "") -> None:
        self._path = path
        self._run = run
        self._clock = clock
        self._place = place
        self._started = False

    def record(self, entry: Entry) -> None:
        """Appends one line and syncs it."""
        line = {
            "format": JOURNAL_FORMAT,
            "run": self._run,
            "at": self._clock(),
            "place": self._place,
            "event": entry.event,
            "target": entry.target,
            "address": entry.address,
            "action": entry.action,
            "says": entry.says,
            "verb": entry.verb,
            "document": None if entry.document is None else without_secrets(entry.document),
        }
        text = json.dumps(line, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        try:
            self._append(text.encode("ascii") + b"\n")
        except OSError as error:
            raise ConfigError(
                f"cannot write the journal: {error.strerror or error}",
                source=str(self._path),
                hint="name a writable file; nothing is sent to the SIEM without a journal",
            ) from error

    def interrupted(self, address: str) -> Mapping[str, object] | None:
        """The document that an interrupted replacement of an earlier run deleted here, if it is not back."""
        if not self._place or not self._path.exists():
            return None
        unfinished = _Unfinished()
        for line in read_journal(self._path):
            if line.get("place") == self._place and line.get("address") == address:
                unfinished.follow(
                    line.get("event"), address, (line.get("action"), line.get("verb")), line.get("document")
                )
        return unfinished.document(address)

    def _append(self, line: bytes) -> None:
        if not self._started:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(self._path, flags, 0o600)
        try:
            if not self._started:
                line = _made_safe(handle) + line
            _write_all(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
        if not self._started:
            _sync_folder(self._path.parent)
            self._started = True


def read_journal(path: Path) -> Iterator[Mapping[str, object]]:
    """Every whole line of a journal; a line torn by a crash is left out, for its write was never sent."""
    try:
        # A device would be read without an end.
        if path.exists() and not path.is_file():
            raise OSError(None, "not a regular file")  # noqa: TRY301 - told like every other reason
        with path.open("rb") as file:
            for line in file:
                entry = _parsed(line)
                if isinstance(entry, dict):
                    yield entry
    except OSError as error:
        raise ConfigError(
            f"cannot read the journal: {error.strerror or error}", source=str(path), hint="name a file with --journal"
        ) from error


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def without_secrets(document: Mapping[str, object]) -> dict[str, object]:
    """The document with the value of every key that names a secret taken out, at any depth."""
    return {key: _REMOVED if _names_secret(key, value) else _clean(value) for key, value in document.items()}


def _clean(value: object) -> object:
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def _names_secret(key: str, value: object) -> bool:
    lowered = key.lower().replace("-", "_")
    return bool(value) and isinstance(value, str) and any(word in lowered for word in _SECRET_WORDS)


def _made_safe(handle: int) -> bytes:
    """Narrows the rights of a file that was there, and returns what must precede the next line in it."""
    info = os.fstat(handle)
    if not stat.S_ISREG(info.st_mode):
        raise OSError(None, "not a regular file")
    os.fchmod(handle, 0o600)
    torn = info.st_size > 0 and os.pread(handle, 1, info.st_size - 1) != b"\n"
    return b"\n" if torn else b""


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
