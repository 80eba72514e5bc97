"""What is asked of one field, in Lucene, or as a script where Lucene has no words for it and scripts are allowed.

Each question is written for the form of the field that decides it (fields.py): strings for the folded form, `cased` and
`re` for the exact one, numbers and networks for the typed one. What cannot be asked is refused (limits.py).
"""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

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
from mcp_siem.convert.pattern import Node
from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.regex import RegexUnsupportedError, parse_regex
from mcp_siem.events.fold import fold_pattern
from mcp_siem_backends.elastic.addresses import network_pattern
from mcp_siem_backends.elastic.automata import walked
from mcp_siem_backends.elastic.bounds import HEAVY_STATES, heavy_values, manageable, regex_values
from mcp_siem_backends.elastic.clause import Clause, any_of, negated, scripted, term
from mcp_siem_backends.elastic.fields import FieldForm, Index, Storage
from mcp_siem_backends.elastic.limits import limit
from mcp_siem_backends.elastic.lucene import (
    Parts,
    Wild,
    escape_name,
    insensitive,
    pattern,
    quoted,
    wildcard_text,
)
from mcp_siem_backends.elastic.scripts import (
    Document,
    address_script,
    empty_script,
    glob_script,
    number_script,
    related_script,
    time_script,
)
from mcp_siem_backends.elastic.words import words_clause

__all__ = ["Leaves", "parts_of", "searched"]

_SURELY_EASY = 200
_WILDCARDS = {SpecialChars.WILDCARD_MULTI: Wild.MANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}
_RANGES = {"LT": "[* TO {}}}", "LTE": "[* TO {}]", "GT": "{{{} TO *]", "GTE": "[{} TO *]"}
_POINTS = {Wild.ONE: -1, Wild.MANY: -2}
_MAPPED = IPv6Network("::ffff:0:0/96")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
_RESERVED = frozenset(
    {"_exists_", "_id", "_index", "_source", "_type", "_routing", "_ignored", "_field_names", "_tier"}
)
_BAD_NAME = re.compile(r"^$|^\.|\.$|\.\.|[*\x00]")


