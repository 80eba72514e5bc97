"""Takes a pattern apart into several that together match the same, each with its repetitions in the open. Pure.

An automaton of `(a.*b|c)d` is larger than those of `a.*bd` and `cd` together, and Lucene makes one of each piece
before it joins them. What repeats inside a repetition without limit cannot be taken apart.
"""

import itertools
import math

from mcp_siem.convert.pattern import EMPTY, Alt, Anchor, Chars, Node, Repeat, Seq, alt, repeat, seq

__all__ = ["alternatives", "is_nested"]

_MOST = 16
_MOST_TIMES = 3


def is_nested(node: Node) -> bool:
    """True if more than one character can repeat inside a choice or another repetition."""
    match node:
        case Seq(items=items):
            return any(is_nested(item) for item in items)
        case Alt(options=options):
            return any(_repeats(option) for option in options)
        case Repeat(item=item):
            return _repeats(item)
        case Chars() | Anchor():
            return False


def _repeats(node: Node) -> bool:
    match node:
        case Seq(items=parts) | Alt(options=parts):
            return any(_repeats(part) for part in parts)
        case Repeat(item=item, most=most):
            return most != 1 or _repeats(item)
        case Chars() | Anchor():
            return False


def alternatives(node: Node) -> list[Node]:
    """The patterns that together match what `node` does; only itself if there would be too many."""
    found = _apart(node)
    return found if len(found) <= _MOST else [node]


def _apart(node: Node) -> list[Node]:
    if not is_nested(node):
        return [node]
    match node:
        case Seq(items=items):
            parts = [_apart(item) for item in items]
            if math.prod(len(part) for part in parts) > _MOST:
                return [node]
            return [seq(chosen) for chosen in itertools.product(*parts)]
        case Alt(options=options):
            plain = [option for option in options if not _repeats(option)]
            apart = [one for option in options if _repeats(option) for one in _apart(option)]
            return [*([alt(plain)] if plain else []), *apart]
        case Repeat(item=item, least=least, most=most) if most is not None and most <= _MOST_TIMES:
            return [one for times in range(least, most + 1) for one in _times(item, times)]
        case _:
            return [node]


def _times(item: Node, times: int) -> list[Node]:
    if times == 0:
        return [EMPTY]
    parts = [_apart(item)] * times
    if math.prod(len(part) for part in parts) > _MOST:
        return [repeat(item, times, times)]
    return [seq(chosen) for chosen in itertools.product(*parts)]
