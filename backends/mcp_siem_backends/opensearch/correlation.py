"""A correlation as one search: its base rules tell by the score which of them an event matched, and a scripted metric goes
through the events in exact sliding windows. Pure.

The search holds all events of the base rules in memory, at most MOST_EVENTS; more are an error, never a silence. An
administrator who denies inline scripts (script.allowed_types) makes it an error as well.
"""

from collections.abc import Iterator, Sequence

from mcp_siem.convert.notes import Bound, Note
from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.opensearch import sliding
from mcp_siem_backends.opensearch.clause import Clause, Derived, Document, written
from mcp_siem_backends.opensearch.limits import limit
from mcp_siem_backends.opensearch.plan import Plan

__all__ = ["BOUNDS", "MOST_EVENTS", "correlation_body", "correlation_notes"]

MOST_EVENTS = 100_000
INSTANT_ORDER = Bound(
    code="OPENSEARCH-INSTANT-ORDER",
    kind="approximate",
    reason="rules that match in one instant may come in any order",
    until="events of one microsecond; never a miss",
)
INSTANT = Bound(
    code="OPENSEARCH-INSTANT",
    kind="approximate",
    reason="events of one instant count in the order in which they were indexed",
    until="events of one microsecond that lie in different shards",
)
EVENTS = Bound(
    code="OPENSEARCH-EVENTS",
    kind="bounded",
    reason="a search holds all events of the base rules in memory",
    until=f"more than {MOST_EVENTS:,} of them are an error",
)
BOUNDS = (INSTANT_ORDER, INSTANT, EVENTS)
_CONTEXT = ("mcp.principal", "mcp.server.name", "gen_ai.tool.name", "mcp.argument.value")


def correlation_body(plan: Plan, clauses: Sequence[Clause]) -> Document:
    """The search; its answer is aggregations.correlation.value.alerts, a row for each burst."""
    derived = Derived(clauses)
    if derived.trigrams == -1:
        raise RefusedError(limit("CLAUSES"), "base rules")
    rules = [
        {"constant_score": {"filter": written(clause, derived), "boost": 2**bit}} for bit, clause in enumerate(clauses)
    ]
    fields = derived.fields()
    return {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"should": rules, "minimum_should_match": 1}},
        "aggs": {"correlation": {"scripted_metric": _metric(plan)}},
        **({"derived": fields} if fields else {}),
    }


def _metric(plan: Plan) -> Document:
    return {
        "init_script": sliding.INIT,
        "map_script": sliding.MAP,
        "combine_script": sliding.COMBINE,
        "reduce_script": sliding.REDUCE,
        "params": {"most": MOST_EVENTS, "fields": plan.fields, "context": list(_CONTEXT), "runs": plan.runs},
    }


def correlation_notes(plan: Plan) -> Iterator[Note]:
    """Where the search is not exact, and what bounds it."""
    if any(run["type"] == "temporal_ordered" for run in plan.runs):
        yield Note(INSTANT_ORDER)
    if len(plan.runs) > 1 or any(not _is_monotone(run) for run in plan.runs):
        yield Note(INSTANT)
    yield Note(EVENTS)


def _is_monotone(run: dict[str, object]) -> bool:
    kinds = ("event_count", "value_count", "temporal")
    return "condition" not in run and run["type"] in kinds and run["operator"] in ("gt", "gte")
