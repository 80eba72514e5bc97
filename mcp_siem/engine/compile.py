"""Turns a rule into the questions of `predicates`. The only file of the engine that knows pySigma."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
)
from sigma.exceptions import SigmaError
from sigma.modifiers import (
    SigmaCaseSensitiveModifier,
    SigmaFieldReferenceModifier,
    reverse_modifier_mapping,
)
from sigma.rule import SigmaDetection
from sigma.types import (
    Placeholder,
    SigmaBool,
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

from mcp_siem.engine.correlation import Correlation, read_correlation
from mcp_siem.engine.nodes import And, Exists, FieldRef, FieldTest, IsNull, Keyword, Named, Node, Not, Or
from mcp_siem.engine.predicates import (
    AnyText,
    Cidr,
    Compare,
    Contains,
    Equals,
    Glob,
    NumberEquals,
    Prefix,
    Regex,
    Segments,
    Suffix,
    Test,
    TimePart,
)
from mcp_siem.engine.regex import RegexError, Wildcard, compile_glob, compile_regex
from mcp_siem.engine.values import fold_case, number_of, text_of
from mcp_siem.errors import Issue, PackError
from mcp_siem.events.fold import fold_pattern
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.parse import main_rule, parse_rule
from mcp_siem.rules.places import CONDITION, value_label
from mcp_siem.rules.rule import Rule

__all__ = ["Detection", "compile_correlation", "compile_detection", "compile_parsed", "parsed_rule"]

_WILDCARDS = {SpecialChars.WILDCARD_MULTI: Wildcard.MANY, SpecialChars.WILDCARD_SINGLE: Wildcard.ONE}
# Filters join a rule as selections of this name (rules/filters.py), others have a second one (rules/condition.py).
_FILTER_PREFIX = re.compile(r"^(?:_filter[0-9]+_|_?named[0-9]+_(?=not))")

Parts = list[str | Wildcard]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A rule over single events, ready to be asked. `fields` are all it names; keywords read the others too.

    `node` keeps the parts as the rule spells them.
    """

    rule: Rule
    node: Node
    fields: frozenset[str]


class _Refused(Exception):  # noqa: N818 - a part of a rule that has no meaning here, not an error of ours
    """`part` is set where it is caught: what of the rule it is about, as `rules/places.py` calls it."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint
        self.part = ""


def parsed_rule(rule: Rule) -> Any:
    """The pySigma object of the rule's own document, its references resolved and its filters applied."""
    return main_rule(rule, parse_rule(rule))


def compile_detection(rule: Rule, taxonomy: Taxonomy) -> Detection:
    """Compiles a single-event rule; raises PackError with every part that has no meaning in this engine."""
    return compile_parsed(rule, parsed_rule(rule), taxonomy)


def compile_correlation(rule: Rule) -> Correlation:
    """Compiles a correlation rule; raises PackError where it has no meaning in this engine."""
    return read_correlation(rule, parsed_rule(rule))


def compile_parsed(rule: Rule, parsed: Any, taxonomy: Taxonomy) -> Detection:
    """Compiles a single-event rule that pySigma has parsed."""
    compiler = _Compiler(taxonomy.twin_source, parsed.detection)
    node = compiler.condition(parsed.detection.parsed_condition)
    if compiler.refused:
        raise PackError([_issue(rule, refused) for refused in compiler.refused])
    return Detection(rule=rule, node=node, fields=frozenset(compiler.fields))


def _issue(rule: Rule, refused: _Refused) -> Issue:
    path, line = rule.place(refused.part)
    return Issue(code=refused.code, message=refused.message, path=path, line=line, hint=refused.hint)


