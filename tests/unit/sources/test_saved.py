"""A session that is put down in the middle of a capture and taken up by another goes on as if nothing had been."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest

from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.port import Record, Resumable
from mcp_siem.sources.wire import WireSession
from mcp_siem.testing import frame


class Bare:
    """Stands in for the deriver: hands events on."""

    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        return {**data, "given": [arguments, schema]}


_CAPTURES = sorted([*Path("examples").glob("captured*.jsonl"), *Path("sigma_rules/sources/wire").glob("*.raw.jsonl")])


def _records(path: Path) -> list[Record]:
    return [
        Record(data=line, ref=f"{path.name}:{number}") for number, line in enumerate(path.read_bytes().splitlines(), 1)
    ]


def _moved(session: WireSession, known: KnownItems) -> tuple[WireSession, KnownItems]:
    """The same session in another process: nothing but JSON goes across."""
    saved = orjson.loads(orjson.dumps({"session": session.dump(), "known": known.dump()}))
    fresh_known = KnownItems()
    fresh_known.load(saved["known"])
    fresh = WireSession(Bare(), fresh_known)
    fresh.load(saved["session"])
    return fresh, fresh_known


def _told(records: list[Record], *, moved_at: int | None) -> Iterator[object]:
    known = KnownItems()
    session = WireSession(Bare(), known)
    for at, record in enumerate(records):
        if at == moved_at:
            session, known = _moved(session, known)
        yield from session.feed(record)
    yield from session.finish()


@pytest.mark.parametrize("path", _CAPTURES, ids=lambda path: path.name)
def test_a_session_saved_anywhere_in_a_capture_goes_on_as_if_it_had_not_been(path: Path) -> None:
    records = _records(path)
    whole = list(_told(records, moved_at=None))
    for at in range(0, len(records), 1 + len(records) // 25):
        assert list(_told(records, moved_at=at)) == whole


def test_what_was_dropped_before_is_told_in_sum_at_the_end() -> None:
    known = KnownItems()
    session = WireSession(Bare(), known)
    for number in range(10_003):
        list(session.feed(Record(data=frame({"id": number, "method": "ping"}), ref=f"tap:{number + 1}")))
    fresh, _ = _moved(session, known)
    sums = [item.reason for item in fresh.finish() if getattr(item, "code", "") == "requests_evicted"]
    assert sums == ["too many requests wait for an answer; the oldest are told as unanswered (3 times in all)"]


def test_the_wire_session_is_resumable() -> None:
    assert isinstance(WireSession(Bare(), KnownItems()), Resumable)
