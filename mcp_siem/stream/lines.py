"""Lines out of bytes, however these are cut: a machine without I/O and with bounded memory."""

from mcp_siem.sources.port import ParseIssue, Record

__all__ = ["MAX_LINE", "LineSplitter", "bare"]

MAX_LINE = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
# NUL is what a log holds where it was cut while being written, or where a crash lost a block.
_PADDING = b" \t\r\n\0"


def bare(line: bytes) -> bytes:
    """The line without what only pads it."""
    return line.strip(_PADDING)


class LineSplitter:
    """Takes bytes, gives records. A line over the limit is skipped without being kept, and told."""

    def __init__(self, name: str, *, limit: int = MAX_LINE) -> None:
        self._name = name
        self._limit = limit
        self._line = 1
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False

    def feed(self, chunk: bytes) -> list[Record | ParseIssue]:
        """The lines that this chunk completes."""
        found: list[Record | ParseIssue] = []
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._take(piece)
            found.extend(self._end())
            self._line += 1
        self._take(rest)
        return found

    def close(self) -> list[Record | ParseIssue]:
        """The last line, if the input did not end it."""
        return self._end()

    def _take(self, piece: bytes) -> None:
        self._size += len(piece)
        # One byte more than the limit: a line may still end in a carriage return.
        if self._size > self._limit + 1:
            self._skipping = True
            self._parts.clear()
        elif piece:
            self._parts.append(piece)

    def _end(self) -> list[Record | ParseIssue]:
        data = b"".join(self._parts)
        too_long = self._skipping or len(data.rstrip(b"\r")) > self._limit
        size = self._size
        self._parts, self._size, self._skipping = [], 0, False
        ref = f"{self._name}:{self._line}"
        if too_long:
            reason = f"the line has {size} bytes, {self._limit} are read at most"
            return [ParseIssue(ref=ref, code="line_too_long", reason=reason)]
        if self._line == 1:
            data = data.removeprefix(_BOM)
        data = bare(data)
        return [Record(data=data, ref=ref)] if data else []
