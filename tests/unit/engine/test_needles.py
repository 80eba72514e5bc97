"""A needle that a test does not need would hide an attack: none is ever claimed wrongly."""

# ruff: noqa: RUF001 - look-alikes are what is tested

import random

import pytest

from mcp_siem.engine import predicates
from mcp_siem.engine.needles import needles_of
from mcp_siem.engine.predicates import Contains, Equals, Glob, Prefix, Regex, Segments, Suffix
from mcp_siem.engine.regex import RegexError, Wildcard, compile_glob, compile_regex
from mcp_siem.engine.values import Reading, fold_case


def _regex(pattern: str, flags: str = "") -> Regex:
    return Regex(pattern=pattern, flags=flags, compiled=compile_regex(pattern, flags=flags))


@pytest.mark.parametrize(
    ("pattern", "needles"),
    [
        (r"(curl|wget)\s+-[a-z]+\s+https?://", ("http",)),
        (r"/etc/(passwd|shadow)", ("passwd", "shadow")),
        (r"\bAKIA[0-9A-Z]{16}\b", ("akia",)),
        (r"(?i)Union\s+Select", ("select",)),
        (r"a{0}bc?d*e+f", ("b",)),
        (r"ab+c", ("ab",)),
        (r"(abc)?d", ("d",)),
        (r"(?:abc){2,}x", ("abc",)),
        (r"(?P<n>abc)|", None),
        (r"a|[b]", None),
        (r"[ab]+", None),
        (r"\x41bc", ("bc",)),
        (r"\u0041bc", ("bc",)),
        (r"[]a]xyz", ("xyz",)),
        (r"[^]a]xyz", ("xyz",)),
        (r"[[:alpha:]\]x]yz", ("yz",)),
        (r"\Qa.b\E", None),
        (r"\pLabc", None),
        (r"a\.b\nc", ("a.b\nc",)),
        (r"é+Straße", ("stra",)),
        (r"a{,3}b", ("a{,3}b",)),
        (r"(?i)abc(?-i)d", ("abc",)),
        (r"^$", None),
        (r"(((((x", None),
    ],
)
def test_needles_of_a_pattern(pattern: str, needles: tuple[str, ...] | None) -> None:
    try:
        test = _regex(pattern)
    except RegexError:
        test = Regex(pattern=pattern, compiled=compile_regex(""))
    assert needles_of(test) == needles


def test_needles_of_wildcards_are_their_longest_literal() -> None:
    one = Wildcard.ONE
    assert needles_of(Contains(literal="abc")) == ("abc",)
    assert needles_of(Prefix(literal="ABC", cased=True)) == ("abc",)
    assert needles_of(Suffix(literal="")) is None
    assert needles_of(Segments(head="a", middle=("bcd",), tail="ef")) == ("bcd",)
    assert needles_of(Glob(parts=("a", one, "bc"), compiled=compile_glob(["a", one, "bc"]))) == ("bc",)
    assert needles_of(Glob(parts=(one,), compiled=compile_glob([one]))) is None
    assert needles_of(Equals(literal="abc")) is None


_PIECES = [
    "a",
    "B",
    "k",
    "S",
    r"\.",
    r"\n",
    "é",
    ".",
    "[ab]",
    "[^k]",
    r"\d",
    r"\x61",
    r"\x{17f}",
    r"\b",
    "^",
    "$",
    "?",
    "1",
]
_REPEATS = ["", "", "", "*", "+", "?", "{2}", "{0,1}", "{1,}", "+?", "*?", "{,2}"]


def _random_pattern(rng: random.Random, depth: int) -> str:
    out = []
    for _ in range(rng.randrange(1, 4)):
        piece = rng.choice(_PIECES)
        if depth and rng.random() < 0.4:
            start = rng.choice(["(", "(?:", "(?i:", "(?P<n>", "(?s-i:"])
            piece = start + "|".join(_random_pattern(rng, depth - 1) for _ in range(rng.randrange(1, 3))) + ")"
        out.append(piece + rng.choice(_REPEATS))
    return "".join(out)


def _random_text(rng: random.Random) -> str:
    return "".join(rng.choices("aAbBkKK sSſéÉ.1\n?{,2}\ud800", k=rng.randrange(7)))


def test_a_pattern_never_holds_without_one_of_its_needles() -> None:
    rng = random.Random(17)
    held = known = 0
    for _ in range(8_000):
        try:
            test = _regex(_random_pattern(rng, 2), rng.choice(["", "i", "s", "im"]))
        except RegexError:
            continue
        needles = needles_of(test)
        known += needles is not None
        for _ in range(30):
            text = _random_text(rng)
            if needles is not None and test.holds(Reading(text)):
                held += 1
                scanned = fold_case(text).encode("utf-8", "replace").decode()
                assert any(needle in scanned for needle in needles), (test, text)
    assert known > 1_000
    assert held > 3_000


def _random_wildcard(rng: random.Random, shape: str) -> predicates.Test:
    cased = rng.random() < 0.5
    fold = str if cased else fold_case
    head, middle, tail = (fold("".join(rng.choices("aAßſKé", k=rng.randrange(3)))) for _ in range(3))
    match shape:
        case "contains":
            return Contains(literal=head, cased=cased)
        case "prefix":
            return Prefix(literal=head, cased=cased)
        case "suffix":
            return Suffix(literal=head, cased=cased)
        case "segments":
            return Segments(head=head, middle=(middle,), tail=tail, cased=cased)
    parts = (head, Wildcard.ONE, middle, Wildcard.MANY, tail)
    return Glob(parts=parts, cased=cased, compiled=compile_glob(parts))


@pytest.mark.parametrize("shape", ["contains", "prefix", "suffix", "segments", "glob"])
def test_a_wildcard_never_holds_without_its_needle(shape: str) -> None:
    rng = random.Random(19)
    held = 0
    for _ in range(20_000):
        test = _random_wildcard(rng, shape)
        text = "".join(rng.choices("aAßſKéSk", k=rng.randrange(8)))
        needles = needles_of(test)
        if needles is not None and test.holds(Reading(text)):
            held += 1
            assert any(needle in fold_case(text) for needle in needles)
    assert held > 300
