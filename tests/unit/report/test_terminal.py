import pytest

from mcp_siem.report.terminal import Style, cut, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a\x1b[31mred", "a\\u{1b}[31mred"),
        ("line\nbreak\ttab\r", "line\\nbreak\\ttab\\r"),
        ("zero\u200bwidth", "zero\\u{200b}width"),
        ("bidi\u202eoverride", "bidi\\u{202e}override"),
        ("tag\U000e0041", "tag\\u{e0041}"),
        ("c1\x9bcsi", "c1\\u{9b}csi"),
        ("lone \ud800 surrogate", "lone \\u{d800} surrogate"),
        ("grüße 世界 привет", "grüße 世界 привет"),
        ("line\u2028separator", "line\\u{2028}separator"),
    ],
)
def test_control_and_format_characters_never_reach_a_terminal(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_cut_marks_that_something_was_left_out() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


def test_colour_is_added_only_when_asked_for() -> None:
    assert Style(color=False).paint("x", "high") == "x"
    assert Style(color=True).paint("x", "high") == "\x1b[31mx\x1b[0m"