class _Compiler:
    """Compiles one detection section; what is refused is collected, so that a user sees all of it at once."""

    def __init__(self, twin_source: Callable[[str], str | None], detections: Any) -> None:
        self._twin_source = twin_source
        self._detections = detections
        self.fields: set[str] = set()
        self.refused: list[_Refused] = []

    def condition(self, conditions: Sequence[Any]) -> Node:
        """Several conditions of one rule are alternatives."""
        nodes = [self._guarded(partial(self._parsed, one), CONDITION) for one in conditions]
        return _linked(Or, nodes, part="any condition")

    def _parsed(self, condition: Any) -> Node:
        return self._walk(condition.parse(postprocess=False))

    def _guarded(self, compile_part: Callable[[], Node], part: str) -> Node:
        try:
            return compile_part()
        except _Refused as error:
            refused = error
        except SigmaError as error:
            refused = _Refused("MS041", str(error), "see the Sigma specification, section Condition")
        refused.part = part
        self.refused.append(refused)
        return Or(parts=())

    def _walk(self, item: Any) -> Node:
        if isinstance(item, ConditionNOT):
            return Not(inner=self._walk(item.args[0]))
        if isinstance(item, ConditionAND):
            return _linked(And, [self._walk(arg) for arg in item.args])
        if isinstance(item, ConditionOR):
            return _linked(Or, [self._walk(arg) for arg in item.args])
        if isinstance(item, ConditionSelector):
            return self._selector(item)
        if isinstance(item, ConditionIdentifier):
            return self._selection(item.identifier)
        raise _Refused("MS041", f"{type(item).__name__} is no known part of a condition", "simplify the condition")

    def _selector(self, item: Any) -> Node:
        found = item.resolve_referenced_detections(self._detections)
        words = f"{item.args[0]} of {_plain_name(item.pattern)}"
        if not found:
            hint = "name an existing selection; a pattern without any would silently never (or always) hold"
            raise _Refused("MS041", f"`{words}` matches no selection", hint)
        link = And if item.cond_class is ConditionAND else Or
        return link(parts=tuple(self._selection(one.identifier) for one in found), part=words)

    def _selection(self, name: str) -> Node:
        detection = self._detections.detections.get(name)
        if detection is None:
            known = ", ".join(sorted(self._detections.detections))
            raise _Refused("MS041", f"the condition names `{name}`, which is no selection", f"there are: {known}")
        return Named(inner=self._detection(detection), part=_plain_name(name))

    def _detection(self, detection: Any) -> Node:
        link = And if detection.item_linking is ConditionAND else Or
        return _linked(link, [self._item(item) for item in detection.detection_items])

    def _item(self, item: Any) -> Node:
        """A map entry or a list of keywords: its values linked by OR, by AND with `all`, negated by `neq`."""
        if isinstance(item, SigmaDetection):
            return self._detection(item)
        labels = _labels(item)
        values = item.value or [SigmaNull()]
        leaves = [
            self._guarded(partial(self._leaf, item, value, part), part)
            for value, part in zip(values, labels, strict=True)
        ]
        node = _linked(And if item.value_linking is ConditionAND else Or, leaves, part=_key(item))
        return Not(inner=node) if item.negated else node

    def _leaf(self, item: Any, value: Any, label: str) -> Node:
        if isinstance(value, SigmaExpansion):
            return Or(parts=tuple(self._leaf(item, one, label) for one in value.values), part=label)
        if item.field is None:
            return Keyword(test=_keyword(value, cased=_is_cased(item)), part=label)
        return self._field_leaf(item, value, label)

    def _field_leaf(self, item: Any, value: Any, label: str) -> Node:
        name = item.field
        self.fields.add(name)
        if isinstance(value, SigmaNull):
            return IsNull(name=name, part=label)
        if isinstance(value, SigmaExists):
            return Exists(name=name, wanted=value.exists, part=label)
        if isinstance(value, SigmaFieldReference):
            if SigmaCaseSensitiveModifier in item.modifiers and SigmaFieldReferenceModifier in item.modifiers:
                raise _Refused("MS042", f"{label}: `cased` has no effect on `fieldref`", "leave `cased` out")
            self.fields.add(value.field)
            return FieldRef(name=name, other=value.field, starts=value.starts_with, ends=value.ends_with, part=label)
        fold = fold_pattern if self._twin_source(name) else str
        return FieldTest(name=name, test=_test(value, label, fold=fold, cased=_is_cased(item)), part=label)


def _is_cased(item: Any) -> bool:
    """Asked of the rule, not of the value: modifiers after `cased` make pySigma forget it."""
    return SigmaCaseSensitiveModifier in item.modifiers


def _keyword(value: Any, *, cased: bool) -> Test:
    """A keyword is searched inside texts: strings, numbers and bools get wildcards around them."""
    if isinstance(value, SigmaString):
        parts: Parts = [Wildcard.MANY, *_parts(value), Wildcard.MANY]
        return _text_test(parts, cased=cased)
    if isinstance(value, SigmaBool | SigmaNumber) and not isinstance(value, SigmaTimestampPart):
        text = text_of(value.boolean if isinstance(value, SigmaBool) else value.number)
        return Contains(literal=fold_case(text or ""))
    if isinstance(value, SigmaNull | SigmaExists | SigmaFieldReference):
        raise _Refused("MS042", "a keyword cannot be null, `exists` or `fieldref`", "name the field it is about")
    return _test(value, "keyword", fold=str, cased=cased)


