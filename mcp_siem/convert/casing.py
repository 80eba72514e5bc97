"""Which characters are one another's case variants, as the two meanings of "case-insensitive" have it. Pure.

Strings of a rule compare by full case folding (`ß` is `ss`), patterns of `re|i` by simple folding, one character
for one, as RE2 does. A target that stores texts as they were written needs the variants spelled out.
"""

from collections.abc import Mapping, Sequence
from functools import cache

__all__ = ["LAST_CASED", "fold_mappings", "is_caseless", "multi_folds", "orbit", "single_folds"]

# No character above this one has a case variant; a test walks all of Unicode.
LAST_CASED = 0x1E943
_SURROGATES = range(0xD800, 0xE000)
_ASCII_ORBITS = {"k": "Kk\u212a", "s": "Ss\u017f"}
# Simple foldings that Unicode 15.1 added; RE2 knows them, older Pythons do not.
_LATE_FOLDS = {"\u1fd3": "\u0390", "\u1fe3": "\u03b0", "\ufb05": "\ufb06"}


def orbit(char: str) -> str:
    """The character and all that simple case folding makes equal to it, sorted."""
    if char.isascii():
        small = char.lower()
        return _ASCII_ORBITS.get(small) or (small.upper() + small if small.isalpha() else char)
    return _orbits().get(_simple_fold(char), char)


def is_caseless(text: str) -> bool:
    """True if no character of the text is, or is part of, another case form of anything."""
    return all((char.isascii() and not char.isalpha()) or _is_alone(char) for char in text)


def _is_alone(char: str) -> bool:
    if char.isascii():
        return False
    return single_folds(char) == char and not any(char in folded for folded in multi_folds().values())


def single_folds(char: str) -> str:
    """Every single character whose full case folding is this one character, sorted."""
    if char.isascii():
        return "" if char.isupper() else orbit(char)
    return _folded_to().get(char) or (char if char.casefold() == char else "")


@cache
def multi_folds() -> Mapping[str, str]:
    """Characters whose full case folding is longer than one character, with that folding."""
    return {char: folded for char in _cased() if len(folded := char.casefold()) > 1}


@cache
def fold_mappings() -> Mapping[str, str]:
    """Characters for which lower-casing one character at a time is not case folding, with their case folding."""
    return {char: folded for char in _cased() if (folded := char.casefold()) != char.lower()} | {
        "\u0130": "\u0130".casefold()
    }


@cache
def _orbits() -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for char in _cased():
        found.setdefault(_simple_fold(char), []).append(char)
    return {folded: "".join(chars) for folded, chars in found.items() if len(chars) > 1}


@cache
def _folded_to() -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for char in _cased():
        found.setdefault(char.casefold(), []).append(char)
    return {folded: "".join(chars) for folded, chars in found.items() if len(folded) == 1}


@cache
def _cased() -> Sequence[str]:
    """Every character that folding or lower-casing changes, or makes of another, sorted: all others have no variant."""
    chars = [chr(point) for point in range(LAST_CASED + 1) if point not in _SURROGATES]
    forms = zip(chars, map(str.casefold, chars), map(str.lower, chars), strict=True)
    changed = {char for char, folded, small in forms if not char == folded == small}
    made = {form for char in changed for form in (*char.casefold(), *char.lower(), _simple_fold(char))}
    return sorted(changed | made)


def _simple_fold(char: str) -> str:
    if char in _LATE_FOLDS:
        return _LATE_FOLDS[char]
    folded = char.casefold()
    if len(folded) == 1:
        return folded
    small = char.lower()
    return small if len(small) == 1 else char