class Leaves:
    """The questions of one query. `notes` says where they are approximate.

    With `heavy`, the caller can give patterns more work than Lucene's default (HEAVY_STATES), and has to if `is_heavy`.
    """

    def __init__(self, index: Index, *, scripts: bool, heavy: bool = False) -> None:
        self._index = index
        self.scripts = scripts
        self.heavy = heavy
        self.is_heavy = False
        self.notes: dict[str, None] = {}
        self._inverted = False

    def leaf(self, name: str, value: Any, *, inverted: bool) -> Clause:
        """One value of one field; `inverted` under an odd number of negations, where too much becomes too little."""
        self._inverted = inverted
        return self._asked(self._form(name), value)

    def _form(self, name: str) -> FieldForm:
        if _BAD_NAME.search(name) or name in _RESERVED:
            raise RefusedError(limit("FIELD-NAME"), repr(name))
        form = self._index.form(name)
        self.notes.update(dict.fromkeys(form.notes))
        return form

    def _asked(self, form: FieldForm, value: Any) -> Clause:
        match value:
            case SigmaNull():
                return negated(_exists(form))
            case SigmaExists():
                self._note(f"{form.name}: null and an empty list count as absent")
                return _exists(form) if value.exists else negated(_exists(form))
            case SigmaFieldReference():
                return self._related(form, value)
            case SigmaExpansion():
                return any_of([self._asked(form, one) for one in value.values])
            case SigmaCIDRExpression():
                return self._cidr(form, value.network)
            case _:
                return self._compared(form, value)

    def _compared(self, form: FieldForm, value: Any) -> Clause:
        """Values of which the field has to hold one. Time parts come before numbers: pySigma derives them."""
        number = value.number if isinstance(value, SigmaCompareExpression) else value
        if form.storage is Storage.FLATTENED and not form.textual:
            raise RefusedError(limit("FLATTENED"), form.name)
        if isinstance(number, SigmaTimestampPart):
            return self._time(form, value, number)
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

    def _script(self, code: str, where: str, query: Callable[[], Document]) -> Clause:
        if not self.scripts:
            raise RefusedError(limit(code), where)
        return scripted(query())

    # --- strings -------------------------------------------------------------------------------------------------

    def _string(self, form: FieldForm, value: Any) -> Clause:
        cased = isinstance(value, SigmaCasedString)
        fold = fold_pattern if form.twin else str
        parts = parts_of(value, fold if cased else lambda text: fold(text).casefold(), form.name)
        return self._cased(form, parts) if cased else self._text(form, parts)

    def _cased(self, form: FieldForm, parts: Parts) -> Clause:
        if not form.textual or form.storage is Storage.FLATTENED:
            return self._globbed(form, parts, folded=False)
        if form.storage is Storage.ANALYZED:
            return self._words(form, [part if isinstance(part, Wild) else part.casefold() for part in parts])
        self._note_case(form)
        return self._pattern(form, form.exact, parts)

    def _note_case(self, form: FieldForm) -> None:
        if not form.case_known:
            self._note(f"{form.name}: case is ignored if a normalizer of the index folds it")

    def _text(self, form: FieldForm, parts: Parts) -> Clause:
        """Case-folded literals and wildcards, case ignored."""
        if not form.textual:
            return self._typed(form, parts)
        if form.storage is Storage.FLATTENED:
            return self._globbed(form, parts, folded=True)
        if form.storage is Storage.ANALYZED:
            return self._words(form, parts)
        if not form.folds and Wild.ONE in parts:
            self._note(f"{form.name}: ? stands for one character as written, not as folded")
        if not form.folds and not all(isinstance(part, Wild) or is_caseless(part) for part in parts):
            return self._matches(form.folded, insensitive(parts), form.name)
        clause = self._pattern(form, form.folded, parts)
        if form.number and (number := _spelled_number(parts)):
            return any_of([clause, term(form.number, quoted(number))])
        return clause

    def _pattern(self, form: FieldForm, name: str, parts: Parts) -> Clause:
        long_text = form.storage in (Storage.TEXT, Storage.TWIN)
        if not parts and long_text:
            return self._script("EMPTY-TEXT", form.name, lambda: empty_script(name))
        if all(isinstance(part, str) for part in parts):
            return term(name, quoted("".join(str(part) for part in parts)))
        if all(part is Wild.MANY for part in parts):
            return _exists(form)
        only_wild = all(isinstance(part, Wild) for part in parts)
        text = None if only_wild and long_text else wildcard_text(parts)
        if text is None:
            return self._matches(name, pattern(parts), form.name)
        if Wild.ONE in parts or len(text) > _SURELY_EASY:
            try:
                manageable(pattern(parts), form.name)
            except RefusedError:
                return self._matches(name, pattern(parts), form.name)
        return term(name, text)

    def _typed(self, form: FieldForm, parts: Parts) -> Clause:
        """A text asked of a field that holds numbers, times, booleans or addresses only."""
        if all(part is Wild.MANY for part in parts) and parts:
            return _exists(form)
        whole = "".join(part for part in parts if isinstance(part, str)) if Wild.ONE not in parts else ""
        if len(parts) == 1 and whole and _fits(form.storage, whole):
            return term(form.name, quoted(whole))
        return self._globbed(form, parts, folded=False)

    def _globbed(self, form: FieldForm, parts: Parts, *, folded: bool) -> Clause:
        points = [point for part in parts for point in ([_POINTS[part]] if isinstance(part, Wild) else map(ord, part))]
        if form.storage is Storage.FLATTENED:
            self._note(f"{form.name}: a key of a flattened field; a script reads its values")
        else:
            self._note(f"{form.name}: the index holds a {form.storage.value}, compared by the text it makes of that")
        code = "FLATTENED" if form.storage is Storage.FLATTENED else "TYPED-TEXT"
        return self._script(code, form.name, lambda: glob_script(form.exact, points, folded=folded))

    def _words(self, form: FieldForm, parts: Parts) -> Clause:
        clause, exact = words_clause(form.name, parts)
        if not exact and self._inverted:
            raise RefusedError(limit("WORDS-NEGATED"), form.name)
        kind = "matched word by word" if exact else "matched word by word, so that more is found than is meant"
        self._note(f"{form.name}: the index holds words of a text only, {kind}")
        return clause

    # --- patterns ------------------------------------------------------------------------------------------------

    def _regex(self, form: FieldForm, value: Any) -> Clause:
        flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        if value.contains_placeholder():
            raise RefusedError(limit("VALUE"), f"{form.name}: {value.regexp}")
        if not form.textual or form.storage in (Storage.FLATTENED, Storage.ANALYZED):
            raise RefusedError(limit("REGEX-TYPE"), f"{form.name}: {form.storage.value}")
        self._note_case(form)
        return self._matches(form.exact, searched(str(value.regexp), flags, form.name), form.name)

    def _matches(self, name: str, node: Node, where: str) -> Clause:
        longest = self._index.longest_regex
        try:
            return any_of([term(name, value) for value in regex_values(node, where, longest=longest)])
        except RefusedError as refused:
            if not (self.scripts or self.heavy) or refused.limit is not limit("PATTERN-EFFORT"):
                raise
        try:
            values = heavy_values(node, where, longest=longest)
        except RefusedError:
            if not self.scripts:
                raise
            return walked(name, node, where)
        if self.scripts:
            return any_of([scripted(_heavy(name, value)) for value in values])
        self.is_heavy = True
        return any_of([term(name, f"/{value}/") for value in values])

    def _cidr(self, form: FieldForm, network: IPv4Network | IPv6Network) -> Clause:
        if form.storage is Storage.IP:
            if isinstance(network, IPv4Network) or not network.overlaps(_MAPPED):
                return term(form.name, quoted(str(network)))
            if not form.textual:
                raise RefusedError(limit("CIDR-MAPPED"), f"{form.name}: {network}")
            return self._script("CIDR-MAPPED", f"{form.name}: {network}", lambda: _address(form, network))
        if form.storage is Storage.ANALYZED or not form.textual:
            raise RefusedError(limit("CIDR-TYPE"), f"{form.name}: {network}")
        if isinstance(network, IPv6Network) or form.storage is Storage.FLATTENED:
            return self._script("CIDR-TYPE", f"{form.name}: {network}", lambda: _address(form, network))
        self._note(f"{form.name}: no address in the index; only dotted IPv4, and ::ffff: before it, is compared")
        return self._matches(form.exact, network_pattern(network), form.name)

    # --- fields, numbers, times ----------------------------------------------------------------------------------

    def _related(self, form: FieldForm, value: Any) -> Clause:
        other = self._form(value.field)
        if Storage.ANALYZED in (form.storage, other.storage):
            raise RefusedError(limit("FIELDREF"), form.name)
        how = {(True, True): "contains", (True, False): "starts", (False, True): "ends", (False, False): "equal"}[
            bool(value.starts_with), bool(value.ends_with)
        ]
        unfolded = [not form.folds, not other.folds]
        return self._script(
            "FIELDREF", form.name, lambda: related_script(form.folded, other.folded, how, unfolded=unfolded)
        )

    def _number(self, form: FieldForm, number: float) -> Clause:
        text = quoted(str(number))
        if form.storage is Storage.NUMBER:
            return term(form.name, text)
        if not form.textual or form.storage in (Storage.FLATTENED, Storage.ANALYZED):
            return self._text(form, [str(number)])
        self._note(f"{form.name}: no number in the index; a text is compared with this spelling of the number only")
        return any_of([term(form.folded, text), *([term(form.number, text)] if form.number else [])])

    def _compare(self, form: FieldForm, value: Any) -> Clause:
        number, operator = value.number.number, value.op.name
        if operator == "NEQ":
            return negated(self._number(form, number))
        if form.storage is Storage.NUMBER or (form.storage is Storage.DYNAMIC and not self.scripts):
            if form.storage is Storage.DYNAMIC:
                self._note(f"{form.name}: not in the taxonomy; compared only where it first came as a JSON number")
            return Clause(f"{escape_name(form.number or '')}:{_RANGES[operator].format(quoted(str(number)))}")
        if not form.textual or form.storage is Storage.ANALYZED:
            raise RefusedError(limit("NUMBER-TYPE"), form.name)
        return self._script("NUMBER-TYPE", form.name, lambda: number_script(form.exact, operator.lower(), number))

    def _time(self, form: FieldForm, value: Any, part: Any) -> Clause:
        operator = value.op.name.lower() if isinstance(value, SigmaCompareExpression) else "eq"
        unit = part.timestamp_part.name.lower()
        if form.storage is Storage.ANALYZED:
            raise RefusedError(limit("TIMEPART"), form.name)
        return self._script("TIMEPART", form.name, lambda: time_script(form.exact, unit, operator, part.number))


