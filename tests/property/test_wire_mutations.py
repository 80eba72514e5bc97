"""Ten thousand damaged capture lines: nothing raises, nothing hangs, and nothing is held without a bound."""

import gc
import json
import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
import pytest

from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.sources.event import EVENT
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.wire import WIRE
from mcp_siem.stream.read import read_events
from mcp_siem.testing import START, frame

_LINES = [
    line
    for path in (*sorted(Path("examples").glob("captured*.jsonl")), *sorted(Path("sigma_rules/sources/wire").glob("*.raw.jsonl")))
    for line in path.read_bytes().splitlines()
    if len(line) < 4_000
]  # fmt: skip
_STRANGE = (None, True, False, 0, -1, 1.5, 2**63, "", "x", "\ud800", "\0", [], {}, [[]], {"": {}}, [None], "A" * 300)
_ROUNDS = 10_000 * int(os.environ.get("MCP_SIEM_TEST_DEPTH", "1"))
"""What the road promises."""


_DERIVER = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"repeatable"))


class _Bare:
    """Stands in for the deriver where only what is held matters."""

    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        del arguments, schema
        return data


def _places(value: object, found: list[tuple[dict[str, object] | list[object], str | int]]) -> None:
    if isinstance(value, dict | list):
        for key, child in list(value.items() if isinstance(value, dict) else enumerate(value)):
            found.append((value, key))
            _places(child, found)


def _flip(line: bytes, chance: random.Random) -> bytes:
    data = bytearray(line)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _truncate(line: bytes, chance: random.Random) -> bytes:
    return line[: chance.randrange(len(line))]


def _splice(line: bytes, chance: random.Random) -> bytes:
    other = chance.choice(_LINES)
    return line[: chance.randrange(len(line))] + other[chance.randrange(len(other)) :]


def _swap_type(line: bytes, chance: random.Random) -> bytes:
    value = orjson.loads(line)
    found: list[tuple[dict[str, object] | list[object], str | int]] = []
    _places(value, found)
    for holder, key in chance.sample(found, k=min(len(found), chance.randint(1, 3))):
        holder[key] = chance.choice(_STRANGE)  # type: ignore[index,call-overload]
    # orjson refuses half surrogates, peers do not.
    return json.dumps(value).encode()


def _drop(line: bytes, chance: random.Random) -> bytes:
    value = orjson.loads(line)
    found: list[tuple[dict[str, object] | list[object], str | int]] = []
    _places(value, found)
    holder, key = chance.choice(found)
    del holder[key]  # type: ignore[arg-type]
    return orjson.dumps(value)


def _nest(line: bytes, chance: random.Random) -> bytes:
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    depth = chance.choice((5, 90, 110, 250, 900, 1_100, 20_000))
    value = orjson.loads(line)
    found: list[tuple[dict[str, object] | list[object], str | int]] = []
    _places(value, found)
    holder, key = chance.choice(found)
    holder[key] = "@@"  # type: ignore[index,call-overload]
    return orjson.dumps(value).replace(b'"@@"', opening * depth + b"1" + closing * depth)


def _same_id(line: bytes, chance: random.Random) -> bytes:
    value = orjson.loads(line)
    message = value.get("message")
    if isinstance(message, dict):
        message["id"] = chance.choice((1, "1", 1.0, None, True, [1], {}))
        value["message"] = [message] * chance.randint(1, 3) if chance.random() < 0.5 else message
    return orjson.dumps(value)


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _truncate,
    _splice,
    _swap_type,
    _drop,
    _nest,
    _same_id,
)


def test_ten_thousand_damaged_lines_crash_nothing() -> None:
    chance = random.Random(20_261_123)
    session = WIRE.open(_DERIVER, KnownItems())
    made = told = 0
    for number in range(_ROUNDS):
        line = chance.choice(_MUTATIONS)(chance.choice(_LINES), chance)
        if b"\n" in line or not line.strip():
            line = line.replace(b"\n", b"") or b"{"
        for item in session.feed(Record(data=line, ref=f"f:{number}")):
            made += isinstance(item, Event)
            told += isinstance(item, ParseIssue)
            if isinstance(item, Event):
                orjson.dumps(item.flat())
    for item in session.finish():
        made += isinstance(item, Event)
    assert made > _ROUNDS // 4
    assert told > _ROUNDS // 10


def test_damaged_events_crash_nothing_either() -> None:
    chance = random.Random(7)
    session = EVENT.open(_DERIVER, KnownItems())
    line = orjson.dumps(
        {"@timestamp": "2026-01-01T00:00:00Z", "mcp": {"server": {"name": "x"}}, "user.id": "a", "l": [{}]}
    )
    for number in range(1_000):
        damaged = chance.choice((_flip, _truncate, _swap_type, _drop, _nest))(line, chance)
        for item in session.feed(Record(data=damaged, ref=f"f:{number}")):
            if isinstance(item, Event):
                item.flat()


@pytest.mark.parametrize("kind", ["requests", "answers", "connections", "definitions", "names"])
def test_what_is_held_does_not_grow_with_the_input(kind: str) -> None:
    session = WIRE.open(_Bare(), known := KnownItems(max_items=500))
    held = []
    for number in range(30_000):
        line = _endless(kind, number)
        list(session.feed(Record(data=line, ref=f"f:{number}")))
        if number % 5_000 == 0:
            held.append(session.held)
    assert max(held) <= 10_000 + 1_000 + 5_000 + 500
    assert held[-1] <= held[-2] + 1
    assert len(known) <= 500


def test_a_hundred_thousand_events_are_read_without_being_held(tmp_path: Path) -> None:
    with (path := tmp_path / "long.jsonl").open("wb") as handle:
        for number in range(100_000):
            asked = {"id": number, "method": "tools/call", "params": {"name": "t"}}
            handle.write(frame(asked, at=START + number * 1_000) + b"\n")
            if number % 3:
                told = frame(
                    {"id": number, "result": {}}, at=START + number * 1_000 + 500, direction="server_to_client"
                )
                handle.write(told + b"\n")
    alive = []
    seen = 0
    for item in read_events([path], deriver=_Bare()):
        seen += isinstance(item, Event)
        if seen % 20_000 == 0:
            alive.append(sum(isinstance(one, Event) for one in gc.get_objects()))
    assert seen == 100_000
    # The window that puts events in order, and nothing else.
    assert max(alive) <= 10_000 + 10


def _endless(kind: str, number: int) -> bytes:
    if kind == "requests":
        return frame({"id": number, "method": "tools/call", "params": {"name": "t"}})
    if kind == "answers":
        body = {"id": number, "result": {}}
        http = {"request": {"method": "POST", "headers": {"mcp-session-id": f"s{number}"}, "body": body}}
        return orjson.dumps({"ts": number, "http": http})
    if kind == "connections":
        info = {"serverInfo": {"name": f"n{number}"}}
        return frame({"id": 1, "result": info}, pid=number, direction="server_to_client")
    if kind == "definitions":
        tools = [{"name": f"t{number}-{index}"} for index in range(3)]
        return frame({"id": 1, "result": {"tools": tools}}, direction="server_to_client")
    return frame({"id": 1, "method": f"m{number}"}, server=f"s{number}", pid=number)
