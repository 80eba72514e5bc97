"""Recorded sessions: capture lines with scenarios, messages seen by a probe, plain lists of messages, cassettes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from mcp_siem.events.time import parse_time
from mcp_siem.prove.corpus import Stretch, Unit
from mcp_siem.sources.port import Record
from mcp_siem.testing import START, frame

__all__ = ["cassette_of", "messages_of", "observed_of", "sessions_of"]

Row = tuple[str, Mapping[str, object]]
Made = tuple[Sequence[Unit], Sequence[Stretch]]
_STEP = 1_000_000
_PID = 7_000


def sessions_of(rows: Sequence[Row], label: str) -> Made:
    """Capture lines, replayed as one file; lines of one scenario are one session."""
    found: dict[tuple[str, str], Unit] = {}
    units: dict[str, Unit] = {}
    for ref, row in rows:
        name, word = str(row.get("scenario") or ""), str(row.get("label") or label)
        unit = found.setdefault((name, word), Unit(kind="session", ref=ref, label=word, name=name))
        units[ref] = unit
    records = [Record(data=orjson.dumps(row), ref=ref) for ref, row in rows]
    return list(found.values()), [Stretch(source="wire", records=records, units=units)]


def observed_of(rows: Sequence[Row], label: str) -> Made:
    """Messages with the two processes between which they were seen; whoever asks first is the client."""
    clients: dict[object, object] = {}
    lines = []
    for ref, row in rows:
        way = next((row[key] for key in ("stdio_transport", "http_transport") if isinstance(row.get(key), dict)), {})
        ends = (way.get("from_pid"), way.get("to_pid")) if isinstance(way, dict) else (None, None)
        pair = tuple(sorted(map(str, ends)))
        client = clients.setdefault(pair, ends[0])
        server = ends[1] if ends[0] == client else ends[0]
        direction = "client_to_server" if ends[0] == client else "server_to_client"
        time = parse_time(row.get("timestamp"))
        pid = server if isinstance(server, int) else None
        lines.append((ref, frame(row.get("raw"), at=time, server=None, pid=pid, direction=direction)))
    return _one(lines, rows[0][0], label)


def messages_of(rows: Sequence[Row], label: str) -> Made:
    """Bare messages in their order; each introduction begins with a server of its own."""
    server = 0
    lines = []
    for number, (ref, row) in enumerate(rows):
        server += row.get("method") == "initialize"
        lines.append((ref, _line(row, number, f"server-{server}", server)))
    return _one(lines, rows[0][0], label)


def cassette_of(rows: Sequence[Row], label: str) -> Made:
    """Sessions recorded as pairs of request and response."""
    lines = []
    for ref, row in rows:
        for number, message in enumerate(_recorded(row.get("session"))):
            lines.append((ref, _line(message, number, "recorded", 0)))
    return _one(lines, rows[0][0], label)


def _recorded(session: object) -> Iterator[Mapping[str, object]]:
    if not isinstance(session, dict):
        return
    listed = session.get("interactions")
    pairs = [(session.get("initialize_request"), session.get("initialize_response"))]
    pairs += [(one.get("request"), one.get("response")) for one in listed or () if isinstance(one, dict)]
    for pair in pairs:
        yield from (message for message in pair if isinstance(message, dict))


def _line(message: Mapping[str, object], number: int, server: str, index: int) -> bytes:
    asked = "method" in message
    direction = "client_to_server" if asked else "server_to_client"
    return frame(message, at=START + number * _STEP, server=server, pid=_PID + index, direction=direction)


def _one(lines: Iterable[tuple[str, bytes]], ref: str, label: str) -> Made:
    records = [Record(data=line, ref=place) for place, line in lines]
    unit = Unit(kind="session", ref=ref, label=label)
    return [unit], [Stretch(source="wire", records=records, units={record.ref: unit for record in records})]
