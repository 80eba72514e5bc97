"""pySigma's Splunk backend, repaired: every condition becomes a node with an exact form, and the stock text is never used.

Assumed is the shape in which `ship` writes events, one JSON object each over HEC: flat dotted keys, UTF-8 unescaped,
numbers in their shortest form, no nulls, and arrays only where the taxonomy says `array`. Splunk names such a field
`name{}`; the pipeline (pipeline.py) renames it in rules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sigma.backends.splunk import SplunkBackend
from sigma.conditions import ConditionValueExpression
from sigma.conversion.state import ConversionState
from sigma.correlations import SigmaCorrelationRule
from sigma.processing.pipeline import ProcessingPipeline
from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaNumber,
    SigmaQueryExpression,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from mcp_siem.events.fold import fold_pattern
from mcp_siem.events.taxonomy import TWIN_SUFFIX, Taxonomy
from mcp_siem.rules.threshold import bounds_of
from mcp_siem_backends.splunk import leaves
from mcp_siem_backends.splunk.bounds import note
from mcp_siem_backends.splunk.correlation import BaseRule, Correlation, correlation_spl
from mcp_siem_backends.splunk.pattern import Wildcard, translated_regex
from mcp_siem_backends.splunk.pipeline import ROUTING
from mcp_siem_backends.splunk.predicate import Node, all_of, any_of, negated
from mcp_siem_backends.splunk.refusals import refused
from mcp_siem_backends.splunk.scope import Scope, scope_of, search_spl
from mcp_siem_backends.splunk.spl import ARRAY

__all__ = ["McpSplunkBackend"]

_WILDCARDS = {SpecialChars.WILDCARD_MULTI: Wildcard.MANY, SpecialChars.WILDCARD_SINGLE: Wildcard.ONE}
_SIGNS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "EQ": "=", "NEQ": "!="}
_LONG_TEXTS = (TWIN_SUFFIX, ".text", ".description", ".input_schema")
_JOINED = {"CorrelationConditionAND": "AND", "CorrelationConditionOR": "OR", "CorrelationConditionNOT": "NOT"}


class McpSplunkBackend(SplunkBackend):  # type: ignore[misc]  # pySigma is untyped here
    """Sigma to SPL that means the same; `notes` says where the last conversion is approximate, or bounded.

    `routed` leaves out the datasets that the logsource of a rule is not about; else a pipeline may ask for it.
    """

    name = "Splunk SPL, exact (mcp-siem)"
    identifier = "mcp_splunk"
    formats = {"default": "Plain SPL queries"}  # noqa: RUF012 - pySigma's class attribute
    requires_pipeline = False
    convert_or_as_in = False
    convert_and_as_in = False
    correlation_methods = {"stats": "Sliding windows by streamstats"}  # noqa: RUF012 - pySigma's class attribute

    def __init__(
        self,
        processing_pipeline: ProcessingPipeline | None = None,
        collect_errors: bool = False,  # noqa: FBT001, FBT002 - pySigma's signature
        *,
        taxonomy: Taxonomy | None = None,
        routed: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(processing_pipeline, collect_errors, **options)
        self._taxonomy = taxonomy
        self._routed = routed
        self.notes: list[str] = []

    def convert_rule(self, rule: Any, output_format: str | None = None, callback: Any = None) -> list[str]:
        """One search; several conditions of one rule are alternatives."""
        self.last_processing_pipeline.apply(rule)
        state = self._state()
        node = any_of(
            [self.convert_condition(condition.parsed, state) for condition in rule.detection.parsed_condition]
        )
        rule.set_conversion_states([state])
        if rule._backreferences:  # noqa: SLF001 - how pySigma itself tells a base rule of a correlation
            rule.set_conversion_result([node])
            if not rule._output:  # noqa: SLF001 - pySigma's name for `generate`
                return []
        text = search_spl(self._scope(rule), node)
        return self._told(rule, text, output_format, callback)

    def convert_correlation_rule(
        self, rule: Any, output_format: str | None = None, method: str | None = None, callback: Any = None
    ) -> list[str]:
        """One search over the base rules, with exact sliding windows."""
        del method
        self.last_processing_pipeline.apply(rule)
        spl = correlation_spl(self._correlation(rule))
        self.notes.extend(note for note in spl.notes if note not in self.notes)
        rule.set_conversion_states([self._state()])
        found = self._told(rule, spl.text, output_format, callback)
        rule.set_conversion_result(found)
        return found

    def _told(self, rule: Any, text: str, output_format: str | None, callback: Callable[..., Any] | None) -> list[str]:
        told = text if callback is None else callback(rule, output_format, 0, None, text)
        if told is not None and not rule._backreferences:  # noqa: SLF001 - see convert_rule
            rule.set_conversion_result([told])
        return [] if told is None else [told]

    def _state(self) -> Any:
        return ConversionState(processing_state=dict(self.last_processing_pipeline.state))

    def _scope(self, rule: Any) -> Scope:
        source = rule.logsource
        routed = self._routed or ROUTING in self.last_processing_pipeline.state
        return scope_of(source.category, source.product, source.service, self._taxonomy if routed else None)

    # --- conditions ---------------------------------------------------------------------------------------------

    def convert_condition_or(self, cond: Any, state: Any) -> Node:
        """At least one part."""
        return any_of([self.convert_condition(part, state) for part in cond.args])

    def convert_condition_and(self, cond: Any, state: Any) -> Node:
        """All parts."""
        return all_of([self.convert_condition(part, state) for part in cond.args])

    def convert_condition_not(self, cond: Any, state: Any) -> Node:
        """The negation, which holds where a field is missing."""
        if any(isinstance(part, ConditionValueExpression) for part in _walk(cond)):
            raise refused("SPLUNK-KEYWORD-NEGATED", "a keyword under `not`")
        return negated(self.convert_condition(cond.args[0], state))

    def convert_condition_field_eq_val(self, cond: Any, state: Any) -> Node:
        """Any condition on a field."""
        if cond.field.removesuffix(ARRAY).endswith(_LONG_TEXTS):
            self._note("SPLUNK-NOTE-TRUNCATED")
        return super().convert_condition_field_eq_val(cond, state)  # type: ignore[no-any-return]

    def convert_condition_field_eq_val_str(self, cond: Any, state: Any) -> Node:
        """A string, case-insensitive."""
        del state
        parts = _parts(cond.value, cond.field)
        if leaves.is_respelled(parts):
            self._note("SPLUNK-NOTE-NUMBER-TEXT")
        if not leaves.is_spelled_whole(cond.field, parts):
            self._note("SPLUNK-NOTE-SPELLINGS")
        return leaves.text(cond.field, parts)

    def convert_condition_field_eq_val_str_case_sensitive(self, cond: Any, state: Any) -> Node:
        """A string, exact in case."""
        del state
        return leaves.text(cond.field, _parts(cond.value, cond.field), cased=True)

    def convert_condition_field_eq_val_num(self, cond: Any, state: Any) -> Node:
        """A number, or a text that spells it."""
        del state
        return leaves.number(cond.field, cond.value.number)

    def convert_condition_field_eq_val_bool(self, cond: Any, state: Any) -> Node:
        """A truth value, which JSON writes in lower case."""
        del state
        return leaves.text(cond.field, ["true" if cond.value.boolean else "false"])

    def convert_condition_field_eq_val_re(self, cond: Any, state: Any) -> Node:
        """A regular expression, searched, case-sensitive unless it says `i`."""
        del state
        self._note("SPLUNK-NOTE-PCRE")
        if isinstance(cond.value.regexp, SigmaString) and cond.value.contains_placeholder():
            raise refused("SPLUNK-PLACEHOLDER", str(cond.value.regexp))
        flags = "".join(sorted(cond.value.sigma_to_re_flag[flag] for flag in cond.value.flags))
        return leaves.regex(cond.field, translated_regex(str(cond.value.regexp), flags))

    def convert_condition_field_eq_val_cidr(self, cond: Any, state: Any) -> Node:
        """An address of the network."""
        del state
        return leaves.cidr(cond.field, cond.value.network)

    def convert_condition_field_compare_op_val(self, cond: Any, state: Any) -> Node:
        """A number in an order."""
        del state
        sign, value = _SIGNS[cond.value.op.name], cond.value.number
        if isinstance(value, SigmaTimestampPart):
            return leaves.time_part(cond.field, value.timestamp_part.name.lower(), sign, value.number)
        return leaves.compare(cond.field, sign, value.number)

    def convert_condition_field_eq_val_timestamp_part(self, cond: Any, state: Any) -> Node:
        """A part of a time."""
        del state
        return leaves.time_part(cond.field, cond.value.timestamp_part.name.lower(), "=", cond.value.number)

    def convert_condition_field_eq_field(self, cond: Any, state: Any) -> Node:
        """Two fields of one event."""
        del state
        self._note("SPLUNK-NOTE-FIELDREF-CASE")
        return leaves.field_ref(cond.field, cond.value.field, starts=cond.value.starts_with, ends=cond.value.ends_with)

    def convert_condition_field_eq_val_null(self, cond: Any, state: Any) -> Node:
        """No value."""
        del state
        return leaves.null(cond.field)

    def convert_condition_field_eq_val_exists(self, cond: Any, state: Any) -> Node:
        """Presence; nulls are not shipped, so a field that was null is absent."""
        del state
        self._note("SPLUNK-NOTE-NULL")
        return leaves.exists(cond.field) if cond.value.exists else negated(leaves.exists(cond.field))

    def convert_condition_val(self, cond: Any, state: Any) -> Node:
        """Any condition without a field."""
        known = isinstance(cond.value, SigmaString | SigmaNumber | SigmaRegularExpression | SigmaQueryExpression)
        if not known or isinstance(cond.value, SigmaTimestampPart):
            raise refused("SPLUNK-PYSIGMA", f"{type(cond.value).__name__} without a field")
        return super().convert_condition_val(cond, state)  # type: ignore[no-any-return]

    def convert_condition_val_str(self, cond: Any, state: Any) -> Node:
        """A keyword: a text anywhere in the values."""
        del state
        self._note("SPLUNK-NOTE-KEYWORD-RAW")
        return leaves.keyword(_parts(cond.value, None), cased=isinstance(cond.value, SigmaCasedString))

    def convert_condition_val_num(self, cond: Any, state: Any) -> Node:
        """A number as a keyword."""
        del state
        self._note("SPLUNK-NOTE-KEYWORD-RAW")
        return leaves.keyword([str(cond.value.number)])

    def convert_condition_val_re(self, cond: Any, state: Any) -> Node:
        """A regular expression without a field."""
        del state
        raise refused("SPLUNK-KEYWORD-REGEX", str(cond.value.regexp))

    def convert_condition_field_eq_query_expr(self, cond: Any, state: Any) -> Node:
        """A piece of query that a pipeline wrote."""
        del state
        raise refused("SPLUNK-QUERY-PART", str(cond.value))

    def convert_condition_query_expr(self, cond: Any, state: Any) -> Node:
        """A piece of query that a pipeline wrote, without a field."""
        return self.convert_condition_field_eq_query_expr(cond, state)

    def _note(self, code: str) -> None:
        if (said := note(code)) not in self.notes:
            self.notes.append(said)

    # --- correlations -------------------------------------------------------------------------------------------

    def _correlation(self, rule: Any) -> Correlation:
        kind = rule.type.name.lower()
        references = list(rule.referenced_rules)
        aliases = {one.alias: {str(ref.reference): name for ref, name in one.mapping.items()} for one in rule.aliases}
        extended = hasattr(rule.condition, "expression")
        (operator, number), *more = (("gte", 0),) if extended else bounds_of(rule.condition)
        if more or not isinstance(number, int):
            raise refused("SPLUNK-CORRELATION-CONDITION", f"{rule.title}: a range or a fraction")
        fields = [] if extended or rule.condition.fieldref is None else rule.condition.fieldref
        fields = [fields] if isinstance(fields, str) else list(fields)
        group_by = tuple(rule.group_by or ())
        names = [str(reference.reference) for reference in references]
        return Correlation(
            kind=kind,
            bases=tuple(
                self._base_rule(
                    reference.rule,
                    _resolved(group_by, aliases, reference),
                    _resolved(fields, aliases, reference),
                )
                for reference in references
            ),
            group_by=tuple(name.removesuffix(ARRAY) for name in group_by),
            seconds=rule.timespan.seconds,
            sign=None if extended else _SIGNS[operator.upper()],
            count=number,
            percentile=_percentile(kind, rule.condition),
            expression=_expression(rule.condition.parsed, names) if extended else None,
        )

    def _base_rule(self, rule: Any, keys: tuple[str, ...], counted: tuple[str, ...]) -> BaseRule:
        if not isinstance(rule, SigmaCorrelationRule):
            node = any_of(rule.get_conversion_result())
            return BaseRule(scope=self._scope(rule), node=node, keys=keys, counted=counted)
        inner = self._correlation(rule)
        held = {name: inner.bases[0].keys[index] for index, name in enumerate(rule.group_by or ())}
        return BaseRule(inner=inner, keys=_through(keys, held), counted=_through(counted, held))


def _through(names: Sequence[str], held: Mapping[str, str]) -> tuple[str, ...]:
    """A key of an inner correlation is the field that holds it."""
    return tuple(held.get(name, name) for name in names)


def _walk(cond: Any) -> Iterator[Any]:
    yield cond
    for part in getattr(cond, "args", ()):
        yield from _walk(part)


def _parts(value: Any, field: str | None) -> list[str | Wildcard]:
    """The literals and wildcards of a string, folded as the values of a folded twin are."""
    twin = field is not None and field.removesuffix(ARRAY).endswith(TWIN_SUFFIX)
    parts: list[str | Wildcard] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise refused("SPLUNK-PLACEHOLDER", f"%{part.name}%")
        if isinstance(part, str):
            parts.append(fold_pattern(part) if twin else part)
        else:
            parts.append(_WILDCARDS[part])
    return parts


def _resolved(names: Any, aliases: dict[str, dict[str, str]], reference: Any) -> tuple[str, ...]:
    """The field of each name in the events of a rule; an alias may name the rule as the correlation does, or by id or name."""
    rule = reference.rule
    known = {str(reference.reference), str(rule.id), str(rule.name)}
    return tuple(
        next((aliases.get(name, {})[ref] for ref in known if ref in aliases.get(name, {})), name) for name in names
    )


def _percentile(kind: str, condition: Any) -> int:
    asked = getattr(condition, "percentile", None)
    return int(asked) if kind == "value_percentile" and asked is not None else 50


def _expression(item: Any, names: list[str]) -> Any:
    """An extended condition as nested tuples: ("AND", part, ...), and the place of a rule in the list as a number."""
    if hasattr(item, "reference"):
        return names.index(str(item.reference))
    return (_JOINED[type(item).__name__], *(_expression(part, names) for part in item.args))
