import re2

from mcp_siem.convert.casing import LAST_CASED, fold_mappings, is_caseless, multi_folds, orbit, single_folds

CASED = [
    char
    for char in map(chr, (point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF))
    if char.casefold() != char or char.lower() != char or char.upper() != char
]


def test_variants_of_a_character_are_those_of_re2_for_all_of_unicode() -> None:
    text = "".join(CASED)
    wrong = [char for char in CASED if set(orbit(char)) != {char} | set(re2.findall(f"(?i)\\x{{{ord(char):x}}}", text))]
    assert wrong == []


def test_no_character_beyond_the_last_one_has_case() -> None:
    assert max(map(ord, CASED)) == LAST_CASED


def test_folding_by_mapping_and_lowercasing_is_case_folding() -> None:
    """What the index does, character by character, sends texts to one form exactly if they fold to one."""
    mappings = fold_mappings()

    def indexed(text: str) -> str:
        mapped = "".join(mappings.get(char, char) for char in text)
        return "".join(char.lower() if len(char.lower()) == 1 else char for char in mapped)

    assert [char for char in CASED if indexed(char) != indexed(char.casefold())] == []


def test_single_folds_and_multi_folds_part_the_cased_characters() -> None:
    for char in CASED:
        folded = char.casefold()
        if len(folded) == 1:
            assert char in single_folds(folded)
        else:
            assert multi_folds()[char] == folded


def test_digits_marks_and_emoji_have_no_case_but_parts_of_foldings_do() -> None:
    assert is_caseless("../169.254?\U0001f600\u65e5")
    assert not is_caseless("\u0307")  # a capital I with dot folds to i and this mark
    assert not is_caseless("1a")
