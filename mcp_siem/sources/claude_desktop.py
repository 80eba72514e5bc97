"""Claude Desktop's MCP logs (`--source claude_desktop`): `mcp.log` and `mcp-server-NAME.log`, all messages of all servers.

A long message is cut by the log; what is left of it is mended and told. The log names no user.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mcp_siem.events.time import parse_time
from mcp_siem.sources.capture import Capture, Direction, Frame, Lifecycle, Place
from mcp_siem.sources.frames import FrameSource
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.tally import Tally

__all__ = ["CLAUDE_DESKTOP"]

_SURE = 0.97
_LEVELS = frozenset({"info", "error", "warn", "warning", "debug", "trace"})
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?)\s+\[([^\]]{1,200})\] \[([^\]]{1,200})\] (.*)", re.DOTALL
)
_MESSAGE = re.compile(r"Message from (client|server): (\{.*|\[.*)", re.DOTALL)
_CUT = re.compile(r"(?:\.\.\.)?\[?(\d{1,12}) chars truncated\]?.*\Z", re.DOTALL)
_METADATA = re.compile(r"\s*\{\s*metadata: .*\}\s*\Z", re.DOTALL)
_COMMAND = re.compile(r"Using MCP server command: (.+?) with args and path:.*?(?:args: \[(.*?)\].*)?\Z", re.DOTALL)
_STARTED = re.compile(r"Server started and connected")
_ENDED = re.compile(r"(?:Server|Client) transport closed|Server disconnected|Shutting down server|Server exited")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_MOST_OPEN = 200
_LONGEST_END = 500
_LONGEST_COMMAND = 4_096


class DesktopReader:
    """Lines in, frames out."""

    def __init__(self) -> None:
        self._tally = Tally()

    def read(self, record: Record) -> Iterator[Capture | ParseIssue]:
        """What a line holds."""
        found = _LINE.fullmatch(record.data.decode("utf-8", "replace"))
        if found is None:
            yield from self._other(record.ref)
            return
        stamp, first, second, said = found.groups()
        server = second if first.lower() in _LEVELS else first
        place = Place(ref=record.ref, time=parse_time(stamp), server=server, weight=len(record.data))
        message = _MESSAGE.fullmatch(said)
        if message is not None:
            yield from _frame(place, message)
            return
        started = _started(said)
        if started is not None:
            yield Lifecycle(place=place, message={"process_start": started})
        elif _ENDED.search(said):
            yield Lifecycle(place=place, message={"process_exit": None})
        else:
            yield from self._other(record.ref)

    def finish(self) -> Iterator[Capture | ParseIssue]:
        """Yields how many lines hold no message."""
        yield from self._tally.finish()

    def dump(self) -> dict[str, object]:
        """The counts."""
        return {"tally": self._tally.dump()}

    def load(self, document: Any) -> None:
        """Goes on from the counts."""
        self._tally.load(document["tally"])

    def _other(self, ref: str) -> Iterator[ParseIssue]:
        yield from self._tally.note("other_record", ref, "lines that hold no message")


def _frame(place: Place, found: re.Match[str]) -> Iterator[Capture | ParseIssue]:
    sender, said = found.groups()
    value, fault = read_json(said)
    if is_fatal(fault):
        value, fault = read_json(said[:-_LONGEST_END] + _METADATA.sub("", said[-_LONGEST_END:]))
    if is_fatal(fault):
        cut = _CUT.search(said)
        value, fault = read_json(_mended(said[: cut.start()] if cut else said))
        if is_fatal(fault):
            yield ParseIssue(ref=place.ref, code="not_json", reason="the message is cut and cannot be mended")
            return
        left = f"{cut.group(1)} characters" if cut else "the end"
        yield ParseIssue(ref=place.ref, code="cut", reason=f"the log left out {left} of the message")
    elif fault is not None:
        yield ParseIssue(ref=place.ref, code=fault.code, reason=fault.reason)
    direction = Direction.TO_SERVER if sender == "client" else Direction.TO_CLIENT
    yield Frame(place=place, direction=direction, message=value)


def _mended(said: str) -> str:
    """A JSON text that was cut, with what it left open closed; what cannot stand at its end is dropped."""
    within, escaped, closing = _left_open(said)
    if within:
        said = (said[:-1] if escaped else re.sub(r"\\u[0-9a-fA-F]{0,3}\Z", "", said)) + '"'
    for ending in ("", "null", ":null"):
        for kept in (said, said.rstrip().rstrip(",")):
            if not is_fatal(read_json(kept + ending + closing)[1]):
                return kept + ending + closing
    return re.sub(r",?\s*[^,{\[]*\Z", "", said) + closing


def _left_open(said: str) -> tuple[bool, bool, str]:
    """Whether the text ends within a string, whether behind a backslash, and the brackets that close it."""
    open_ones: list[str] = []
    within = escaped = False
    for character in said:
        if within:
            within = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            within = True
        elif character in "{[":
            open_ones.append("}" if character == "{" else "]")
        elif character in "}]" and open_ones:
            open_ones.pop()
    # What is nested deeper than can be read is not mended.
    return within, escaped, "".join(reversed(open_ones[:_MOST_OPEN]))


def _started(said: str) -> list[str] | None:
    """The command of a server that starts, [] where the log does not say it; None if none starts."""
    found = _COMMAND.fullmatch(said[:_LONGEST_COMMAND])
    if found is not None:
        quoted = (one or two for one, two in _QUOTED.findall(found.group(2) or ""))
        return [found.group(1), *quoted]
    return [] if _STARTED.search(said[:_LONGEST_COMMAND]) else None


def _sure(sample: Sequence[bytes]) -> float:
    """The share of the lines with time, server and level; what a server printed may go on over several lines."""
    lines = [line.decode("utf-8", "replace") for line in sample]
    found = [match for match in map(_LINE.fullmatch, lines) if match is not None]
    ours = [one for one in found if _LEVELS & {one.group(2).lower(), one.group(3).lower()}]
    return _SURE if ours and len(ours) * 2 >= len([line for line in lines if line.strip()]) else 0.0


def _when(line: bytes) -> int | None:
    found = _LINE.fullmatch(line.decode("utf-8", "replace"))
    return None if found is None else parse_time(found.group(1))


CLAUDE_DESKTOP = FrameSource(name="claude_desktop", sure=_sure, when=_when, reader=DesktopReader)
