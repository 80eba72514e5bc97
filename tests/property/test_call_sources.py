"""Damaged lines of every source of calls: nothing raises, nothing hangs, and what was read fits the schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.events.schema import event_schema
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats, load_taxonomy
from mcp_siem.sources.call_sources import CALL_SOURCES
from mcp_siem.sources.port import Normaliser, ParseIssue, Record

_DERIVER = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"no secret"))
_SCHEMA = jsonschema.Draft202012Validator(event_schema(load_taxonomy(default_pack_dir())))
_EACH = pytest.mark.parametrize("source", CALL_SOURCES, ids=lambda source: source.name)
_ODD = (
    None,
    True,
    -1,
    0.5,
    1 << 70,
    "",
    "x",
    [],
    {},
    [[]],
    {"": {}},
    "\ud800",
    ["a", 1],
    {"text": 1},
    {"stringValue": []},
)


def _lines(source: Normaliser) -> list[bytes]:
    found = Path("sigma_rules/sources", source.name).glob("*.raw.*")
    return [line for path in sorted(found) for line in path.read_bytes().splitlines()]


def _told(source: Normaliser, lines: list[bytes]) -> list[Event | ParseIssue]:
    session = source.open(_DERIVER, KnownItems())
    told: list[Event | ParseIssue] = []
    for number, line in enumerate(lines, 1):
        record = Record(data=line, ref=f"x:{number}")
        source.time(record)
        told += session.feed(record)
    assert 0.0 <= source.confidence(lines) <= 1.0
    return [*told, *session.finish()]


def _fits(told: list[Event | ParseIssue]) -> None:
    for item in told:
        if isinstance(item, Event):
            assert list(_SCHEMA.iter_errors(item.flat())) == []
            assert item.data["mcp.principal"]
        else:
            assert item.code
            assert item.reason


@_EACH
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_cut_flipped_and_doubled_bytes_are_told_and_never_raise(source: Normaliser, data: st.DataObject) -> None:
    lines = _lines(source)
    index = data.draw(st.integers(0, len(lines) - 1))
    line = lines[index]
    at = data.draw(st.integers(0, len(line)))
    junk = data.draw(st.binary(max_size=4))
    damaged = data.draw(st.sampled_from((line[:at], line[at:], line[:at] + junk + line[at:], line[:at] + line)))
    _fits(_told(source, [*lines[max(0, index - 2) : index], damaged, line]))


@_EACH
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_value_of_the_wrong_type_anywhere_is_told_and_never_raises(source: Normaliser, data: st.DataObject) -> None:
    values = [orjson.loads(line) for line in _lines(source) if line.startswith(b"{") and line.endswith(b"}")]
    if not values:
        values = [{"message": line.decode()} for line in _lines(source)]
    value = data.draw(st.sampled_from(values))
    node: Any = value
    odd = data.draw(st.sampled_from(_ODD))
    for _ in range(8):
        keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        inside = node[key]
        if not isinstance(inside, dict | list) or data.draw(st.booleans()):
            node[key] = odd
            break
        node = inside
    line = _written(value)
    _fits(_told(source, [line, line]))


def _written(value: object) -> bytes:
    # With lone surrogates and large numbers, which orjson refuses.
    return json.dumps(value).encode("ascii")


@_EACH
def test_deep_nesting_costs_no_more_than_its_size(source: Normaliser) -> None:
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    listed = b"[" * 20_000 + b"]" * 20_000
    for line in _lines(source)[:3]:
        cut = line.rfind(b"}")
        _fits(_told(source, [deep, listed, line[:cut] + b',"x":' + deep + line[cut:], line]))


@_EACH
def test_lines_of_others_are_counted_and_make_no_event(source: Normaliser) -> None:
    others = [b'{"a":1}', b"[]", b"[1,2]", b'"x"', b"plain words", b"\xff\xfe", b"{", b"null"]
    told = _told(source, others)
    assert [item for item in told if isinstance(item, Event)] == []
    assert any(isinstance(item, ParseIssue) for item in told)
