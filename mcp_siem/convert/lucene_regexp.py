r"""Writes a pattern in the dialect of Lucene's regexp, all of its operators on, so that every character means itself. Pure.

A literal backslash is written `[\\]`: between the slashes of query_string, one before the closing slash would swallow it.
"""

import re

from mcp_siem.convert.pattern import ALL, EMPTY, Alt, Anchor, Chars, Node, Ranges, Repeat, Seq, complement

__all__ = ["lucene_regexp"]

_PLAIN = re.compile(r"[A-Za-z0-9_ ,;%'!=:]|[^\x00-\x7f]|[\x00-\x1f\x7f]")


def lucene_regexp(node: Node) -> str:
    """A tree without anchors, for a whole text."""
    match node:
        case Chars(ranges=ranges):
            return _set(ranges)
        case Seq(items=items):
            return "".join(_item(item) for item in items) or "()"
        case Alt(options=options):
            return _choice(options)
        case Repeat():
            return _repetition(node)
        case Anchor():  # pragma: no cover - trees for Lucene have none
            raise ValueError(node)


def _item(node: Node) -> str:
    """An item of a sequence; a choice with an empty option brings its own parentheses."""
    return f"({lucene_regexp(node)})" if isinstance(node, Alt) and EMPTY not in node.options else lucene_regexp(node)


def _choice(options: tuple[Node, ...]) -> str:
    if not options:
        return "#"  # matches nothing
    written = [lucene_regexp(option) for option in options if option != EMPTY]
    if len(written) == len(options):
        return "|".join(written)
    return f"({'|'.join(written)})?" if written else "()"


def _repetition(node: Repeat) -> str:
    """`x{2,5}` is written `x{2}(x?){3}`: the same, but from the short form Lucene makes an automaton of another shape,
    exponentially larger where something unlimited stands before it.
    """
    inner = lucene_regexp(node.item)
    item = inner if isinstance(node.item, Chars) else f"({inner})"
    if node.most is None:
        return item + {0: "*", 1: "+"}.get(node.least, f"{{{node.least},}}")
    fixed = item if node.least == 1 else f"{item}{{{node.least}}}"
    extra = node.most - node.least
    optional = f"{item}?" if extra == 1 else f"({item}?){{{extra}}}"
    return (fixed if node.least else "") + (optional if extra else "")


def _set(ranges: Ranges) -> str:
    if ranges == ALL:
        return "."
    if not ranges:
        return "#"
    other = complement(ranges)
    if len(other) < len(ranges) or (len(other) == len(ranges) and ranges[-1][1] == ALL[0][1]):
        return f"[^{_members(other)}]"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _char(ranges[0][0])
    return f"[{_members(ranges)}]"


def _members(ranges: Ranges) -> str:
    return "".join(_range(low, high) for low, high in ranges)


def _range(low: int, high: int) -> str:
    """Lucene 10 takes an escaped character for itself alone, never for the start of a range, and says nothing."""
    alone = ""
    while low < high and not _PLAIN.fullmatch(chr(low)):
        alone += _member(low)
        low += 1
    return f"{alone}{_member(low)}" + ("" if low == high else f"{'' if high == low + 1 else '-'}{_member(high)}")


def _member(point: int) -> str:
    char = chr(point)
    return char if _PLAIN.fullmatch(char) else f"\\{char}"


def _char(point: int) -> str:
    return "[\\\\]" if chr(point) == "\\" else _member(point)