def _address(form: FieldForm, network: IPv4Network | IPv6Network) -> Document:
    return address_script(form.exact, str(network), six=isinstance(network, IPv6Network))


def _heavy(name: str, value: str) -> Document:
    return {"regexp": {name: {"value": value, "max_determinized_states": HEAVY_STATES}}}


def searched(regexp: str, flags: str, where: str) -> Node:
    """The pattern as one for the whole text; raises RefusedError."""
    try:
        return _searched(regexp, flags)
    except RegexUnsupportedError as error:
        raise RefusedError(limit("REGEX"), f"{where}: {error}") from error


@lru_cache(maxsize=1_000)
def _searched(regexp: str, flags: str) -> Node:
    return whole_text(parse_regex(regexp, flags=flags))


def _exists(form: FieldForm) -> Clause:
    return Clause(f"_exists_:{escape_name(form.presence)}")


def _spelled_number(parts: Parts) -> str | None:
    whole = parts[0] if len(parts) == 1 else None
    return whole if isinstance(whole, str) and _NUMBER.fullmatch(whole) else None


def _fits(storage: Storage, text: str) -> bool:
    """Whether a typed field takes the text as a value of its type."""
    match storage:
        case Storage.NUMBER:
            return _NUMBER.fullmatch(text) is not None
        case Storage.BOOLEAN:
            return text in ("true", "false")
        case Storage.IP:
            try:
                return "%" not in text and ip_address(text) is not None
            except ValueError:
                return False
        case _:
            return False


def parts_of(value: Any, fold: Callable[[str], str], where: str) -> Parts:
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
