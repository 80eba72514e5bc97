"""Where a verb writes: data to standard output or a file, words to standard error."""

import contextlib
import os
import re
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO

from mcp_siem.cli.output import told, whole_file, words
from mcp_siem.cli.progress import Progress
from mcp_siem.errors import UsageError
from mcp_siem.report.terminal import Style, safe

__all__ = ["Console", "console"]

# What a terminal may obey: C0 but tab, line end and our own colours, DEL and C1, direction and tag characters.
_OBEYED = re.compile(
    "(?!\x1b\\[[0-9;]*m)[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def _spelled(match: re.Match[str]) -> str:
    return "".join(
        f"\\u{unit:04x}"
        for unit in struct.unpack(f">{len(match[0].encode('utf-16-be')) // 2}H", match[0].encode("utf-16-be"))
    )


class Console:
    """Data and words of one run."""

    def __init__(self, stream: BinaryIO, place: str, *, quiet: bool, style: Style, terminal: bool = False) -> None:
        self._stream = stream
        self._place = place
        self._terminal = terminal
        self._quiet = quiet
        self.style = style
        self.progress: Progress | None = None

    def data(self, text: str | bytes) -> None:
        """Writes data as it is; on a terminal, characters it would obey are spelled as JSON escapes."""
        data = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
        self._clear()
        shown = _OBEYED.sub(_spelled, data.decode()).encode() if self._terminal else data
        with told(self._place):
            self._stream.write(shown)

    def line(self, text: str | bytes) -> None:
        """Writes data and a line end."""
        self.data(text)
        self.data(b"\n")

    def say(self, text: str) -> None:
        """Words for people; kept off standard output, and silent with --quiet."""
        if not self._quiet:
            self._clear()
            words(text)

    def tell(self, done: int, events: int) -> None:
        """Shows how far long work is, if there is anybody to see it."""
        if self.progress is not None:
            self.progress.tell(done, events)

    def _clear(self) -> None:
        if self.progress is not None:
            self.progress.clear()

    def note(self, place: str, text: str) -> None:
        """A located note that ends nothing."""
        self.say(f"note: {safe(place)}: {safe(text)}")


@contextlib.contextmanager
def console(output: str | None, *, quiet: bool, no_color: bool) -> Iterator[Console]:
    """Opens the data stream; a file is written whole or not at all."""
    if output is not None:
        with whole_file(output) as stream:
            yield Console(stream, output, quiet=quiet, style=Style(color=False))
        return
    if sys.stdout is None:  # a process may be started without one
        raise UsageError("there is no standard output", hint="name a file with --output")
    terminal = sys.stdout.isatty()
    style = Style(color=terminal and not no_color and not os.environ.get("NO_COLOR"))
    yield Console(sys.stdout.buffer, "standard output", quiet=quiet, style=style, terminal=terminal)
    with told("standard output"):
        sys.stdout.buffer.flush()
