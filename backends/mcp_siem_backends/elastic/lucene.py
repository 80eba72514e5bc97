r"""Writes values as Lucene query_string syntax, so that every character means itself. Pure.

Measured on Elasticsearch 8.19.4: a quoted term may hold anything; a term with wildcards takes every special character
after a backslash, but one that starts with `<` or `>` is read as a range whatever is done to it; inside `/.../` a
backslash before the closing slash would swallow it, so a literal backslash is written `[\\]`.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum

from mcp_siem.convert.pattern import (
    ALL,
    ANY_CHAR,
    ANY_TEXT,
    EMPTY,
    Alt,
    Anchor,
    Chars,
    Node,
    Ranges,
    Repeat,
    Seq,
    complement,
    literal,
    seq,
)
from mcp_siem.convert.spelling import spelled

__all__ = ["Parts", "Wild", "escape_name", "group", "insensitive", "pattern", "quoted", "regex_text", "wildcard_text"]

_SPECIAL = re.compile(r'[+\-=&|!(){}\[\]^"~*?:\\/\s]')
_PLAIN_IN_REGEX = re.compile(r"[A-Za-z0-9_ ,;%'!=:]|[^\x00-\x7f]|[\x00-\x1f\x7f]")


class Wild(Enum):
    """A wildcard of a Sigma string."""

    ONE = "?"
    MANY = "*"


Parts = Sequence[str | Wild]


def quoted(text: str) -> str:
    """The text as one exact term."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escape_name(name: str) -> str:
    """A field's name where a query expects one."""
    return _SPECIAL.sub(r"\\\g<0>", name)


def wildcard_text(parts: Parts) -> str | None:
    """Literals and wildcards as one term; None where Lucene would read the term as something else."""
    if parts and isinstance(parts[0], str) and parts[0][:1] in ("<", ">"):
        return None
    return "".join(part.value if isinstance(part, Wild) else escape_name(part) for part in parts)


def group(texts: Iterable[str]) -> str:
    """Values of one field, any of which may match."""
    listed = list(dict.fromkeys(texts))
    return listed[0] if len(listed) == 1 else f"({' OR '.join(listed)})"


def pattern(parts: Parts) -> Node:
    """Literals and wildcards as a pattern for the whole text."""
    wild: dict[Wild, Node] = {Wild.ONE: ANY_CHAR, Wild.MANY: ANY_TEXT}
    return seq([wild[part] if isinstance(part, Wild) else literal(part) for part in parts])


def insensitive(parts: Parts) -> Node:
    """The same for a text as written, literals already case-folded; they are spelled in every case.

    A character that folds to several (`ß` to `ss`) is found whole, and in part where a `*` stands beside the literal.
    """
    wild: dict[Wild, Node] = {Wild.ONE: ANY_CHAR, Wild.MANY: ANY_TEXT}
    return seq(
        wild[part]
        if isinstance(part, Wild)
        else spelled(part, open_left=_is_many(parts, at - 1), open_right=_is_many(parts, at + 1))
        for at, part in enumerate(parts)
    )


def _is_many(parts: Parts, at: int) -> bool:
    return 0 <= at < len(parts) and parts[at] is Wild.MANY


def regex_text(node: Node) -> str:
    """A tree without anchors between slashes, for a whole text."""
    return f"/{_written(node)}/"


def _written(node: Node) -> str:
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
    return f"({_written(node)})" if isinstance(node, Alt) and EMPTY not in node.options else _written(node)


def _choice(options: tuple[Node, ...]) -> str:
    if not options:
        return "#"  # matches nothing
    written = [_written(option) for option in options if option != EMPTY]
    if len(written) == len(options):
        return "|".join(written)
    return f"({'|'.join(written)})?" if written else "()"


def _repetition(node: Repeat) -> str:
    """`x{2,5}` is written `x{2}(x?){3}`: the same, but from the short form Lucene makes an automaton of another shape,
    exponentially larger where something unlimited stands before it.
    """
    inner = _written(node.item)
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
    return "".join(
        _member(low) if low == high else f"{_member(low)}{'' if high == low + 1 else '-'}{_member(high)}"
        for low, high in ranges
    )


def _member(point: int) -> str:
    char = chr(point)
    return char if _PLAIN_IN_REGEX.fullmatch(char) else f"\\{char}"


def _char(point: int) -> str:
    return "[\\\\]" if chr(point) == "\\" else _member(point)
