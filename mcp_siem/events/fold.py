"""The folded twin: one spelling for all the ways to write the same text. Pure, linear, never raises.

Closed: case, compatibility forms (fullwidth, mathematical), look-alikes of ASCII (UTS 39), diacritics, zero-width,
bidi, tag and control characters, ANSI sequences, runs of white space, and one layer each of HTML entities, URL
escapes and Base64. Not closed: two layers of one encoding, hexadecimal, ROT13 or compressed text, a blank or
punctuation inside a word, leetspeak (ASCII is never a look-alike of ASCII), synonyms and other languages.
"""

import re

from mcp_siem.events.characters import ANSI, FOLDED, SOLID, VISIBLE, normalised, rewritten, visible
from mcp_siem.events.decode import RUN, RUN_SYMBOL, SYMBOLS, decode_once
from mcp_siem.events.memo import Memo

__all__ = ["fold", "fold_pattern", "is_plain"]

# The ASCII of a text as a map of bytes: what is a symbol of Base64, and what needs a closer look.
_ODD, _OTHER = b"!", b"."
_CONTROLS = {chr(point): VISIBLE[point] for point in (*range(0x20), 0x7F)}
_KINDS = bytes(
    RUN_SYMBOL[0] if byte in SYMBOLS else (_ODD if byte in b"%&" or chr(byte) in _CONTROLS else _OTHER)[0]
    for byte in range(256)
)
# Greek capitals that look like another letter than their small form (N and v, Y and u). In Greek they fold with
# the small form, so that case never matters; beside an ASCII letter they are what they look like.
_NU_AMONG_LATIN = re.compile("\u039d(?:(?=[A-Za-z])|(?<=[A-Za-z]\u039d))")
_UPSILON_AMONG_LATIN = re.compile("\u03a5(?:(?=[A-Za-z])|(?<=[A-Za-z]\u03a5))")
# What of a long word has to be folded as one: what is not ASCII, and letters of ASCII (and what marks make letters of)
# that stand beside it.
_ISLAND = re.compile("([A-Za-z<=>]?[^\x00-\x7f][^\x00-\x7f]*(?:[A-Za-z<=>][^\x00-\x7f]+)*[A-Za-z<=>]?)")
_SOLID = re.compile(f"({SOLID}+)")
_LONG = 64


def is_plain(text: str) -> bool:
    """True if the text hides nothing: ASCII, without control characters, runs of blanks or anything encoded."""
    if not text.isascii() or "  " in text:
        return False
    kinds = text.encode().translate(_KINDS)
    return _ODD not in kinds and RUN not in kinds


def fold(text: str) -> str:
    """The folded twin of a value: encodings taken apart once, then every character folded."""
    if is_plain(text):
        return text.lower()
    if _needs_work(text):
        text = _uncontrolled(text)
        if _needs_work(text):
            seen = text if text.isascii() else rewritten(text, VISIBLE)
            text = _uncontrolled(decode_once(_single_spaced(seen)))
    elif "\x9b" in text:
        text = _uncontrolled(text)
    return _folded(text)


def fold_pattern(text: str) -> str:
    """Folds the characters of a literal part of a rule's pattern exactly as `fold` does; decodes no encoding.

    Nothing is trimmed: what a literal finds in a text, the folded literal finds in the folded text.
    """
    return _folded(_uncontrolled(text))


def _needs_work(text: str) -> bool:
    """Says whether the ASCII of the text holds a control character or may hold an encoding.

    Other characters count for nothing, so that a run is seen through what is invisible in it.
    """
    kinds = text.encode("ascii", "ignore").translate(_KINDS)
    return _ODD in kinds or RUN in kinds


def _uncontrolled(text: str) -> str:
    """The text without control characters of ASCII and sequences of terminals."""
    if "\x1b" in text or "\x9b" in text:
        text = ANSI.sub("", text)
    for char, form in _CONTROLS.items():
        if char in text:
            text = text.replace(char, form)
    return text


def _folded(text: str) -> str:
    """Word by word: nothing that is folded reaches over a blank."""
    if text.isascii():
        return _single_spaced(text).lower()
    words = [word.lower() if word.isascii() else _WORDS[word] for word in text.split(" ")]
    return _single_spaced(" ".join(words))


def _folded_word(word: str) -> str:
    if len(word) <= _LONG:
        return _folded_island(word.translate(VISIBLE))
    parts = _ISLAND.split(visible(word))
    parts[::2] = map(str.lower, parts[::2])
    parts[1::2] = map(_ISLANDS.__getitem__, parts[1::2])
    return "".join(parts)


def _folded_island(word: str) -> str:
    if not _SOLID.search(word):
        return _folded_run(word)
    parts = _SOLID.split(word)
    parts[::2] = map(_folded_run, parts[::2])
    return "".join(parts)


def _folded_run(word: str) -> str:
    if word.isascii():
        return word.lower()
    word = normalised(word, "NFC")
    if "\u039d" in word or "\u03a5" in word:
        word = _as_seen_among_latin(word)
    return normalised(word.translate(FOLDED), "NFC")


def _as_seen_among_latin(word: str) -> str:
    # for a while as a control character, which is no letter to its neighbours
    word = _UPSILON_AMONG_LATIN.sub("\x01", _NU_AMONG_LATIN.sub("\x02", word))
    return word.replace("\x01", "Y").replace("\x02", "N")


_WORDS = Memo(_folded_word)
_ISLANDS = Memo(_folded_island)


def _single_spaced(text: str) -> str:
    # halves every run at each turn: linear in all, and far faster than a regex
    while "  " in text:
        text = text.replace("  ", " ")
    return text
