"""Names that a reader takes for another: one or two letters away, disguised, or dressed up as the official one."""

import re
from collections.abc import Iterable
from functools import lru_cache

from mcp_siem.events.fold import fold

__all__ = ["Lookalikes"]

_SHORTEST = 5
_TWO_EDITS = 8
_LONGEST = 128
_MOST_NAMES = 2_000
_DIGITS = re.compile(r"[0-9]+")
_PARTS = re.compile(r"[^a-z0-9]+")
# Words that claim trust, and words that say nothing.
_CLAIMS = frozenset(
    {"official", "officially", "original", "genuine", "authentic", "real", "verified", "trusted", "secure", "certified"}
)
_FILLERS = frozenset({"mcp", "server", "srv", "the", "by"})


class Lookalikes:
    """Finds the approved name that another name imitates."""

    def __init__(self, approved: Iterable[str]) -> None:
        names = [name for name in dict.fromkeys(approved) if name and len(name) <= _LONGEST][:_MOST_NAMES]
        self._approved = frozenset(names)
        self._folded = [(name, fold(name)) for name in names]
        self._plain = frozenset(name.casefold() for name in names)
        self.of = lru_cache(maxsize=4_096)(self._of)

    def _of(self, name: str) -> str | None:
        """The approved name that this one imitates; None for an approved one, and for one like no other.

        Another letter case alone is no imitation, nor is another number: `db-1` beside `db-2`. Short names are let be.
        """
        if len(name) > _LONGEST or name.casefold() in self._plain:
            return None
        folded = fold(name)
        for approved, shown in self._folded:
            if folded == shown or _is_near(folded, shown) or _is_dressed(folded, shown):
                return approved
        return None


def _is_near(one: str, other: str) -> bool:
    if len(other) < _SHORTEST or abs(len(one) - len(other)) > 2:  # noqa: PLR2004 (edits)
        return False
    if _DIGITS.sub("", one) == _DIGITS.sub("", other):
        return False
    return _distance(one, other) <= (1 if len(other) < _TWO_EDITS else 2)


def _is_dressed(one: str, other: str) -> bool:
    """Whether a name is the other with a claim of trust beside it."""
    words, bare = set(_PARTS.split(one)) - {""}, set(_PARTS.split(other)) - _FILLERS - {""}
    more = words - bare - _FILLERS
    return bool(bare) and bare <= words and bool(more) and more <= _CLAIMS


def _distance(one: str, other: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two names."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, char in enumerate(one, 1):
        two_before, before, row = before, row, [i]
        for j, target in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != target))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == target:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
    return row[-1]
