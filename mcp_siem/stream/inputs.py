"""Inputs named on a command line: files, directories, gzip, zstd, standard input; opened late, read in chunks."""

import os
import stat
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.blocks import Block, BlockCutter
from mcp_siem.stream.compressed import GZIP, ZSTD, CompressedError, inflated, unzstd
from mcp_siem.stream.lines import MAX_LINE, LineSplitter

__all__ = ["Input", "find_inputs"]

T = TypeVar("T")

_STDIN = "-"
_SUFFIXES = (".jsonl", ".json", ".ndjson", ".log")
_PACKED = (".gz", ".zst", ".zstd")
_CHUNK = 512 * 1024
_MAGIC = 4
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SAMPLED = 50


class Input:
    """One input: its first records to look at, and all of them to read. A pipe is read once all the same.

    `done` is how many of its bytes were read so far, as they lie on disk; `plain` says that it can be read at any place.
    """

    def __init__(self, name: str, *, named: bool = True, max_line: int = MAX_LINE) -> None:
        self.name = name
        self.named = named
        self.done = 0
        self.plain = False
        self._max_line = max_line
        self._again = name != _STDIN and Path(name).is_file()
        self._seen: list[bytes] = []
        self._broken: CompressedError | None = None
        self._bytes = self._opened_bytes()
        self.head = tuple(self._sample())
        if self._again:
            # A folder may hold more files than a process may have open.
            self._bytes.close()
            self.done = 0

    @property
    def size(self) -> int | None:
        """Its size in bytes as it lies on disk; None for a pipe."""
        return Path(self.name).stat().st_size if self._again else None

    def records(self) -> Iterator[Record | ParseIssue]:
        """Every record of the input, from its first line on."""
        splitter = LineSplitter(self.name, limit=self._max_line)
        return self._cut(self._all(), splitter.feed, splitter.close)

    def blocks(self) -> Iterator[Block | ParseIssue]:
        """The same as blocks of whole lines."""
        cutter = BlockCutter(self.name, limit=self._max_line)
        return self._cut(self._all(), cutter.feed, cutter.close)

    def _sample(self) -> Iterator[Record | ParseIssue]:
        """The first records; of a pipe no more than it takes to know it, for the rest may be long in coming."""
        splitter = LineSplitter(self.name, limit=self._max_line)
        for record in islice(self._cut(self._watched(), splitter.feed, splitter.close), _SAMPLED):
            yield record
            if not self._again and isinstance(record, Record) and record.data.startswith((b"{", b"[")):
                return

    def _watched(self) -> Iterator[bytes]:
        """The bytes; those of a pipe are kept as they come, for they cannot be read again."""
        try:
            for chunk in self._bytes:
                if not self._again:
                    self._seen.append(chunk)
                yield chunk
        except CompressedError as error:
            self._broken = error
            raise

    def _all(self) -> Iterator[bytes]:
        if self._again:
            return self._opened_bytes()
        return chain(self._seen, self._rest())

    def _rest(self) -> Iterator[bytes]:
        self._seen = []
        if self._broken is not None:
            raise self._broken
        yield from self._bytes

    def _cut(
        self, chunks: Iterable[bytes], feed: Callable[[bytes], Iterable[T]], close: Callable[[], Iterable[T]]
    ) -> Iterator[T | ParseIssue]:
        """What a machine that cuts bytes makes of this input; damage ends it, and is told."""
        try:
            for chunk in chunks:
                yield from feed(chunk)
        except CompressedError as error:
            yield from close()
            yield ParseIssue(ref=self.name, code=error.code, reason=f"the compressed data ends in an error: {error}")
            return
        except OSError as error:
            raise _unreadable(self.name, error) from error
        yield from close()

    def _opened_bytes(self) -> Generator[bytes, None, None]:
        """The bytes of the input, decompressed if they begin as gzip or zstd do; its name does not count."""
        with _opened(self.name) as handle:
            start = _start(handle)
            if start.startswith(_UTF16):
                raise UsageError("the input is UTF-16", source=self.name, hint="save it as UTF-8")
            self.plain = self._again and not start.startswith((GZIP, ZSTD))
            chunks = chain((start,), self._chunks(handle))
            if start.startswith(GZIP):
                yield from inflated(chunks)
            else:
                yield from unzstd(chunks) if start.startswith(ZSTD) else chunks

    def _chunks(self, handle: BinaryIO) -> Iterator[bytes]:
        """What is there, at most a chunk: a live pipe is not waited on until a whole chunk has come."""
        read1: Callable[[int], bytes] = getattr(handle, "read1", handle.read)
        while chunk := read1(_CHUNK):
            self.done += len(chunk)
            yield chunk


def find_inputs(paths: Sequence[str | Path], *, max_line: int = MAX_LINE) -> list[Input]:
    """The inputs that the paths stand for, each once; raises NoInputError or UsageError naming the path at fault."""
    found: dict[str, bool] = {}
    for path in map(str, paths):
        if path == _STDIN:
            found[_STDIN] = True
        else:
            named, names = _files(path)
            found.update((name, named or found.get(name, False)) for name in names)
    inputs = [Input(name, named=named, max_line=max_line) for name, named in found.items()]
    filled = [one for one in inputs if one.head]
    if not filled:
        said = ", ".join(found) if len(found) <= _SAMPLED else f"{len(found)} files"
        raise NoInputError("the input holds no record", source=said or None, hint="name a file that is not empty")
    return filled


def _files(path: str) -> tuple[bool, list[str]]:
    """Whether the path itself is the input, and the files it stands for."""
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        hint = "check the path; - is standard input"
        raise NoInputError("no such file or directory", source=path, hint=hint) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISDIR(mode):
        return True, [path]
    names = list(_walk(path))
    if not names:
        hint = f"a directory is searched for {', '.join(_SUFFIXES)}, with or without .gz or .zst"
        raise NoInputError("no file to read in this directory", source=path, hint=hint)
    return False, names


def _walk(top: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise _unreadable(str(error.filename), error) from error

    for folder, folders, names in os.walk(top, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if _is_log(name.lower()) and path.is_file():
                yield str(path)


def _is_log(name: str) -> bool:
    packed = next((suffix for suffix in _PACKED if name.endswith(suffix)), "")
    return name.removesuffix(packed).endswith(_SUFFIXES)


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    if name != _STDIN:
        return Path(name).open("rb")
    if sys.stdin is None:
        raise NoInputError("there is no standard input", source=name, hint="name a file")
    return nullcontext(sys.stdin.buffer)


def _start(handle: BinaryIO) -> bytes:
    """The first bytes, as many as tell compressed data from text, or all there are."""
    start = b""
    while len(start) < _MAGIC and (more := handle.read(_MAGIC - len(start))):
        start += more
    return start


def _unreadable(path: str, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"cannot be read: {reason}", source=path, hint="check the path and its permissions")
