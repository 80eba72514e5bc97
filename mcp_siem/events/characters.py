"""Characters as a reader sees them: which take no place, which look like ASCII, what is left without case."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

from mcp_siem.events.confusables import CONFUSABLES

__all__ = ["ANSI", "FOLDED", "SEEN", "VISIBLE", "normalised", "rewritten"]

# Terminal control sequences (ECMA-48 CSI): a terminal shows nothing of them, so a whole one goes, not ESC alone.
ANSI = re.compile(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]")
_DIACRITICS = frozenset(
    point
    for block in (
        range(0x300, 0x370),
        range(0x1AB0, 0x1B00),
        range(0x1DC0, 0x1E00),
        range(0x20D0, 0x2100),
        range(0xFE20, 0xFE30),
    )
    for point in block
)
# Default-ignorable or blank although their category is a letter, a mark or a symbol.
_IGNORABLE = frozenset([0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0]) | frozenset(
    point for block in (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0x2060, 0x2070)) for point in block
)
_PLANE_OF_TAGS = range(0xE0000, 0xE1000)
_BRAILLE_BLANK = 0x2800
# U+FDFA alone would grow eighteenfold; such a character stays as it is.
_LONGEST_FORM = 8
_FEW = 16
# Letters that people write with for show, and UTS 39 leaves out: small capitals, and white on a black or flag ground.
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LETTER_SHAPES = {
    chr(first + index): letter for first in (0x1F150, 0x1F170, 0x1F1E6) for index, letter in enumerate(_LETTERS)
} | dict(
    zip(
        "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\ua7af\u0280\ua731\u1d1b\u1d1c\u1d20"
        "\u1d21\u028f\u1d22",
        "abcdefghijklmnopqrstuvwyz",
        strict=True,
    )
)
# Not marks themselves, they begin with one when they are taken apart.
_LEAD_TO_MARKS = "\u0f73\u0f75\u0f81\uff9e\uff9f"


class _Memo(dict[int, str]):
    """A table for `str.translate` that works out a code point when it is first met; the answer never changes."""

    def __init__(self, form: Callable[[int], str]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, point: int) -> str:
        self[point] = form = self._form(point)
        return form


def _visible_form(point: int) -> str:
    """Nothing for what takes no place on a screen, one blank for any white space, else the character."""
    char = chr(point)
    if char.isspace() or point == _BRAILLE_BLANK:
        return " "
    if point in _IGNORABLE or point in _PLANE_OF_TAGS or unicodedata.category(char) in {"Cc", "Cf", "Cs"}:
        return ""
    return char


def _parts(point: int) -> list[str]:
    """The compatibility decomposition without diacritics; the character itself where that would grow too long."""
    parts = unicodedata.normalize("NFKD", chr(point))
    return [chr(point)] if len(parts) > _LONGEST_FORM else [part for part in parts if ord(part) not in _DIACRITICS]


def _folded_form(point: int) -> str:
    return unicodedata.normalize("NFC", "".join(map(_look, _parts(point))))


def _look(char: str) -> str:
    """Folds one character with its case partner, so that both end alike whichever of them looks like ASCII."""
    if char in _LETTER_SHAPES:
        return _LETTER_SHAPES[char]
    small = char.casefold()
    look = CONFUSABLES.get(small) or CONFUSABLES.get(char) or CONFUSABLES.get(char.upper())
    return look.casefold() if look else small


def _seen_form(point: int) -> str:
    if not _visible_form(point):
        return ""
    return unicodedata.normalize("NFC", "".join(CONFUSABLES.get(part, part) for part in _parts(point)))


def rewritten(text: str, table: Mapping[int, str]) -> str:
    """`text.translate(table)`, at little cost where few different characters change."""
    if text.isascii():
        return text.translate(table)
    changed = [(char, form) for char in set(text) if (form := table[ord(char)]) != char]
    # One after the other is only right where no result is changed again.
    if len(changed) > _FEW or {char for _, form in changed for char in form} & {char for char, _ in changed}:
        return text.translate(table)
    for char, form in changed:
        text = text.replace(char, form)
    return text


def normalised(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """Unicode normalisation in linear time: of a run of marks that no script writes the first are kept."""
    return text if text.isascii() else unicodedata.normalize(form, _long_marks().sub(r"\1", text))


@cache
def _long_marks() -> re.Pattern[str]:
    """More marks in a row than UAX 15 lets stand in stream-safe text: to order them costs the square of their number."""
    marks = "".join(filter(unicodedata.combining, map(chr, range(0x300, 0x1F000)))) + _LEAD_TO_MARKS
    return re.compile(f"([{marks}]{{30}})[{marks}]+")


VISIBLE = _Memo(_visible_form)
# as a reader takes it, case kept
SEEN = _Memo(_seen_form)
# the same without case: the alphabet of the folded twin
FOLDED = _Memo(_folded_form)
