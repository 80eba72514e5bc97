"""JSON Schemas of the Detection Engine calls we make, written from the documented behaviour of the API."""

from collections.abc import Mapping

__all__ = ["CREATE", "ERROR", "FIND", "PLATFORM_ERROR", "REPLACE", "RULE"]

_TEXT: Mapping[str, object] = {"type": "string"}
_TEXTS: Mapping[str, object] = {"type": "array", "items": _TEXT}
_NAME: Mapping[str, object] = {"type": "string", "minLength": 1}
_OBJECTS: Mapping[str, object] = {"type": "array", "items": {"type": "object"}}
_NAMED: Mapping[str, object] = {
    "type": "object",
    "required": ["id", "name", "reference"],
    "properties": {"id": _TEXT, "name": _TEXT, "reference": _TEXT},
}
_EXCEPTION_LIST: Mapping[str, object] = {
    "type": "object",
    "required": ["id", "list_id", "type", "namespace_type"],
    "properties": {
        "id": _NAME,
        "list_id": _NAME,
        "type": {
            "enum": [
                "detection",
                "endpoint",
                "endpoint_blocklists",
                "endpoint_events",
                "endpoint_host_isolation_exceptions",
                "endpoint_trusted_apps",
                "rule_default",
            ]
        },
        "namespace_type": {"enum": ["agnostic", "single"]},
    },
}
_THREAT: Mapping[str, object] = {
    "type": "object",
    "required": ["framework", "tactic"],
    "properties": {
        "framework": _TEXT,
        "tactic": _NAMED,
        "technique": {
            "type": "array",
            "items": {**_NAMED, "properties": {"subtechnique": {"type": "array", "items": _NAMED}}},
        },
    },
}
_SUPPRESSION: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "group_by": {**_TEXTS, "minItems": 1, "maxItems": 3},
        "duration": {
            "type": "object",
            "required": ["value", "unit"],
            "properties": {"value": {"type": "integer", "minimum": 1}, "unit": {"enum": ["s", "m", "h"]}},
        },
        "missing_fields_strategy": {"enum": ["doNotSuppress", "suppress"]},
    },
}
_PROPERTIES: Mapping[str, object] = {
    "rule_id": _NAME,
    "name": _NAME,
    "description": _NAME,
    "risk_score": {"type": "integer", "minimum": 0, "maximum": 100},
    "severity": {"enum": ["low", "medium", "high", "critical"]},
    "type": {"enum": ["query", "eql", "esql", "threshold", "new_terms"]},
    "enabled": {"type": "boolean"},
    "interval": {"type": "string", "pattern": "^[1-9][0-9]*[smhd]$"},
    "from": _NAME,
    "to": _NAME,
    "language": {"enum": ["kuery", "lucene", "eql", "esql"]},
    "query": _TEXT,
    "index": _TEXTS,
    "data_view_id": _TEXT,
    "filters": {"type": "array"},
    "tags": _TEXTS,
    "author": _TEXTS,
    "license": _TEXT,
    "note": _TEXT,
    "setup": _TEXT,
    "references": _TEXTS,
    "false_positives": _TEXTS,
    "max_signals": {"type": "integer", "minimum": 1},
    "version": {"type": "integer", "minimum": 1},
    "threat": {"type": "array", "items": _THREAT},
    "exceptions_list": {"type": "array", "items": _EXCEPTION_LIST},
    "actions": _OBJECTS,
    "alert_suppression": _SUPPRESSION,
    "meta": {"type": "object"},
    "timestamp_override": _TEXT,
    "timestamp_override_fallback_disabled": {"type": "boolean"},
    "rule_name_override": _TEXT,
    "building_block_type": _TEXT,
    "investigation_fields": {"type": "object", "required": ["field_names"]},
    "related_integrations": _OBJECTS,
    "required_fields": _OBJECTS,
    "risk_score_mapping": _OBJECTS,
    "severity_mapping": _OBJECTS,
    "output_index": _TEXT,
    "namespace": _TEXT,
    "timeline_id": _TEXT,
    "timeline_title": _TEXT,
    "new_terms_fields": {**_TEXTS, "minItems": 1, "maxItems": 3},
    "history_window_start": _NAME,
    "threshold": {"type": "object", "required": ["field", "value"]},
    "event_category_override": _TEXT,
    "tiebreaker_field": _TEXT,
    "timestamp_field": _TEXT,
    "response_actions": _OBJECTS,
}
"""Every key that a create or a replacement may carry; Kibana drops others silently, our tests refuse them."""


def _when(kind: str, **then: object) -> Mapping[str, object]:
    return {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": then}


CREATE: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["name", "description", "risk_score", "severity", "type"],
    "properties": _PROPERTIES,
    "allOf": [
        _when("query", properties={"language": {"enum": ["kuery", "lucene"]}}),
        _when("eql", required=["query", "language"], properties={"language": {"const": "eql"}}),
        _when(
            "esql",
            required=["query", "language"],
            properties={"language": {"const": "esql"}, "index": False, "data_view_id": False},
        ),
        _when("threshold", required=["query", "threshold"]),
        _when("new_terms", required=["query", "new_terms_fields", "history_window_start"]),
    ],
}
REPLACE: Mapping[str, object] = {**CREATE, "properties": {**_PROPERTIES, "id": _NAME}}

RULE: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": [
        "id", "rule_id", "name", "description", "type", "severity", "risk_score", "enabled", "interval", "from", "to",
        "tags", "exceptions_list", "actions", "version", "revision", "immutable", "rule_source",
        "created_at", "created_by", "updated_at", "updated_by", "max_signals", "threat",
    ],
    "properties": {
        **_PROPERTIES,
        "id": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "revision": {"type": "integer", "minimum": 0},
        "immutable": {"type": "boolean"},
        "created_at": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"},
        "updated_at": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"},
    },
}  # fmt: skip
FIND: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["page", "perPage", "total", "data"],
    "properties": {
        "page": {"type": "integer", "minimum": 1},
        "perPage": {"type": "integer", "minimum": 0},
        "total": {"type": "integer", "minimum": 0},
        "data": {"type": "array", "items": RULE},
    },
}
ERROR: Mapping[str, object] = {
    "type": "object",
    "required": ["status_code", "message"],
    "properties": {
        "status_code": {"type": "integer"},
        "message": {"anyOf": [_TEXT, _TEXTS]},
    },
}
PLATFORM_ERROR: Mapping[str, object] = {
    "type": "object",
    "required": ["statusCode", "error", "message"],
    "properties": {"statusCode": {"type": "integer"}, "error": _TEXT, "message": _TEXT},
}
