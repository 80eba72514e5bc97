"""Where the reading of a file stands, and how the file is known again: by device, inode and its own bytes.

A name is not enough (files are rotated), nor is an inode (it is given to the next file), nor both (a file can be cut
back and written anew in place): its first bytes and those before the place must be the same too.
"""

import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

import zstandard

__all__ = [
    "HEAD",
    "LAST",
    "Found",
    "Mark",
    "chunks_from",
    "digest_of",
    "find_rest",
    "generations",
    "has_mark",
    "has_start",
    "is_packed",
    "load_mark",
    "rotated_name",
]

HEAD = 1024
LAST = 256
_MOST_SIBLINGS = 200
# The clock of a file system may lag behind by so many nanoseconds.
_COARSE = 20_000_000
_PACKED = (".gz", ".zst", ".zstd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in a file: `offset` and `line` are where its next unread line begins.

    `path` is the name that was asked for, `place` the one under which the file lay last. `head` and `last` are
    digests of its first bytes and of those before the offset: a log may hold what a checkpoint must not repeat.
    """

    path: str
    place: str
    device: int
    inode: int
    head_size: int
    head: str
    last_size: int
    last: str
    offset: int
    line: int

    def is_of(self, info: os.stat_result) -> bool:
        """Says whether device and inode are those of the file."""
        return (self.device, self.inode) == (info.st_dev, info.st_ino)

    def fits(self, read: Callable[[int, int], bytes]) -> bool:
        """Says whether these bytes (`read(size, offset)`) begin as the file did, and stood before the offset."""
        head = read(self.head_size, 0)
        last = read(self.last_size, self.offset - self.last_size)
        return digest_of(head) == self.head and digest_of(last) == self.last

    def moved(self, place: str) -> "Mark":
        """The same place of the same file under another name."""
        return replace(self, place=place)


def digest_of(data: bytes) -> str:
    """The digest under which bytes are remembered."""
    return hashlib.sha256(data).hexdigest()[:32]


def load_mark(dumped: Any) -> Mark:
    """A mark from what `dataclasses.asdict` made of it."""
    return Mark(
        path=str(dumped["path"]),
        place=str(dumped["place"]),
        device=int(dumped["device"]),
        inode=int(dumped["inode"]),
        head_size=int(dumped["head_size"]),
        head=str(dumped["head"]),
        last_size=int(dumped["last_size"]),
        last=str(dumped["last"]),
        offset=int(dumped["offset"]),
        line=int(dumped["line"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where the rest of a file lies now: the file itself under another name, a copy of it, or that compressed."""

    place: str
    kind: Literal["moved", "copy", "packed"]


def find_rest(mark: Mark) -> Found | None:
    """Looks for a file that is no longer under its name, or was cut back: beside it, newest first."""
    siblings = _siblings(mark.path)
    for place, info in siblings:
        if mark.is_of(info) and has_mark(place, mark):
            return Found(place=place, kind="moved")
    for place, _ in siblings:
        if is_packed(place):
            if _packed_fits(place, mark):
                return Found(place=place, kind="packed")
        elif has_mark(place, mark):
            return Found(place=place, kind="copy")
    return None


def generations(path: str, since: int) -> list[tuple[str, os.stat_result]]:
    """Files that may have borne the name and lost it again after `since` (nanoseconds of the wall clock), oldest first."""
    found = [(place, info) for place, info in _siblings(path) if info.st_mtime_ns >= since - _COARSE]
    return [(place, info) for place, info in reversed(found) if not is_packed(place)]


def is_packed(place: str) -> bool:
    """Says whether a name is that of a compressed file."""
    return place.lower().endswith(_PACKED)


def _opened_packed(place: str) -> IO[bytes]:
    """The bytes that a compressed file stands for."""
    if place.lower().endswith(".gz"):
        return io.BufferedReader(gzip.GzipFile(place, "rb"))
    reader: IO[bytes] = zstandard.open(place, "rb")
    return reader


def rotated_name(path: str, place: str) -> bool:
    """Says whether `place` is what a rotation may call an older `path`: `a.log.1`, `a.log-20260820.gz`, `a.1.log`."""
    name, stem, ending, other = Path(path).name, Path(path).stem, Path(path).suffix, Path(place).name
    stamp = r"[.-][0-9][0-9TZ:._-]*"
    packed = r"(\.gz|\.zst|\.zstd)?"
    pattern = rf"(?:{re.escape(name)}{stamp}|{re.escape(stem)}{stamp}{re.escape(ending)}){packed}"
    return other != name and re.fullmatch(pattern, other) is not None


def _siblings(path: str) -> list[tuple[str, os.stat_result]]:
    """What lies beside a file under names of older files of it, newest first."""
    found: list[tuple[str, os.stat_result]] = []
    with suppress(OSError):
        for place in Path(path).parent.iterdir():
            if rotated_name(path, place.name):
                with suppress(OSError):
                    found.append((str(place), place.stat()))
    return sorted(found, key=lambda item: -item[1].st_mtime_ns)[:_MOST_SIBLINGS]


def has_mark(place: str, mark: Mark) -> bool:
    """Says whether a plain file begins as the mark's did, and had the same bytes before its offset."""
    return _asked(place, mark.fits)


def has_start(place: str, mark: Mark) -> bool:
    """Says whether a plain file begins as the mark's did."""
    return _asked(place, lambda read: digest_of(read(mark.head_size, 0)) == mark.head)


def _asked(place: str, ask: Callable[[Callable[[int, int], bytes]], bool]) -> bool:
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return ask(lambda size, offset: os.pread(handle, size, offset))
    except OSError:
        return False
    finally:
        os.close(handle)


def _packed_fits(place: str, mark: Mark) -> bool:
    try:
        with _opened_packed(place) as stream:
            if digest_of(stream.read(mark.head_size)) != mark.head:
                return False
            _skip(stream, mark.offset - mark.last_size - mark.head_size)
            return mark.offset < mark.head_size + mark.last_size or digest_of(stream.read(mark.last_size)) == mark.last
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        return False


def _skip(stream: IO[bytes], size: int) -> None:
    left = size
    while left > 0 and (data := stream.read(min(left, 1 << 20))):
        left -= len(data)


def chunks_from(place: str, offset: int, size: int) -> Iterator[bytes]:
    """The bytes of a compressed file from an offset on; what is damaged ends it with an OSError."""
    try:
        with _opened_packed(place) as stream:
            _skip(stream, offset)
            while data := stream.read(size):
                yield data
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        raise OSError(f"damaged: {error}") from error
