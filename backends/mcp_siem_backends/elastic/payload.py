"""A query as a Kibana detection rule and back: what we own of the document, what analysts own, and our marker. Pure."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_siem.convert.target import Action, Change, Marker, Query, Remote, Resource, Step, spec_digest
from mcp_siem.rules.card import Card, rule_card
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.elastic.attack import threat_mapping
from mcp_siem_backends.elastic.fields import INDEX_PATTERN

__all__ = ["ANALYST_OWNED", "OWNED", "Facts", "kibana_ndjson", "parse", "resource", "steps"]

_TARGET = "elastic"
OWNED = (
    "author",
    "description",
    "false_positives",
    "filters",
    "from",
    "index",
    "interval",
    "language",
    "max_signals",
    "name",
    "note",
    "query",
    "references",
    "required_fields",
    "risk_score",
    "setup",
    "severity",
    "tags",
    "threat",
    "timestamp_override",
    "timestamp_override_fallback_disabled",
    "to",
    "type",
)
"""The fields that a rule of the pack decides; anything else on the document is not ours."""
ANALYST_OWNED = (
    "actions",
    "alert_suppression",
    "building_block_type",
    "enabled",
    "exceptions_list",
    "investigation_fields",
    "license",
    "meta",
    "namespace",
    "output_index",
    "related_integrations",
    "response_actions",
    "risk_score_mapping",
    "rule_name_override",
    "severity_mapping",
    "timeline_id",
    "timeline_title",
    "version",
)
"""Carried through every write, beside tags that are not ours and text below our line in `note`."""

_TAG = "mcp-siem"
_MARKS = {"applied": f"{_TAG}:applied=", "pack": f"{_TAG}:pack=", "tool": f"{_TAG}:tool="}
# Left on a rule that is still written disabled, so that an interrupted apply enables it in the end.
_RESUME = f"{_TAG}:resume=enabled"
_NAMESPACES = ("attack.", "atlas.", "car.", "cve.", "d3fend.", "detection.", "mcp-ttp.", "owasp-mcp.", "stp.")
_YOURS = "---\n*Written by mcp-siem. Text below this line is yours and is kept.*"
_RISK = {"informational": 5, "low": 21, "medium": 47, "high": 73, "critical": 99}
_MINUTE = 60
_OVERLAP = 5 * _MINUTE
_INTERVAL = 5 * _MINUTE
_LONGEST_INTERVAL = 60 * _MINUTE
_MAX_SIGNALS = 1_000
_MOST_SUPPRESSION_FIELDS = 3
_GROUPS = re.compile(r"^\| RENAME (g0 AS .*)$", re.MULTILINE)
_FILTER = "What Lucene cannot say (mcp-siem)"

Document = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the document says beyond the query and the rule's prose: fields read with their types, window in seconds."""

    author: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    timespan: int = 0
    index: tuple[str, ...] = (INDEX_PATTERN,)


