"""The pure half of the OpenSearch backend: a rule to its search, the search to a stored query and back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sigma.conversion.state import ConversionState
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError

from mcp_siem.convert.native import native_answer, native_limits
from mcp_siem.convert.notes import Bound
from mcp_siem.convert.pipelines import routing
from mcp_siem.convert.refuse import Limit, RefusedError
from mcp_siem.convert.target import Change, Marker, Query, Refusal, Remote, Resource, Step, spec_digest
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.native import native_window
from mcp_siem.rules.parse import main_rule, parse_rule
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.opensearch import payload
from mcp_siem_backends.opensearch.bounds import bearable
from mcp_siem_backends.opensearch.clause import Clause, Document, any_of, body
from mcp_siem_backends.opensearch.correlation import BOUNDS, correlation_body, correlation_notes
from mcp_siem_backends.opensearch.layout import laid_out
from mcp_siem_backends.opensearch.limits import LIMITS, limit
from mcp_siem_backends.opensearch.plan import read_plan
from mcp_siem_backends.opensearch.query import McpDslBackend

__all__ = ["LANGUAGE", "TARGET", "OpenSearchTarget"]

TARGET = payload.TARGET
LANGUAGE = "opensearch_dsl"


class _Clauses(McpDslBackend):
    """Keeps the clauses, and writes no search of them."""

    def finalize_query_default(self, rule: Any, query: Clause, index: int, state: ConversionState) -> str:
        del rule, query, index, state
        return ""


class OpenSearchTarget:
    """Searches over an index made by our template."""

    name = TARGET

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy

    def query(self, rule: Rule) -> Query | Refusal:
        """The rule as the body of a search; or why it cannot mean the same."""
        if rule.kind == "native":
            return native_answer(rule, self.name, LANGUAGE, _scoped)
        try:
            parsed = main_rule(rule, parse_rule(rule))
            document, notes = self._document(parsed)
            bearable(document)
        except RefusedError as error:
            return _refusal(rule, error.limit, error.where)
        except SigmaError as error:
            return _refusal(rule, limit("VALUE"), str(error))
        text = laid_out(document)
        return Query(
            rule_id=rule.id,
            stem=rule.stem,
            target=self.name,
            language=LANGUAGE,
            text=text,
            digest=spec_digest(text),
            notes=notes,
        )

    def limits(self) -> Sequence[Limit]:
        """Every refusal, by code."""
        return (*LIMITS.values(), *native_limits(self.name))

    def bounds(self) -> Sequence[Bound]:
        """Every reservation, by code."""
        return BOUNDS

    def _document(self, parsed: Any) -> tuple[Document, tuple[str, ...]]:
        if not isinstance(parsed, SigmaCorrelationRule):
            return body(self._clause(parsed)), ()
        plan = read_plan(parsed)
        return correlation_body(plan, [self._clause(one) for one in plan.rules]), tuple(correlation_notes(plan))

    def resource(self, query: Query, rule: Rule) -> Resource:
        """The stored query that holds the search."""
        if rule.kind == "native":
            return payload.resource(query, rule, native_window(rule))
        parsed = main_rule(rule, parse_rule(rule))
        timespan = parsed.timespan.seconds if isinstance(parsed, SigmaCorrelationRule) else None
        return payload.resource(query, rule, timespan)

    def parse(self, document: Mapping[str, object]) -> Remote:
        """Reads a document of the index; never raises."""
        return payload.parse(document)

    def steps(self, change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
        """The one write of a change; what is not ours is carried through."""
        return payload.steps(change, remote, marker)

    def _clause(self, parsed: Any) -> Clause:
        """What a detection asks for, with the condition on its logsource; pySigma's object is used up by it."""
        source = parsed.logsource
        parts = {"category": source.category, "product": source.product, "service": source.service}
        backend = _Clauses(routing(self._taxonomy, parts), taxonomy=self._taxonomy)
        backend.convert_rule(parsed)
        return any_of(backend.clauses)


def _scoped(text: str) -> str | None:
    """A native search, laid out as all are; None if it is no body of one that answers as a correlation does."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    answers = isinstance(found, dict) and isinstance(found.get("aggs"), dict) and "correlation" in found["aggs"]
    return laid_out(found) if answers else None


def _refusal(rule: Rule, found: Limit, where: str) -> Refusal:
    return Refusal(
        rule_id=rule.id,
        stem=rule.stem,
        target=TARGET,
        code=found.code,
        reason=f"{where}: {found.reason}",
        hint=found.hint,
    )
