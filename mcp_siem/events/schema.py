"""The JSON Schema of an event, made from the taxonomy: flat dotted keys, one type each."""

import re
from collections.abc import Mapping

from mcp_siem.events.taxonomy import Field, Taxonomy

__all__ = ["SCHEMA_ID", "event_schema"]

SCHEMA_ID = "urn:mcp-siem:schema:event:1"
_OWN_NAMESPACES = ("mcp", "gen_ai", "jsonrpc", "rpc")
_DATE = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$"
_ADDRESS = r"^[0-9A-Fa-f:.]{2,45}(%[0-9A-Za-z]+)?$"
_TYPES: Mapping[str, Mapping[str, object]] = {
    "keyword": {"type": "string"},
    "wildcard": {"type": "string"},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "double": {"type": "number"},
    "boolean": {"type": "boolean"},
    "ip": {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "pattern": _ADDRESS},
    "date": {"type": "string", "format": "date-time", "pattern": _DATE},
    "flattened": {"type": "object"},
}


def event_schema(taxonomy: Taxonomy) -> dict[str, object]:
    """A JSON Schema (2020-12) of one event; only fields declared as arrays may hold several values.

    Names in the namespaces that we define are closed, so that a misspelt field is a fault; other
    fields of a source may come along.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "MCP event",
        "description": "One event of mcp-siem with flat dotted keys; made from taxonomy.toml.",
        "type": "object",
        "properties": {name: _property(field) for name, field in sorted(taxonomy.fields.items())},
        "propertyNames": _names(taxonomy),
    }


def _property(field: Field) -> dict[str, object]:
    one = dict(_TYPES[field.type])
    many = [{"type": "array", "items": one}] if field.array else []
    return {"description": field.meaning, "anyOf": [one, {"type": "null"}, *many]}


def _names(taxonomy: Taxonomy) -> dict[str, object]:
    own = "|".join(_OWN_NAMESPACES)
    objects = "|".join(re.escape(name) for name, field in sorted(taxonomy.fields.items()) if field.type == "flattened")
    inside = [{"pattern": rf"^({objects})\."}] if objects else []
    return {"anyOf": [{"enum": sorted(taxonomy.fields)}, {"not": {"pattern": rf"^({own})\."}}, *inside]}
