r"""Sigma's strings and regular expressions as PCRE that SPL carries unharmed. Pure text, no Sigma.

A backslash is `\x5c`, a quote `\x22`, a backtick (SPL expands macros) `\x60`, a dollar sign (Splunk replaces tokens)
`\x24`. The end of a text is `\z`: PCRE's `$` also holds before a last line break, RE2's and Sigma's does not.
"""

import re
import sys
from collections.abc import Iterable
from functools import cache, lru_cache

from mcp_siem.convert.casing import multi_folds, orbit, single_folds
from mcp_siem.convert.pattern import ranges_of
from mcp_siem_backends.splunk.folding import Parts, Spelled, Wildcard, Writer, spelled
from mcp_siem_backends.splunk.refusals import refused

__all__ = ["Parts", "Wildcard", "folded_spelling", "glob_regex", "json_regex", "literal_regex", "translated_regex"]

_PLAIN = frozenset("/:,;=@#%&!<>~'_- ")
_SPECIAL = frozenset(".^*+?()[]{}|")
_LAST_ASCII_CONTROL = 0x1F
_DELETE = 0x7F


def literal_regex(text: str, *, cased: bool = False) -> str:
    """A text that matches itself; other letters than ASCII spell out their case forms, whatever mode PCRE runs in."""
    return "".join(_char(char, cased=cased) for char in text)


def _char(char: str, *, cased: bool) -> str:
    if char.isascii():
        return _ascii(char)
    folded = char.casefold()
    partners = single_folds(folded) if len(folded) == 1 else ()
    forms = {char} if cased else {char, *orbit(char), *partners, folded}
    return char if len(forms) == 1 else f"(?:{'|'.join(sorted(forms))})"


def _ascii(char: str) -> str:
    if char.isalnum() or char in _PLAIN:
        return char
    return f"\\{char}" if char in _SPECIAL else f"\\x{ord(char):02x}"


def glob_regex(parts: Parts, *, cased: bool = False, folded: bool = False) -> str:
    """A pattern for the whole text; `*` at an end leaves that end open. It needs the `s` flag, and `i` unless `cased`.

    `folded` says that the values are folded already, so that no other spelling is looked for.
    """
    if not cased and not folded:
        found = folded_spelling(tuple(parts))
        body, open_head, open_tail = found.body, found.open_head, found.open_tail
    else:
        exact = (
            part.value if isinstance(part, Wildcard) else literal_regex(part, cased=True) for part in _inner(parts)
        )
        body = "".join(exact)
        open_head = bool(parts) and parts[0] is Wildcard.MANY
        open_tail = bool(parts) and parts[-1] is Wildcard.MANY
    return ("" if open_head else r"\A") + body + ("" if open_tail else r"\z")


@lru_cache(maxsize=4_096)
def folded_spelling(parts: Parts) -> Spelled:
    """The parts in every spelling that folds to them, as PCRE, without anchors."""
    return spelled(parts, _glob())


def _inner(parts: Parts) -> Parts:
    """The parts without the `*` at their ends."""
    inner = list(parts)
    while inner and inner[0] is Wildcard.MANY:
        inner.pop(0)
    while inner and inner[-1] is Wildcard.MANY:
        inner.pop()
    return inner


def _ranges(chars: Iterable[str]) -> str:
    """The members of a class, neighbours joined."""
    pairs = ranges_of((ord(char), ord(char)) for char in chars)
    return "".join(chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in pairs)


@cache
def _several() -> str:
    """The letters that fold to several, as members of a class."""
    return _ranges(multi_folds())


@cache
def _glob() -> Writer:
    return Writer(char=literal_regex, one=".", single=f"[^{_several()}]", many=Wildcard.MANY.value)


@cache
def _json() -> Writer:
    single = _JSON_CHAR.replace("[^", f"[^{_several()}")
    return Writer(char=_json_char, one=_JSON_CHAR, single=single, many=f"{_JSON_CHAR}*?")


def json_regex(parts: Parts, *, cased: bool = False) -> str:
    """A pattern for the text as it stands inside a JSON string of the raw event; wildcards stay inside the string."""
    if cased:
        return "".join(_json_part(part) for part in _inner(parts))
    return spelled([Wildcard.MANY, *_inner(parts), Wildcard.MANY], _json()).body


_JSON_CHAR = r"(?:\x5cu[0-9a-fA-F]{4}|\x5c.|[^\x22\x5c])"
_JSON_ESCAPES = {
    '"': r"(?:\x5c)?\x22",
    "\\": r"\x5c{1,2}",
    "/": r"(?:\x5c)?/",
    "\b": r"(?:\x5cb|\x08)",
    "\f": r"(?:\x5cf|\x0c)",
    "\n": r"(?:\x5cn|\x0a)",
    "\r": r"(?:\x5cr|\x0d)",
    "\t": r"(?:\x5ct|\x09)",
}


def _json_part(part: str | Wildcard) -> str:
    if isinstance(part, Wildcard):
        return _JSON_CHAR + ("*?" if part is Wildcard.MANY else "")
    return "".join(_json_char(char, cased=True) for char in part)


def _json_char(char: str, *, cased: bool = False) -> str:
    if char in _JSON_ESCAPES:
        return _JSON_ESCAPES[char]
    if ord(char) <= _LAST_ASCII_CONTROL:
        return rf"(?:\x5cu{ord(char):04x}|\x{ord(char):02x})"
    return _char(char, cased=cased)


def translated_regex(pattern: str, flags: str = "") -> str:
    """A rule's regular expression (RE2's dialect) as PCRE reads the same; `flags` are letters of `ims`."""
    return _Translation(pattern, flags).text()


