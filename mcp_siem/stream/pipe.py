"""Standard input, read as it comes. It cannot be read twice: what was read and not judged when we end is lost."""

import os
import select

from mcp_siem.errors import UsageError
from mcp_siem.stream.lines import MAX_LINE
from mcp_siem.stream.tail import CHUNK, Item, TailCutter

__all__ = ["Pipe"]


class Pipe:
    """Reads an open file without ever waiting for it. `read` counts its bytes, `ended` says that nothing more comes."""

    def __init__(self, handle: int, *, name: str = "-", max_line: int = MAX_LINE) -> None:
        try:
            os.fstat(handle)
        except OSError as error:
            raise UsageError("there is no standard input", source=name, hint="name a file") from error
        self.name = name
        self.read = 0
        self.ended = False
        self._handle = handle
        self._lines = TailCutter(name, limit=max_line)
        self._poll = select.poll()
        self._poll.register(handle, select.POLLIN)

    @property
    def unfinished(self) -> int:
        """How many bytes of a line that has not ended were read."""
        return self._lines.unfinished

    def poll(self) -> list[Item] | None:
        """The lines that are there now; None if there is nothing."""
        if self.ended or not self._poll.poll(0):
            return None
        chunk = os.read(self._handle, CHUNK)
        self.read += len(chunk)
        if chunk:
            return self._lines.feed(chunk)
        self.ended = True
        return self._lines.close()
