"""The checkpoint: one file that says where a watch stands. It is whole or it is the one before, whatever kills us.

The first line names the format and the digest of the rest, the second is a JSON document, and what follows are the
bytes of the engine's own state.
"""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from mcp_siem.errors import UsageError

__all__ = ["Checkpoint", "CheckpointFile", "decode_checkpoint", "encode_checkpoint"]

_MAGIC = b"mcp-siem-checkpoint 1 "


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a watch must know to go on: `document` is its own, `engine` what correlations hold."""

    document: Mapping[str, Any]
    engine: bytes


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as bytes."""
    try:
        body = orjson.dumps(checkpoint.document)
    except (orjson.JSONEncodeError, TypeError):
        # Numbers beyond 64 bits and half surrogate pairs are kept too.
        body = json.dumps(checkpoint.document, separators=(",", ":")).encode("ascii")
    rest = body + b"\n" + checkpoint.engine
    return _MAGIC + hashlib.sha256(rest).hexdigest().encode("ascii") + b"\n" + rest


def decode_checkpoint(data: bytes, place: str) -> Checkpoint:
    """The checkpoint again; UsageError if the bytes are none."""
    head, _, rest = data.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise _broken(place, "it does not begin like one of this version")
    if head.removeprefix(_MAGIC).decode("ascii", "replace") != hashlib.sha256(rest).hexdigest():
        raise _broken(place, "its content is not what was written")
    body, _, engine = rest.partition(b"\n")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _broken(place, "its content cannot be read") from error
    if not isinstance(document, dict):
        raise _broken(place, "its content is no object")
    return Checkpoint(document=document, engine=engine)


class CheckpointFile:
    """Reads and writes one checkpoint; while it is open no other watch can have it.

    Writing happens beside the caller: `write` returns at once, and `failed` is what the last write said if it failed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.failed: str | None = None
        self._lock = _locked(path)
        self._turn = threading.Condition()
        self._next: tuple[bytes, tuple[int, ...], Callable[[], None]] | None = None
        self._busy = False
        self._ended = False
        self._thread: threading.Thread | None = None

    def read(self) -> Checkpoint | None:
        """What was written last; None if nothing was."""
        try:
            return decode_checkpoint(Path(self.path).read_bytes(), self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", source=self.path, hint=_HINT) from error

    @property
    def busy(self) -> bool:
        """Says whether a write is still under way."""
        with self._turn:
            return self._busy or self._next is not None

    def write(self, data: bytes, *, first: Iterable[int] = (), then: Callable[[], None] = lambda: None) -> None:
        """Writes the checkpoint once the open files in `first` are on disk, and calls `then` when it is."""
        with self._turn:
            self._next = (data, tuple(first), then)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
                self._thread.start()
            self._turn.notify_all()

    def close(self) -> None:
        """Waits for the last write and lets the file go."""
        with self._turn:
            self._ended = True
            self._turn.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._lock.close()

    def _run(self) -> None:
        while True:
            with self._turn:
                self._busy = False
                while self._next is None and not self._ended:
                    self._turn.wait()
                if self._next is None:
                    return
                (data, first, then), self._next = self._next, None
                self._busy = True
            try:
                for handle in first:
                    with suppress(OSError):  # a pipe or a terminal has no disk
                        os.fsync(handle)
                _replace(self.path, data)
            except OSError as error:
                self.failed = error.strerror or str(error)
            else:
                self.failed = None
                then()


_HINT = "name a file in a directory that can be written, or remove it to begin anew"


def _broken(place: str, reason: str) -> UsageError:
    return UsageError(f"this is no usable checkpoint: {reason}", source=place, hint="remove it to begin anew")


def _locked(path: str) -> IO[bytes]:
    try:
        lock = Path(path + ".lock").open("ab")  # noqa: SIM115 - it is held as long as the watch runs
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", source=path, hint=_HINT) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UsageError(
            "another watch uses this checkpoint", source=path, hint="end it, or name another file with --checkpoint"
        ) from error
    return lock


def _replace(path: str, data: bytes) -> None:
    part = path + ".part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, path)  # noqa: PTH105 - texts all along
    folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
