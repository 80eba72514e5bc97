"""A stream cut anywhere: an engine that restores the state of another gives exactly the alerts of one that never stopped."""

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_siem.engine import window
from mcp_siem.engine.engine import Engine
from mcp_siem.errors import McpSiemError
from mcp_siem.events.event import Event
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import RulePack

_BASES = ("one", "two", "three")
_COUNTED = {"field": "v"}
_CORRELATIONS: dict[str, dict[str, object]] = {
    "count": {"type": "event_count", "rules": ["one"], "condition": {"gte": 2}, "generate": True},
    "few": {"type": "event_count", "rules": ["one", "two"], "condition": {"lt": 3}},
    "values": {"type": "value_count", "rules": ["one", "two"], "condition": {"gte": 2, **_COUNTED}},
    "pairs": {"type": "value_count", "rules": ["one"], "condition": {"gte": 3, "field": ["v", "w"]}},
    "all": {"type": "temporal", "rules": ["one", "two"]},
    "extended": {"type": "temporal", "rules": ["one", "two", "three"], "condition": "one and not (two or three)"},
    "order": {"type": "temporal_ordered", "rules": ["one", "two", "three"]},
    "sum": {"type": "value_sum", "rules": ["two"], "condition": {"gte": 5, **_COUNTED}},
    "mean": {"type": "value_avg", "rules": ["two"], "condition": {"gt": 2, **_COUNTED}},
    "middle": {"type": "value_median", "rules": ["one"], "condition": {"gte": 2, **_COUNTED}},
    "high": {"type": "value_percentile", "rules": ["one"], "condition": {"gte": 3, "percentile": 90, **_COUNTED}},
    "chain": {"type": "event_count", "rules": ["count"], "condition": {"gte": 2}},
    "longer": {"type": "temporal_ordered", "rules": ["chain", "two"]},
    "alone": {"type": "event_count", "rules": ["three"], "condition": {"gte": 3}, "group-by": None},
}


def _documents(*, timespan: int = 10) -> str:
    documents: list[dict[str, object]] = [
        {
            "title": name,
            "name": name,
            "logsource": {"product": "mcp"},
            "detection": {"sel": {"m": name}, "condition": "sel"},
        }
        for name in _BASES
    ]
    for name, one in _CORRELATIONS.items():
        full = {"group-by": ["u"], "timespan": f"{timespan}s", **one}
        correlation = {key: value for key, value in full.items() if value is not None}
        documents.append({"title": name, "name": name, "correlation": correlation})
    return "\n---\n".join(map(json.dumps, documents))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Engine]:
    """Makes an engine; not the pack itself, which hypothesis would spell out."""
    pack = _loaded(tmp_path_factory.mktemp("state"), _documents())

    def made(*, every: bool = False) -> Engine:
        return Engine(pack, every=every)

    return made


def _loaded(folder: Path, documents: str) -> RulePack:
    file = folder / "rules.yml"
    file.write_text(documents, encoding="utf-8")
    return load_pack([file])


_SCALARS = st.sampled_from(["p", "P", "q", 1, 2, 3.5, "-4", True, None, 10**30, "\ud800", "9" * 600])
_VALUES = st.lists(_SCALARS, max_size=3)
_GAPS = st.sampled_from([0, 0, 1, 3_000_000, 9_999_999, 10_000_000, 10_000_001, -2_000_000])
_ROWS = st.lists(
    st.tuples(
        _GAPS, st.lists(st.sampled_from(_BASES), min_size=1), st.sampled_from([["a"], ["b"], ["a", "b"], [7]]), _VALUES
    ),
    min_size=1,
    max_size=16,
)


def _events(rows: list[tuple[int, list[str], list[object], list[object]]]) -> list[Event]:
    time, events = 10**9, []
    for at, (gap, names, users, values) in enumerate(rows):
        time += gap
        data = {"m": names, "u": users, "v": values, "w": values[:1], "mcp.principal": "me"}
        events.append(Event(data=data, time=time, raw_ref=f"f:{at}"))
    return events


@settings(max_examples=150, deadline=None)
@given(rows=_ROWS, cuts=st.sets(st.integers(0, 16)), every=st.booleans(), tight=st.booleans())
def test_alerts_are_those_of_a_stream_without_a_break(
    fresh: Callable[..., Engine],
    rows: list[tuple[int, list[str], list[object], list[object]]],
    cuts: set[int],
    *,
    every: bool,
    tight: bool,
) -> None:
    limits = (
        {"MAX_SHOWN": 2, "MAX_GROUPS": 2, "MAX_EVENTS": 3, "MAX_HELD": 6, "_THINNED_AT": 3}
        if tight
        else {"MAX_SHOWN": 100}
    )
    with patch.multiple(window, **limits):
        _compare(fresh, _events(rows), cuts, every=every)


def _compare(fresh: Callable[..., Engine], events: list[Event], cuts: set[int], *, every: bool) -> None:
    whole = fresh(every=every)
    engine = fresh(every=every)
    for at, event in enumerate(events):
        if at in cuts:
            saved = engine.state()
            engine = fresh(every=every)
            engine.restore(saved)
            assert engine.state() == saved
        assert engine.feed(event) == whole.feed(event)
    assert engine.dropped == whole.dropped


def test_state_of_other_correlations_is_refused(fresh: Callable[..., Engine], tmp_path: Path) -> None:
    other = Engine(_loaded(tmp_path, _documents(timespan=11)))
    with pytest.raises(McpSiemError, match="other correlation rules"):
        other.restore(fresh().state())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_state_is_refused_or_read_and_never_crashes(fresh: Callable[..., Engine], data: st.DataObject) -> None:
    engine = fresh()
    for event in _events([(1, ["one", "two"], ["a"], [1, "p"]), (1, ["one"], ["a"], [2])]):
        engine.feed(event)
    saved = bytearray(engine.state())
    for _ in range(data.draw(st.integers(1, 3))):
        saved[data.draw(st.integers(0, len(saved) - 1))] = data.draw(st.integers(0, 255))
    del saved[data.draw(st.integers(len(saved) // 2, len(saved))) :]
    other = fresh()
    before = other.state()
    try:
        other.restore(bytes(saved))
    except McpSiemError:
        assert other.state() == before
    for event in _events([(5, ["one", "two", "three"], ["a"], [3])]):
        other.feed(event)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"order":null}', b"\xff", b"[" * 100_000, b'{"order":1,"newest":0,"hits":[],"runs":[]}'],
)
@pytest.mark.parametrize("form", [b"64", b"any"])
def test_bytes_that_are_no_state_are_refused(fresh: Callable[..., Engine], body: bytes, form: bytes) -> None:
    engine = fresh()
    head = engine.state().partition(b"\n")[0].rpartition(b" ")[0]
    with pytest.raises(McpSiemError, match="cannot be used"):
        engine.restore(head + b" " + form + b"\n" + body)
    with pytest.raises(McpSiemError, match="cannot be used"):
        engine.restore(body)