def _linked(link: type[And | Or], nodes: Sequence[Node], part: str | None = None) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return link(parts=tuple(nodes)) if part is None else link(parts=tuple(nodes), part=part)


def _test(  # noqa: PLR0911 - one return per type of value
    value: Any, label: str, *, fold: Callable[[str], str], cased: bool
) -> Test:
    """The test of one value. Time parts come before numbers: pySigma derives them."""
    match value:
        case SigmaString():
            return _text_test([_folded(part, fold) for part in _parts(value)], cased=cased)
        case SigmaTimestampPart():
            return TimePart(unit=value.timestamp_part.name.lower(), operator="eq", number=value.number)
        case SigmaNumber():
            return NumberEquals(number=value.number)
        case SigmaBool():
            return Equals(literal=text_of(value.boolean) or "")
        case SigmaRegularExpression():
            return _regex(value, label)
        case SigmaCIDRExpression():
            return Cidr(network=value.network)
        case SigmaCompareExpression():
            return _compare(value)
        case _:
            raise _Refused("MS042", f"{label}: {type(value).__name__} has no meaning here", "use a plain Sigma value")


def _compare(value: Any) -> Test:
    operator = value.op.name.lower()
    if isinstance(value.number, SigmaTimestampPart):
        return TimePart(unit=value.number.timestamp_part.name.lower(), operator=operator, number=value.number.number)
    return Compare(operator=operator, number=value.number.number)


def _regex(value: Any, label: str) -> Test:
    if value.contains_placeholder():
        raise _unset(str(value.regexp))
    pattern = str(value.regexp)
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    try:
        return Regex(pattern=pattern, flags=flags, compiled=compile_regex(pattern, flags=flags))
    except RegexError as error:
        hint = "RE2 has no look-around and no back-references; its syntax: https://github.com/google/re2/wiki/Syntax"
        raise _Refused("MS040", f"{label}: RE2 refuses the pattern ({error})", hint) from error


def _parts(value: Any) -> Parts:
    parts: Parts = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise _unset(part.name)
        parts.append(part if isinstance(part, str) else _WILDCARDS[part])
    return parts


def _unset(name: str) -> _Refused:
    return _Refused("MS043", f"the placeholder %{name}% has no value", "set it under [vars] in mcp-siem.toml")


def _folded(part: str | Wildcard, fold: Callable[[str], str]) -> str | Wildcard:
    return fold(part) if isinstance(part, str) else part


def _text_test(  # noqa: PLR0911 - one return per shape of pattern
    parts: Iterable[str | Wildcard], *, cased: bool
) -> Test:
    """The cheapest test that means the pattern: most of them need no regular expression."""
    fold = str if cased else fold_case
    parts = [_folded(part, fold) for part in parts]
    if Wildcard.ONE in parts:
        return Glob(parts=tuple(parts), cased=cased, compiled=compile_glob(parts))
    segments = _split(parts)
    match segments:
        case [literal]:
            return Equals(literal=literal, cased=cased, number=number_of(literal))
        case ["", ""]:
            return AnyText()
        case [head, ""]:
            return Prefix(literal=head, cased=cased)
        case ["", tail]:
            return Suffix(literal=tail, cased=cased)
        case ["", middle, ""]:
            return Contains(literal=middle, cased=cased)
        case _:
            return Segments(head=segments[0], middle=tuple(segments[1:-1]), tail=segments[-1], cased=cased)


def _split(parts: Iterable[str | Wildcard]) -> list[str]:
    """The literals between runs of `*`; neighbours are joined, `**` is `*`."""
    segments = [""]
    for part in parts:
        if isinstance(part, str):
            segments[-1] += part
        elif len(segments) == 1 or segments[-1]:
            segments.append("")
    return segments


def _plain_name(name: str) -> str:
    return _FILTER_PREFIX.sub("filter ", name)


def _key(item: Any) -> str:
    words = [reverse_modifier_mapping[modifier.__name__] for modifier in item.modifiers]
    return "|".join([item.field or "", *words]) or "keywords"


def _labels(item: Any) -> list[str]:
    """How the rule spells each value. Modifiers change values one by one; where one did not, the new value is told."""
    values = item.value or [SigmaNull()]
    written = item.original_value if len(item.original_value or ()) == len(values) else values
    return [value_label(_key(item), _spelled(value)) for value in written]


def _spelled(value: Any) -> str:
    if isinstance(value, SigmaString):
        return str(value.original or value)
    if isinstance(value, SigmaBool | SigmaNumber):
        return str(text_of(value.boolean if isinstance(value, SigmaBool) else value.number))
    return "null" if isinstance(value, SigmaNull) else str(value)
