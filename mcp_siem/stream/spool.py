"""The spool of a listener: what came over a socket, in files on disk, to be followed like any other file.

Files are numbered and closed at a size; one that was read to its end and that a checkpoint has passed is removed.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from mcp_siem.errors import UsageError

__all__ = ["Spool", "SpoolFullError"]

_SEGMENT = 16 * 1024 * 1024
_QUOTA = 1024 * 1024 * 1024
_DIGITS = 12


class SpoolFullError(Exception):
    """More is waiting to be read than may wait."""


class Spool:
    """Appends lines; `append(..., durable=True)` returns when they are on disk, however the machine ends."""

    def __init__(self, folder: str, *, segment: int = _SEGMENT, quota: int = _QUOTA) -> None:
        self.folder = folder
        self._segment = segment
        self._quota = quota
        self._lock = Lock()
        self._syncing = Lock()
        self._written = 0
        self._synced = 0
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sizes = {path.name: path.stat().st_size for path in sorted(Path(folder).glob("*.jsonl"))}
            self._handle = self._begin()
        except OSError as error:
            hint = "name a directory that can be written with --spool"
            raise UsageError(f"cannot be written: {error.strerror}", source=folder, hint=hint) from error

    def append(self, lines: Iterable[bytes], *, durable: bool) -> None:
        """Adds lines, each without a line end in it; SpoolFullError if there is no room, OSError if the disk fails."""
        data = b"".join(line + b"\n" for line in lines)
        with self._lock:
            if sum(self._sizes.values()) + len(data) > self._quota:
                raise SpoolFullError
            if self._sizes[self._name] >= self._segment:
                self._roll()
            self._write(data)
            self._written += 1
            mine = self._written
        if durable:
            self._sync(mine)

    def remove(self, done: Iterable[str]) -> None:
        """Removes files that were read; the one still written to is never among them."""
        with self._lock:
            for place in done:
                name = Path(place).name
                if name != self._name and name in self._sizes:
                    with suppress(OSError):
                        (Path(self.folder) / name).unlink()
                    del self._sizes[name]

    def is_sealed(self, place: str) -> bool:
        """Says whether nothing more is written to a file of this spool."""
        path = Path(place)
        return str(path.parent) == str(Path(self.folder)) and path.name != self._name

    def close(self) -> None:
        """Lets the file go."""
        with self._lock, suppress(OSError):
            os.fsync(self._handle)
            os.close(self._handle)

    def _write(self, data: bytes) -> None:
        """Writes all of it or nothing: half a line would be glued to the next."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError:
            os.ftruncate(self._handle, self._sizes[self._name])
            raise
        self._sizes[self._name] += len(data)

    def _begin(self) -> int:
        number = max((int(name.partition(".")[0]) for name in self._sizes if name[:1].isdigit()), default=0) + 1
        self._name = f"{number:0{_DIGITS}}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        handle = os.open(Path(self.folder) / self._name, flags, 0o600)
        self._sizes[self._name] = 0
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return handle

    def _roll(self) -> None:
        with self._syncing:
            os.fsync(self._handle)
            os.close(self._handle)
            self._synced = self._written
            self._handle = self._begin()

    def _sync(self, mine: int) -> None:
        """One sync serves all who wrote before it began."""
        with self._syncing:
            if self._synced < mine:
                now = self._written
                os.fsync(self._handle)
                self._synced = now
