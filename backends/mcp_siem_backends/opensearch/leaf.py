"""What is asked of one field, in the query DSL on the form of the field that decides it, or else of the event itself.

Strings are asked of the folded form, `cased` and `re` of the exact one, numbers and networks of the typed one. A typed
form also takes values that are none of its type or cuts them (42.7 is 42 there), so events that hold such a value are
left to a script; the index says which they are.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
)

from mcp_siem.convert.anchors import nullable, whole_text
from mcp_siem.convert.casing import is_caseless
from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.parts import Parts, Wild, insensitive, parts_of, pattern
from mcp_siem.convert.pattern import NEVER, Node
from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.regex import RegexUnsupportedError, parse_regex
from mcp_siem.events.fold import fold_pattern
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.opensearch import scripts
from mcp_siem_backends.opensearch.bounds import manageable, regexps
from mcp_siem_backends.opensearch.clause import Clause, Long, all_of, any_of, exists, native, negated, never, term
from mcp_siem_backends.opensearch.fields import FieldForm, Storage, form_of
from mcp_siem_backends.opensearch.limits import limit
from mcp_siem_backends.opensearch.trigrams import only_text

__all__ = ["keyword", "leaf"]

_MAPPED = IPv6Network("::ffff:0:0/96")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
# Texts that the type of a field may hold as another number than they spell, or not at all; and those of a keyword that
# may spell a number in another way than its shortest.
_ODD = {
    Storage.LONG: "[^0-9\\-].*|\\-?([^0-9\\-].*|\\-.*|0.+|[1-9][0-9]*[^0-9].*|[1-9][0-9]{15,})?",
    Storage.DOUBLE: "[^0-9\\-].*|\\-?([^0-9\\-].*|\\-.*|[0-9]+([^0-9.].*|\\.([^0-9].*|[0-9]+[^0-9].*)?)|0[0-9].*|[1-9][0-9]{15,}.*)?",
}
_ODD_SPELLING = "\\-?(0[0-9]+.*|[0-9]+[.eE].*)|\\-0"
_NUMERIC = "\\-?[0-9].*"
_HOW = {(True, True): "contains", (True, False): "starts", (False, True): "ends", (False, False): "equal"}


def leaf(name: str, value: Any, taxonomy: Taxonomy) -> Clause:
    """Anything that may be asked of a field; raises RefusedError."""
    return _leaf(form_of(name, taxonomy), value, taxonomy)


def keyword(value: Any) -> Clause:
    """A value that any text of the event has; a plain one is `contains`."""
    match value:
        case SigmaExpansion():
            return any_of([keyword(one) for one in value.values])
        case SigmaString():
            cased = isinstance(value, SigmaCasedString)
            parts = _parts(value, "keyword", cased=cased, twin=False)
            return scripts.text(None, _anywhere(parts), cased=cased)
        case SigmaBool():
            return scripts.text(None, _anywhere(["true" if value.boolean else "false"]), cased=False)
        case SigmaNumber() if not isinstance(value, SigmaTimestampPart):
            return scripts.text(None, _anywhere([_spelled(value.number)]), cased=False)
        case SigmaRegularExpression():
            return _read(None, _node(value, "keyword"), "keyword")
        case _:
            raise RefusedError(limit("KEYWORDS"), str(value))


def _anywhere(parts: Parts) -> Parts:
    middle = [*parts]
    while middle and middle[0] is Wild.MANY:
        middle.pop(0)
    while middle and middle[-1] is Wild.MANY:
        middle.pop()
    return [Wild.MANY, *middle, *([Wild.MANY] if middle else [])]


def _leaf(form: FieldForm, value: Any, taxonomy: Taxonomy) -> Clause:
    match value:
        case SigmaNull():
            return _absent(form)
        case SigmaExists():
            found = any_of([*_indexed(form), scripts.present(form.name)])
            return found if value.exists else negated(found)
        case SigmaFieldReference():
            how = _HOW[bool(value.starts_with), bool(value.ends_with)]
            other = form_of(str(value.field), taxonomy)
            return all_of([*_indexed(form), *_indexed(other), scripts.related(form.name, other.name, how)])
        case SigmaExpansion():
            return any_of([_leaf(form, one, taxonomy) for one in value.values])
        case SigmaCIDRExpression():
            return _cidr(form, value.network)
        case _:
            return _compared(form, value)


def _indexed(form: FieldForm) -> list[Clause]:
    """That the index holds a value, where it can tell."""
    return [] if form.storage is Storage.SOURCE else [exists(form.folded)]


def _absent(form: FieldForm) -> Clause:
    return all_of([scripts.absent(form.name), *(negated(one) for one in _indexed(form))])


def _compared(form: FieldForm, value: Any) -> Clause:
    """Values of which the field has to hold one. Time parts come before numbers: pySigma derives them."""
    part = value.number if isinstance(value, SigmaCompareExpression) else value
    if isinstance(part, SigmaTimestampPart):
        operator = value.op.name.lower() if isinstance(value, SigmaCompareExpression) else "eq"
        unit = part.timestamp_part.name.lower()
        return all_of([*_indexed(form), scripts.time_part(form.name, unit, operator, _finite(part.number, form.name))])
    match value:
        case SigmaString():
            return _string(form, value)
        case SigmaRegularExpression():
            return _regex(form, value)
        case SigmaBool():
            return _text(form, ["true" if value.boolean else "false"])
        case SigmaNumber():
            return _equal(form, _finite(value.number, form.name))
        case SigmaCompareExpression():
            return _compare(form, value.op.name.lower(), _finite(value.number.number, form.name))
        case _:
            raise RefusedError(limit("VALUE"), f"{form.name}: {type(value).__name__}")


def _finite(number: float, where: str) -> float:
    if not math.isfinite(number):
        raise RefusedError(limit("VALUE"), f"{where}: {number}")
    return number


# --- strings ----------------------------------------------------------------------------------------------------------


def _string(form: FieldForm, value: Any) -> Clause:
    cased = isinstance(value, SigmaCasedString)
    parts = _parts(value, form.name, cased=cased, twin=form.storage is Storage.TWIN)
    if not cased:
        return _text(form, parts)
    if form.storage is Storage.SOURCE:
        return scripts.text(form.name, parts, cased=True, number=_spells(parts))
    return any_of([_pattern(form, form.exact, parts, cased=True), *_as_number(form, parts)])


def _parts(value: Any, where: str, *, cased: bool, twin: bool) -> Parts:
    fold = fold_pattern if twin else str
    parts = parts_of(value, fold if cased else lambda text: fold(text).casefold())
    if parts is None:
        raise RefusedError(limit("VALUE"), f"{where}: {value}")
    return parts


def _text(form: FieldForm, parts: Parts) -> Clause:
    """Case-folded literals and wildcards, case ignored."""
    if form.storage is Storage.SOURCE:
        return scripts.text(form.name, parts, cased=False, number=_spells(parts))
    if form.folds or all(part is Wild.MANY or (isinstance(part, str) and is_caseless(part)) for part in parts):
        found = _pattern(form, form.folded, parts, cased=False)
    elif Wild.ONE in parts:  # it stands for one character of the folded text
        found = all_of([exists(form.folded), scripts.text(form.name, parts, cased=False)])
    else:
        found = _spelled_out(form, parts)
    return any_of([found, *_as_number(form, parts)])


def _spelled_out(form: FieldForm, parts: Parts) -> Clause:
    node = insensitive(parts)
    try:
        regexps(node, form.name)
    except RefusedError:  # more spellings than Lucene can bear
        return all_of([exists(form.folded), scripts.text(form.name, parts, cased=False)])
    return _matches(form, form.folded, node)


def _as_number(form: FieldForm, parts: Parts) -> list[Clause]:
    """A value that is the number which the literal spells: `42` finds 42.0 too, but not the text "42.0"."""
    number = _spells(parts)
    if number is None or form.storage in (Storage.TEXT, Storage.TWIN):
        return []
    return [
        all_of(
            [
                native("regexp", form.exact, {"value": _ODD_SPELLING}),
                scripts.text(form.name, parts, cased=True, number=number),
            ]
        )
    ]


def _spells(parts: Parts) -> float | None:
    whole = parts[0] if len(parts) == 1 else None
    if not isinstance(whole, str) or not _NUMBER.fullmatch(whole):
        return None
    number = float(whole) if set(whole) & set(".eE") else int(whole)
    return number if math.isfinite(number) else None


def _pattern(form: FieldForm, name: str, parts: Parts, *, cased: bool) -> Clause:
    """Literals and wildcards on a form that holds texts as the literals are written."""
    if not parts and form.storage in (Storage.TEXT, Storage.TWIN):
        return _empty(form)
    if all(isinstance(part, str) for part in parts):
        return term(name, "".join(str(part) for part in parts))
    if all(part is Wild.MANY for part in parts):
        return exists(name)
    if Wild.ONE in parts or len(parts) > len("*x*"):
        try:
            manageable(pattern(parts), form.name)
        except RefusedError:
            return all_of([exists(name), scripts.text(form.name, parts, cased=cased)])
    text = "".join(map(_wildcard, parts))
    if form.storage in (Storage.TEXT, Storage.TWIN):
        return Long(name, pattern(parts), text)
    return native("wildcard", name, {"value": text})


def _wildcard(part: str | Wild) -> str:
    return part.value if isinstance(part, Wild) else re.sub(r"[*?\\]", r"\\\g<0>", part)


# --- patterns ---------------------------------------------------------------------------------------------------------


def _regex(form: FieldForm, value: Any) -> Clause:
    node = _node(value, form.name)
    if form.storage is Storage.SOURCE:
        return _read(form.name, node, form.name)
    return _matches(form, form.exact, node)


def _node(value: Any, where: str) -> Node:
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    if value.contains_placeholder():
        raise RefusedError(limit("VALUE"), f"{where}: {value.regexp}")
    try:
        return _searched(str(value.regexp), flags)
    except RegexUnsupportedError as error:
        raise RefusedError(limit("REGEX"), f"{where}: {error}") from error


def _read(field: str | None, node: Node, where: str) -> Clause:
    """The pattern, run by a script."""
    found = scripts.regex(field, node)
    if found is None:
        raise RefusedError(limit("PATTERN-EFFORT"), where)
    return found


@lru_cache(maxsize=1_000)
def _searched(regexp: str, flags: str) -> Node:
    return whole_text(parse_regex(regexp, flags=flags))


def _matches(form: FieldForm, name: str, node: Node) -> Clause:
    """A pattern for the whole text. One of a single text is that text: OpenSearch compares a wildcard field with the spelling
    of such a pattern. An empty text is not in the terms of such a field.
    """
    long_text = form.storage in (Storage.TEXT, Storage.TWIN)
    if node == NEVER:
        return never()
    if long_text and (text := only_text(node)) is not None:
        return _pattern(form, name, [text] if text else [], cased=True)
    try:
        bearable = regexps(node, form.name)
    except RefusedError:
        return all_of([exists(name), _read(form.name, node, form.name)])
    found: list[Clause] = [
        Long(name, one) if long_text else native("regexp", name, {"value": lucene_regexp(one)}) for one in bearable
    ]
    empty = [_empty(form)] if long_text and nullable(node) else []
    return any_of([*found, *empty])


def _empty(form: FieldForm) -> Clause:
    return all_of([exists(form.exact), scripts.text(form.name, [], cased=True)])


# --- numbers and networks ---------------------------------------------------------------------------------------------


def _equal(form: FieldForm, number: float) -> Clause:
    """A value that is the number, or a text that spells it in any way."""
    script = scripts.number(form.name, "eq", number)
    match form.storage:
        case Storage.SOURCE:
            return script
        case Storage.TEXT | Storage.TWIN:
            return all_of([_odd(form, _NUMERIC), script])
        case _:
            return any_of([term(form.exact, _spelled(number)), all_of([_odd(form, _ODD_SPELLING), script])])


def _compare(form: FieldForm, operator: str, number: float) -> Clause:
    script = scripts.number(form.name, operator, number)
    match form.storage:
        case Storage.SOURCE:
            return script
        case Storage.LONG | Storage.DOUBLE if operator in ("lt", "lte", "gt", "gte"):
            odd = _odd(form, _ODD[form.storage])
            inside = native("range", form.name, {operator: number})
            return any_of([all_of([inside, negated(odd)]), all_of([odd, script])])
        case _:
            return all_of([_odd(form, _NUMERIC), script])


def _odd(form: FieldForm, regexp: str) -> Clause:
    return native("regexp", form.exact, {"value": regexp})


def _spelled(number: float) -> str:
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


def _cidr(form: FieldForm, network: IPv4Network | IPv6Network) -> Clause:
    """An address of the network; the index takes IPv4 for a part of some IPv6 networks, and knows no zones."""
    script = scripts.address(form.name, network)
    if form.storage is not Storage.IP:
        return all_of([*_indexed(form), script])
    if isinstance(network, IPv6Network) and network.overlaps(_MAPPED):
        return all_of([exists(form.folded), script])
    indexed: Mapping[str, object] = {"value": str(network)}
    zoned = native("wildcard", form.exact, {"value": "*%*"})
    return any_of([native("term", form.name, indexed), all_of([zoned, script])])
