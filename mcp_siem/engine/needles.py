"""Literals without which a test cannot hold: what a scanner looks for before anything else is asked.

A needle is a piece of *case-folded* text. `needles_of(test)` promises: where the test holds for a text, at least one of
its needles stands in `fold_case(text)`, a lone surrogate there being read as `?`. Folding works character by character,
so what stands in a text stands, folded, in the folded text; that makes needles of cased tests too. None says that
nothing is known, and the test is always asked.
"""

import re

from mcp_siem.engine.predicates import Contains, Glob, Prefix, Regex, Segments, Suffix, Test
from mcp_siem.engine.regex import spelled_for_re2
from mcp_siem.engine.values import fold_case

__all__ = ["needles_of"]

_MOST_NEEDLES = 24
_DEEPEST = 40
_REPEAT = re.compile(r"\{([0-9]{1,4})(,[0-9]{0,4})?\}")
_GROUP = re.compile(r"\?(?:[imsU]*(?:-[imsU]+)?:|P?<[A-Za-z_][A-Za-z0-9_]*>)")
_FLAGS = re.compile(r"\?[imsU]*(?:-[imsU]+)?\)")
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?[a-z]+:\]|\\[^QE]|[^\]\\\[]|\[(?!:))*\]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_WIDTHLESS_OR_ONE = frozenset("dDwWsSbBAz")
_SPECIAL = frozenset(".^$")

Needles = tuple[str, ...]


def needles_of(test: Test) -> Needles | None:
    """Needles of which one stands in every folded text for which the test holds; None if none are known."""
    match test:
        case Contains() | Prefix() | Suffix():
            return _longest([test.literal], cased=test.cased)
        case Segments():
            return _longest([test.head, *test.middle, test.tail], cased=test.cased)
        case Glob():
            return _longest([part for part in test.parts if isinstance(part, str)], cased=test.cased)
        case Regex():
            found = _Pattern(spelled_for_re2(test.pattern)).needles()
            return None if found is None else tuple(sorted({fold_case(one) for one in found}))
        case _:
            return None


def _longest(literals: list[str], *, cased: bool) -> Needles | None:
    # what is not cased was folded when it was compiled; folding it again might not be what the test does
    longest = max(literals, key=len, default="")
    if not longest or _SURROGATE.search(longest):
        return None
    return (fold_case(longest) if cased else longest,)


class _GaveUp(Exception):  # noqa: N818 - no error: nothing is known of this pattern, and it will always be asked
    pass


class _Pattern:
    """A regular expression of RE2, read only as far as it takes to know literals that it needs.

    Only ASCII counts: ignoring case, an ASCII letter matches itself, its other case, the Kelvin sign (k) or the long s
    (s), all of which case folding turns into that letter.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def needles(self) -> Needles | None:
        try:
            found = self._alternatives(0)
        except _GaveUp:
            return None
        return found if self._at == len(self._text) else None

    def _alternatives(self, depth: int) -> Needles | None:
        if depth > _DEEPEST:
            raise _GaveUp
        branches = [self._branch(depth)]
        while self._text.startswith("|", self._at):
            self._at += 1
            branches.append(self._branch(depth))
        found: list[str] = []
        for branch in branches:
            if branch is None:
                return None
            found += branch
        return tuple(found) if len(found) <= _MOST_NEEDLES else None

    def _branch(self, depth: int) -> Needles | None:
        """The best needles of parts that follow one another: each of them is needed."""
        known: list[Needles] = []
        run = ""
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            char, inner = self._atom(depth)
            least, once = self._repeated()
            if char is not None and least:
                run += char
            if inner is not None and least:
                known.append(inner)
            if run and (char is None or not once):
                known.append((run,))
                run = ""
        if run:
            known.append((run,))
        return max(known, key=lambda one: (min(map(len, one)), -len(one)), default=None)

    def _atom(self, depth: int) -> tuple[str | None, Needles | None]:
        """The next part: a character, or the needles of a group, or neither."""
        char = self._text[self._at]
        if char == "(":
            return None, self._group(depth)
        if char == "[":
            self._skip(_CLASS)
            return None, None
        if char == "\\":
            return self._escape(), None
        self._at += 1
        return (char if char.isascii() and char not in _SPECIAL else None), None

    def _group(self, depth: int) -> Needles | None:
        self._at += 1
        flags = _FLAGS.match(self._text, self._at)
        if flags:
            self._at = flags.end()
            return None
        if self._text.startswith("?", self._at):
            self._skip(_GROUP)
        found = self._alternatives(depth + 1)
        if not self._text.startswith(")", self._at):
            raise _GaveUp
        self._at += 1
        return found

    def _escape(self) -> str | None:
        char = self._text[self._at + 1 : self._at + 2]
        if char == "x":
            self._skip(re.compile(r"\\x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})"))
            return None
        self._at += 2
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in _WIDTHLESS_OR_ONE:
            return None
        if not char or char.isalnum() or not char.isascii():
            raise _GaveUp
        return char

    def _skip(self, shape: re.Pattern[str]) -> None:
        found = shape.match(self._text, self._at)
        if not found:
            raise _GaveUp
        self._at = found.end()

    def _repeated(self) -> tuple[bool, bool]:
        """Whether the part before is needed at all, and whether it stands exactly once."""
        least, once = True, True
        while self._at < len(self._text):
            repeat = _REPEAT.match(self._text, self._at)
            if repeat:
                least, once = least and int(repeat[1]) > 0, False
                self._at = repeat.end()
            elif self._text[self._at] in "*?+":
                least, once = least and self._text[self._at] == "+", False
                self._at += 1
            else:
                break
        return least, once
