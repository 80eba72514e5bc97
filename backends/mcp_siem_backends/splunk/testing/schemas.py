"""JSON Schemas of the splunkd calls we make, written from the recorded and documented behaviour of the API."""

from collections.abc import Mapping

__all__ = ["CREATE", "FEED", "MESSAGES", "UPDATE"]

_TEXT: Mapping[str, object] = {"type": "string"}
_FLAG: Mapping[str, object] = {"enum": ["0", "1"]}
_ARGUMENTS: Mapping[str, object] = {
    "output_mode": {"const": "json"},
    "name": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[^/\\[\\]\\r\\n]+$"},
    "search": {"type": "string", "minLength": 1},
    "description": _TEXT,
    "is_scheduled": _FLAG,
    "disabled": _FLAG,
    "cron_schedule": {"type": "string", "pattern": "^\\S+( \\S+){4}$"},
    "alert_type": {"enum": ["always", "custom", "number of events", "number of hosts", "number of sources"]},
    "alert_comparator": {"enum": ["greater than", "less than", "equal to", "not equal to", "rises by", "drops by"]},
    "alert_threshold": {"type": "string", "pattern": "^[0-9]+%?$"},
    "alert.track": {"enum": ["0", "1", "auto", "true", "false"]},
    "alert.severity": {"enum": list("123456")},
    "alert.digest_mode": _FLAG,
    "alert.suppress": _FLAG,
    "alert.suppress.fields": _TEXT,
    "alert.suppress.period": {"type": "string", "pattern": "^[0-9]+[smhd]?$"},
}
_OTHERS: Mapping[str, object] = {"^(action|args|dispatch|display|durable)[.]": _TEXT}

CREATE: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["name", "search", "output_mode"],
    "properties": _ARGUMENTS,
    "patternProperties": _OTHERS,
    "additionalProperties": False,
    "dependentRequired": {"alert.suppress.fields": ["alert.suppress.period", "alert.digest_mode"]},
}
"""The form of a creation, as a mapping. The names that only savedsearches.conf knows are not in it."""

UPDATE: Mapping[str, object] = {
    **CREATE,
    "required": ["output_mode"],
    "properties": {key: value for key, value in _ARGUMENTS.items() if key != "name"},
}

FEED: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["entry", "paging", "origin", "generator", "messages"],
    "properties": {
        "paging": {
            "type": "object",
            "required": ["total", "perPage", "offset"],
            "additionalProperties": {"type": "integer"},
        },
        "entry": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "id", "acl", "content", "author"],
                "properties": {
                    "name": _TEXT,
                    "acl": {
                        "type": "object",
                        "required": ["app", "owner", "sharing"],
                        "properties": {"sharing": {"enum": ["user", "app", "global", "system"]}},
                    },
                    "content": {"type": "object", "required": ["search", "disabled", "is_scheduled", "description"]},
                },
            },
        },
    },
}
MESSAGES: Mapping[str, object] = {
    "type": "object",
    "required": ["messages"],
    "properties": {
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "text"],
                "properties": {"type": {"enum": ["INFO", "WARN", "ERROR", "FATAL"]}, "text": _TEXT},
            },
        }
    },
}
