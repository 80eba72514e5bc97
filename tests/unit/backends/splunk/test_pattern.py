import pytest

from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.splunk.pattern import Wildcard, glob_regex, json_regex, literal_regex, translated_regex


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b", r"a\.b"),
        ('say "hi"', r"say \x22hi\x22"),
        ("C:\\x", r"C:\x5cx"),
        ("`$x`", r"\x60\x24x\x60"),
        ("a\tb\n", r"a\x09b\x0a"),
        ("(a|b)*+?^{}[]", r"\(a\|b\)\*\+\?\^\{\}\[\]"),
        ("\u0416", "(?:\u0416|\u0436)"),
        ("\u65e5", "\u65e5"),
        ("\u03a3", "(?:\u03a3|\u03c2|\u03c3)"),
    ],
)
def test_a_literal_matches_itself_and_carries_nothing_that_spl_takes_apart(text: str, expected: str) -> None:
    assert literal_regex(text) == expected


def test_a_cased_literal_spells_no_other_case() -> None:
    assert literal_regex("\u0416x", cased=True) == "\u0416x"


def test_a_wildcard_at_an_end_leaves_that_end_open() -> None:
    assert glob_regex([Wildcard.MANY, "c", Wildcard.MANY, "b"]) == r"c.*b\z"
    assert glob_regex(["c", Wildcard.MANY]) == r"\Ac"
    assert glob_regex([Wildcard.MANY, "a", Wildcard.ONE, Wildcard.MANY, "b"], folded=True) == r"a..*b\z"


@pytest.mark.parametrize(
    ("pattern", "flags", "expected"),
    [
        ("a\\\\b", "", r"a\x5cb"),
        ('"x"', "", r"\x22x\x22"),
        ('\\"', "", r"\x22"),
        ("^a$", "", r"^a\z"),
        ("^a$", "m", r"(?m)(?:\A|(?<=\x0a))a$"),
        ("(?m)^a$", "", r"(?m)(?:\A|(?<=\x0a))a$"),
        ("\\$HOME", "", r"\x24HOME"),
        ('[$`"]', "", r"[\x24\x60\x22]"),
        ("[]a]", "", r"[\]a]"),
        ("[^]a]", "", r"[^\]a]"),
        ("[[:alpha:]_[]", "", r"[[:alpha:]_\[]"),
        ("[\\\\/]", "", r"[\x5c/]"),
        ("\\u0416", "", "\u0416"),
        ("\\u0022", "", r"\x22"),
        ("\\ud83d\\ude00", "", "\U0001f600"),
        ("\\Z", "", r"\z"),
        ("\\Qa.b\\E+", "", r"a\x2eb+"),
        ("\u0416", "i", "(?i)(?:\u0416|\u0436)"),
        ("a\nb", "", r"a\x0ab"),
        ("foo\\d+\\.x", "i", r"(?i)foo\d+\.x"),
        ("\\v\\f\\a", "", r"\x0b\x0c\x07"),
        ("x{2,3}(?P<n>y)", "", r"x{2,3}(?P<n>y)"),
    ],
)
def test_a_regular_expression_means_in_pcre_what_it_means_in_re2(pattern: str, flags: str, expected: str) -> None:
    assert translated_regex(pattern, flags) == expected


@pytest.mark.parametrize("pattern", ["a(?m:^b)", "(?x)a", "(?U)a+", "\\C", "(a)\\1", "\\Ra", "\\ud83d", "[a"])
def test_what_pcre_reads_otherwise_is_refused(pattern: str) -> None:
    with pytest.raises(RefusedError, match="SPLUNK-PATTERN"):
        translated_regex(pattern)


def test_a_keyword_is_searched_as_json_writes_it() -> None:
    assert json_regex([Wildcard.MANY, 'c"b\\\n', Wildcard.MANY]) == r"c(?:\x5c)?\x22b\x5c{1,2}(?:\x5cn|\x0a)"
    assert json_regex(["c", Wildcard.MANY, "b"]).startswith("c(?:"), "a wildcard ends where the JSON string does"


@pytest.mark.parametrize(
    ("char", "expected"),
    [
        ("\ufb01", "(?:fi|\ufb01)"),
        ("\u00df", "(?:ss|\u00df|\u1e9e)"),
        ("\u03a3", "(?:\u03a3|\u03c2|\u03c3)"),
    ],
)
def test_a_letter_that_folds_to_several_stands_for_all_of_them_together(char: str, expected: str) -> None:
    assert literal_regex(char) == expected
