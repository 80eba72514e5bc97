"""What the query DSL cannot say of one event, as scripts over the event itself: fixed Painless sources, everything else
in their parameters.

Any value of a field may fulfil it; an event without one does not. Pure.
"""

import json
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from mcp_siem.convert.casing import fold_mappings
from mcp_siem.convert.effort import automaton
from mcp_siem.convert.parts import Parts, Wild
from mcp_siem.convert.pattern import Node, Ranges
from mcp_siem_backends.opensearch import painless, painless_typed
from mcp_siem_backends.opensearch.clause import Scripted

__all__ = ["absent", "address", "number", "present", "regex", "related", "text", "time_part"]

# A script with more is too long a text to send with each search.
_MOST_POSITIONS = 1_000
_POINTS = {Wild.ONE: -1, Wild.MANY: -2}


def present(field: str) -> Scripted:
    """The field is there, be it empty or null."""
    return _script(painless.PRESENT, field=field)


def absent(field: str) -> Scripted:
    """The field is not there, or holds nothing but null."""
    return _script(painless.ABSENT, field=field)


def text(field: str | None, parts: Parts, *, cased: bool, number: float | None = None) -> Scripted:
    """A text fits the literals and wildcards, or a value that is no text is the number; without a field, any of the event."""
    maps = {} if cased else {"folds": _folds()}
    if Wild.ONE in parts:
        points = [point for part in parts for point in ([_POINTS[part]] if isinstance(part, Wild) else map(ord, part))]
        return _script(painless.GLOB, field=field, pattern=points, **maps)
    also = {} if number is None else {"number": _digits(number)}
    return _script(painless.SEGMENTS, field=field, segments=_segments(parts), **maps, **also)


def regex(field: str | None, node: Node) -> Scripted | None:
    """A text fits the whole pattern, which has no anchors; None if the pattern is too large for a script."""
    found = automaton(node, most=_MOST_POSITIONS)
    if found is None:
        return None
    kinds = _kinds(found.sets)
    pattern = {
        "first": _spans(found.first),
        "last": _spans(found.last),
        "empty": found.empty,
        "follow": [_spans(bits) for bits in found.follow],
        "edges": list(kinds),
        "kinds": [_spans(bits) for bits in kinds.values()],
    }
    return _script(painless.REGEX, field=field, pattern=pattern)


def _spans(bits: int) -> list[int]:
    """The ones of a number: where each run of them starts, and where it has ended."""
    found = []
    at = 0
    while bits >> at:
        at += ((bits >> at) & -(bits >> at)).bit_length() - 1
        found.append(at)
        at += ((~(bits >> at)) & -(~(bits >> at))).bit_length() - 1
        found.append(at)
    return found


def _kinds(sets: Sequence[Ranges]) -> dict[int, int]:
    """The code points at which another kind of character begins, with the positions that take it."""
    changes = {0: 0}
    for at, ranges in enumerate(sets):
        for low, high in ranges:
            changes[low] = changes.get(low, 0) ^ (1 << at)
            changes[high + 1] = changes.get(high + 1, 0) ^ (1 << at)
    found: dict[int, int] = {}
    current = 0
    for point in sorted(changes):
        current ^= changes[point]
        found[point] = current
    return found


def number(field: str, operator: str, limit: float) -> Scripted:
    """A value is, or spells, a number in that order (lt, lte, gt, gte, eq, neq) to the limit."""
    return _script(painless.COMPARED, field=field, operator=operator, number=_digits(limit))


def address(field: str, network: IPv4Network | IPv6Network) -> Scripted:
    """A text is an address of the network."""
    return _script(
        painless_typed.ADDRESS, field=field, network=list(network.network_address.packed), bits=network.prefixlen
    )


def related(field: str, other: str, how: str) -> Scripted:
    """A value of `field` is, starts, ends with or contains one of `other` (equal, starts, ends, contains)."""
    return _script(painless.RELATED, field=field, other=other, how=how, folds=_folds())


def time_part(field: str, unit: str, operator: str, limit: float) -> Scripted:
    """That part of a time, in UTC, is in that order to the limit."""
    return _script(painless_typed.TIME, field=field, unit=unit, operator=operator, number=_digits(limit))


def _segments(parts: Parts) -> Sequence[str]:
    """The literals between wildcards, an empty one where the text begins or ends with a wildcard."""
    found = [""]
    for part in parts:
        if isinstance(part, Wild):
            found.append("")
        else:
            found[-1] = part
    return found


def _digits(value: float) -> str:
    return str(value)


def _script(source: str, **params: object) -> Scripted:
    return Scripted(source, json.dumps(params, sort_keys=True))


def _folds() -> dict[str, str]:
    return {str(ord(char)): folded for char, folded in fold_mappings().items()}
