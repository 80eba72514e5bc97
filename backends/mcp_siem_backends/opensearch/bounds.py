"""Which patterns Lucene can bear: it makes a deterministic automaton of each, and refuses the search if that is too much work. Pure."""

from functools import lru_cache

from mcp_siem.convert.choices import alternatives, is_nested
from mcp_siem.convert.effort import effort
from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.pattern import Alt, Chars, Node, Repeat, Seq
from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.opensearch.limits import limit

__all__ = ["LONGEST_REGEXP", "manageable", "only_text", "regexps"]

_FIRST_PLANE = 0xFFFF

# The template raises index.max_regex_length to this; the default is 1,000.
LONGEST_REGEXP = 10_000
# In the measure of convert/effort.py. More than this is refused by OpenSearch 3.4.0 at its default of 10,000 (tests/referee).
_MOST_EFFORT = 60_000
_MOST_NESTED_EFFORT = 300


def regexps(node: Node, where: str, *, trigrams: bool) -> list[str]:
    """The pattern in Lucene's dialect, as one or as several that together mean it; raises RefusedError.

    A field of type wildcard (`trigrams`) is first searched for the literals of the pattern, which OpenSearch reads wrongly
    where a backslash stands before a special character, and where one outside the first plane stands alone: it finds
    nothing then, without an error. In a choice they are no literals.
    """
    found = [lucene_regexp(_apart_from_literals(one) if trigrams else one) for one in manageable(node, where)]
    for one in found:
        if len(one) > LONGEST_REGEXP:
            raise RefusedError(limit("REGEX-SIZE"), f"{where}: {len(one)} characters")
    return found


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


def _apart_from_literals(node: Node) -> Node:
    match node:
        case Chars(ranges=((low, high),)) if low == high and (low > _FIRST_PLANE or chr(low) == "\\"):
            return Alt((node, node))
        case Seq(items=items):
            return Seq(tuple(map(_apart_from_literals, items)))
        case Alt(options=options):
            return Alt(tuple(map(_apart_from_literals, options)))
        case Repeat(item=item, least=least, most=most):
            return Repeat(_apart_from_literals(item), least, most)
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
