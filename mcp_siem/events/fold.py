"""The folded twin: one spelling for all the ways to write the same text. Pure, linear, never raises.

Closed: case, compatibility forms (fullwidth, mathematical), look-alikes of ASCII (UTS 39), diacritics, zero-width,
bidi, tag and control characters, ANSI sequences, runs of white space, and one layer each of HTML entities, URL
escapes and Base64. Not closed: two layers of one encoding, hexadecimal, ROT13 or compressed text, a blank or
punctuation inside a word, leetspeak (ASCII is never a look-alike of ASCII), synonyms and other languages.
"""

import re
import unicodedata
from collections.abc import Callable

import re2

from mcp_siem.events.confusables import CONFUSABLES
from mcp_siem.events.decode import SHORTEST_BASE64, decode_once

__all__ = ["fold", "fold_pattern", "is_invisible"]

# ASCII text without any of these is folded by lower() alone.
_WORK = re2.compile(rf"[\x00-\x1f\x7f%&]|  |[A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}")
_ANSI = re.compile(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]")
_SPACES = re.compile(r" {2,}")
# Greek capitals that look like another letter than their small form (N and v, Y and u). In Greek they fold with
# the small form, so that case never matters; beside an ASCII letter they are what they look like.
_TWO_FACED = re.compile("(?<=[A-Za-z])[\u039d\u03a5]|[\u039d\u03a5](?=[A-Za-z])")
_FACES = {"\u039d": "N", "\u03a5": "Y"}
_DIACRITICS = (
    range(0x300, 0x370),
    range(0x1AB0, 0x1B00),
    range(0x1DC0, 0x1E00),
    range(0x20D0, 0x2100),
    range(0xFE20, 0xFE30),
)
# Default-ignorable or blank although their category is a letter, a mark or a symbol.
_IGNORABLE = frozenset([0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0]) | frozenset(
    point for block in (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0x2060, 0x2070)) for point in block
)
_PLANE_OF_TAGS = range(0xE0000, 0xE1000)
_BRAILLE_BLANK = 0x2800
# U+FDFA alone would grow eighteenfold; such a character stays as it is.
_LONGEST_FORM = 8


def fold(text: str) -> str:
    """The folded twin of a value: encodings taken apart once, then every character folded."""
    if text.isascii() and not _WORK.search(text):
        return text.lower()
    return fold_pattern(decode_once(_visible(text)))


def fold_pattern(text: str) -> str:
    """Folds the characters of a literal part of a rule's pattern exactly as `fold` does; decodes no encoding.

    Nothing is trimmed: what a literal finds in a text, the folded literal finds in the folded text.
    """
    text = _visible(text)
    if text.isascii():
        return text.lower()
    text = _TWO_FACED.sub(lambda match: _FACES[match[0]], unicodedata.normalize("NFC", text))
    folded = _SPACES.sub(" ", text.translate(_FOLDED))
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def is_invisible(char: str) -> bool:
    """True for a character that takes no place on a screen and is no white space."""
    return _visible_form(ord(char)) == ""


def _visible(text: str) -> str:
    if "\x1b" in text or "\x9b" in text:
        text = _ANSI.sub("", text)
    return _SPACES.sub(" ", text.translate(_VISIBLE))


def _visible_form(point: int) -> str:
    char = chr(point)
    if char.isspace() or point == _BRAILLE_BLANK:
        return " "
    if point in _IGNORABLE or point in _PLANE_OF_TAGS or unicodedata.category(char) in {"Cc", "Cf", "Cs"}:
        return ""
    return char


def _folded_form(point: int) -> str:
    char = chr(point)
    parts = unicodedata.normalize("NFKD", char)
    if len(parts) > _LONGEST_FORM:
        return char
    shapes = (_look(part) for part in parts if not any(ord(part) in block for block in _DIACRITICS))
    return unicodedata.normalize("NFC", "".join(shapes))


def _look(char: str) -> str:
    """Folds one character with its case partner, so that both end alike whichever of them looks like ASCII."""
    small = char.casefold()
    look = CONFUSABLES.get(small) or CONFUSABLES.get(char) or CONFUSABLES.get(char.upper())
    return look.casefold() if look else small


class _Memo(dict[int, str]):
    """A translation table that works out a code point when it is first met; the answer never changes."""

    def __init__(self, form: Callable[[int], str]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, point: int) -> str:
        self[point] = form = self._form(point)
        return form


_VISIBLE = _Memo(_visible_form)
_FOLDED = _Memo(_folded_form)
