import json
from typing import Any

from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.opensearch.template import template_json

TEMPLATE: dict[str, Any] = json.loads(template_json(load_taxonomy(default_pack_dir())))
PROPERTIES = TEMPLATE["template"]["mappings"]["properties"]


def _mapping(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"properties": PROPERTIES}
    for part in name.split("."):
        found = found["properties"][part]
    return found


def test_a_long_text_has_no_doc_values_which_would_refuse_it_above_32_kilobytes() -> None:
    assert _mapping("mcp.request.text") == {"type": "wildcard", "doc_values": False}
    assert _mapping("mcp.request.text_folded") == {"type": "wildcard", "doc_values": False}


def test_a_boolean_is_a_word_since_the_type_refuses_whole_events() -> None:
    assert _mapping("mcp.tool.is_error")["type"] == "keyword"


def test_typed_fields_take_what_is_malformed_and_keep_its_text() -> None:
    for name, kind in (("source.ip", "ip"), ("http.response.status_code", "long")):
        mapping = _mapping(name)
        assert (mapping["type"], mapping["ignore_malformed"], set(mapping["fields"])) == (
            kind,
            True,
            {"caseless", "exact"},
        )


def test_what_nobody_declared_is_a_word_whatever_its_type() -> None:
    dynamic = [rule for entry in TEMPLATE["template"]["mappings"]["dynamic_templates"] for rule in entry.values()]
    assert {rule["match_mapping_type"] for rule in dynamic} == {"string", "boolean", "long", "double"}
    assert all(rule["mapping"]["type"] == "keyword" for rule in dynamic)
