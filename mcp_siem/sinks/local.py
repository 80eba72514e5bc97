"""Sinks of this machine: standard output and files. Written at once; a reader that is slow holds nobody up."""

import os
import select
import stat
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic, sleep

from mcp_siem.errors import UsageError
from mcp_siem.sinks.dead import DeadLetters
from mcp_siem.sinks.port import Notice

__all__ = ["LocalSink", "file_sink"]

# POSIX: a pipe that is ready takes so much without blocking.
_AT_ONCE = 512
_MOST_WAITING = 20_000
_MOST_BYTES = 64 * 1024 * 1024
_NAP = 0.01


class LocalSink:
    """Writes to an open file, each alert as `shown` by it. `dropped` counts what a reader was too slow for."""

    def __init__(
        self,
        name: str,
        handle: int,
        *,
        dead: DeadLetters,
        shown: Callable[[Notice], bytes] = lambda notice: notice.line + b"\n",
    ) -> None:
        self.name = name
        self.handle = handle
        self.dropped = 0
        self._dead = dead
        self._shown = shown
        self._queue: deque[tuple[Notice, bytes]] = deque()
        self._bytes = 0
        self._done = 0
        self._direct = stat.S_ISREG(os.fstat(handle).st_mode)
        self._gone = False

    @property
    def reader_gone(self) -> bool:
        """Says whether nobody reads any more."""
        return self._gone

    def write(self, notice: Notice) -> None:
        """Writes the alert, or keeps it until the reader is ready."""
        data = self._shown(notice)
        if self._direct and not self._queue:
            self._write_whole(notice, data)
            return
        if len(self._queue) >= _MOST_WAITING or self._bytes + len(data) > _MOST_BYTES:
            self.dropped += 1
            self._dead.alert(self.name, notice, "the reader is too slow: too many alerts wait")
            return
        self._queue.append((notice, data))
        self._bytes += len(data)
        self.pump()

    def waiting(self) -> Sequence[Notice]:
        """The alerts not written yet, or not wholly."""
        return [notice for notice, _ in self._queue]

    def pump(self) -> None:
        """Writes what the reader is ready for."""
        while self._queue and self._is_ready():
            notice, data = self._queue[0]
            size = len(data) if self._direct else _AT_ONCE
            try:
                self._done += os.write(self.handle, data[self._done : self._done + size])
            except BrokenPipeError:
                self._gone = True
                return
            except OSError as error:
                self._dead.alert(self.name, notice, f"cannot be written: {error.strerror}")
                self._done = len(data)
            if self._done >= len(data):
                self._queue.popleft()
                self._bytes -= len(data)
                self._done = 0

    def close(self, grace: float) -> Sequence[Notice]:
        """Waits so many seconds for the reader; returns what it did not take."""
        until = monotonic() + grace
        self.pump()
        while self._queue and not self._gone and monotonic() < until:
            sleep(_NAP)
            self.pump()
        return self.waiting()

    def _write_whole(self, notice: Notice, data: bytes) -> None:
        left = data
        try:
            while left:
                left = left[os.write(self.handle, left) :]
        except OSError as error:
            self._dead.alert(self.name, notice, f"cannot be written: {error.strerror}")

    def _is_ready(self) -> bool:
        if self._direct:
            return True
        poll = select.poll()
        poll.register(self.handle, select.POLLOUT)
        with suppress(OSError):
            return bool(poll.poll(0))
        return False


def file_sink(path: str, *, dead: DeadLetters) -> LocalSink:
    """A sink that appends lines to a file; UsageError if it cannot be opened. A line cut off by a crash is ended."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        hint = "name a file in a directory that can be written"
        raise UsageError(f"cannot be written: {error.strerror}", source=path, hint=hint) from error
    info = os.fstat(handle)
    if stat.S_ISREG(info.st_mode) and info.st_size and os.pread(handle, 1, info.st_size - 1) != b"\n":
        os.write(handle, b"\n")
    return LocalSink(f"file:{path}", handle, dead=dead)
