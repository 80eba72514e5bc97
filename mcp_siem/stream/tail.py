"""One file, read as it grows: from a mark to where its bytes end now, and on."""

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.blocks import Block, BlockCutter, too_long
from mcp_siem.stream.lines import MAX_LINE, bare
from mcp_siem.stream.mark import HEAD, LAST, Mark, chunks_from, digest_of, has_mark

__all__ = ["CHUNK", "Item", "PackedTail", "PlainTail", "Tail", "TailCutter", "records_of"]

CHUNK = 256 * 1024
_COUNTED = 1 << 20

Item = Block | ParseIssue


class TailCutter(BlockCutter):
    """Cuts blocks of whole lines from a place in the middle of a file, and knows where the unfinished one begins."""

    def __init__(self, name: str, *, limit: int, line: int = 1) -> None:
        super().__init__(name, limit=limit)
        self._last = Block(name=name, first=line, start=0, data=b"", lines=0)
        self.limit = limit

    @property
    def line(self) -> int:
        """The number of the line that is not finished yet."""
        return self._line

    @property
    def unfinished(self) -> int:
        """How many bytes of it were seen."""
        return self._size + self._skipped


def records_of(block: Block, limit: int) -> Iterator[Record | ParseIssue]:
    """The lines of a block one by one; one over the limit is told."""
    for number, line in enumerate(io.BytesIO(block.data), block.first):
        data = bare(line)
        if len(data) > limit:
            yield too_long(f"{block.name}:{number}", len(line.removesuffix(b"\n")), limit)
        elif data:
            yield Record(data=data, ref=f"{block.name}:{number}")


class Tail:
    """What a plain and a compressed file have in common. `goal` is how far the file went when it was opened."""

    def __init__(self, mark: Mark, *, max_line: int, rotated: bool) -> None:
        self.mark_read = mark
        self.rotated = rotated
        self.offset = mark.offset
        self.goal = 0
        self.quiet_since = 0.0
        self.moved = False
        self.lines = TailCutter(mark.path, limit=max_line, line=mark.line)
        self._origin = ""

    @property
    def behind(self) -> bool:
        """Says whether there is still to be read what was there before."""
        return self.offset < self.goal

    @property
    def origin(self) -> str:
        """Tells this file's lines from the lines of the same number in another file of its name."""
        return self._origin

    def poll(self) -> list[Item]:
        """What can be read now."""
        raise NotImplementedError

    def mark(self) -> Mark:
        """Where reading stands now."""
        raise NotImplementedError

    def close(self) -> list[Item]:
        """Lets the file go; the last line counts even if it was not ended."""
        return self.lines.close()


