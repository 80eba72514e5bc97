import pytest

from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.lines import LineSplitter


def _cut(*chunks: bytes, limit: int = 100) -> list[tuple[str, bytes | str]]:
    splitter = LineSplitter("f", limit=limit)
    told = [item for chunk in chunks for item in splitter.feed(chunk)] + splitter.close()
    return [(item.ref, item.data if isinstance(item, Record) else item.code) for item in told]


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b"", []),
        (b"\n\n \n", []),
        (b"a\nb\n", [("f:1", b"a"), ("f:2", b"b")]),
        (b"a\nb", [("f:1", b"a"), ("f:2", b"b")]),
        (b"a\r\nb\r\n", [("f:1", b"a"), ("f:2", b"b")]),
        (b"\n\na\n\nb", [("f:3", b"a"), ("f:5", b"b")]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [("f:1", b"a"), ("f:2", b"\xef\xbb\xbfb")]),
        (b"\0\0\0\0\n\0\0a\0\n", [("f:2", b"a")]),
        (b"a\0b\n", [("f:1", b"a\0b")]),
    ],
)
def test_lines_are_numbered_and_bare(data: bytes, records: list[tuple[str, bytes]]) -> None:
    assert _cut(data) == records
    assert _cut(*(data[at : at + 1] for at in range(len(data)))) == records


def test_a_line_at_the_limit_is_read_and_one_over_it_is_told() -> None:
    assert _cut(b"a" * 10 + b"\nb\n", limit=10) == [("f:1", b"a" * 10), ("f:2", b"b")]
    assert _cut(b"a" * 10 + b"\r\nb\n", limit=10) == [("f:1", b"a" * 10), ("f:2", b"b")]
    assert _cut(b"a" * 11 + b"\nb\n", limit=10) == [("f:1", "line_too_long"), ("f:2", b"b")]
    assert _cut(b"a" * 11, limit=10) == [("f:1", "line_too_long")]


def test_a_long_line_is_skipped_without_being_kept() -> None:
    splitter = LineSplitter("f", limit=10)
    for _ in range(1_000):
        assert splitter.feed(b"x" * 8) == []
        assert sum(map(len, splitter._parts)) <= 11
    (issue,) = splitter.feed(b"\n")
    assert isinstance(issue, ParseIssue)
    assert "8000 bytes" in issue.reason
