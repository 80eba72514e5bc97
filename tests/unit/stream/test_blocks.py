import random

from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.blocks import BlockCutter
from mcp_siem.stream.lines import LineSplitter, bare


def _lines(*chunks: bytes, limit: int = 10) -> list[tuple[str, bytes | str]]:
    """Every line of every block with its place, and what was told."""
    cutter = BlockCutter("f", limit=limit)
    whole = b"".join(chunks)
    found: list[tuple[str, bytes | str]] = []
    for piece in (*(item for chunk in chunks for item in cutter.feed(chunk)), *cutter.close()):
        if isinstance(piece, ParseIssue):
            found.append((piece.ref, piece.code))
            continue
        assert whole[piece.start :].startswith(piece.data)
        for number, line in enumerate(piece.data.splitlines(), start=piece.first):
            if len(line.rstrip(b"\r")) > limit:
                found.append((f"f:{number}", "line_too_long"))
            elif bare(line):
                found.append((f"f:{number}", bare(line)))
    return found


def _records(whole: bytes, limit: int = 10) -> list[tuple[str, bytes | str]]:
    splitter = LineSplitter("f", limit=limit)
    told = [*splitter.feed(whole), *splitter.close()]
    return [(item.ref, item.data if isinstance(item, Record) else item.code) for item in told]


def test_blocks_hold_the_lines_that_are_read_one_by_one_however_the_bytes_are_cut() -> None:
    chance = random.Random(3)
    for _ in range(400):
        whole = b"".join(chance.choice([b"a", b"bb", b"\n", b"\n", b"x" * 15, b"{}", b"\0 "]) for _ in range(30))
        whole = chance.choice([b"", b"\xef\xbb\xbf{}\n"]) + whole
        places = sorted(chance.randrange(len(whole) + 1) for _ in range(4))
        chunks = [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
        assert _lines(*chunks) == _records(whole), chunks


def test_a_line_far_over_the_limit_is_not_kept() -> None:
    cutter = BlockCutter("f", limit=10)
    for _ in range(1_000):
        assert cutter.feed(b"x" * 8) == []
        assert sum(map(len, cutter._parts)) <= 11
    issue, block = cutter.feed(b"\n{}\n")
    assert isinstance(issue, ParseIssue)
    assert "8000 bytes" in issue.reason
    assert not isinstance(block, ParseIssue)
    assert (block.first, block.start, block.data) == (2, 8_001, b"{}\n")
