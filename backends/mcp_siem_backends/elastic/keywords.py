"""A value without a field: searched in every field of the index. Pure."""

from collections.abc import Iterable
from typing import Any

from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaExpansion,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
)

from mcp_siem.convert.casing import is_caseless
from mcp_siem.convert.pattern import Node
from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.elastic.bounds import regex_values
from mcp_siem_backends.elastic.clause import Clause, any_of
from mcp_siem_backends.elastic.fields import Index
from mcp_siem_backends.elastic.leaf import parts_of, searched
from mcp_siem_backends.elastic.limits import limit
from mcp_siem_backends.elastic.lucene import Parts, Wild, group, insensitive, pattern, wildcard_text

__all__ = ["keyword"]

_NOTE = "keywords are searched in every field, in folded twins and not in keys of flattened fields"


def keyword(index: Index, value: Any, notes: dict[str, None]) -> Clause:
    """The value somewhere in a text of the event; a plain one is `contains`."""
    notes[_NOTE] = None
    match value:
        case SigmaExpansion():
            return any_of([keyword(index, one, notes) for one in value.values])
        case SigmaString():
            return _text(index, value)
        case SigmaRegularExpression() if not value.contains_placeholder():
            flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
            return _exactly(index, _regexes(index, searched(str(value.regexp), flags, "keyword")))
        case SigmaNumber() if not isinstance(value, SigmaTimestampPart):
            return _folded(index, [Wild.MANY, str(value.number), Wild.MANY])
        case SigmaBool():
            return _folded(index, [Wild.MANY, "true" if value.boolean else "false", Wild.MANY])
        case _:
            raise RefusedError(limit("KEYWORDS"), str(value))


def _text(index: Index, value: Any) -> Clause:
    cased = isinstance(value, SigmaCasedString)
    parts = [Wild.MANY, *parts_of(value, str if cased else str.casefold, "keyword"), Wild.MANY]
    if all(part is Wild.MANY for part in parts):
        raise RefusedError(limit("KEYWORDS"), "a keyword that every event has")
    if not cased:
        return _folded(index, parts)
    text = wildcard_text(parts)
    return _exactly(index, [text] if text else _regexes(index, pattern(parts)))


def _folded(index: Index, parts: Parts) -> Clause:
    """In texts that the index folds and in those that it does not, so letters are spelled in every case."""
    if all(isinstance(part, Wild) or is_caseless(part) for part in parts):
        text = wildcard_text(parts)
        return Clause(group([text])) if text else _anywhere(_regexes(index, pattern(parts)))
    return _anywhere(_regexes(index, insensitive(parts)))


def _anywhere(values: Iterable[str]) -> Clause:
    return any_of([Clause(value) for value in values])


def _exactly(index: Index, values: Iterable[str]) -> Clause:
    """In texts as they were written: the exact forms, and the long texts."""
    listed = group(values)
    return any_of([Clause(f"{name}:{listed}") for name in index.exact_names])


def _regexes(index: Index, node: Node) -> list[str]:
    return regex_values(node, "keyword", longest=index.longest_regex)
