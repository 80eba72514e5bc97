"""Inputs named on a command line: files, directories, gzip, standard input; opened late, read in chunks."""

import os
import stat
import sys
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.lines import MAX_LINE, LineSplitter

__all__ = ["Input", "find_inputs"]

_STDIN = "-"
_SUFFIXES = (".jsonl", ".json", ".ndjson", ".log")
_CHUNK = 256 * 1024
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SAMPLED = 50


class Input:
    """One input: its first records to look at, and all of them to read. A pipe is read once all the same."""

    def __init__(self, name: str, *, named: bool = True, max_line: int = MAX_LINE) -> None:
        self.name = name
        self.named = named
        self._max_line = max_line
        self._rest: Iterator[Record | ParseIssue] | None = None
        self._again = name != _STDIN and Path(name).is_file()
        records = self._read()
        self.head = tuple(self._sample(records))
        if self._again:
            # A folder may hold more files than a process may have open.
            records.close()
        else:
            self._rest = records

    def _sample(self, records: Iterator[Record | ParseIssue]) -> Iterator[Record | ParseIssue]:
        """The first records; of a pipe no more than it takes to know it, for the rest may be long in coming."""
        for record in islice(records, _SAMPLED):
            yield record
            if not self._again and isinstance(record, Record) and record.data.startswith((b"{", b"[")):
                return

    def records(self) -> Iterator[Record | ParseIssue]:
        """Every record of the input, from its first line on."""
        return self._read() if self._again else chain(self.head, self._rest or ())

    def _read(self) -> Generator[Record | ParseIssue, None, None]:
        splitter = LineSplitter(self.name, limit=self._max_line)
        try:
            with _opened(self.name) as handle:
                for chunk in _plain(handle, self.name):
                    yield from splitter.feed(chunk)
        except zlib.error as error:
            yield from splitter.close()
            yield ParseIssue(ref=self.name, code="bad_gzip", reason=f"the compressed data ends in an error: {error}")
        except OSError as error:
            raise _unreadable(self.name, error) from error
        yield from splitter.close()


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
        hint = f"a directory is searched for {', '.join(_SUFFIXES)}, with or without .gz"
        raise NoInputError("no file to read in this directory", source=path, hint=hint)
    return False, names


def _walk(top: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise _unreadable(str(error.filename), error) from error

    for folder, folders, names in os.walk(top, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if name.lower().removesuffix(".gz").endswith(_SUFFIXES) and path.is_file():
                yield str(path)


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    if name != _STDIN:
        return Path(name).open("rb")
    if sys.stdin is None:
        raise NoInputError("there is no standard input", source=name, hint="name a file")
    return nullcontext(sys.stdin.buffer)


def _plain(handle: BinaryIO, name: str) -> Iterator[bytes]:
    """The bytes of an input, decompressed if they begin as gzip does; its name does not count."""
    start = handle.read(2)
    if start in _UTF16:
        raise UsageError("the input is UTF-16", source=name, hint="save it as UTF-8")
    chunks = chain((start,), iter(lambda: _some(handle), b""))
    return _gunzip(chunks) if start == _GZIP else chunks


def _some(handle: BinaryIO) -> bytes:
    """What is there, at most a chunk: a live pipe is not waited on until a whole chunk has come."""
    read1 = getattr(handle, "read1", handle.read)
    data: bytes = read1(_CHUNK)
    return data


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflates member after member, never more than a chunk at once; zeros after the last member are padding."""
    machine = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while data:
            if machine.eof:
                machine = zlib.decompressobj(wbits=31)
            yield machine.decompress(data, _CHUNK)
            data = machine.unused_data.lstrip(b"\0") if machine.eof else machine.unconsumed_tail
    if not machine.eof:
        raise zlib.error("it is cut off")


def _unreadable(path: str, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"cannot be read: {reason}", source=path, hint="check the path and its permissions")
