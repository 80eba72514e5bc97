"""What a text says once its disguises are off, with the way back: which part of the original says it.

The steps are those of the folded twin, in its order, but case is kept: secrets depend on it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcp_siem.events.characters import ANSI, SEEN, VISIBLE, rewritten
from mcp_siem.events.decode import STEPS, Piece, decode_once

__all__ = ["Revealed", "reveal", "reveal_text"]

_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


def reveal_text(text: str, *, base64: bool = True) -> str:
    """The text without disguises: the same as `reveal(...).text`, without the way back."""
    return rewritten(decode_once(rewritten(ANSI.sub("", text), VISIBLE), base64=base64), SEEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One substitution: where each replaced piece lies after it, and where it lay before."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    before: tuple[tuple[int, int], ...]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span before the step of a span after it; a piece that is touched counts whole."""
        return self._left(start), self._right(end)

    def _left(self, place: int) -> int:
        # the first piece that ends after the place: inside it its start counts, before it distance to it
        index = bisect_right(self.ends, place)
        if index < len(self.starts) and self.starts[index] <= place:
            return self.before[index][0]
        return place + self._shift(index)

    def _right(self, place: int) -> int:
        index = bisect_left(self.starts, place) - 1
        if index >= 0 and place <= self.ends[index] and self.starts[index] < self.ends[index]:
            return self.before[index][1]
        return place + self._shift(index + 1)

    def _shift(self, index: int) -> int:
        return self.before[index - 1][1] - self.ends[index - 1] if index else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """A text without disguises; `origin` leads back into the text as it was."""

    text: str
    steps: tuple[_Step, ...]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that says `text[start:end]`, encoded pieces taken whole."""
        for step in reversed(self.steps):
            start, end = step.origin(start, end)
        return start, end


def reveal(text: str, *, base64: bool = True) -> Revealed:
    """Takes off every disguise and keeps the way back; without `base64` runs of it stay, for they may be the secret."""
    steps = []
    for pieces_of in (_ansi, _invisible, *(STEPS if base64 else STEPS[:-1]), _unseen):
        text, step = _substitute(text, pieces_of(text))
        steps.append(step)
    return Revealed(text=text, steps=tuple(steps))


def _ansi(text: str) -> Iterator[Piece]:
    return ((match.start(), match.end(), "") for match in ANSI.finditer(text))


def _invisible(text: str) -> Iterator[Piece]:
    return _translated(text, VISIBLE)


def _unseen(text: str) -> Iterator[Piece]:
    return _translated(text, SEEN)


def _translated(text: str, table: Mapping[int, str]) -> Iterator[Piece]:
    for match in _NOT_PLAIN.finditer(text):
        form = table[ord(match[0])]
        if form != match[0]:
            yield match.start(), match.end(), form


def _substitute(text: str, pieces: Iterable[Piece]) -> tuple[str, _Step]:
    out: list[str] = []
    starts, ends, before = [], [], []
    length = done = 0
    for start, end, instead in pieces:
        out += (text[done:start], instead)
        length += start - done
        starts.append(length)
        length += len(instead)
        ends.append(length)
        before.append((start, end))
        done = end
    out.append(text[done:])
    return "".join(out), _Step(starts=tuple(starts), ends=tuple(ends), before=tuple(before))
