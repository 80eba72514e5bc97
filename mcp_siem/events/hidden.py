"""Characters that a person reading a text does not see, and that a model does. Pure, linear."""

import re

import re2

__all__ = ["hidden_in_name", "hidden_in_text"]

# Serialised JSON may spell a character by its escape: each kind is looked for both ways.
_ESCAPE = re2.compile(r"\\u(?:00[019]|007[fF]|20|[fF][eE][fF][fF]|[dD][bB]4)")
_CONTROL = re2.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PADDING = re2.compile(r"(?:[\s\x{a0}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{2800}\x{3000}]|\\[nrt]){40}")
_ZERO_WIDTH = (
    r"[\u200b\u2060-\u2064\ufeff\u00ad\u180e\u034f\u115f\u1160\u3164\uffa0]"
    # Joiners shape emoji and the scripts of Asia: they hide only where ASCII stands on a side.
    r"|[\u200c\u200d](?=[\x00-\x7f]|$)|(?:^|(?<=[\x00-\x7f\u200b-\u200d]))[\u200c\u200d]"
    r"|\\u(?:200[bcdBCD]|206[0-4]|[fF][eE][fF][fF])"
)
_KINDS = (
    ("zero_width", re.compile(_ZERO_WIDTH)),
    ("zero_width_run", re.compile(rf"(?:{_ZERO_WIDTH}){{8}}")),
    ("bidi", re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]|\\u(?:202[a-eA-E]|206[6-9]|200[eEfF])")),
    ("tag", re.compile(r"[\U000e0000-\U000e0fff]|\\u[dD][bB]4[0-3]\\u[dD][c-fC-F]")),
    ("ansi", re.compile(r"\x1b[\[\]()#%PX^_]|[\x90\x9b\x9d]|\\u001[bB][\[\]()#%PX^_]|\\u009[bB]")),
    ("control", re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\\u00(?:0[0-8bBeEfF]|1[0-9aAc-fC-F]|7[fF])")),
)
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Letters of which some look like those of ASCII: IPA, Greek, Cyrillic, Armenian, Cherokee, Lisu, full-width, mathematical.
# A word of one of them and of ASCII is a disguise; one with Chinese or Arabic beside Latin is a name.
_TWINS = (
    r"\x{131}\x{237}\x{250}-\x{2af}\x{370}-\x{58f}\x{13a0}-\x{13ff}\x{1c80}-\x{1c8f}\x{1d00}-\x{1d7f}\x{1f00}-\x{1fff}"
    r"\x{2100}-\x{214f}\x{2c80}-\x{2cff}\x{a4d0}-\x{a4ff}\x{a640}-\x{a69f}\x{ab30}-\x{abbf}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}"
    r"\x{1d400}-\x{1d7ff}"
)
_MIXED_SCRIPT = re2.compile(rf"[A-Za-z][\pL\pN_]*[{_TWINS}]|[{_TWINS}][\pL\pN_]*[A-Za-z]")


def hidden_in_text(text: str) -> tuple[str, ...]:
    """The kinds of hidden characters in a text: zero_width, zero_width_run, bidi, tag, ansi, control, padding."""
    padded = ("padding",) if _PADDING.search(_encodable(text.rstrip())) else ()
    if not _may_hide(text):
        return padded
    # A byte-order mark at the start is a habit of editors, and a region's flag is an emoji.
    shown = _FLAG.sub("", text.removeprefix("\ufeff"))
    return tuple(kind for kind, pattern in _KINDS if pattern.search(shown)) + padded


def _may_hide(text: str) -> bool:
    if text.isascii():
        return ("\\u" in text and _ESCAPE.search(text) is not None) or _CONTROL.search(text) is not None
    return any(not char.isprintable() and char not in "\n\r\t" for char in set(text)) or "\\u" in text


def _encodable(text: str) -> str:
    """RE2 reads UTF-8, which has no half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def hidden_in_name(name: str) -> tuple[str, ...]:
    """The same for a name, in which a line break and letters of two look-alike alphabets have no place either."""
    kinds = hidden_in_text(name)
    if _LINE_BREAK.search(name):
        kinds += ("line_break",)
    if not name.isascii() and _MIXED_SCRIPT.search(_encodable(name)):
        kinds += ("mixed_script",)
    return kinds
