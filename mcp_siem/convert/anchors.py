r"""Turns a search with anchors into an equal pattern for the whole text, for targets that know no anchors.

`\bfoo` becomes "anything that ends in no word character, or nothing; then foo; then anything". Each anchor is a
condition on the character before it and the one after it; the parts on both sides are narrowed to what fulfils
it, exactly. Pure.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcp_siem.convert.pattern import (
    ALL,
    ANY_TEXT,
    EMPTY,
    NEVER,
    WORD,
    Alt,
    Anchor,
    AnchorKind,
    Chars,
    Node,
    Ranges,
    Repeat,
    Seq,
    alt,
    complement,
    repeat,
    seq,
)
from mcp_siem.convert.regex import RegexUnsupportedError

__all__ = ["nullable", "whole_text"]

_MOST_PATHS = 200


@dataclass(frozen=True, slots=True)
class _Side:
    """What may stand next to an anchor: one of these characters, or the end of the text."""

    ranges: Ranges
    edge: bool

    def both(self, other: "_Side") -> "_Side":
        return _Side(_common(self.ranges, other.ranges), self.edge and other.edge)

    @property
    def impossible(self) -> bool:
        return not self.ranges and not self.edge


_FREE = _Side(ALL, edge=True)
_NOTHING = _Side((), edge=True)
_LINE = _Side(((10, 10),), edge=True)
_WORD = _Side(WORD, edge=False)
_NO_WORD = _Side(complement(WORD), edge=True)

_Demand = tuple[_Side, _Side]
_DEMANDS: dict[AnchorKind, tuple[_Demand, ...]] = {
    "start": ((_NOTHING, _FREE),),
    "end": ((_FREE, _NOTHING),),
    "line_start": ((_LINE, _FREE),),
    "line_end": ((_FREE, _LINE),),
    "word": ((_WORD, _NO_WORD), (_NO_WORD, _WORD)),
    "not_word": ((_WORD, _WORD), (_NO_WORD, _NO_WORD)),
}


def whole_text(node: Node) -> Node:
    """A tree without anchors that matches a whole text exactly when `node` is found somewhere in it."""
    return alt(_resolved(path) for path in _paths(node))


def _anchored(node: Node) -> bool:
    match node:
        case Anchor():
            return True
        case Seq(items=parts) | Alt(options=parts):
            return any(_anchored(part) for part in parts)
        case Repeat(item=item):
            return _anchored(item)
        case Chars():
            return False


def _paths(node: Node) -> list[tuple[Node, ...]]:
    """Every way through the choices that hold an anchor, so that anchors stand at the top of each."""
    if isinstance(node, Anchor) or not _anchored(node):
        return [(node,)]
    paths = _split(node)
    if len(paths) > _MOST_PATHS:
        raise RegexUnsupportedError(f"anchors in more than {_MOST_PATHS} alternatives")
    return paths


def _split(node: Node) -> list[tuple[Node, ...]]:
    match node:
        case Alt(options=options):
            return [path for option in options for path in _paths(option)]
        case Seq(items=items):
            paths: list[tuple[Node, ...]] = [()]
            for item in items:
                paths = [(*before, *after) for before in paths for after in _paths(item)]
                if len(paths) > _MOST_PATHS:
                    raise RegexUnsupportedError(f"anchors in more than {_MOST_PATHS} alternatives")
            return paths
        case Repeat(item=item, least=0, most=1):
            return [(), *_paths(item)]
        case _:
            raise RegexUnsupportedError("an anchor inside a repetition")


def _resolved(path: Sequence[Node]) -> Node:
    parts, anchors = _cut(path)
    parts[0] = seq([ANY_TEXT, parts[0]])
    parts[-1] = seq([parts[-1], ANY_TEXT])
    return alt(_narrowed(*choice) for choice in _without_empty(parts, anchors))


def _cut(path: Sequence[Node]) -> tuple[list[Node], list[list[Anchor]]]:
    parts: list[Node] = [EMPTY]
    anchors: list[list[Anchor]] = []
    for item in path:
        if not isinstance(item, Anchor):
            parts[-1] = seq([parts[-1], item])
        elif anchors and parts[-1] == EMPTY and len(parts) > 1:
            anchors[-1].append(item)
        else:
            anchors.append([item])
            parts.append(EMPTY)
    return parts, anchors


def _without_empty(parts: list[Node], anchors: list[list[Anchor]]) -> Iterator[tuple[list[Node], list[list[Anchor]]]]:
    """Each inner part either holds a character or is gone, and then its anchors stand at one place."""
    inner = [at for at in range(1, len(parts) - 1) if nullable(parts[at])]
    if 2 ** len(inner) > _MOST_PATHS:
        raise RegexUnsupportedError(f"anchors in more than {_MOST_PATHS} alternatives")
    for gone in itertools.product((False, True), repeat=len(inner)):
        dropped = {at for at, is_gone in zip(inner, gone, strict=True) if is_gone}
        kept = [part for at, part in enumerate(parts) if at not in dropped]
        joined: list[list[Anchor]] = []
        for at, group in enumerate(anchors):
            if at in dropped:
                joined[-1] = [*joined[-1], *group]
            else:
                joined.append(list(group))
        yield kept, joined


def _narrowed(parts: list[Node], anchors: list[list[Anchor]]) -> Node:
    if not anchors:
        return parts[0]
    demands = [_demands_of(group) for group in anchors]
    if math.prod(len(options) for options in demands) > _MOST_PATHS:
        raise RegexUnsupportedError(f"anchors in more than {_MOST_PATHS} alternatives")
    return alt(_fitted(parts, chosen) for chosen in itertools.product(*demands))


def _demands_of(group: Sequence[Anchor]) -> list[_Demand]:
    found: list[_Demand] = [(_FREE, _FREE)]
    for anchor in group:
        found = [
            (left.both(before), right.both(after)) for left, right in found for before, after in _DEMANDS[anchor.kind]
        ]
    return [(left, right) for left, right in found if not left.impossible and not right.impossible]


def _fitted(parts: Sequence[Node], chosen: Sequence[_Demand]) -> Node:
    out: list[Node] = []
    for at, part in enumerate(parts):
        fitted = part
        inner = 0 < at < len(parts) - 1
        if at > 0:
            fitted = _edge(fitted, chosen[at - 1][1], inner=inner, first=True)
        if at < len(parts) - 1:
            fitted = _edge(fitted, chosen[at][0], inner=inner, first=False)
        out.append(fitted)
    return seq(out)


def _edge(node: Node, side: _Side, *, inner: bool, first: bool) -> Node:
    """The node narrowed to texts whose first (or last) character the side allows; an inner part is never empty."""
    if side == _FREE and not (inner and nullable(node)):
        return node
    narrowed = _ending(node, side.ranges, first=first)
    return alt([narrowed, EMPTY]) if side.edge and not inner and nullable(node) else narrowed


def nullable(node: Node) -> bool:
    """Whether a tree matches the empty text; anchors do."""
    match node:
        case Chars():
            return False
        case Seq(items=items):
            return all(nullable(item) for item in items)
        case Alt(options=options):
            return any(nullable(option) for option in options)
        case Repeat(item=item, least=least):
            return least == 0 or nullable(item)
        case Anchor():  # pragma: no cover - anchors are cut out before
            return True


def _ending(node: Node, ranges: Ranges, *, first: bool) -> Node:
    """The texts of the node that are not empty and whose last (or first) character is in the set."""
    match node:
        case Chars(ranges=own):
            return Chars(common) if (common := _common(own, ranges)) else NEVER
        case Alt(options=options):
            return alt(_ending(option, ranges, first=first) for option in options)
        case Seq(items=items):
            return alt(_sequences(items, ranges, first=first))
        case Repeat(item=item, least=least, most=most):
            rest = repeat(item, max(least - 1, 0), None if most is None else most - 1)
            narrowed = _ending(item, ranges, first=first)
            return seq([narrowed, rest] if first else [rest, narrowed])
        case Anchor():  # pragma: no cover - anchors are cut out before
            raise RegexUnsupportedError("an anchor inside a repetition")


def _sequences(items: tuple[Node, ...], ranges: Ranges, *, first: bool) -> Iterator[Node]:
    places = range(len(items)) if first else range(len(items) - 1, -1, -1)
    for at in places:
        narrowed = _ending(items[at], ranges, first=first)
        yield seq([narrowed, *items[at + 1 :]] if first else [*items[:at], narrowed])
        if not nullable(items[at]):
            return


def _common(one: Ranges, other: Ranges) -> Ranges:
    return tuple(
        (max(low, start), min(high, end))
        for low, high in one
        for start, end in other
        if max(low, start) <= min(high, end)
    )
