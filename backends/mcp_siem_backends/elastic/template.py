"""The index template on which our queries mean the rules, made from the taxonomy. Pure.

- Strings are keywords whose normalizer folds case fully, as the rules are matched (`ß` is `ss`); `.exact` is as written.
- Long texts have no length limit (type wildcard) and keep their case; twins are folded before they are shipped.
- Numbers, booleans, dates and addresses take what is malformed without losing the event, and have both text forms.
- Strings of fields that nobody declared get the keyword form, so that third-party rules work too.
- A keyword longer than LONGEST_KEYWORD is kept but not searchable (the field is named in `_ignored`); an event is
  never rejected for its length.

Needs Elasticsearch 8.19.5, 9.1.5 or newer where texts with quotes or backslashes meet `cased` or `re`: versions from
8.19.0 and 9.1.0 index such a text wrongly in sub-fields (elastic/elasticsearch#134770).
"""

import json
from typing import Literal, assert_never

from mcp_siem.convert.casing import fold_mappings
from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem_backends.elastic.fields import EXACT, FOLDED, INDEX_PATTERN, NUMBER, OwnIndex, Storage, storage_of

__all__ = ["INDEX_PATTERN", "LONGEST_KEYWORD", "index_template", "template_json"]

TextType = Literal["wildcard", "keyword"]

# Lucene refuses terms of more than 32,766 bytes, and with them the whole event. Case folding makes at most six bytes
# of one UTF-16 unit (U+0390 becomes three characters of two).
LONGEST_KEYWORD = 32_766 // 6
_NORMALIZER = "mcp_casefold"
# Above the templates that come with Elastic (100) and its integrations (200).
_PRIORITY = 250
_FIELD_LIMIT = 4_000

Mapping = dict[str, object]


def index_template(taxonomy: Taxonomy, *, long_texts: TextType = "wildcard") -> Mapping:
    """The composable index template. `long_texts="keyword"` is for engines without the type wildcard."""
    properties: Mapping = {}
    for field in sorted(taxonomy.fields.values(), key=lambda one: one.name):
        _place(properties, field.name.split("."), _mapping(field, long_texts))
    return {
        "index_patterns": [INDEX_PATTERN],
        "data_stream": {},
        "priority": _PRIORITY,
        "template": {
            "settings": _settings(),
            "mappings": {
                "date_detection": False,
                "numeric_detection": False,
                "dynamic_templates": _dynamic(),
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
            "max_regex_length": OwnIndex.longest_regex,
            "mapping": {"total_fields": {"limit": _FIELD_LIMIT, "ignore_dynamic_beyond_limit": True}},
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


def _mapping(field: Field, long_texts: TextType) -> Mapping:
    storage = storage_of(field)
    match storage:
        case Storage.KEYWORD | Storage.DYNAMIC:
            return _keyword()
        case Storage.TEXT | Storage.TWIN:
            return {"type": long_texts}
        case Storage.FLATTENED:
            return {"type": "flattened"}
        case Storage.NUMBER:
            return _typed(field.type)
        case Storage.TIME:
            return {"type": "date"}
        case Storage.ANALYZED:  # pragma: no cover - the taxonomy has none
            raise ValueError(field.name)
        case Storage.DATE | Storage.IP | Storage.BOOLEAN:
            return _typed(field.type)
        case _:
            assert_never(storage)


def _keyword(**fields: Mapping) -> Mapping:
    return {**_folded(), "fields": {EXACT: _exact(), **fields}}


def _typed(kind: str) -> Mapping:
    """A typed field that keeps events whose value is none of that type."""
    return {"type": kind, "ignore_malformed": True, "fields": {FOLDED: _folded(), EXACT: _exact()}}


def _folded() -> Mapping:
    return {"type": "keyword", "normalizer": _NORMALIZER, "ignore_above": LONGEST_KEYWORD}


def _exact() -> Mapping:
    return {"type": "keyword", "ignore_above": LONGEST_KEYWORD}


def _dynamic() -> list[Mapping]:
    number: Mapping = {"type": "double", "ignore_malformed": True}
    kinds: dict[str, Mapping] = {
        "string": _keyword(),
        "boolean": _keyword(),
        "long": _keyword(**{NUMBER: number}),
        "double": _keyword(**{NUMBER: number}),
    }
    return [{f"mcp_{kind}": {"match_mapping_type": kind, "mapping": mapping}} for kind, mapping in kinds.items()]
