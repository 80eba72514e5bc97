"""A string of a rule as literals and wildcards, and as a pattern for the whole text. Pure."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from sigma.types import Placeholder, SpecialChars

from mcp_siem.convert.pattern import ANY_CHAR, ANY_TEXT, Node, literal, seq
from mcp_siem.convert.spelling import spelled

__all__ = ["Parts", "Wild", "insensitive", "parts_of", "pattern"]


class Wild(Enum):
    """A wildcard of a Sigma string."""

    ONE = "?"
    MANY = "*"


Parts = Sequence[str | Wild]

_WILDCARDS = {SpecialChars.WILDCARD_MULTI: Wild.MANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}


def parts_of(value: Any, fold: Callable[[str], str]) -> Parts | None:
    """Folded literals and wildcards; neighbours are joined, `**` is `*`, empty literals are gone. None: a placeholder."""
    parts: list[str | Wild] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            return None
        new = fold(part) if isinstance(part, str) else _WILDCARDS[part]
        if new == "" or (new is Wild.MANY and parts and parts[-1] is Wild.MANY):
            continue
        if isinstance(new, str) and parts and isinstance(parts[-1], str):
            parts[-1] += new
        else:
            parts.append(new)
    return parts


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
