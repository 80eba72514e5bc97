"""Looks for many literals in one text at once. Every scanner gives the same answer; they differ in what it costs.

The question is always: which needles (pieces of folded text) stand in `fold_case(text)`, a lone surrogate there being
read as `?`, as regular expressions read it? No scanner folds by itself but ASCII letters, for which caseless matching
and case folding are one thing; any other text is folded here first.

Hyperscan is fast on every text. google-re2's set, where Hyperscan is missing, is nearly as fast on usual text; on text
made to fill its cache of states it falls behind, down to what searching needle by needle costs (`bench/`).
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import re2

from mcp_siem.engine.values import fold_case

__all__ = ["HyperscanScanner", "PlainScanner", "Re2Scanner", "Scanner", "best_scanner"]

# Bytes: room for the states of the largest sets we met, times four.
_RE2_MEMORY = 64 << 20


class Scanner(Protocol):
    """Finds needles in a text."""

    def find(self, text: str) -> Sequence[int]:
        """The places (in the list of needles) of those that stand in the folded text, each once."""


class PlainScanner:
    """One search a needle: nothing to compile, and no text makes it worse than that."""

    def __init__(self, needles: Sequence[str]) -> None:
        self._needles = [(place, needle.encode("utf-8")) for place, needle in enumerate(needles)]

    def find(self, text: str) -> Sequence[int]:
        """The places of the needles that stand in the text."""
        folded = fold_case(text).encode("utf-8", "replace")
        return [place for place, needle in self._needles if needle in folded]


def _prepared(text: str) -> bytes:
    """ASCII as it is, any other text folded."""
    return text.encode("ascii") if text.isascii() else fold_case(text).encode("utf-8", "replace")


class HyperscanScanner:
    """All needles in one pass over the bytes. Raises ValueError if Hyperscan takes none of it, ImportError without it."""

    def __init__(self, needles: Sequence[str]) -> None:
        hyperscan = importlib.import_module("hyperscan")
        # without its UTF-8 mode Hyperscan folds ASCII letters only, and takes any bytes
        flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
        patterns = [needle.encode("utf-8") for needle in needles]
        try:
            database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            database.compile(
                expressions=["".join(f"\\x{byte:02x}" for byte in one).encode() for one in patterns],
                ids=list(range(len(patterns))),
                elements=len(patterns),
                flags=flags,
            )
            database.scratch = hyperscan.Scratch(database)
        except hyperscan.error as error:
            raise ValueError(str(error)) from error
        self.find = _finder(database.scan)


def _finder(scan: Callable[..., None]) -> Callable[[str], Sequence[int]]:
    def find(text: str) -> Sequence[int]:
        """The places of the needles that stand in the text."""
        found: list[int] = []
        scan(text.encode() if text.isascii() else _prepared(text), _seen, 0, found)
        return found

    return find


def _seen(place: int, start: int, end: int, flags: int, found: list[int]) -> None:
    del start, end, flags
    found.append(place)


class Re2Scanner:
    """All needles in one set of google-re2. Raises ValueError if the set does not find its own needles."""

    def __init__(self, needles: Sequence[str]) -> None:
        self._needles = [needle.encode("utf-8") for needle in needles]
        # RE2 folds more than ASCII: what is found of other needles is looked at once more
        self._doubtful = frozenset(place for place, needle in enumerate(needles) if not needle.isascii())
        options = re2.Options()
        options.literal = True
        options.case_sensitive = False
        options.log_errors = False
        options.max_mem = _RE2_MEMORY
        made = re2.Set.SearchSet(options)
        try:
            for needle in self._needles:
                made.Add(needle)
            made.Compile()
        except re2.error as error:
            raise ValueError(str(error)) from error
        self._match: Callable[[bytes], list[int] | None] = made.Match
        # a set that runs out of memory finds nothing and does not say so
        if sorted(self._match(b"\n".join(self._needles)) or []) != list(range(len(needles))):
            raise ValueError("the set does not find its own needles")

    def find(self, text: str) -> Sequence[int]:
        """The places of the needles that stand in the text."""
        data = _prepared(text)
        found = self._match(data) or []
        if self._doubtful.isdisjoint(found):
            return found
        return [place for place in found if place not in self._doubtful or self._needles[place] in data]


def best_scanner(needles: Sequence[str]) -> Scanner:
    """The fastest scanner that works here for these needles."""
    made: Any
    for made in (HyperscanScanner, Re2Scanner):
        try:
            scanner: Scanner = made(needles)
        except (ImportError, ValueError):
            continue
        return scanner
    return PlainScanner(needles)