_ESCAPED = {
    "\\": r"\x5c",
    '"': r"\x22",
    "`": r"\x60",
    "$": r"\x24",
    "Z": r"\z",
    "a": r"\x07",
    "f": r"\x0c",
    "v": r"\x0b",
}
_WIDTHS = {"u": 4, "U": 8}
_HIGH = range(0xD800, 0xDC00)
_LOW = range(0xDC00, 0xE000)
# RE2 knows no such escape, or means another thing by it than PCRE does.
_FOREIGN = frozenset("CRXGKENHhghkGo123456789")
_LEADING_FLAGS = re.compile(r"\(\?([ims]+)\)")
_INLINE_FLAGS = re.compile(r"\(\?([a-zA-Z]*(?:-[a-zA-Z]+)?)[:)]")
# PCRE's `^` holds at no line that is empty and last; RE2's does.
_LINE_START = r"(?:\A|(?<=\x0a))"


class _Translation:
    """One walk over one pattern."""

    def __init__(self, pattern: str, flags: str) -> None:
        self._pattern = pattern
        self._flags = flags
        leading = _LEADING_FLAGS.match(pattern)
        set_for_all = flags + (leading[1] if leading else "")
        self._lines = "m" in set_for_all
        self._folds = "i" in set_for_all
        scoped = "".join(_INLINE_FLAGS.findall(pattern[leading.end() if leading else 0 :]))
        if set(scoped) & set("mUx"):
            raise refused("SPLUNK-PATTERN", f"the flag m, U or x for a part of {pattern}")

    def text(self) -> str:
        out = [f"(?{''.join(sorted(self._flags))})"] if self._flags else []
        at = 0
        while at < len(self._pattern):
            piece, at = self._piece(at)
            out.append(piece)
        return "".join(out)

    def _piece(self, at: int) -> tuple[str, int]:
        char = self._pattern[at]
        if char == "\\":
            return self._escape(at, in_class=False)
        if char == "[":
            return self._class(at)
        if char == "^" and self._lines:
            return _LINE_START, at + 1
        if char == "$":
            return ("$" if self._lines else r"\z"), at + 1
        return self._plain(char, in_class=False), at + 1

    def _plain(self, char: str, *, in_class: bool) -> str:
        if char in {'"', "`"} or ord(char) <= _LAST_ASCII_CONTROL or ord(char) == _DELETE or (in_class and char == "$"):
            return f"\\x{ord(char):02x}"
        if char.isascii() or in_class or not self._folds:
            return char
        forms = sorted({char, *orbit(char)})
        return char if len(forms) == 1 else f"(?:{'|'.join(forms)})"

    def _escape(self, at: int, *, in_class: bool) -> tuple[str, int]:
        follows = self._pattern[at + 1 : at + 2]
        if follows in _WIDTHS:
            return self._code_point(at, in_class=in_class)
        if follows == "Q":
            end = self._pattern.find("\\E", at)
            end = len(self._pattern) if end == -1 else end
            text = self._pattern[at + 2 : end]
            return "".join(self._quoted(char, in_class=in_class) for char in text), end + 2
        if follows in _FOREIGN or not follows:
            raise refused("SPLUNK-PATTERN", f"\\{follows} in {self._pattern}")
        if follows in _ESCAPED and not (in_class and follows == "Z"):
            return _ESCAPED[follows], at + 2
        if not follows.isascii() or follows.isspace():
            return self._plain(follows, in_class=in_class), at + 2
        return f"\\{follows}", at + 2

    def _quoted(self, char: str, *, in_class: bool) -> str:
        if not char.isascii():
            return self._plain(char, in_class=in_class)
        return char if char.isalnum() else f"\\x{ord(char):02x}"

    def _code_point(self, at: int, *, in_class: bool) -> tuple[str, int]:
        r"""`\uXXXX`, which pySigma's parser asks for and PCRE refuses, as the character itself."""
        point, end = self._digits(at)
        if point in _HIGH and self._pattern[end : end + 2] == "\\u":
            low, after = self._digits(end)
            if low in _LOW:
                point, end = 0x10000 + ((point - _HIGH.start) << 10) + (low - _LOW.start), after
        if point > sys.maxunicode or point in _HIGH or point in _LOW:
            raise refused("SPLUNK-PATTERN", f"a lone surrogate in {self._pattern}")
        return self._quoted(chr(point), in_class=in_class), end

    def _digits(self, at: int) -> tuple[int, int]:
        width = _WIDTHS[self._pattern[at + 1]]
        digits = self._pattern[at + 2 : at + 2 + width]
        try:
            return int(digits, 16), at + 2 + width
        except ValueError as error:
            raise refused("SPLUNK-PATTERN", f"\\{self._pattern[at + 1]} in {self._pattern}") from error

    def _class(self, at: int) -> tuple[str, int]:
        start = at
        out = ["["]
        at += 1
        if self._pattern[at : at + 1] == "^":
            out.append("^")
            at += 1
        if self._pattern[at : at + 1] == "]":
            out.append("\\]")
            at += 1
        while self._pattern[at : at + 1] != "]":
            if at >= len(self._pattern):
                raise refused("SPLUNK-PATTERN", f"an open [ in {self._pattern[start:]}")
            piece, at = self._member(at)
            out.append(piece)
        return "".join([*out, "]"]), at + 1

    def _member(self, at: int) -> tuple[str, int]:
        if self._pattern.startswith("[:", at) and (end := self._pattern.find(":]", at)) != -1:
            return self._pattern[at : end + 2], end + 2
        char = self._pattern[at]
        if char == "\\":
            return self._escape(at, in_class=True)
        return ("\\[" if char == "[" else self._plain(char, in_class=True)), at + 1
