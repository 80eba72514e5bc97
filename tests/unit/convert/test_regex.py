"""Patterns taken apart, freed of anchors, and matched against whole texts must find what RE2 finds by searching."""

import random
import re

import pytest
import re2

from mcp_siem.convert.anchors import whole_text
from mcp_siem.convert.choices import alternatives, is_nested
from mcp_siem.convert.pattern import Alt, Anchor, Chars, Node, Repeat, Seq
from mcp_siem.convert.regex import RegexUnsupportedError, parse_regex

TEXTS = ["", "a", "b", "ab", "a b", "foo", "xfoo", "foo bar", "FOO", "a\nb", "\n", "foo\n", "-a", "a1_", "\u00e9", "\u017f", "K k", "1.2", "\\", "aab", "ba a", " foo ", "a\tb", "]", "^a", "\U0001f600", "fooo", "aXb"]  # fmt: skip


def rendered(node: Node) -> str:
    """The tree as a pattern that RE2 can match whole, every character by its number."""
    match node:
        case Chars(ranges=ranges):
            return "[" + "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in ranges) + "]"
        case Seq(items=items):
            return "".join(rendered(item) for item in items)
        case Alt(options=options):
            return f"(?:{'|'.join(rendered(option) for option in options)})" if options else "[^\\x{0}-\\x{10ffff}]"
        case Repeat(item=item, least=least, most=most):
            return f"(?:{rendered(item)}){{{least},{'' if most is None else most}}}"
        case Anchor():
            raise AssertionError(node)


def found(node: Node, text: str) -> bool:
    return re2.fullmatch(rendered(node), text) is not None


def disagreements(pattern: str, flags: str) -> list[str]:
    node = whole_text(parse_regex(pattern, flags=flags))
    search = re2.compile((f"(?{flags})" if flags else "") + pattern)
    return [text for text in TEXTS if found(node, text) != (search.search(text) is not None)]


HARD = [
    r"foo", r"^foo$", r"\bfoo\b", r"\Bo", r"a\b", r"^$", r"$^", r"^", r"(^|\s)foo($|\s)", r"\b", r"\B", r"(a|b)\b(c|)",
    r"x*\b", r"\b\b", r"^a|b$", r"(?:^a)?b", r"(\bfoo|bar\b)", r"[^a]", r"[]a]", r"[a\]]", r"[\w-]", r"[^\W\d]", r"\s\S",
    r"a{2}", r"a{1,2}b", r"a{0}", r"a{,2}", r"x{", r"\x41", r"\n", r"\.", r"a.b", r"(?s)a.b", r"(?i)foo", r"(?i:k)x?",
    r"(?-i)foo", r"(?m)^b", r"(?m)a$", r"[[:alpha:]]", r"[[:^alpha:]]", r"\101", r"[a-c-]", r"\pa"[:0] + r"a+?", r"(a|)(b|)$",
    r"\A\w+\z", r"(?P<n>a)b", r"[\\]", r"\\", r"a|", r"(|a)+b", r"(a*)*b", r"[\s\S]",
]  # fmt: skip


@pytest.mark.parametrize("flags", ["", "i", "m", "s", "im"])
@pytest.mark.parametrize("pattern", HARD)
def test_a_pattern_finds_what_re2_finds(pattern: str, flags: str) -> None:
    assert disagreements(pattern, flags) == []


def test_random_patterns_find_what_re2_finds() -> None:
    choose = random.Random(20261124)
    atoms = [
        "a",
        "b",
        "f",
        "o",
        " ",
        r"\n",
        ".",
        r"\w",
        r"\s",
        r"\b",
        r"\B",
        "^",
        "$",
        "[^a]",
        "[a-o]",
        "k",
        r"\d",
        "(?m)$",
    ]

    def piece(depth: int) -> str:
        if depth > 2 or choose.random() < 0.6:
            return choose.choice(atoms)
        inner = "|".join(
            "".join(piece(depth + 1) for _ in range(choose.randint(0, 2))) for _ in range(choose.randint(1, 3))
        )
        return f"({inner}){choose.choice(['', '', '?', '*', '+', '{1,2}'])}"

    tried = 0
    for _ in range(1500):
        pattern = "".join(piece(0) for _ in range(choose.randint(1, 4)))
        try:
            wrong = disagreements(pattern, choose.choice(["", "i", "s", "m"]))
        except RegexUnsupportedError:
            continue
        tried += 1
        assert wrong == [], pattern
    assert tried > 900


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(?=a)b", "look-ahead"),
        (r"(?!a)b", "look-ahead"),
        (r"(?<=a)b", "look-behind"),
        (r"(?<!a)b", "look-behind"),
        (r"(a)\1", r"\1"),
        (r"(?>a)", "group"),
        (r"(?#note)", "group"),
        (r"(?x)a", "group"),
        (r"(a", "not closed"),
        (r"a)", "closing parenthesis"),
        (r"[a", "not closed"),
        (r"*a", "repetition of nothing"),
        (r"a**", "repetition of a repetition"),
        (r"a{2}{3}", "repetition of a repetition"),
        (r"\b*", "anchor"),
        (r"(\b|a)*", "anchor inside a repetition"),
        (r"a{5,2}", "{5,2}"),
        (r"a{2000}", "{2000}"),
        (r"\Q", r"\Q"),
        (r"[z-a]", "range"),
        (r"[[:foo:]]", "[:foo:]"),
        (r"\ud800", "D800"),
        ("(" * 300 + ")" * 300, "nested"),
    ],
)
def test_what_the_tree_cannot_say_is_told(pattern: str, says: str) -> None:
    with pytest.raises(RegexUnsupportedError, match=re.escape(says)):
        whole_text(parse_regex(pattern))


def test_no_text_makes_the_parser_fail_otherwise() -> None:
    choose = random.Random(7)
    for _ in range(3000):
        text = "".join(
            choose.choice("ab\\()[]{}|*+?^$.,-:<>P=!#dwsbxu0129\n\u00e9") for _ in range(choose.randint(0, 12))
        )
        try:
            whole_text(parse_regex(text))
        except RegexUnsupportedError:
            continue


def test_two_surrogates_are_one_character() -> None:
    assert disagreements(r"\x{1f600}", "") == []
    assert found(whole_text(parse_regex(r"\ud83d\ude00")), "\U0001f600")


@pytest.mark.parametrize(
    "pattern", [r"(a.*b|c|[^x]{2}d)e", r"(a+|b){0,2}c", r"(x|(a*b|c)d|y)?z", r"a(b|c)d", r"((a.+)?b|c)(d*e|f)"]
)
def test_a_pattern_taken_apart_matches_the_same(pattern: str) -> None:
    node = whole_text(parse_regex(pattern))
    parts = alternatives(node)
    assert all(not is_nested(part) for part in parts)
    choose = random.Random(3)
    for _ in range(400):
        text = "".join(choose.choice("abcdefxyz") for _ in range(choose.randint(0, 6)))
        assert found(node, text) == any(found(part, text) for part in parts)


def test_what_repeats_inside_a_repetition_without_limit_stays_whole() -> None:
    node = whole_text(parse_regex(r"(a*b)*c"))
    assert alternatives(node) == [node]
    assert is_nested(node)
