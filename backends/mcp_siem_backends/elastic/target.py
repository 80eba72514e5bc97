"""The pure half of the Elastic backend: a rule to its query, the query to a Kibana rule and back."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetection, SigmaDetections, SigmaRule

from mcp_siem.convert.native import native_answer, native_limits
from mcp_siem.convert.notes import Bound, coded
from mcp_siem.convert.pipelines import routing
from mcp_siem.convert.refuse import Limit, RefusedError
from mcp_siem.convert.target import Change, Marker, Query, Refusal, Remote, Resource, Step, spec_digest
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.native import native_window
from mcp_siem.rules.parse import main_rule, parse_rule
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.elastic import payload
from mcp_siem_backends.elastic.clause import Clause, any_of, document
from mcp_siem_backends.elastic.esql import correlation_text
from mcp_siem_backends.elastic.fields import INDEX_PATTERN, Index, OwnIndex
from mcp_siem_backends.elastic.limits import LIMITS, limit
from mcp_siem_backends.elastic.query import McpLuceneBackend
from mcp_siem_backends.elastic.reservations import BOUNDS, TABLE

__all__ = ["TARGET", "ElasticTarget", "Lucene"]

TARGET = "elastic"


class Lucene:
    """Detections as Lucene, each with the condition on its logsource; collects where they are approximate."""

    def __init__(self, taxonomy: Taxonomy, index: Index) -> None:
        self._taxonomy = taxonomy
        self._index = index
        self.notes: dict[str, None] = {}
        self.is_heavy = False

    def text(self, parsed: Any) -> str:
        """The query of a pySigma rule, which is used up by it; raises RefusedError. It may be heavy for Lucene."""
        return str(self.clause(parsed, scripts=False))

    def clause(self, parsed: Any, *, scripts: bool) -> Clause:
        """The same, which may hold what only the query DSL can say."""
        backend = McpLuceneBackend(
            self._routing(parsed.logsource), index=self._index, scripts=scripts, heavy=not scripts
        )
        found = backend.convert_rule(parsed)
        self.notes.update(backend.notes)
        self.is_heavy = self.is_heavy or backend.is_heavy
        return any_of(found or parsed.get_conversion_result())

    def _routing(self, source: Any) -> ProcessingPipeline:
        if not self._index.routed():
            return ProcessingPipeline()
        return routing(
            self._taxonomy, {"category": source.category, "product": source.product, "service": source.service}
        )


class ElasticTarget:
    """Kibana detection rules over an index made by our template, or over a foreign one."""

    name = TARGET

    def __init__(self, taxonomy: Taxonomy, index: Index | None = None) -> None:
        self._taxonomy = taxonomy
        self._index = index or OwnIndex(taxonomy)

    def query(self, rule: Rule) -> Query | Refusal:
        """The rule in Lucene, in the query DSL if Lucene has no words for it, or in ES|QL if it correlates; or why it
        cannot mean the same.
        """
        if rule.kind == "native":
            return native_answer(rule, self.name, "esql", self._scoped)
        lucene = Lucene(self._taxonomy, self._index)
        try:
            language, text = self._written(main_rule(rule, parse_rule(rule)), lucene)
        except RefusedError as error:
            return _refusal(rule, error.limit, error.where)
        except SigmaError as error:
            return _refusal(rule, limit("VALUE"), str(error))
        return Query(
            rule_id=rule.id,
            stem=rule.stem,
            target=self.name,
            language=language,
            text=text,
            digest=spec_digest(text),
            notes=tuple(coded(note, TABLE) for note in lucene.notes),
        )

    def limits(self) -> Sequence[Limit]:
        """Everything that is refused."""
        return (*LIMITS.values(), *native_limits(self.name))

    def bounds(self) -> Sequence[Bound]:
        """Every reservation of a query."""
        return BOUNDS

    def _written(self, parsed: Any, lucene: Lucene) -> tuple[str, str]:
        if isinstance(parsed, SigmaCorrelationRule):
            return "esql", correlation_text(parsed, lucene, self._index)
        clause = lucene.clause(parsed, scripts=True)
        if clause.is_lucene:
            return "lucene", str(clause)
        return "dsl", json.dumps(document(clause), sort_keys=True, ensure_ascii=False)

    def resource(self, query: Query, rule: Rule) -> Resource:
        """The Kibana detection rule that runs the query."""
        return payload.resource(query, rule, self._facts(rule))

    def parse(self, document: Mapping[str, object]) -> Remote:
        """Reads one detection rule as the API returns it; never raises."""
        return payload.parse(document)

    def steps(self, change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
        """The writes that carry out a change; analyst-owned fields are carried through."""
        return payload.steps(change, remote, marker)

    def _scoped(self, text: str) -> str | None:
        """A native query over this index; None if it reads another one."""
        head = f"FROM {INDEX_PATTERN}\n"
        return f"FROM {self._index.pattern}\n{text.removeprefix(head)}" if text.startswith(head) else None

    def _facts(self, rule: Rule) -> payload.Facts:
        if rule.kind == "native":
            author = documents_of(rule)[-1].get("author")
            return payload.Facts(author=str(author) if author else None, timespan=native_window(rule))
        collection = parse_rule(rule)
        parsed = main_rule(rule, collection)
        fields = {name for one in collection.rules if isinstance(one, SigmaRule) for name in _fields(one.detection)}
        timespan = 0
        if isinstance(parsed, SigmaCorrelationRule):
            timespan = parsed.timespan.seconds
            fields.update(parsed.group_by or ())
        known = self._taxonomy.fields
        types = {name: known[name].type if name in known else "keyword" for name in fields}
        index = tuple(self._index.pattern.split(","))
        return payload.Facts(author=parsed.author, fields=types, timespan=timespan, index=index)


def _fields(detection: Any) -> Iterator[str]:
    """The fields that a detection section, or a part of it, names."""
    if isinstance(detection, SigmaDetections):
        for part in detection.detections.values():
            yield from _fields(part)
    elif isinstance(detection, SigmaDetection):
        for part in detection.detection_items:
            yield from _fields(part)
    elif detection.field is not None:
        yield detection.field


def _refusal(rule: Rule, found: Limit, where: str) -> Refusal:
    return Refusal(
        rule_id=rule.id,
        stem=rule.stem,
        target=TARGET,
        code=found.code,
        reason=f"{where}: {found.reason}",
        hint=found.hint,
    )
