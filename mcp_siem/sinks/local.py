"""Sinks of this machine: standard output and files. A reader that is slow holds nobody up."""

import os
import select
import stat
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic, sleep

from mcp_siem.errors import UsageError
from mcp_siem.sinks.dead import DeadLetters
from mcp_siem.sinks.port import Notice

__all__ = ["LocalSink", "file_sink"]

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
        """Takes the alert, to be written at the next `pump`."""
        data = self._shown(notice)
        if len(self._queue) >= _MOST_WAITING or self._bytes + len(data) > _MOST_BYTES:
            self.pump()
        if len(self._queue) >= _MOST_WAITING or self._bytes + len(data) > _MOST_BYTES:
            self.dropped += 1
            self._dead.alert(self.name, notice, "the reader is too slow: too many alerts wait")
            return
        self._queue.append((notice, data))
        self._bytes += len(data)

    def waiting(self) -> Sequence[Notice]:
        """The alerts not written yet, or not wholly."""
        return [notice for notice, _ in self._queue]

    def pump(self) -> None:
        """Writes what the reader is ready for."""
        if self._direct:
            self._write_all()
        while self._queue and not self._gone and self._is_ready():
            try:
                self._written(os.write(self.handle, self._piece()))
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._gone = True
            except OSError as error:
                self._failed(error)

    def close(self, grace: float) -> Sequence[Notice]:
        """Waits so many seconds for the reader; returns what it did not take."""
        until = monotonic() + grace
        self.pump()
        while self._queue and not self._gone and monotonic() < until:
            sleep(_NAP)
            self.pump()
        return self.waiting()

    def _write_all(self) -> None:
        """A regular file takes all at once, or its disk is full."""
        if not self._queue:
            return
        left = memoryview(b"".join(data for _, data in self._queue))
        try:
            while left:
                size = os.write(self.handle, left)
                self._written(size)
                left = left[size:]
        except OSError as error:
            while self._queue:
                self._failed(error)

    def _piece(self) -> bytes:
        piece = b""
        for _, data in self._queue:
            piece += data if piece else data[self._done :]
            if len(piece) >= select.PIPE_BUF:
                break
        return piece[: select.PIPE_BUF]

    def _written(self, size: int) -> None:
        self._done += size
        while self._queue and self._done >= len(self._queue[0][1]):
            _, data = self._queue.popleft()
            self._bytes -= len(data)
            self._done -= len(data)

    def _failed(self, error: OSError) -> None:
        notice, data = self._queue.popleft()
        self._bytes -= len(data)
        self._done = 0
        self._dead.alert(self.name, notice, f"cannot be written: {error.strerror}")

    def _is_ready(self) -> bool:
        poll = select.poll()
        poll.register(self.handle, select.POLLOUT)
        return bool(poll.poll(0))


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
