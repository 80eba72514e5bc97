"""Which patterns Lucene can bear: it makes an automaton of each first, and gives up on what is too much. Pure."""

from functools import lru_cache

from mcp_siem.convert.choices import alternatives, is_nested
from mcp_siem.convert.effort import effort
from mcp_siem.convert.pattern import Node
from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.elastic.limits import limit
from mcp_siem_backends.elastic.lucene import regex_text

__all__ = ["manageable", "regex_values"]

# Measured on 8.19.4: from 77,000 of this measure (convert/effort.py) on, from 650 where repetitions are nested, a
# query_string turns into one that finds nothing, without an error; 9.4.3 gave up on no pattern below these limits.
# Literals between wildcards stay far below, unless they are long.
_MOST_EFFORT = 60_000
_MOST_NESTED_EFFORT = 300


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


def _is_easy(node: Node) -> bool:
    most = _MOST_NESTED_EFFORT if is_nested(node) else _MOST_EFFORT
    return effort(node, enough=most) < most
