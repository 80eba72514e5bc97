r"""A rule's regular expression as a tree, in RE2's dialect, which decides what it means.

Character classes, flags and escapes are gone from the tree: a `Chars` node is a set of code points. What a target
without anchors needs (`anchors.py`) and how a target writes a tree are other files' work. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcp_siem.convert.casing import LAST_CASED, orbit
from mcp_siem.convert.pattern import (
    ALL,
    ANY_CHAR,
    WORD,
    Anchor,
    AnchorKind,
    Chars,
    Node,
    Ranges,
    alt,
    complement,
    ranges_of,
    repeat,
    seq,
)

__all__ = ["RegexUnsupportedError", "parse_regex"]

_HIGHEST = 0x10FFFF
_MOST_REPEATS = 1000
_DEEPEST = 100


class RegexUnsupportedError(ValueError):
    """The pattern uses something that no tree here can say; says what."""


_DIGIT: Ranges = ((0x30, 0x39),)
_SPACE: Ranges = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_PERL = {"d": _DIGIT, "w": WORD, "s": _SPACE}
_POSIX: dict[str, Ranges] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "digit": _DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_ANCHORS: dict[str, AnchorKind] = {"A": "start", "z": "end", "b": "word", "B": "not_word"}
_LOOKS = {"=": "a look-ahead", "!": "a look-ahead", "<=": "a look-behind", "<!": "a look-behind"}
_QUANTIFIER = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,8})\}|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})")
_LOW = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_HIGH_SURROGATES = range(0xD800, 0xDC00)
_SURROGATES = range(0xD800, 0xE000)
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{2}")
_GROUP = re.compile(r"\?(?:P?<[A-Za-z_]\w*>|([ims]*)(?:-([ims]+))?([:)]))")
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    ignore_case: bool = False
    lines: bool = False
    dot_all: bool = False

    def changed(self, letters: str, *, on: bool) -> "_Flags":
        return replace(
            self,
            ignore_case=on if "i" in letters else self.ignore_case,
            lines=on if "m" in letters else self.lines,
            dot_all=on if "s" in letters else self.dot_all,
        )


def parse_regex(pattern: str, *, flags: str = "") -> Node:
    """The tree of a pattern; `flags` are letters of `ims`. Raises RegexUnsupportedError, and never recurses deeply."""
    parser = _Parser(pattern)
    node = parser.alternatives(_Flags().changed(flags, on=True), depth=0)
    if parser.at < len(pattern):
        raise RegexUnsupportedError("a closing parenthesis without an opening one")
    return node


class _Parser:
    """Recursive descent over one pattern; `at` is where it stands."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0

    def alternatives(self, flags: _Flags, *, depth: int) -> Node:
        if depth > _DEEPEST:
            raise RegexUnsupportedError(f"more than {_DEEPEST} nested groups")
        options: list[Node] = []
        items: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.text[self.at] == "|":
                self.at += 1
                options.append(seq(items))
                items = []
                continue
            found = self._flag_change(flags)
            if found is not None:
                flags = found
                continue
            items.append(self._quantified(self._atom(flags, depth)))
        return alt([*options, seq(items)]) if options else seq(items)

    def _flag_change(self, flags: _Flags) -> _Flags | None:
        found = _GROUP.match(self.text, self.at + 1) if self.text[self.at] == "(" else None
        if found is None or found[3] != ")":
            return None
        self.at = found.end()
        return flags.changed(found[1] or "", on=True).changed(found[2] or "", on=False)

    def _atom(self, flags: _Flags, depth: int) -> Node:  # noqa: PLR0911 - one return per kind of atom
        char = self.text[self.at]
        self.at += 1
        match char:
            case "(":
                return self._group(flags, depth)
            case "[":
                return self._class(flags)
            case ".":
                return ANY_CHAR if flags.dot_all else Chars(complement(((10, 10),)))
            case "^":
                return Anchor("line_start" if flags.lines else "start")
            case "$":
                return Anchor("line_end" if flags.lines else "end")
            case "\\":
                return self._escape(flags)
            case "*" | "+" | "?":
                raise RegexUnsupportedError("a repetition of nothing")
            case _:
                return Chars(_cased(((ord(char), ord(char)),), flags))

    def _group(self, flags: _Flags, depth: int) -> Node:
        if self.text.startswith("?", self.at):
            for mark, name in _LOOKS.items():
                if self.text.startswith(mark, self.at + 1):
                    raise RegexUnsupportedError(name)
            found = _GROUP.match(self.text, self.at)
            if found is None:
                raise RegexUnsupportedError(f"the group ({self.text[self.at : self.at + 3]}")
            self.at = found.end()
            flags = flags.changed(found[1] or "", on=True).changed(found[2] or "", on=False)
        node = self.alternatives(flags, depth=depth + 1)
        if not self.text.startswith(")", self.at):
            raise RegexUnsupportedError("a group that is not closed")
        self.at += 1
        return node

    def _quantified(self, item: Node) -> Node:
        quantified = False
        while (bounds := self._bounds()) is not None:
            if quantified or isinstance(item, Anchor):
                raise RegexUnsupportedError("a repetition of a repetition or of an anchor")
            quantified = True
            item = repeat(item, *bounds)
            if self.text.startswith("?", self.at):
                self.at += 1  # lazy or greedy, the same texts match
        return item

    def _bounds(self) -> tuple[int, int | None] | None:
        char = self.text[self.at : self.at + 1]
        plain: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if char in plain:
            self.at += 1
            return plain[char]
        found = _QUANTIFIER.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        least = int(found[1])
        most = least if found[2] is None else (int(found[3]) if found[3] else None)
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise RegexUnsupportedError(f"the repetition {found[0]}")
        return least, most

    def _escape(self, flags: _Flags) -> Node:
        char = self.text[self.at : self.at + 1]
        if char in _ANCHORS:
            self.at += 1
            return Anchor(_ANCHORS[char])
        if char == "Z":
            self.at += 1
            return Anchor("end")
        return Chars(self._escaped_set(flags))

    def _escaped_set(self, flags: _Flags) -> Ranges:
        r"""A class such as `\W` is the complement of all that `\w` is, case variants included."""
        char = self.text[self.at : self.at + 1]
        if char.lower() in _PERL and char:
            self.at += 1
            found = _cased(_PERL[char.lower()], flags)
            return complement(found) if char.isupper() else found
        point = self._code_point()
        return _cased(((point, point),), flags)

    def _code_point(self) -> int:
        """The character that a backslash, already passed, and what follows it stand for."""
        char = self.text[self.at : self.at + 1]
        if found := _HEX.match(self.text, self.at):
            self.at = found.end()
            return self._joined(int(next(digits for digits in found.groups() if digits), 16))
        if found := _OCTAL.match(self.text, self.at):
            self.at = found.end()
            return int(found[0], 8)
        self.at += 1
        if char in _CONTROLS:
            return _CONTROLS[char]
        if not char or char.isalnum():
            raise RegexUnsupportedError(f"the escape \\{char}")
        return ord(char)

    def _joined(self, point: int) -> int:
        r"""The character of a pair of surrogates written as two `\uXXXX`."""
        found = _LOW.match(self.text, self.at)
        if point in _HIGH_SURROGATES and found:
            self.at = found.end()
            return 0x10000 + ((point - 0xD800) << 10) + (int(found[1], 16) - 0xDC00)
        if point > _HIGHEST or point in _SURROGATES:
            raise RegexUnsupportedError(f"U+{point:X}, which is no character")
        return point

    def _class(self, flags: _Flags) -> Node:
        negated = self.text.startswith("^", self.at)
        self.at += negated
        pairs: list[tuple[int, int]] = []
        first = True
        while first or not self.text.startswith("]", self.at):
            if self.at >= len(self.text):
                raise RegexUnsupportedError("a character class that is not closed")
            first = False
            pairs.extend(self._class_item(flags))
        self.at += 1
        found = ranges_of(pairs)
        return Chars(complement(found) if negated else found)

    def _class_item(self, flags: _Flags) -> Iterator[tuple[int, int]]:
        if found := _POSIX_CLASS.match(self.text, self.at):
            if found[2] not in _POSIX:
                raise RegexUnsupportedError(f"the class {found[0]}")
            self.at = found.end()
            named = _cased(_POSIX[found[2]], flags)
            yield from complement(named) if found[1] else named
            return
        start = self.at
        low = self._class_member(_Flags())
        dash = self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in ("]", "")
        if len(low) != 1 or low[0][0] != low[0][1] or not dash:
            self.at = start
            yield from self._class_member(flags)
            return
        self.at += 1
        high = self._class_member(_Flags())
        if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
            raise RegexUnsupportedError("a range of characters that is none")
        yield from _cased(((low[0][0], high[0][0]),), flags)

    def _class_member(self, flags: _Flags) -> Ranges:
        char = self.text[self.at]
        self.at += 1
        if char != "\\":
            return _cased(((ord(char), ord(char)),), flags)
        if self.text.startswith("b", self.at):
            raise RegexUnsupportedError(r"\b inside a character class")
        return self._escaped_set(flags)


def _cased(ranges: Ranges, flags: _Flags) -> Ranges:
    """The set with every case variant of its members, if case is ignored."""
    if not flags.ignore_case or ranges == ALL:
        return ranges
    return ranges_of((*ranges, *_variants(ranges)))


def _variants(ranges: Ranges) -> Iterator[tuple[int, int]]:
    for low, high in ranges:
        for point in range(low, min(high, LAST_CASED) + 1):
            if point not in _SURROGATES:
                yield from ((ord(char), ord(char)) for char in orbit(chr(point)))
