"""A file that data is written to: whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from mcp_siem.errors import UsageError

__all__ = ["ReaderGoneError", "told", "whole_file", "words"]


class ReaderGoneError(Exception):
    """Whoever read our output (`head`) has enough. Not an OSError: click would end with 1 on a broken pipe."""


@contextlib.contextmanager
def told(place: str) -> Iterator[None]:
    """Says of a failed write where it failed; a reader that left is no failure."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror or error}",
            source=place,
            hint="free its disk, or name a writable file with --output",
        ) from error


@contextlib.contextmanager
def whole_file(output: str) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of the file when the block ends well, and else leaves it as it was.

    A device or a pipe is written to as it stands: taking its place would destroy it.
    """
    place = Path(os.path.realpath(output))
    with told(output):
        stands = place.exists()
        part = None if stands and not place.is_file() else place.with_name(f".mcp-siem-{secrets.token_hex(8)}.part")
        stream = place.open("wb") if part is None else part.open("xb")
    try:
        yield stream
        with told(output):
            stream.close()
            if part is not None:
                if stands:
                    part.chmod(place.stat().st_mode & 0o7777)
                part.replace(place)
    finally:
        with contextlib.suppress(OSError):
            stream.close()
        if part is not None:
            part.unlink(missing_ok=True)


def words(text: str) -> None:
    """Says something to people on standard error; where it takes nothing, the exit code still speaks."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)
