import re2
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.parts import Wild, pattern
from mcp_siem_backends.opensearch.trigrams import only_text, sparing, trigrams

TEXTS = st.text("ab\\*.é\U0001f600", min_size=1, max_size=12)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.one_of(st.none(), st.integers(0, 6)), TEXTS)
def test_a_pattern_with_fewer_literals_matches_the_same(literals: list[str], most: int | None, text: str) -> None:
    parts = [part for literal in literals for part in (Wild.MANY, literal)]
    written = sparing(pattern(parts), most)
    for one in (text, "x".join(literals), literals[-1]):
        assert _fits(lucene_regexp(written), one) == _fits(lucene_regexp(pattern(parts)), one)


@given(TEXTS, st.integers(0, 6))
def test_no_more_trigrams_are_left_than_asked(literal: str, most: int) -> None:
    assert trigrams(sparing(pattern([Wild.MANY, literal, Wild.MANY]), most)) <= most


def test_a_backslash_is_never_a_literal() -> None:
    assert lucene_regexp(sparing(pattern([Wild.MANY, r"C:\.ssh"]), None)) == r".*C:([\\]|[\\])\.ssh"


def test_only_one_text_is_told_from_several() -> None:
    assert only_text(pattern(["abc"])) == "abc"
    assert only_text(pattern(["ab", Wild.ONE])) is None
    assert only_text(pattern([])) == ""


def _fits(regexp: str, text: str) -> bool:
    return bool(re2.fullmatch(f"(?s:{regexp})", text))
