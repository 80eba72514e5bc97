"""Which patterns Lucene can bear: it makes an automaton of each first, and gives up on what is too much. Pure."""

from functools import lru_cache

from mcp_siem.convert.choices import alternatives, is_nested
from mcp_siem.convert.effort import effort
from mcp_siem.convert.pattern import Node
from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.elastic.limits import limit
from mcp_siem_backends.elastic.lucene import regex_text

__all__ = ["HEAVY_STATES", "heavy_values", "manageable", "regex_values"]

# Measured on 8.19.4: from 77,000 of this measure (convert/effort.py) on, from 650 where repetitions are nested, a
# query_string turns into one that finds nothing, without an error; 9.4.3 gave up on no pattern below these limits.
# Literals between wildcards stay far below, unless they are long.
_MOST_EFFORT = 60_000
_MOST_NESTED_EFFORT = 300
# A `regexp` of the query DSL may be given more (max_determinized_states), and says so if it is not enough: 100,000 went
# up to 643,200 of this measure, 8,274 where repetitions are nested, in a second or two.
HEAVY_STATES = 100_000
_MOST_HEAVY_EFFORT = 150_000
_MOST_HEAVY_NESTED_EFFORT = 6_000


def regex_values(node: Node, where: str, *, longest: int) -> list[str]:
    """The pattern between slashes, as one value or as several that together mean it; raises RefusedError."""
    texts = [regex_text(one) for one in manageable(node, where)]
    for text in texts:
        if len(text) > longest:
            raise RefusedError(limit("REGEX-SIZE"), f"{where}: {len(text)} characters")
    return texts


def manageable(node: Node, where: str) -> tuple[Node, ...]:
    """The pattern, or the patterns it is taken apart into, if Lucene can make automata of them."""
    found = _apart(node)
    if not found:
        raise RefusedError(limit("PATTERN-EFFORT"), where)
    return found


@lru_cache(maxsize=1_000)
def _apart(node: Node) -> tuple[Node, ...]:
    if is_nested(node) and effort(node, enough=_MOST_NESTED_EFFORT) >= _MOST_NESTED_EFFORT:
        found = tuple(alternatives(node))
    else:
        found = (node,)
    return found if all(_is_easy(one) for one in found) else ()


def heavy_values(node: Node, where: str, *, longest: int) -> list[str]:
    """The pattern for a `regexp` with HEAVY_STATES, as one value or several; raises RefusedError if that is too little."""
    nested = is_nested(node) and effort(node, enough=_MOST_HEAVY_NESTED_EFFORT) >= _MOST_HEAVY_NESTED_EFFORT
    parts = alternatives(node) if nested else [node]
    texts = [regex_text(one)[1:-1] for one in parts]
    if any(not _fits(one, _MOST_HEAVY_EFFORT, _MOST_HEAVY_NESTED_EFFORT) for one in parts):
        raise RefusedError(limit("PATTERN-EFFORT"), where)
    if any(len(text) > longest for text in texts):
        raise RefusedError(limit("REGEX-SIZE"), where)
    return texts


def _is_easy(node: Node) -> bool:
    return _fits(node, _MOST_EFFORT, _MOST_NESTED_EFFORT)


def _fits(node: Node, plain: int, nested: int) -> bool:
    most = nested if is_nested(node) else plain
    return effort(node, enough=most) < most
