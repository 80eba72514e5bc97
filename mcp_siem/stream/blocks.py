"""Blocks of whole lines out of bytes, for sources whose lines stand alone: cut once, split where they are read."""

from dataclasses import dataclass

from mcp_siem.sources.port import ParseIssue

__all__ = ["Block", "BlockCutter", "too_long"]

_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True, kw_only=True)
class Block:
    """Whole lines of one input: the number of the first, and at which byte it starts; `lines`, once they are counted."""

    name: str
    first: int
    start: int
    data: bytes
    lines: int | None = None

    def count(self) -> int:
        """How many lines it holds."""
        if self.lines is None:
            self.lines = self.data.count(b"\n") + (not self.data.endswith(b"\n"))
        return self.lines


def too_long(ref: str, size: int, limit: int) -> ParseIssue:
    """What is told of a line that is longer than what is read."""
    return ParseIssue(ref=ref, code="line_too_long", reason=f"the line has {size} bytes, {limit} are read at most")


class BlockCutter:
    """Takes bytes, gives blocks. A line far over the limit is skipped without being kept, and told."""

    def __init__(self, name: str, *, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._skipped = 0
        self._last = Block(name=name, first=1, start=0, data=b"", lines=0)
        self._at = 0

    def feed(self, chunk: bytes) -> list[Block | ParseIssue]:
        """The lines that this chunk completes."""
        found: list[Block | ParseIssue] = []
        self._at += len(chunk)
        if self._skipped:
            end = chunk.find(b"\n")
            if end < 0:
                self._skipped += len(chunk)
                return found
            self._skipped += end
            found += self.close()
            chunk = chunk[end + 1 :]
        end = chunk.rfind(b"\n") + 1
        if end:
            found.append(self._block([*self._parts, chunk[:end]], self._at - len(chunk) - self._size))
            self._parts, self._size = [], 0
        if rest := chunk[end:]:
            self._parts.append(rest)
            self._size += len(rest)
        # One byte more than the limit: a line may still end in a carriage return.
        if self._size > self._limit + 1:
            self._parts, self._size, self._skipped = [], 0, self._size
        return found

    def close(self) -> list[Block | ParseIssue]:
        """The last line, if the input did not end it."""
        if self._skipped:
            size, self._skipped = self._skipped, 0
            self._last = Block(name=self._name, first=self._line, start=self._at, data=b"", lines=1)
            return [too_long(f"{self._name}:{self._last.first}", size, self._limit)]
        start = self._at - self._size
        parts, self._parts, self._size = self._parts, [], 0
        return [self._block(parts, start)] if parts else []

    @property
    def _line(self) -> int:
        return self._last.first + self._last.count()

    def _block(self, parts: list[bytes], start: int) -> Block:
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        line = self._line
        if line == 1 and data.startswith(_BOM):
            data, start = data.removeprefix(_BOM), start + len(_BOM)
        self._last = Block(name=self._name, first=line, start=start, data=data)
        return self._last
