"""A search as a stored query and back: what we own of the document, what analysts own, and our marker. Pure.

A query set is an index with one document for each rule, its id the rule's. `search` is the body to send to `index`, over
what came in since `lookback` (a filter on @timestamp); whoever runs it adds that filter and reads `answer`: hits are alerts
of a detection, rows of aggregations.correlation.value.alerts those of a correlation. Everything that is not ours (`enabled`,
exceptions, notes of a team) is carried through every write.
"""

import json
from collections.abc import Mapping, Sequence

from mcp_siem.convert.target import Action, Change, Marker, Query, Remote, Resource, Step, spec_digest
from mcp_siem.rules.card import rule_card
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.opensearch.fields import INDEX_PATTERN

__all__ = ["OWNED", "TARGET", "VERSION_FIELDS", "parse", "queries_ndjson", "resource", "steps"]

TARGET = "opensearch"
OWNED = (
    "answer",
    "approximate",
    "description",
    "falsepositives",
    "index",
    "interval_seconds",
    "language",
    "level",
    "lookback_seconds",
    "name",
    "response",
    "search",
    "tags",
)
VERSION_FIELDS = ("_seq_no", "_primary_term")
_MARKER = "mcp_siem"
_INTERVAL = 300
_OVERLAP = 900

Document = dict[str, object]


def resource(query: Query, rule: Rule, timespan: int | None) -> Resource:
    """The stored query of a rule; `timespan` is the window of a correlation in seconds."""
    card = rule_card(rule)
    spec = _spec(
        {
            "answer": "hits" if timespan is None else "aggregations.correlation.value.alerts",
            "approximate": list(query.notes),
            "description": card.description or rule.title,
            "falsepositives": list(card.falsepositives),
            "index": INDEX_PATTERN,
            "interval_seconds": _INTERVAL,
            "language": query.language,
            "level": rule.level,
            "lookback_seconds": _INTERVAL + _OVERLAP + (timespan or 0),
            "name": rule.title,
            "response": card.response,
            "search": query.text,
            "tags": list(rule.tags),
        }
    )
    return Resource(address=f"{TARGET}:{rule.id}", spec=spec, digest=spec_digest(spec))


def parse(document: Mapping[str, object]) -> Remote:
    """Reads a document of the index as the client returns it; never raises."""
    marked = document.get(_MARKER)
    marks = marked if isinstance(marked, dict) else {}
    marker = Marker(**{name: str(marks.get(name, "")) for name in ("applied", "pack", "tool")}) if marks else None
    spec = _spec(document)
    key = document.get("_id") or marks.get("rule") or ""
    return Remote(address=f"{TARGET}:{key}", marker=marker, spec=spec, digest=spec_digest(spec), document=document)


def steps(change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
    """The one write of a change: the whole document, refused by the index if somebody wrote it since it was read."""
    key = change.address.partition(":")[2]
    if change.action is Action.NOOP:
        return []
    if change.action is Action.DELETE or change.after is None:
        return [Step(verb="delete", key=key, document=None, says=f"delete the query of {change.title}")]
    kept: Document = {"enabled": True} if remote is None else dict(remote.document)
    marks = {"applied": marker.applied, "pack": marker.pack, "tool": marker.tool, "rule": key}
    document = {**kept, **json.loads(change.after), _MARKER: marks}
    doing = "create" if remote is None else "update"
    return [Step(verb="put", key=key, document=document, says=f"{doing} the query of {change.title}")]


def queries_ndjson(resources: Sequence[Resource]) -> str:
    """The query set as a body of `POST /_bulk`: an action and a document for each rule, without markers."""
    lines: list[str] = []
    for one in resources:
        action = {"index": {"_index": "mcp-siem-queries", "_id": one.address.partition(":")[2]}}
        document = {**json.loads(one.spec), "enabled": True}
        lines += [json.dumps(action, sort_keys=True), json.dumps(document, sort_keys=True)]
    return "".join(f"{line}\n" for line in lines)


def _spec(fields: Mapping[str, object]) -> str:
    owned = {name: fields.get(name) for name in OWNED}
    return json.dumps(owned, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