def resource(query: Query, rule: Rule, facts: Facts) -> Resource:
    """The rule as Kibana should hold it."""
    card = rule_card(rule)
    interval = max(_INTERVAL, min(facts.timespan // 12, _LONGEST_INTERVAL))
    document: Document = {
        **_search(query, facts),
        "author": [facts.author] if facts.author else [],
        "description": card.description or rule.title,
        "false_positives": list(card.falsepositives),
        "from": f"now-{_span(interval + facts.timespan + _OVERLAP)}",
        "interval": _span(interval),
        "max_signals": _MAX_SIGNALS,
        "name": rule.title,
        "note": _note(card),
        "references": list(card.references),
        "required_fields": [{"name": name, "type": kind} for name, kind in sorted(facts.fields.items())],
        "risk_score": _RISK.get(rule.level, _RISK["low"]),
        "setup": _setup(query, facts),
        "severity": rule.level if rule.level in ("low", "medium", "high", "critical") else "low",
        "tags": sorted({tag for tag in rule.tags if tag.startswith(_NAMESPACES)}),
        "threat": threat_mapping(rule.tags),
        "timestamp_override": "event.ingested",
        "timestamp_override_fallback_disabled": False,
        "to": "now",
    }
    spec = _canonical(_owned(document))
    return Resource(address=f"{_TARGET}:{rule.id}", spec=spec, digest=spec_digest(spec))


def _search(query: Query, facts: Facts) -> Document:
    """Type and language of the rule. What only the query DSL can say stands in filters, beside the Lucene of the rest."""
    if query.language == "esql":
        return {"type": "esql", "language": "esql", "query": query.text}
    lucene, filters = (query.text, []) if query.language == "lucene" else _parts(json.loads(query.text))
    return {"type": "query", "language": "lucene", "query": lucene, "filters": filters, "index": list(facts.index)}


def _parts(dsl: Any) -> tuple[str, list[Document]]:
    """The Lucene at the top of a query, and a filter of Kibana for each other part that has to hold, too."""
    parts = dsl["bool"]["filter"] if "filter" in dsl.get("bool", {}) else [dsl]
    lucene = [part["query_string"]["query"] for part in parts if "query_string" in part]
    return lucene[0] if lucene else "*:*", [_filter(part) for part in parts if "query_string" not in part]


def _filter(query: Document) -> Document:
    meta = {"alias": _FILTER, "disabled": False, "key": "query", "negate": False, "type": "custom", "value": ""}
    return {"$state": {"store": "appState"}, "meta": meta, "query": query}


def parse(document: Mapping[str, object]) -> Remote:
    """Reads one rule as the API returns it; anything may stand in it."""
    spec = _canonical(_owned(document))
    key = document.get("rule_id") or document.get("id") or ""
    return Remote(
        address=f"{_TARGET}:{key}", marker=_marker(document), spec=spec, digest=spec_digest(spec), document=document
    )


def steps(change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
    """The writes of a change, each idempotent: a new rule is written disabled and then enabled, an old one stays as it was.

    One write replaces a rule whole, its exceptions with it, so it never runs without them. Only a change of type has
    to delete: then the new rule is written disabled with its exceptions, and enabled last if it was.
    """
    key = change.address.partition(":")[2]
    if change.action is Action.DELETE:
        return [Step(verb="delete", key=key, document=None, says="delete the rule")]
    if change.after is None or change.action is Action.NOOP:
        return []
    if remote is None:
        new = _document(change.after, {"enabled": True}, marker)
        return [
            Step(verb="put", key=key, document=_waiting(new), says="create the rule, disabled"),
            Step(verb="put", key=key, document=new, says="enable the rule"),
        ]
    final = _document(change.after, remote.document, marker)
    write = Step(verb="put", key=key, document=final, says="replace the rule with its exceptions, actions and state")
    if remote.document.get("type") in (None, final["type"]):
        return [write]
    return [*_retyped(key, final), write]


def _retyped(key: str, final: Document) -> list[Step]:
    """Kibana cannot change the type of a rule."""
    return [
        Step(verb="delete", key=key, document=None, says="delete the rule, whose type changes"),
        Step(verb="put", key=key, document=_waiting(final), says="create it again with its exceptions, disabled"),
    ]


def _waiting(final: Document) -> Document:
    """The rule, disabled; without an applied digest until the last write, so that an interrupted apply goes on."""
    applied = _MARKS["applied"]
    tags = [applied if tag.startswith(applied) else tag for tag in _texts(final["tags"])]
    resume = [_RESUME] if final["enabled"] is True else []
    return {**final, "enabled": False, "tags": [*tags, *resume]}


def kibana_ndjson(resources: Sequence[Resource]) -> str:
    """The rules as Kibana's import file, disabled; a later plan knows them as ours."""
    return "".join(_canonical(_importable(one)) + "\n" for one in resources)


def _importable(one: Resource) -> Document:
    marker = Marker(applied=one.digest, pack="", tool="")
    return {**_document(one.spec, {}, marker), "rule_id": one.address.partition(":")[2]}


# --- what is ours -----------------------------------------------------------------------------------------------------


def _owned(document: Mapping[str, object]) -> Document:
    """The owned fields in one form, whatever the server added or left out."""
    out: Document = {name: document[name] for name in OWNED if document.get(name) is not None}
    out["tags"] = sorted({tag for tag in _texts(document.get("tags")) if tag.startswith(_NAMESPACES)})
    out["note"] = _parted(document.get("note"))[0]
    out["required_fields"] = _required(document.get("required_fields"))
    out["threat"] = _pruned(document.get("threat") or [])
    if document.get("type") == "query":
        out["filters"] = document.get("filters") or []
    return out


def _required(value: object) -> list[object]:
    fields = value if isinstance(value, list) else []
    kept = [{key: one.get(key) for key in ("name", "type")} if isinstance(one, dict) else one for one in fields]
    return sorted(kept, key=_canonical)


def _pruned(value: object) -> object:
    """Without empty lists, which the server may add or leave out."""
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if item not in ([], None)}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def _parted(note: object) -> tuple[str, str]:
    """Our part of a note, and what somebody wrote below it."""
    text = note if isinstance(note, str) else ""
    ours, line, theirs = text.partition(_YOURS)
    return (ours + line, theirs) if line else (text, "")


def _marker(document: Mapping[str, object]) -> Marker | None:
    tags = _texts(document.get("tags"))
    found = {
        name: next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), None)
        for name, prefix in _MARKS.items()
    }
    if _TAG not in tags or found["applied"] is None:
        return None
    return Marker(applied=found["applied"], pack=found["pack"] or "", tool=found["tool"] or "")


