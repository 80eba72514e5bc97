"""The Lucene backend of pySigma, repaired: what it emits means the rule on an index made by our template.

Each leaf is written for the form of the field that decides it (fields.py): strings for the folded form, `cased` and
`re` for the exact one, numbers and networks for the typed one. What has no such form is refused (limits.py).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any, ClassVar, Self

from sigma.backends.elasticsearch import LuceneBackend
from sigma.conversion.state import ConversionState
from sigma.processing.pipeline import ProcessingPipeline
from sigma.types import (
    Placeholder,
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
    SpecialChars,
)

from mcp_siem.convert.anchors import whole_text
from mcp_siem.convert.casing import is_caseless
from mcp_siem.convert.choices import alternatives, is_nested
from mcp_siem.convert.effort import effort
from mcp_siem.convert.pattern import Node
from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.regex import RegexUnsupportedError, parse_regex
from mcp_siem.events.fold import fold_pattern
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.elastic.addresses import network_pattern
from mcp_siem_backends.elastic.fields import FieldForm, Storage, form_of
from mcp_siem_backends.elastic.limits import limit
from mcp_siem_backends.elastic.lucene import (
    Parts,
    Wild,
    escape_name,
    group,
    insensitive,
    pattern,
    quoted,
    regex_text,
    wildcard_text,
)

__all__ = ["LONGEST_REGEX", "Clause", "McpLuceneBackend", "manageable"]

# The template raises index.max_regex_length to this; Elasticsearch's own default is 1,000.
LONGEST_REGEX = 10_000
# Measured on 8.19.4: from 77,000 of this measure (convert/effort.py) on, from 650 where repetitions are nested, a
# query_string turns into one that finds nothing, without an error; 9.4.3 gave up on no pattern below these limits.
# Literals between wildcards stay far below, unless they are long.
_MOST_EFFORT = 60_000
_MOST_NESTED_EFFORT = 300
_SURELY_EASY = 200
_WILDCARDS = {SpecialChars.WILDCARD_MULTI: Wild.MANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}
_RANGES = {"LT": "[* TO {}}}", "LTE": "[* TO {}]", "GT": "{{{} TO *]", "GTE": "[{} TO *]"}
_MAPPED = IPv6Network("::ffff:0:0/96")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
_RESERVED = frozenset(
    {"_exists_", "_id", "_index", "_source", "_type", "_routing", "_ignored", "_field_names", "_tier"}
)
_BAD_NAME = re.compile(r"^$|^\.|\.$|\.\.|[*\x00]")


class Clause(str):  # noqa: SLOT000 - a few live at a time
    """A part of a query. `joined` is the operator at its top ("AND", "OR", "NOT"), empty if it stands alone.

    `parts` are what the operator joins. `term` is the field and value of a part that is nothing else, so that values
    of one field can be listed.
    """

    joined: str
    parts: tuple["Clause", ...]
    term: tuple[str, str] | None

    def __new__(
        cls, text: str, joined: str = "", parts: Sequence["Clause"] = (), term: tuple[str, str] | None = None
    ) -> Self:
        """A clause with its operator."""
        made = super().__new__(cls, text)
        made.joined = joined
        made.parts = tuple(parts)
        made.term = term
        return made

    def under(self, operator: str) -> str:
        """The clause as an argument of an operator.

        Lucene has no precedence: it reads `a OR NOT b` as "a and never b", and `a AND b OR c` as "a and b".
        """
        return f"({self})" if self.joined and (operator, self.joined) != ("AND", "NOT") else str(self)


def _term(name: str, value: str) -> Clause:
    return Clause(f"{escape_name(name)}:{value}", term=(name, value))


def _negated(clause: Clause) -> Clause:
    return clause.parts[0] if clause.joined == "NOT" else Clause(f"NOT {clause.under('NOT')}", "NOT", [clause])


def _joined(operator: str, clauses: Iterable[Clause]) -> Clause:
    flat = (part for clause in clauses for part in (clause.parts if clause.joined == operator else (clause,)))
    listed = list(dict.fromkeys(flat))
    if len(listed) == 1:
        return listed[0]
    return Clause(f" {operator} ".join(clause.under(operator) for clause in listed), operator, listed)


def _any(clauses: Iterable[Clause]) -> Clause:
    """Any of the clauses; values of one field stand together, at the place of the first."""
    flat = _joined("OR", clauses)
    listed = flat.parts if flat.joined == "OR" else (flat,)
    values: dict[str, list[str]] = {}
    for clause in listed:
        if clause.term is not None:
            values.setdefault(clause.term[0], []).append(clause.term[1])
    return _joined(
        "OR",
        (clause if clause.term is None else _listed(clause.term[0], values[clause.term[0]]) for clause in listed),
    )


def _listed(name: str, values: Sequence[str]) -> Clause:
    return _term(name, values[0]) if len(values) == 1 else Clause(f"{escape_name(name)}:{group(values)}")


class McpLuceneBackend(LuceneBackend):  # type: ignore[misc]  # pySigma is untyped here
    """Sigma conditions as Lucene query_string. `notes` says where conversions so far are approximate."""

    name: ClassVar[str] = "Elastic with the index template of mcp-siem"
    formats: ClassVar[dict[str, str]] = {"default": "Lucene for query_string and Kibana (language lucene)"}
    requires_pipeline: ClassVar[bool] = False

    def __init__(
        self,
        processing_pipeline: ProcessingPipeline | None = None,
        collect_errors: bool = False,  # noqa: FBT001, FBT002 - pySigma calls it by place
        *,
        taxonomy: Taxonomy,
        **options: Any,
    ) -> None:
        super().__init__(processing_pipeline, collect_errors, **options)
        self._taxonomy = taxonomy
        self.notes: dict[str, None] = {}

    def convert_condition(self, cond: Any, state: ConversionState) -> Any:
        """Any part of a condition; one that names no selection is refused, since it would hold always or never."""
        if cond is None or (hasattr(cond, "args") and not cond.args):
            raise RefusedError(limit("CONDITION"), "condition")
        return super().convert_condition(cond, state)

    def decide_convert_condition_as_in_expression(self, cond: Any, state: ConversionState) -> bool:
        """Never: lists are written where the operators are."""
        del cond, state
        return False

    def convert_condition_and(self, cond: Any, state: ConversionState) -> Clause:
        """All of the arguments."""
        return _joined("AND", [self.convert_condition(arg, state) for arg in cond.args])

    def convert_condition_or(self, cond: Any, state: ConversionState) -> Clause:
        """Any of the arguments."""
        return _any([self.convert_condition(arg, state) for arg in cond.args])

    def convert_condition_not(self, cond: Any, state: ConversionState) -> Clause:
        """The argument does not hold; an event without the field fulfils that."""
        return _negated(self.convert_condition(cond.args[0], state))

    def convert_condition_val(self, cond: Any, state: ConversionState) -> Clause:
        """A value without a field is refused."""
        del state
        raise RefusedError(limit("KEYWORDS"), str(cond.value))

    def convert_condition_field_eq_val(self, cond: Any, state: ConversionState) -> Clause:
        """One value of one field."""
        del state
        return self._leaf(self._form(cond.field), cond.value)

    def _form(self, name: str) -> FieldForm:
        if _BAD_NAME.search(name) or name in _RESERVED:
            raise RefusedError(limit("FIELD-NAME"), repr(name))
        return form_of(name, self._taxonomy)

    def _leaf(self, form: FieldForm, value: Any) -> Clause:
        """Anything that may be asked of a field."""
        match value:
            case SigmaNull():
                return _negated(_exists(form))
            case SigmaExists():
                self._note(f"{form.name}: null and an empty list count as absent")
                return _exists(form) if value.exists else _negated(_exists(form))
            case SigmaFieldReference():
                raise RefusedError(limit("FIELDREF"), form.name)
            case SigmaExpansion():
                return _any([self._leaf(form, one) for one in value.values])
            case SigmaCIDRExpression():
                return self._cidr(form, value.network)
            case _:
                return self._compared(form, value)

    def _compared(self, form: FieldForm, value: Any) -> Clause:
        """Values of which the field has to hold one. Time parts come before numbers: pySigma derives them."""
        number = value.number if isinstance(value, SigmaCompareExpression) else value
        if isinstance(number, SigmaTimestampPart) or form.storage is Storage.TIME:
            raise RefusedError(limit("TIMEPART"), form.name)
        if form.storage is Storage.FLATTENED:
            raise RefusedError(limit("FLATTENED"), form.name)
        match value:
            case SigmaString():
                return self._string(form, value)
            case SigmaRegularExpression():
                return self._regex(form, value)
            case SigmaBool():
                return self._text(form, ["true" if value.boolean else "false"])
            case SigmaNumber():
                return self._number(form, value.number)
            case SigmaCompareExpression():
                return self._compare(form, value)
            case _:
                raise RefusedError(limit("VALUE"), f"{form.name}: {type(value).__name__}")

    def _note(self, text: str) -> None:
        self.notes[text] = None

    # --- strings -------------------------------------------------------------------------------------------------

    def _string(self, form: FieldForm, value: Any) -> Clause:
        cased = isinstance(value, SigmaCasedString)
        fold = fold_pattern if form.storage is Storage.TWIN else str
        parts = _parts(value, fold if cased else lambda text: fold(text).casefold(), form.name)
        if cased:
            return self._pattern(form, form.exact, parts)
        return self._text(form, parts)

    def _text(self, form: FieldForm, parts: Parts) -> Clause:
        """Case-folded literals and wildcards, case ignored."""
        if not form.folds and Wild.ONE in parts:
            self._note(f"{form.name}: ? stands for one character as written, not as folded")
        if not form.folds and not all(isinstance(part, Wild) or is_caseless(part) for part in parts):
            return self._matches(form.folded, insensitive(parts), form.name)
        clause = self._pattern(form, form.folded, parts)
        if form.number and len(parts) == 1 and isinstance(parts[0], str) and _NUMBER.fullmatch(parts[0]):
            return _any([clause, _term(form.number, quoted(parts[0]))])
        return clause

    def _pattern(self, form: FieldForm, name: str, parts: Parts) -> Clause:
        long_text = form.storage in (Storage.TEXT, Storage.TWIN)
        if not parts and long_text:
            raise RefusedError(limit("EMPTY-TEXT"), form.name)
        if all(isinstance(part, str) for part in parts):
            return _term(name, quoted("".join(str(part) for part in parts)))
        if all(part is Wild.MANY for part in parts):
            return _exists(form)
        only_wild = all(isinstance(part, Wild) for part in parts)
        text = None if only_wild and long_text else wildcard_text(parts)
        if text is None:
            return self._matches(name, pattern(parts), form.name)
        if Wild.ONE in parts or len(text) > _SURELY_EASY:
            manageable(pattern(parts), form.name)
        return _term(name, text)

    # --- patterns ------------------------------------------------------------------------------------------------

    def _regex(self, form: FieldForm, value: Any) -> Clause:
        flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        if value.contains_placeholder():
            raise RefusedError(limit("VALUE"), f"{form.name}: {value.regexp}")
        try:
            node = _searched(str(value.regexp), flags)
        except RegexUnsupportedError as error:
            raise RefusedError(limit("REGEX"), f"{form.name}: {error}") from error
        return self._matches(form.exact, node, form.name)

    def _matches(self, name: str, node: Node, where: str) -> Clause:
        return _any([_term(name, self._regex_value(one, where)) for one in manageable(node, where)])

    def _regex_value(self, node: Node, where: str) -> str:
        text = regex_text(node)
        if len(text) > LONGEST_REGEX:
            raise RefusedError(limit("REGEX-SIZE"), f"{where}: {len(text)} characters")
        return text

    def _cidr(self, form: FieldForm, network: IPv4Network | IPv6Network) -> Clause:
        if form.storage is Storage.IP:
            if isinstance(network, IPv6Network) and network.overlaps(_MAPPED):
                raise RefusedError(limit("CIDR-MAPPED"), f"{form.name}: {network}")
            return _term(form.name, quoted(str(network)))
        if isinstance(network, IPv6Network) or form.storage is Storage.FLATTENED:
            raise RefusedError(limit("CIDR-TYPE"), f"{form.name}: {network}")
        self._note(f"{form.name}: no address in the index; only dotted IPv4, and ::ffff: before it, is compared")
        return self._matches(form.exact, network_pattern(network), form.name)

    # --- numbers -------------------------------------------------------------------------------------------------

    def _number(self, form: FieldForm, number: float) -> Clause:
        text = quoted(str(number))
        if form.storage is Storage.NUMBER:
            return _term(form.name, text)
        self._note(f"{form.name}: no number in the index; a text is compared with this spelling of the number only")
        return _any([_term(form.folded, text), *([_term(form.number, text)] if form.number else [])])

    def _compare(self, form: FieldForm, value: Any) -> Clause:
        number = value.number.number
        if form.number is None:
            raise RefusedError(limit("NUMBER-TYPE"), form.name)
        if form.storage is Storage.DYNAMIC:
            self._note(f"{form.name}: not in the taxonomy; compared only where it first came as a JSON number")
        if value.op.name == "NEQ":
            return _negated(self._number(form, number))
        return Clause(f"{escape_name(form.number)}:{_RANGES[value.op.name].format(quoted(str(number)))}")


@lru_cache(maxsize=1_000)
def _searched(regexp: str, flags: str) -> Node:
    return whole_text(parse_regex(regexp, flags=flags))


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


def _exists(form: FieldForm) -> Clause:
    return Clause(f"_exists_:{escape_name(form.presence)}")


def _parts(value: Any, fold: Callable[[str], str], where: str) -> Parts:
    """Folded literals and wildcards; neighbours are joined, `**` is `*`, empty literals are gone."""
    parts: list[str | Wild] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise RefusedError(limit("VALUE"), f"{where}: %{part.name}%")
        new = fold(part) if isinstance(part, str) else _WILDCARDS[part]
        if new == "" or (new is Wild.MANY and parts and parts[-1] is Wild.MANY):
            continue
        if isinstance(new, str) and parts and isinstance(parts[-1], str):
            parts[-1] += new
        else:
            parts.append(new)
    return parts
