"""However the bytes of a capture are cut, the same events come out."""

import gzip
import io
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.wire import WIRE
from mcp_siem.stream.compressed import inflated
from mcp_siem.stream.lines import LineSplitter

_CAPTURES = sorted(Path("sigma_rules/sources/wire").glob("*.raw.jsonl"))
_HOSTILE = b"\xef\xbb\xbf\r\n\0\0\n{torn\n\xff\xfe\n" + b"[" * 3_000 + b"\r\n" + b'{"x":"' + b"y" * 70_000 + b'"}\n'


class _Bare:
    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        del arguments, schema
        return data


def _told(chunks: Iterator[bytes]) -> list[object]:
    splitter = LineSplitter("f", limit=64_000)
    session = WIRE.open(_Bare(), KnownItems())
    told: list[object] = []

    def take(records: list[Record | ParseIssue]) -> None:
        for record in records:
            told.extend([record] if isinstance(record, ParseIssue) else session.feed(record))

    for chunk in chunks:
        take(splitter.feed(chunk))
    take(splitter.close())
    told.extend(session.finish())
    return told


def _cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return (data[start:end] for start, end in pairwise(edges))


@pytest.mark.parametrize("path", _CAPTURES, ids=lambda path: path.name)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.integers(0, 2**31), max_size=40))
def test_the_same_events_come_out_however_the_bytes_are_chunked(path: Path, places: list[int]) -> None:
    data = _HOSTILE + path.read_bytes()
    whole = _told(iter((data,)))
    assert len(whole) > 10
    assert _told(_cut(data, places)) == whole


@pytest.mark.parametrize("path", _CAPTURES, ids=lambda path: path.name)
def test_the_same_events_come_out_byte_by_byte_and_with_any_line_end(path: Path) -> None:
    data = path.read_bytes()
    whole = _told(iter((data,)))
    assert _told(data[at : at + 1] for at in range(len(data))) == whole
    assert _told(iter((data.replace(b"\n", b"\r\n"),))) == whole
    assert _told(iter((data.rstrip(b"\n"),))) == whole


@settings(max_examples=50, deadline=None)
@given(
    data=st.lists(st.binary(max_size=3_000), min_size=1, max_size=4), places=st.lists(st.integers(0, 2**31), max_size=9)
)
def test_gzip_gives_the_same_bytes_however_it_is_chunked(data: list[bytes], places: list[int]) -> None:
    packed = b"".join(gzip.compress(member) for member in data)
    assert b"".join(inflated(_cut(packed, places))) == gzip.GzipFile(fileobj=io.BytesIO(packed)).read()


def test_a_line_that_is_lost_loses_its_own_events_alone() -> None:
    lines = Path("sigma_rules/sources/wire/stdio_2025-11-25.raw.jsonl").read_bytes().splitlines(keepends=True)
    for lost in range(len(lines)):
        torn = [line if number != lost else line[: len(line) // 2] + b"\n" for number, line in enumerate(lines)]
        told = _told(iter((b"".join(torn),)))
        assert sum(isinstance(item, ParseIssue) for item in told) == 1
        refs = {item.raw_ref for item in told if not isinstance(item, ParseIssue)}  # type: ignore[attr-defined]
        assert len(refs) >= 10
        assert f"f:{lost + 1}" not in refs
