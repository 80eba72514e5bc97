from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.regex import parse_regex


def test_no_range_starts_with_an_escaped_character() -> None:
    """Lucene 10 reads `[\\/-9]` as the three characters `/`, `-` and `9`."""
    assert lucene_regexp(parse_regex("[+/0-9]")) == r"[\+\/0-9]"
    assert lucene_regexp(parse_regex("[!-:]")) == r"[!-:]"
    assert lucene_regexp(parse_regex('["-z]')) == r"[\"\#\$%-z]"


def test_a_class_of_few_others_is_negated() -> None:
    assert lucene_regexp(parse_regex(r"[^\n]")) == "[^\n]"
    assert lucene_regexp(parse_regex(r"\\")) == r"[\\]"
