"""The index template on which our searches mean the rules, made from the taxonomy. Pure.

- Strings, booleans and what nobody declared are keywords whose normalizer folds case fully, as the rules are matched (`ß`
  is `ss`); `.exact` is as written. OpenSearch refuses an event whose boolean is none, so there is no type boolean.
- Long texts are of type wildcard and keep their case; twins are folded before they are shipped. Without doc values they
  have no length limit: with them, OpenSearch refuses an event that holds a text of more than 32,766 bytes.
- Numbers, dates and addresses take what is malformed without losing the event, and have both text forms.
- A keyword longer than LONGEST_KEYWORD is kept but not searchable; an event is never rejected for its length.
"""

import json
from typing import assert_never

from mcp_siem.convert.casing import fold_mappings
from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem_backends.opensearch.bounds import LONGEST_REGEXP
from mcp_siem_backends.opensearch.fields import EXACT, FOLDED, INDEX_PATTERN, Storage, storage_of

__all__ = ["LONGEST_KEYWORD", "index_template", "template_json"]

# Lucene refuses terms of more than 32,766 bytes, and with them the whole event. Case folding makes at most six bytes
# of one UTF-16 unit (U+0390 becomes three characters of two).
LONGEST_KEYWORD = 32_766 // 6
_NORMALIZER = "mcp_casefold"
_PRIORITY = 250
_FIELD_LIMIT = 4_000

Mapping = dict[str, object]


def index_template(taxonomy: Taxonomy) -> Mapping:
    """The composable index template."""
    properties: Mapping = {}
    for field in sorted(taxonomy.fields.values(), key=lambda one: one.name):
        _place(properties, field.name.split("."), _mapping(field))
    return {
        "index_patterns": [INDEX_PATTERN],
        "data_stream": {},
        "priority": _PRIORITY,
        "template": {
            "settings": _settings(),
            "mappings": {
                "date_detection": False,
                "numeric_detection": False,
                "dynamic_templates": [
                    {f"mcp_{kind}": {"match_mapping_type": kind, "mapping": _keyword()}}
                    for kind in ("string", "boolean", "long", "double")
                ],
                "properties": properties,
            },
        },
        "_meta": {"managed_by": "mcp-siem", "description": "Events of mcp-siem, in the form its rules are matched on"},
    }


def template_json(taxonomy: Taxonomy) -> str:
    """The index template as JSON text."""
    return json.dumps(index_template(taxonomy), indent=2, ensure_ascii=True, sort_keys=True) + "\n"


def _settings() -> Mapping:
    return {
        "index": {
            "max_regex_length": LONGEST_REGEXP,
            "mapping": {"total_fields": {"limit": _FIELD_LIMIT}},
            "analysis": {
                "char_filter": {_NORMALIZER: {"type": "mapping", "mappings": _mappings()}},
                "normalizer": {_NORMALIZER: {"type": "custom", "char_filter": [_NORMALIZER], "filter": ["lowercase"]}},
            },
        }
    }


def _mappings() -> list[str]:
    """Rules for the characters that the lowercase filter alone would not fold; it does the rest."""
    return [f"{_escaped(char)} => {_escaped(folded)}" for char, folded in sorted(fold_mappings().items())]


def _escaped(text: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in memoryview(text.encode("utf-16-le")).cast("H"))


def _place(properties: Mapping, path: list[str], mapping: Mapping) -> None:
    for part in path[:-1]:
        inner = properties.setdefault(part, {"properties": {}})
        assert isinstance(inner, dict)  # noqa: S101 - the taxonomy refuses a field below another
        properties = inner["properties"]
    properties[path[-1]] = mapping


def _mapping(field: Field) -> Mapping:
    storage = storage_of(field)
    match storage:
        case Storage.KEYWORD:
            return _keyword()
        case Storage.TEXT | Storage.TWIN:
            return {"type": "wildcard", "doc_values": False}
        case Storage.SOURCE:
            return {"type": "flat_object" if field.type == "flattened" else field.type}
        case Storage.LONG | Storage.DOUBLE | Storage.DATE | Storage.IP:
            return {"type": field.type, "ignore_malformed": True, "fields": {FOLDED: _folded(), EXACT: _exact()}}
        case _:
            assert_never(storage)


def _keyword() -> Mapping:
    return {**_folded(), "fields": {EXACT: _exact()}}


def _folded() -> Mapping:
    return {"type": "keyword", "normalizer": _NORMALIZER, "ignore_above": LONGEST_KEYWORD}


def _exact() -> Mapping:
    return {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
