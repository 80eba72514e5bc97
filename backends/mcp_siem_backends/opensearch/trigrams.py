"""Patterns on fields of type wildcard: OpenSearch first looks up the trigrams of their literals, each of which counts as a
clause of the search, of which there may be 1,024. A pattern is written with as many literals as a search can afford. Pure.

A character in a choice with itself is no literal to OpenSearch, and means the same. Two kinds of characters always are written
so, since OpenSearch reads them wrongly there and finds nothing, without an error: a backslash, which it takes for an escape of
what follows, and a character outside the first plane that stands alone.
"""

from collections.abc import Iterator, Sequence

from mcp_siem.convert.pattern import Alt, Chars, Node, Repeat, Seq

__all__ = ["only_text", "sparing", "trigrams"]

_FIRST_PLANE = 0xFFFF
_TRIGRAM = 3


def trigrams(node: Node) -> int:
    """How many clauses the literals of a pattern make, at most."""
    match node:
        case Seq(items=items):
            runs = sum(max(len(run) - _TRIGRAM + 1, 0) for run in _runs(items))
            return runs + sum(trigrams(item) for item in items)
        case Alt(options=options):
            return sum(map(trigrams, options))
        case Repeat(item=item, least=least) if least:
            return trigrams(item)
        case _:
            return 0


def sparing(node: Node, most: int | None) -> Node:
    """The same pattern with at most so many trigrams, those of its first long literal; None leaves them all."""
    if not isinstance(node, Seq):
        return _blunt(node) if most is not None else _safe(node)
    if most is None or trigrams(node) <= most:
        return _safe(node)
    longest = max(_runs(node.items), key=len, default=[])
    kept = set(longest[: most + _TRIGRAM - 1] if len(longest) >= _TRIGRAM else [])
    return Seq(tuple(_cut(node.items, kept)))


def _cut(items: Sequence[Node], kept: set[int]) -> Iterator[Node]:
    """Every third of the other characters is no literal."""
    since = 0
    for at, item in enumerate(items):
        if at in kept and not _is_odd(item):
            since = 0 if at + 1 in kept else _TRIGRAM - 1
            yield item
        elif _is_char(item) and not _is_odd(item) and since < _TRIGRAM - 1:
            since += 1
            yield item
        else:
            since = 0
            yield _blunt(item)


def _runs(items: Sequence[Node]) -> Iterator[list[int]]:
    """The places of characters that stand together."""
    run: list[int] = []
    for at, item in enumerate(items):
        if _is_char(item) and not _is_odd(item):
            run.append(at)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _is_char(node: Node) -> bool:
    return isinstance(node, Chars) and len(node.ranges) == 1 and node.ranges[0][0] == node.ranges[0][1]


def _is_odd(node: Node) -> bool:
    return (
        isinstance(node, Chars)
        and _is_char(node)
        and (node.ranges[0][0] > _FIRST_PLANE or node.ranges[0][0] == ord("\\"))
    )


def _safe(node: Node) -> Node:
    """All literals but those that OpenSearch reads wrongly."""
    if _is_odd(node):
        return Alt((node, node))
    return _rebuilt(node, deep=False)


def _blunt(node: Node) -> Node:
    """No literals at all."""
    if _is_char(node):
        return Alt((node, node))
    return _rebuilt(node, deep=True)


def _rebuilt(node: Node, *, deep: bool) -> Node:
    inner = _blunt if deep else _safe
    match node:
        case Seq(items=items):
            return Seq(tuple(map(inner, items)))
        case Alt(options=options):
            return Alt(tuple(map(inner, options)))
        case Repeat(item=item, least=least, most=most):
            return Repeat(inner(item), least, most)
        case _:
            return node


def only_text(node: Node) -> str | None:
    """The one text that the pattern matches; None if it matches another number of texts."""
    match node:
        case Chars(ranges=((low, high),)) if low == high:
            return chr(low)
        case Seq(items=parts):
            texts = [only_text(part) for part in parts]
            return None if None in texts else "".join(map(str, texts))
        case Repeat(item=item, least=least, most=most) if least == most:
            text = only_text(item)
            return None if text is None else text * least
        case _:
            return None
