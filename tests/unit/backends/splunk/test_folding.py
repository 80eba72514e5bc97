"""The patterns find exactly the texts whose case folding a Sigma string matches, whatever letters fold to several."""

import random
import re

import pytest
import re2

from mcp_siem_backends.splunk.pattern import Parts, Wildcard, folded_spelling, glob_regex

LETTERS = "sfitSFkK\u017f\u212aa\u1e9ah\u1e96n\u02bc\u0149\xdf\u1e9e\ufb00\ufb01\ufb03\ufb05\u0130\u0307-\n"
WILD = {Wildcard.ONE: ".", Wildcard.MANY: ".*"}


def _is_found(parts: Parts, text: str) -> bool:
    """By folding both sides."""
    wanted = "".join(WILD[part] if isinstance(part, Wildcard) else re.escape(part.casefold()) for part in parts)
    return re.fullmatch(wanted, text.casefold(), re.DOTALL) is not None


def _random_parts(choose: random.Random) -> Parts:
    return [
        choose.choice([Wildcard.ONE, Wildcard.MANY])
        if choose.random() < 0.4
        else "".join(choose.choices(LETTERS, k=choose.randint(1, 3)))
        for _ in range(choose.randint(1, 4))
    ]


@pytest.mark.parametrize("seed", range(4))
def test_a_pattern_finds_what_folding_both_sides_finds(seed: int) -> None:
    choose = random.Random(seed)
    found = 0
    for _ in range(400):
        parts = _random_parts(choose)
        assert folded_spelling(tuple(parts)).whole
        pattern = re2.compile(f"(?is){glob_regex(parts)}")
        for _ in range(40):
            text = "".join(choose.choices(LETTERS, k=choose.randint(0, 5)))
            want = _is_found(parts, text)
            assert (pattern.search(text) is not None) is want, (parts, text, pattern.pattern)
            found += want
    assert found > 100


@pytest.mark.parametrize(
    ("parts", "found", "missed"),
    [
        (["pass"], "pa\xdf", "pas"),
        (["PASS", Wildcard.ONE, "ORD"], "pa\xdfword", "pa\xdford"),
        (["pas", Wildcard.ONE, "word"], "pa\xdfword", "pa\xdford"),
        ([Wildcard.ONE], "x", "\u0149"),
        ([Wildcard.ONE, Wildcard.ONE], "\u0149", "\u0149x"),
        ([Wildcard.MANY, "cat", Wildcard.MANY], "ca\u1e97", "ca"),
        ([Wildcard.MANY, "fi", Wildcard.MANY], "\ufb03", "\ufb00"),
        (["s", Wildcard.MANY, "s"], "\xdf", "s"),
        ([Wildcard.MANY, "f", Wildcard.MANY], "\ufb04", "l"),
        (["\xdf"], "SS", "s"),
    ],
)
def test_a_letter_that_folds_to_several_stands_for_all_of_them(parts: Parts, found: str, missed: str) -> None:
    pattern = re2.compile(f"(?is){glob_regex(parts)}")
    assert pattern.search(found)
    assert not pattern.search(missed)


def test_of_too_many_spellings_the_text_as_written_is_kept_and_said() -> None:
    parts = ["s" * 40]
    assert not folded_spelling(tuple(parts)).whole
    assert re2.compile(f"(?is){glob_regex(parts)}").search("S" * 40)


def test_the_index_is_asked_only_for_letters_that_have_no_other_spelling() -> None:
    assert folded_spelling(("task",)).safe == (True, True, False, False)
    assert folded_spelling(("file",)).safe == (False, False, True, True)
    assert folded_spelling((Wildcard.MANY, "cat", Wildcard.MANY)).safe == (True, True, False)
    assert folded_spelling(("stra\xdfe",)).safe == (False, False, True, True, False, True)
