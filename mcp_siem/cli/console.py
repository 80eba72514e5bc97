"""Where a verb writes: data to standard output or a file, words to standard error."""

import contextlib
import os
import re
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import click

from mcp_siem.errors import UsageError
from mcp_siem.report.terminal import Style, safe

__all__ = ["Console", "ReaderGoneError", "console"]

# What a terminal may obey: C0 but tab, line end and our own colours, DEL and C1, direction and tag characters.
_OBEYED = re.compile(
    "(?!\x1b\\[[0-9;]*m)[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def _spelled(match: re.Match[str]) -> str:
    return "".join(
        f"\\u{unit:04x}"
        for unit in struct.unpack(f">{len(match[0].encode('utf-16-be')) // 2}H", match[0].encode("utf-16-be"))
    )


class ReaderGoneError(Exception):
    """Whoever read our output (`head`) has enough. Not an OSError: click would end with 1 on a broken pipe."""


class Console:
    """Data and words of one run."""

    def __init__(self, stream: BinaryIO, *, quiet: bool, style: Style, terminal: bool = False) -> None:
        self._stream = stream
        self._terminal = terminal
        self._quiet = quiet
        self.style = style

    def data(self, text: str | bytes) -> None:
        """Writes data as it is; on a terminal, characters it would obey are spelled as JSON escapes."""
        data = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
        shown = _OBEYED.sub(_spelled, data.decode()).encode() if self._terminal else data
        _to_reader(lambda: self._stream.write(shown))

    def line(self, text: str | bytes) -> None:
        """Writes data and a line end."""
        self.data(text)
        self.data(b"\n")

    def say(self, text: str) -> None:
        """Words for people; kept off standard output, and silent with --quiet."""
        if not self._quiet:
            click.echo(text, err=True)

    def note(self, place: str, text: str) -> None:
        """A located note that ends nothing."""
        self.say(f"note: {safe(place)}: {safe(text)}")


def _to_reader(write: Callable[[], object]) -> None:
    try:
        write()
    except BrokenPipeError as error:
        raise ReaderGoneError from error


@contextlib.contextmanager
def console(output: str | None, *, quiet: bool, no_color: bool) -> Iterator[Console]:
    """Opens the data stream; a file is written whole or not at all."""
    if output is None:
        terminal = sys.stdout.isatty()
        color = terminal and not no_color
        yield Console(sys.stdout.buffer, quiet=quiet, style=Style(color=color), terminal=terminal)
        _to_reader(sys.stdout.buffer.flush)
        return
    part = Path(f"{output}.part")
    try:
        with part.open("wb") as stream:
            yield Console(stream, quiet=quiet, style=Style(color=False))
        os.replace(part, output)  # noqa: PTH105 - atomic on one file system, as Path.replace, but says what it does
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}", source=output, hint="name a writable file with --output"
        ) from error
    finally:
        part.unlink(missing_ok=True)