# --- what is written --------------------------------------------------------------------------------------------------


def _document(spec: str, before: Mapping[str, object], marker: Marker) -> Document:
    """The whole body: our fields, theirs carried over, and the marker."""
    ours = json.loads(spec)
    theirs = {name: before[name] for name in ANALYST_OWNED if before.get(name) is not None}
    tags = _texts(before.get("tags"))
    enabled = before.get("enabled") is True or _RESUME in tags
    extra = [tag for tag in tags if tag != _TAG and not tag.startswith((*_NAMESPACES, f"{_TAG}:"))]
    marks = {"applied": marker.applied, "pack": marker.pack, "tool": marker.tool}
    ours["tags"] = [*ours["tags"], *extra, _TAG, *(f"{_MARKS[name]}{value}" for name, value in marks.items() if value)]
    ours["note"] = ours["note"] + _parted(before.get("note"))[1]
    return {**_suppression(ours, before), **theirs, **ours, "enabled": enabled}


def _suppression(ours: Document, before: Mapping[str, object]) -> Document:
    """One alert a burst of a group, for a new rule that correlates; from then on it is the analyst's.

    Runs overlap, and Kibana cannot tell two rows of ES|QL to be the same. Over no groups, rows lack the field together.
    """
    if ours["type"] != "esql" or before.get("type") == "esql":
        return {}
    names = _GROUPS.search(str(ours["query"]))
    fields = [name.partition(" AS ")[2].strip("`") for name in names[1].split(", ")] if names else ["mcp.principal"]
    minutes = max(_minutes(str(ours["from"]).removeprefix("now-")), 1)
    return {
        "alert_suppression": {
            "group_by": fields[:_MOST_SUPPRESSION_FIELDS],
            "duration": {"value": minutes, "unit": "m"},
            "missing_fields_strategy": "suppress",
        }
    }


def _minutes(span: str) -> int:
    return math.ceil(int(span[:-1]) * {"h": 60, "m": 1, "s": 1 / _MINUTE}[span[-1]])


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _note(card: Card) -> str:
    parts = []
    if card.response:
        parts.append(f"## What to do\n{card.response}")
    if card.known_gaps:
        parts.append("## What it misses\n" + "\n".join(f"- {gap}" for gap in card.known_gaps))
    return "\n\n".join([*parts, _YOURS])


def _setup(query: Query, facts: Facts) -> str:
    ours = facts.index == (INDEX_PATTERN,)
    lines = [
        "The query means the rule on indices made by the template of `mcp-siem template --target elastic`."
        if ours
        else "The query means the rule on indices mapped as they were when it was made.",
        "The rule searches by the time of ingest with an overlap, so that late events are not lost.",
    ]
    if query.language == "esql":
        span = _span(facts.timespan)
        lines.append(
            f"Each result is a group at an instant at which the condition holds for the {span} before it; runs overlap, "
            "so a new rule suppresses alerts of the same group for that long: one alert a burst. That needs a licence; "
            "without it there is an alert for each row. A run whose result is cut says so (max_signals)."
        )
    if ".exact" in query.text:
        lines.append(
            "Elasticsearch 8.19.0 to 8.19.4 and 9.1.0 to 9.1.4 index texts with quotes or backslashes wrongly in "
            "sub-fields (elastic/elasticsearch#134770), which this query reads: run a newer version."
        )
    lines.extend(f"Approximate here: {note}." for note in query.notes)
    return "\n\n".join(lines)


def _span(seconds: int) -> str:
    for size, unit in ((3600, "h"), (_MINUTE, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