class PlainTail(Tail):
    """A file. `cut_back` is set by a poll that found it cut back or written anew: the mark of what it was before."""

    def __init__(self, mark: Mark, *, max_line: int = MAX_LINE, rotated: bool = False) -> None:
        super().__init__(mark, max_line=max_line, rotated=rotated)
        self.cut_back: Mark | None = None
        self._handle = os.open(mark.place, os.O_RDONLY | os.O_CLOEXEC)
        self._head = self._last = b""
        with suppress(OSError):
            info = os.fstat(self._handle)
            self.device, self.inode, self.goal = info.st_dev, info.st_ino, info.st_size
            self._remember()

    @classmethod
    def fresh(cls, path: str, place: str, *, max_line: int = MAX_LINE, rotated: bool = False) -> "PlainTail":
        """A file from its first byte on."""
        none = digest_of(b"")
        mark = Mark(
            path=path,
            place=place,
            device=0,
            inode=0,
            head_size=0,
            head=none,
            last_size=0,
            last=none,
            offset=0,
            line=1,
        )
        return cls(mark, max_line=max_line, rotated=rotated)

    def skip_to_end(self) -> None:
        """Leaves unread every whole line that is there now."""
        line, start, at = 1, 0, 0
        while chunk := os.pread(self._handle, _COUNTED, at):
            end = chunk.rfind(b"\n")
            if end >= 0:
                line += chunk.count(b"\n")
                start = at + end + 1
            at += len(chunk)
        self._stand_at(start, line)

    def starts_with(self, magic: bytes) -> bool:
        """Says whether the file begins with these bytes."""
        return os.pread(self._handle, len(magic), 0) == magic

    def fits(self, mark: Mark) -> bool:
        """Says whether the file is the one that the mark was made of."""
        return mark.fits(lambda size, offset: os.pread(self._handle, size, offset))

    def is_copied_by(self, place: str) -> bool:
        """Says whether another file holds what was read of this one."""
        return self.offset > 0 and has_mark(place, self.mark())

    def is_of(self, info: os.stat_result) -> bool:
        """Says whether it is this file."""
        return (self.device, self.inode) == (info.st_dev, info.st_ino)

    def poll(self) -> list[Item]:
        """What can be read now: at most one chunk."""
        self.moved = False
        size = os.fstat(self._handle).st_size
        if size < self.offset or self._rewritten():
            self.cut_back = self.mark()
            return []
        if size == self.offset:
            return []
        chunk = os.pread(self._handle, CHUNK, self.offset)
        self.offset += len(chunk)
        self.moved = True
        if len(self._head) < HEAD:
            self._set_head()
        self._last = chunk[-LAST:] if len(chunk) >= LAST else (self._last + chunk)[-LAST:]
        return self.lines.feed(chunk)

    def begin_again(self) -> None:
        """Reads the file from its first byte on, as a new one."""
        self.cut_back = None
        self._stand_at(0, 1)

    def mark(self) -> Mark:
        """Where reading stands now: at the line that is not finished."""
        start = self.offset - self.lines.unfinished
        # The bytes before the offset are kept, those before the line may be further back: then they are read again.
        last = self._last[: max(0, len(self._last) - self.lines.unfinished)]
        return Mark(
            path=self.mark_read.path,
            place=self.mark_read.place,
            device=self.device,
            inode=self.inode,
            head_size=min(len(self._head), start) if start else 0,
            head=digest_of(self._head[:start]),
            last_size=len(last),
            last=digest_of(last),
            offset=start,
            line=self.lines.line,
        )

    def close(self) -> list[Item]:
        """Lets the file go; the last line counts even if it was not ended."""
        with suppress(OSError):
            os.close(self._handle)
        return super().close()

    def _rewritten(self) -> bool:
        size = len(self._last)
        return (
            os.pread(self._handle, len(self._head), 0) != self._head
            or os.pread(self._handle, size, self.offset - size) != self._last
        )

    def _stand_at(self, offset: int, line: int) -> None:
        self.offset = offset
        self.lines = TailCutter(self.mark_read.path, limit=self.lines.limit, line=line)
        self.goal = os.fstat(self._handle).st_size
        self._remember()

    def _remember(self) -> None:
        self._set_head()
        size = min(LAST, self.offset)
        self._last = os.pread(self._handle, size, self.offset - size)

    def _set_head(self) -> None:
        self._head = os.pread(self._handle, min(HEAD, self.offset), 0)
        self._origin = _origin(self._head)


def _origin(head: bytes) -> str:
    return digest_of(head.partition(b"\n")[0])[:16]


class PackedTail(Tail):
    """The rest of a file that was compressed in the meantime: read once, to its end."""

    def __init__(self, mark: Mark, place: str, *, max_line: int = MAX_LINE) -> None:
        super().__init__(mark, max_line=max_line, rotated=True)
        self._place = place
        self._chunks: Iterator[bytes] = chunks_from(place, mark.offset, CHUNK)
        self._origin = _origin(next(chunks_from(place, 0, HEAD), b""))
        self.goal = self.offset + 1

    def poll(self) -> list[Item]:
        """The lines of the next chunk; after the last there is nothing behind any more."""
        self.moved = False
        try:
            chunk = next(self._chunks, b"")
        except OSError as error:
            self.goal = self.offset
            return [ParseIssue(ref=self.mark_read.path, code="bad_rest", reason=f"{self._place}: {error.args[0]}")]
        self.offset += len(chunk)
        self.moved = bool(chunk)
        self.goal = self.offset + bool(chunk)
        return self.lines.feed(chunk)

    def mark(self) -> Mark:
        """Where reading stands now: at the line that is not finished."""
        start = self.offset - self.lines.unfinished
        return replace(self.mark_read, offset=start, line=self.lines.line, last_size=0, last=digest_of(b""))
