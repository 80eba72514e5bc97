"""Characters as a reader sees them: which take no place, which look like ASCII, what is left without case."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mcp_siem.events.confusables import CONFUSABLES
from mcp_siem.events.memo import Memo

__all__ = ["ANSI", "FOLDED", "SEEN", "SOLID", "VISIBLE", "normalised", "rewritten", "visible"]

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
# Most of Unicode is ideographs, Hangul and what nobody has assigned: none is invisible, cased or like another, which
# need not be found out for each. A test looks at them all. Hangul alone is part of what is composed.
_IDEOGRAPHS = frozenset((*range(0x3400, 0x4DC0), *range(0x4E40, 0xA000)))
_HANGUL = range(0xAC00, 0xD7A4)
_UPPER_PLANES = range(0x20000, 0x110000)
_COMPATIBLE = range(0x2F800, 0x2FA20)
_SOLID = "\u3400-\u4dbf\u4e40-\u9fff\U00020000-\U0002f7ff\U0002fa20-\U000dffff\U000e1000-\U0010ffff"
# A syllable of Hangul is so unless what follows may end as a jamo that it is composed with.
SOLID = f"(?:[{_SOLID}]|[\uac00-\ud7a3](?=[{_SOLID}\uac00-\ud7a3\x00-\x7f]|\\Z))"
_PLANE_OF_TAGS = range(0xE0000, 0xE1000)
_BRAILLE_BLANK = 0x2800
# U+FDFA alone would grow eighteenfold; such a character stays as it is.
_LONGEST_FORM = 8
_FEW = 16
# characters; a shorter text is not worth a look at what changes in it
_SHORT = 32
_LONGEST_MARKS = 30
# code points whose forms are kept: nearly all that are worth keeping
_MOST_FORMS = 1 << 17
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
_LEAD_TO_MARKS = frozenset([0xF73, 0xF75, 0xF81, 0xFF9E, 0xFF9F])
_SUPPLEMENT = 0x10000
_GAP = 0x200


def _is_solid(point: int) -> bool:
    if point in _UPPER_PLANES:
        return point not in _PLANE_OF_TAGS and point not in _COMPATIBLE
    return point in _IDEOGRAPHS or point in _HANGUL


def _visible_form(point: int) -> str:
    """Nothing for what takes no place on a screen, one blank for any white space, else the character."""
    char = chr(point)
    if _is_solid(point):
        return char
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
    if _is_solid(point):
        return chr(point)
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
    if text.isascii() or len(text) < _SHORT:
        return text.translate(table)
    chars = set(text)
    if len(chars) * 4 > len(text):
        return text.translate(table)
    changed = [(char, form) for char in chars if (form := table[ord(char)]) != char]
    # One after the other is only right where no result is changed again.
    if len(changed) > _FEW or {char for _, form in changed for char in form} & {char for char, _ in changed}:
        return text.translate(table)
    for char, form in changed:
        text = text.replace(char, form)
    return text


def visible(text: str) -> str:
    """`text.translate(VISIBLE)`, at little cost where most of a long text is to be seen."""
    return _hidden().sub(_seen_of, text)


def _seen_of(match: re.Match[str]) -> str:
    return match[0].translate(VISIBLE)


@cache
def _hidden() -> re.Pattern[str]:
    """Finds all that may have another visible form; beyond the basic plane everything that is not solid."""
    changed = {point for point in range(_SUPPLEMENT) if not _is_solid(point) and _visible_form(point) != chr(point)}
    beyond = "\U00010000-\U0001ffff\U0002f800-\U0002fa1f\U000e0000-\U000e0fff"
    return re.compile(f"[{_as_set(changed)[1:-1]}{beyond}]+")


def normalised(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """Unicode normalisation in linear time: of a run of marks that no script writes the first are kept."""
    if text.isascii():
        return text
    if len(text) > _LONGEST_MARKS:
        marks = _marks()
        if marks.many.search(text):
            text = marks.long.sub(r"\1", text)
    return unicodedata.normalize(form, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """More marks in a row than UAX 15 lets stand in stream-safe text: to order them costs the square of their number.

    `many` finds perhaps too much beyond the basic plane, at little cost for each character.
    """

    many: re.Pattern[str]
    long: re.Pattern[str]


@cache
def _marks() -> _Marks:
    points = {point for point in range(0x300, 0x1F000) if unicodedata.combining(chr(point))} | _LEAD_TO_MARKS
    marks = _as_set(points)
    wide = _as_set(points, gap=_GAP)
    return _Marks(
        many=re.compile(f"{wide}{{{_LONGEST_MARKS + 1}}}"),
        long=re.compile(f"({marks}{{{_LONGEST_MARKS}}}){marks}+"),
    )


def _as_set(points: Iterable[int], gap: int = 1) -> str:
    """The points as a set of a pattern; beyond the basic plane, where they cost most, gaps between them are filled."""
    ranges: list[list[int]] = []
    for point in sorted(points):
        if ranges and point - ranges[-1][1] <= (gap if ranges[-1][1] >= _SUPPLEMENT else 1):
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in ranges)}]"


VISIBLE = Memo(_visible_form, most=_MOST_FORMS)
# as a reader takes it, case kept
SEEN = Memo(_seen_form, most=_MOST_FORMS)
# the same without case: the alphabet of the folded twin
FOLDED = Memo(_folded_form, most=_MOST_FORMS)
