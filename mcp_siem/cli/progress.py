"""One line on a terminal that says how far long work is, and goes away when it is done."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Progress", "terminal_progress"]

_PATIENCE = 1.0
_EVERY = 0.2
_CLEAR = "\r\x1b[K"
_KILO = 1000


class Progress:
    """Tells how much of `total` bytes is done; of a pipe, whose total is None, how much came."""

    def __init__(self, total: int | None, *, write: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._total = total
        self._write = write
        self._clock = clock
        self._started = self._told = clock()
        self._shown = False

    def tell(self, done: int, events: int) -> None:
        """Shows where the work is, if it takes long and nothing was shown just now."""
        now = self._clock()
        if now - self._started < _PATIENCE or now - self._told < _EVERY:
            return
        self._told = now
        self._shown = True
        self._write(f"{_CLEAR}{self._line(done, events, now - self._started)}")

    def clear(self) -> None:
        """Takes the line away, so that something else can be written."""
        if self._shown:
            self._shown = False
            self._write(_CLEAR)

    def _line(self, done: int, events: int, seconds: float) -> str:
        rate = f"{_size(done)}, {events / seconds:,.0f} events/s"
        if not self._total or not done:
            return f"{rate} read"
        left = max(0, round(seconds * (self._total - done) / done))
        return f"{min(100, 100 * done // self._total):>3} %  {rate}, {left // 60}:{left % 60:02d} left"


def terminal_progress(total: int | None, *, quiet: bool) -> Progress | None:
    """Progress on standard error, if that is a terminal and words are wanted."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return None
    return Progress(total, write=_to_terminal, clock=time.monotonic)


def _to_terminal(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KILO
    return f"{size:.1f} TB"
