"""The folded twin: one spelling for all the ways to write the same text. Pure, linear, never raises.

Closed: case, compatibility forms (fullwidth, mathematical), look-alikes of ASCII (UTS 39), diacritics, zero-width,
bidi, tag and control characters, ANSI sequences, runs of white space, and one layer each of HTML entities, URL
escapes and Base64. Not closed: two layers of one encoding, hexadecimal, ROT13 or compressed text, a blank or
punctuation inside a word, leetspeak (ASCII is never a look-alike of ASCII), synonyms and other languages.
"""

import re

import re2

from mcp_siem.events.characters import ANSI, FOLDED, VISIBLE, normalised, rewritten
from mcp_siem.events.decode import SHORTEST_BASE64, decode_once

__all__ = ["fold", "fold_pattern", "is_plain"]

# ASCII text without any of these is folded by lower() alone.
_WORK = re2.compile(rf"[\x00-\x1f\x7f%&]|  |[A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}")
# Greek capitals that look like another letter than their small form (N and v, Y and u). In Greek they fold with
# the small form, so that case never matters; beside an ASCII letter they are what they look like.
_TWO_FACED = re.compile("(?<=[A-Za-z])[\u039d\u03a5]|[\u039d\u03a5](?=[A-Za-z])")
_FACES = {"\u039d": "N", "\u03a5": "Y"}


def is_plain(text: str) -> bool:
    """True if the text hides nothing: ASCII, without control characters, runs of blanks or anything encoded."""
    return text.isascii() and not _WORK.search(text)


def fold(text: str) -> str:
    """The folded twin of a value: encodings taken apart once, then every character folded."""
    if is_plain(text):
        return text.lower()
    return fold_pattern(decode_once(_visible(text)))


def fold_pattern(text: str) -> str:
    """Folds the characters of a literal part of a rule's pattern exactly as `fold` does; decodes no encoding.

    Nothing is trimmed: what a literal finds in a text, the folded literal finds in the folded text.
    """
    text = _visible(text)
    if text.isascii():
        return text.lower()
    text = _TWO_FACED.sub(lambda match: _FACES[match[0]], normalised(text, "NFC"))
    folded = _single_spaced(rewritten(text, FOLDED))
    return normalised(folded, "NFC")


def _visible(text: str) -> str:
    if "\x1b" in text or "\x9b" in text:
        text = ANSI.sub("", text)
    return _single_spaced(rewritten(text, VISIBLE))


def _single_spaced(text: str) -> str:
    # halves every run at each turn: linear in all, and far faster than a regex
    while "  " in text:
        text = text.replace("  ", " ")
    return text
