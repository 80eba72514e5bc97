"""Counts of what a session had to drop or close for want of room: told when it starts, and in sum at the end."""

from collections.abc import Iterator
from typing import Any

from mcp_siem.sources.port import ParseIssue

__all__ = ["Tally"]


class Tally:
    """Says a thing once when it first happens, and at the end how often it did."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._last: dict[str, ParseIssue] = {}

    def note(self, code: str, ref: str, reason: str, *, times: int = 1) -> Iterator[ParseIssue]:
        """Counts it; yields an issue if it is the first of its code."""
        if times <= 0:
            return
        first = code not in self._counts
        self._counts[code] = self._counts.get(code, 0) + times
        self._last[code] = ParseIssue(ref=ref, code=code, reason=reason)
        if first:
            yield self._last[code]

    def dump(self) -> list[object]:
        """The counts, as plain data."""
        return [[code, count, self._last[code].ref, self._last[code].reason] for code, count in self._counts.items()]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        for code, count, ref, reason in dumped:
            self._counts[str(code)] = int(count)
            self._last[str(code)] = ParseIssue(ref=str(ref), code=str(code), reason=str(reason))

    def finish(self) -> Iterator[ParseIssue]:
        """Yields the total of each code that happened more than once."""
        for code, count in self._counts.items():
            if count > 1:
                last = self._last[code]
                yield ParseIssue(ref=last.ref, code=code, reason=f"{last.reason} ({count} times in all)")
