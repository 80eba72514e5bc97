"""Damaged lines of every line-wise source: nothing raises, nothing grows without a bound, and a session can be put down anywhere."""

import json
import os
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import orjson
import pytest

from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.sources.auditd import AuditReader
from mcp_siem.sources.linewise import LineSession
from mcp_siem.sources.port import ParseIssue, Record, Session
from mcp_siem.sources.table import SOURCES

_NAMES = ("auditd", "endpoint", "health", "kibana_audit", "splunk_audit", "web")
_SAMPLES = {
    name: [
        line for path in sorted(Path("sigma_rules/sources", name).glob("*.raw.*")) for line in path.read_bytes().splitlines()
    ]
    for name in _NAMES
}  # fmt: skip
_STRANGE = (
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    1e300,
    "",
    "-",
    "x",
    "\0",
    "\ud800",
    [],
    {},
    [[]],
    {"": {}},
    "A" * 3_000,
    "[",
    '"',
)
_ROUNDS = 1_500 * int(os.environ.get("MCP_SIEM_TEST_DEPTH", "1"))
_DERIVER = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"repeatable"))


class _Bare:
    """Stands in for the deriver where only what is held matters."""

    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        del arguments, schema
        return data


def _flip(line: bytes, chance: random.Random) -> bytes:
    data = bytearray(line)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _cut(line: bytes, chance: random.Random) -> bytes:
    return line[: chance.randrange(len(line))]


def _splice(line: bytes, chance: random.Random) -> bytes:
    other = chance.choice(_SAMPLES[chance.choice(_NAMES)])
    return line[: chance.randrange(len(line))] + other[chance.randrange(len(other)) :]


def _repeat(line: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(line))
    piece = line[start : start + chance.randint(1, 12)]
    return line[:start] + piece * chance.choice((2, 50, 2_000)) + line[start:]


def _quotes(line: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(line))
    return (
        line[:start]
        + chance.choice((b'"', b"'", b"\\", b'\\"', b"[", b"=", b"\x1d", b"\x00", b" ")) * 40
        + line[start:]
    )


def _retype(line: bytes, chance: random.Random) -> bytes:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _flip(line, chance)
    found: list[tuple[dict[str, object] | list[object], str | int]] = []
    pending = [value]
    while pending:
        node = pending.pop()
        for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
            found.append((node, key))
            if isinstance(child, dict | list):
                pending.append(child)
    for holder, key in chance.sample(found, k=min(len(found), chance.randint(1, 4))):
        holder[key] = chance.choice(_STRANGE)  # type: ignore[index,call-overload]
    return json.dumps(value).encode()


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _cut, _splice, _repeat, _quotes, _retype)


def _fed(session: Session, lines: Iterable[bytes], first: int = 1) -> list[Event | ParseIssue]:
    return [
        item for number, line in enumerate(lines, first) for item in session.feed(Record(data=line, ref=f"f:{number}"))
    ]


@pytest.mark.parametrize("name", _NAMES)
def test_damaged_lines_crash_nothing_and_what_comes_of_them_can_be_written(name: str) -> None:
    chance = random.Random(f"{name} 20260820")
    source = SOURCES[name]
    session = source.open(_DERIVER, KnownItems())
    made = told = 0
    for number in range(_ROUNDS):
        line = chance.choice(_MUTATIONS)(chance.choice(_SAMPLES[name]), chance).replace(b"\n", b"")
        record = Record(data=line, ref=f"f:{number}")
        source.time(record)
        assert 0.0 <= source.confidence([line]) <= 1.0
        for item in session.feed(record):
            made += isinstance(item, Event)
            told += isinstance(item, ParseIssue)
            if isinstance(item, Event):
                orjson.dumps(item.flat())
    list(session.finish())
    assert made > _ROUNDS // 5
    assert told > _ROUNDS // 20


@pytest.mark.parametrize("name", _NAMES)
def test_a_session_put_down_and_taken_up_anywhere_tells_the_same(name: str) -> None:
    lines = _SAMPLES[name]
    source = SOURCES[name]
    whole = source.open(_Bare(), KnownItems())
    expected = [*_fed(whole, lines), *whole.finish()]
    for cut in range(len(lines) + 1):
        first, second = source.open(_Bare(), KnownItems()), source.open(_Bare(), KnownItems())
        assert isinstance(first, LineSession)
        assert isinstance(second, LineSession)
        before = _fed(first, lines[:cut])
        second.load(orjson.loads(orjson.dumps(first.dump())))
        assert [*before, *_fed(second, lines[cut:], cut + 1), *second.finish()] == expected


def test_an_audit_log_without_ends_is_not_held() -> None:
    reader = AuditReader()
    session = LineSession(_Bare(), reader)
    for number in range(30_000):
        line = b'type=EXECVE msg=audit(1787220000.000:%d): argc=1 a0="x"' % number
        _fed(session, [line])
        call = b"type=SYSCALL msg=audit(1787220000.000:%d): arch=c000003e syscall=59 pid=%d exe=/x" % (number, number)
        _fed(session, [call])
    dumped = reader.dump()
    assert len(dumped["open"]) <= 16  # type: ignore[arg-type]
    assert len(dumped["processes"]) <= 10_000  # type: ignore[arg-type]


def test_an_audit_event_of_too_many_records_is_told_record_by_record_and_said_once() -> None:
    reader = AuditReader()
    session = LineSession(_Bare(), reader)
    told = _fed(session, [b'type=PATH msg=audit(1787220000.000:1): name="/x" nametype=NORMAL'] * 1_000)
    assert sum(isinstance(item, Event) for item in told) == 1_000
    assert [item.code for item in told if isinstance(item, ParseIssue)] == ["long_event"]
    assert [item.reason for item in session.finish() if isinstance(item, ParseIssue)][-1].endswith("(936 times in all)")


def test_policies_without_end_are_not_held() -> None:
    session = SOURCES["kibana_audit"].open(_Bare(), KnownItems())
    assert isinstance(session, LineSession)
    row = {"type": "audit", "event.action": "authentication_success", "request.method": "PUT"}
    for number in range(3_000):
        body = '{"policy":{"phases":{"delete":{"min_age":"30d"}}}}'
        _fed(session, [orjson.dumps({**row, "url.path": f"/_ilm/policy/p{number}", "request.body": body})])
    assert len(session.dump()["retentions"]) <= 1_000  # type: ignore[arg-type]
