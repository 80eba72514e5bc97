"""Cassettes of agent-vcr (`--source agent_vcr`): a recorded session as one JSON document, mostly over many lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcp_siem.events.time import parse_time
from mcp_siem.sources.capture import Capture, Direction, Frame, Lifecycle, Place
from mcp_siem.sources.frames import FrameSource, sender_of
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.shape import items, mapping, text

__all__ = ["AGENT_VCR"]

_SURE = 0.97
_MOST_BYTES = 64 * 1024 * 1024
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_KEYS = (b'"format_version"', b'"initialize_request"', b'"interactions"')


class VcrReader:
    """Holds the lines of a document until it ends."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._ref = ""
        self._size = 0
        self._depth = 0

    def read(self, record: Record) -> Iterator[Capture | ParseIssue]:
        """Takes a line; a document that this line ends is told."""
        if not self._lines:
            self._ref = record.ref
        self._size += len(record.data)
        if self._size > _MOST_BYTES:
            self._lines, self._size, self._depth = [], 0, 0
            yield ParseIssue(ref=self._ref, code="too_long", reason=f"a cassette has {_MOST_BYTES} bytes at most")
            return
        line = record.data.decode("utf-8", "replace")
        self._lines.append(line)
        bare = _STRING.sub("", line)
        self._depth += bare.count("{") + bare.count("[") - bare.count("}") - bare.count("]")
        if self._depth <= 0:
            yield from self._document()

    def finish(self) -> Iterator[Capture | ParseIssue]:
        """Tells the document that the input did not end."""
        if self._lines:
            yield from self._document()

    def dump(self) -> dict[str, object]:
        """The lines that are held."""
        return {"lines": list(self._lines), "ref": self._ref, "size": self._size, "depth": self._depth}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._lines = [str(line) for line in document["lines"]]
        self._ref, self._size = str(document["ref"]), int(document["size"])
        self._depth = int(document["depth"])

    def _document(self) -> Iterator[Capture | ParseIssue]:
        value, fault = read_json("\n".join(self._lines))
        ref = self._ref
        self._lines, self._size, self._depth = [], 0, 0
        if fault is not None:
            yield ParseIssue(ref=ref, code=fault.code, reason=fault.reason)
        if isinstance(value, dict):
            yield from _captures(value, ref)
        elif not is_fatal(fault):
            yield ParseIssue(ref=ref, code="not_object", reason="a cassette is a JSON object")


def _captures(value: Mapping[str, object], ref: str) -> Iterator[Capture | ParseIssue]:
    about, session = mapping(value.get("metadata")), mapping(value.get("session"))
    begun = parse_time(about.get("recorded_at"))
    server = text(mapping(about.get("server_info")).get("name"))
    transport = "pipe" if about.get("transport") in ("stdio", None) else "tcp"

    def place(index: int, time: int | None) -> Place:
        return Place(ref=f"{ref}/{index}", time=begun if time is None else time, server=server, transport=transport)

    command = text(about.get("server_command"))
    if command is not None:
        words = [command, *(word for word in items(about.get("server_args")) if isinstance(word, str))]
        yield Lifecycle(place=place(0, begun), message={"process_start": " ".join(words)})
    for name in ("initialize_request", "initialize_response"):
        if isinstance(session.get(name), dict):
            yield Frame(place=place(0, begun), direction=sender_of(session[name]), message=session[name])
    for index, one in enumerate(items(session.get("interactions")), 1):
        told = mapping(one)
        yield from _interaction(told, place(index, parse_time(told.get("timestamp"))))


def _interaction(told: Mapping[str, object], place: Place) -> Iterator[Capture]:
    said = told.get("direction")
    known = {one.value: one for one in Direction}
    direction = known.get(said) if isinstance(said, str) else None
    direction = direction or sender_of(told.get("request"))
    if told.get("request") is not None:
        yield Frame(place=place, direction=direction, message=told["request"])
    for note in items(told.get("notifications")):
        yield Frame(place=place, direction=sender_of(note), message=note)
    if told.get("response") is not None:
        yield Frame(place=place, direction=direction.reverse, message=told["response"])


def _sure(sample: Sequence[bytes]) -> float:
    whole = b"\n".join(sample)
    return _SURE if whole.lstrip().startswith(b"{") and sum(key in whole for key in _KEYS) > 1 else 0.0


def _when(line: bytes) -> int | None:
    value, fault = read_json(line)
    return None if is_fatal(fault) else parse_time(mapping(mapping(value).get("metadata")).get("recorded_at"))


AGENT_VCR = FrameSource(name="agent_vcr", sure=_sure, when=_when, reader=VcrReader)
