"""Which patterns Lucene can bear: it makes a deterministic automaton of each, and refuses the search if that is too much work. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from mcp_siem.convert.choices import alternatives, is_nested
from mcp_siem.convert.effort import effort
from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.pattern import Node
from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.opensearch.limits import limit

__all__ = ["LONGEST_REGEXP", "bearable", "manageable", "regexps"]

# The template raises index.max_regex_length to this; the default is 1,000.
LONGEST_REGEXP = 10_000
# In the measure of convert/effort.py. More than this is refused by OpenSearch 3.4.0 at its default of 10,000 (tests/referee).
_MOST_EFFORT = 60_000
_MOST_NESTED_EFFORT = 300
# A search with patterns of 289,000 characters ended a node of OpenSearch 3.4.0 with a heap of 512 MB; one of 34,000 ran.
_MOST_PATTERNS = 100_000


def bearable(search: Mapping[str, object]) -> None:
    """Raises RefusedError if a node may lack room for the automata of all patterns of a search."""
    if sum(map(len, _patterns(search))) > _MOST_PATTERNS:
        raise RefusedError(limit("PATTERNS"), "condition")


def _patterns(part: object) -> Iterator[str]:
    """Every regexp of a search."""
    if isinstance(part, Mapping):
        found = part.get("regexp")
        if isinstance(found, Mapping):
            yield from (str(one["value"]) for one in found.values() if isinstance(one, Mapping) and "value" in one)
        for inner in part.values():
            yield from _patterns(inner)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for inner in part:
            yield from _patterns(inner)


def regexps(node: Node, where: str) -> list[Node]:
    """The pattern, or those that together mean it, none longer than an index accepts; raises RefusedError."""
    found = manageable(node, where)
    for one in found:
        if len(lucene_regexp(one)) > LONGEST_REGEXP:
            raise RefusedError(limit("PATTERN-EFFORT"), where)
    return list(found)


def manageable(node: Node, where: str) -> tuple[Node, ...]:
    """The pattern, or the patterns it is taken apart into, if Lucene can make automata of them; raises RefusedError."""
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
