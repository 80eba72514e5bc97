"""The Lucene backend of pySigma, repaired: what it emits means the rule on the index it is made for.

Conditions are joined here; what is asked of one field is leaf.py's. What Lucene cannot say becomes a script of the
query DSL where the caller can carry one, and is refused otherwise (limits.py).
"""

import json
from typing import Any, ClassVar

from sigma.backends.elasticsearch import LuceneBackend
from sigma.conversion.state import ConversionState
from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.elastic.clause import Clause, any_of, document, joined, negated
from mcp_siem_backends.elastic.fields import Index
from mcp_siem_backends.elastic.keywords import keyword
from mcp_siem_backends.elastic.leaf import Leaves
from mcp_siem_backends.elastic.limits import limit

__all__ = ["McpLuceneBackend"]


class McpLuceneBackend(LuceneBackend):  # type: ignore[misc]  # pySigma is untyped here
    """Sigma conditions as Lucene query_string. `notes` says where conversions so far are approximate.

    With the format `dsl` (or `scripts`) what Lucene cannot say is a script in the query DSL.
    """

    name: ClassVar[str] = "Elastic with the index template of mcp-siem"
    formats: ClassVar[dict[str, str]] = {
        "default": "Lucene for query_string and Kibana (language lucene)",
        "dsl": "Query DSL, with scripts for what Lucene cannot say",
    }
    requires_pipeline: ClassVar[bool] = False

    def __init__(
        self,
        processing_pipeline: ProcessingPipeline | None = None,
        collect_errors: bool = False,  # noqa: FBT001, FBT002 - pySigma calls it by place
        *,
        index: Index,
        scripts: bool = False,
        heavy: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(processing_pipeline, collect_errors, **options)
        self._index = index
        self._scripts = scripts
        self._heavy = heavy
        self._leaves = Leaves(index, scripts=scripts, heavy=heavy)
        self._inverted = False

    @property
    def notes(self) -> dict[str, None]:
        """Where the queries so far are approximate, in words."""
        return self._leaves.notes

    @property
    def is_heavy(self) -> bool:
        """Whether a pattern needs more work than Lucene's default, which only `heavy` allows."""
        return self._leaves.is_heavy

    def convert_rule(self, rule: Any, output_format: str | None = None, callback: Any = None) -> list[Any]:
        """The queries of a rule, one for each condition."""
        self._leaves.scripts = self._scripts or output_format == "dsl"
        # A base rule of a correlation, which is not put out itself, is put where patterns are given more work.
        self._leaves.heavy = self._heavy or (bool(rule._backreferences) and not rule._output)  # noqa: SLF001 - as pySigma
        self._inverted = False
        return list(super().convert_rule(rule, output_format, callback))

    def finish_query(self, rule: Any, query: Any, state: ConversionState) -> Any:
        """The query as it is: nothing of it is deferred."""
        del rule, state
        return query

    def finalize_query_dsl(self, rule: Any, query: Clause, index: int, state: ConversionState) -> str:
        """The query as JSON."""
        del rule, index, state
        return json.dumps(document(query), sort_keys=True, ensure_ascii=False)

    def finalize_output_dsl(self, queries: list[str]) -> list[str]:
        """All of them."""
        return queries

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
        return joined("AND", [self.convert_condition(arg, state) for arg in cond.args])

    def convert_condition_or(self, cond: Any, state: ConversionState) -> Clause:
        """Any of the arguments."""
        return any_of([self.convert_condition(arg, state) for arg in cond.args])

    def convert_condition_not(self, cond: Any, state: ConversionState) -> Clause:
        """The argument does not hold; an event without the field fulfils that."""
        self._inverted = not self._inverted
        found = negated(self.convert_condition(cond.args[0], state))
        self._inverted = not self._inverted
        return found

    def convert_condition_val(self, cond: Any, state: ConversionState) -> Clause:
        """A value without a field, searched in every field."""
        del state
        return keyword(self._index, cond.value, self.notes)

    def convert_condition_field_eq_val(self, cond: Any, state: ConversionState) -> Clause:
        """One value of one field."""
        del state
        return self._leaves.leaf(cond.field, cond.value, inverted=self._inverted)
