"""A pySigma backend for OpenSearch: a detection as the body of a search that means the rule on an index of our template.

Conditions are joined here; what is asked of one field is leaf.py's, how it is written clause.py's.
"""

from typing import Any, ClassVar

from sigma.conversion.base import TextQueryBackend
from sigma.conversion.state import ConversionState
from sigma.modifiers import SigmaCaseSensitiveModifier
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetectionItem
from sigma.types import SigmaCasedString, SigmaExpansion, SigmaString

from mcp_siem.convert.refuse import RefusedError
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.opensearch.bounds import bearable
from mcp_siem_backends.opensearch.clause import Clause, affordable, all_of, any_of, body, negated
from mcp_siem_backends.opensearch.layout import laid_out
from mcp_siem_backends.opensearch.leaf import keyword, leaf
from mcp_siem_backends.opensearch.limits import limit

__all__ = ["McpDslBackend"]


class McpDslBackend(TextQueryBackend):  # type: ignore[misc]  # pySigma is untyped here
    """Sigma conditions as the body of a search. `notes` says where conversions so far are approximate: nowhere."""

    name: ClassVar[str] = "OpenSearch with the index template of mcp-siem"
    formats: ClassVar[dict[str, str]] = {"default": "The body of a search, JSON"}
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
        self.clauses: list[Clause] = []

    def convert_rule(self, rule: Any, output_format: str | None = None, callback: Any = None) -> list[Any]:
        """The searches of a rule, one for each condition; `clauses` are what they ask for."""
        self.clauses = []
        return list(super().convert_rule(rule, output_format, callback))

    def finish_query(self, rule: Any, query: Any, state: ConversionState) -> Any:
        """The clause as it is: nothing of it is deferred."""
        del rule, state
        if affordable([query]) == -1:
            raise RefusedError(limit("CLAUSES"), "condition")
        self.clauses.append(query)
        return query

    def finalize_query_default(self, rule: Any, query: Clause, index: int, state: ConversionState) -> str:
        """The search as JSON."""
        del rule, index, state
        search = body(query)
        bearable(search)
        return laid_out(search)

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
        return all_of([self.convert_condition(arg, state) for arg in cond.args])

    def convert_condition_or(self, cond: Any, state: ConversionState) -> Clause:
        """Any of the arguments."""
        return any_of([self.convert_condition(arg, state) for arg in cond.args])

    def convert_condition_not(self, cond: Any, state: ConversionState) -> Clause:
        """The argument does not hold; an event without the field fulfils that."""
        return negated(self.convert_condition(cond.args[0], state))

    def convert_condition_val(self, cond: Any, state: ConversionState) -> Clause:
        """A value without a field: any value of the event."""
        del state
        return keyword(_as_cased(cond))

    def convert_condition_field_eq_val(self, cond: Any, state: ConversionState) -> Clause:
        """One value of one field."""
        del state
        return leaf(cond.field, _as_cased(cond), self._taxonomy)


def _as_cased(cond: Any) -> Any:
    """The value of a part of a condition; modifiers after `cased` make pySigma forget it, so the item is asked."""
    items = [one for one in cond.parent_chain() if isinstance(one, SigmaDetectionItem)]
    return _cased(cond.value) if any(SigmaCaseSensitiveModifier in one.modifiers for one in items) else cond.value


def _cased(value: Any) -> Any:
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_cased(one) for one in value.values])
    return SigmaCasedString.from_sigma_string(value) if isinstance(value, SigmaString) else value
