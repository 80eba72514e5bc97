"""A regular expression as a tree: sets of characters, sequences, choices, repetitions and anchors. Pure data."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ALL",
    "ANY_CHAR",
    "ANY_TEXT",
    "EMPTY",
    "NEVER",
    "WORD",
    "Alt",
    "Anchor",
    "AnchorKind",
    "Chars",
    "Node",
    "Ranges",
    "Repeat",
    "Seq",
    "alt",
    "complement",
    "literal",
    "ranges_of",
    "repeat",
    "seq",
]

Ranges = tuple[tuple[int, int], ...]
AnchorKind = Literal["start", "end", "line_start", "line_end", "word", "not_word"]

_TOP = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set: sorted, disjoint, inclusive ranges of code points."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Seq:
    """The items one after another."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """Any one of the options; without options, nothing matches."""

    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The item from `least` to `most` times; None is without limit."""

    item: "Node"
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place between two characters."""

    kind: AnchorKind


Node = Chars | Seq | Alt | Repeat | Anchor

ALL: Ranges = ((0, _TOP),)
ANY_CHAR = Chars(ALL)
ANY_TEXT = Repeat(ANY_CHAR, 0, None)
EMPTY = Seq(())
NEVER = Alt(())
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))


def ranges_of(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """The pairs sorted, overlaps and neighbours joined."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def complement(ranges: Ranges) -> Ranges:
    """Every other code point."""
    out: list[tuple[int, int]] = []
    at = 0
    for low, high in ranges:
        if at < low:
            out.append((at, low - 1))
        at = high + 1
    return (*out, (at, _TOP)) if at <= _TOP else tuple(out)


def literal(text: str) -> Node:
    """The text itself, character for character."""
    return seq(Chars(((ord(char), ord(char)),)) for char in text)


def seq(items: Iterable[Node]) -> Node:
    """The items one after another, flat; NEVER if one of them is."""
    flat: list[Node] = []
    for item in items:
        if isinstance(item, Seq):
            flat.extend(item.items)
        elif item in (NEVER, Chars(())):
            return NEVER
        else:
            flat.append(item)
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def alt(options: Iterable[Node]) -> Node:
    """Any of the options, flat and each once; single characters are joined to one set."""
    flat: dict[Node, None] = {}
    for option in options:
        flat.update(dict.fromkeys(option.options if isinstance(option, Alt) else (option,)))
    sets = [option for option in flat if isinstance(option, Chars)]
    others: list[Node] = [option for option in flat if not isinstance(option, Chars)]
    if sets and (joined := ranges_of(pair for item in sets for pair in item.ranges)):
        others.insert(0, Chars(joined))
    return others[0] if len(others) == 1 else Alt(tuple(others))


def repeat(item: Node, least: int, most: int | None) -> Node:
    """The item that often; what can be said without repetition is."""
    if (least, most) == (1, 1):
        return item
    if most == 0 or item == EMPTY:
        return EMPTY
    if item in (NEVER, Chars(())):
        return EMPTY if least == 0 else NEVER
    return Repeat(item, least, most)
