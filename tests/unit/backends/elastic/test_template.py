import json

import pytest

from mcp_siem.events.taxonomy import Field
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.elastic import BACKEND
from mcp_siem_backends.elastic.fields import form_of
from mcp_siem_backends.elastic.template import LONGEST_KEYWORD, index_template

TAXONOMY = load_taxonomy(default_pack_dir())


def mapping_of(name: str, template: dict[str, object]) -> dict[str, object]:
    node = template["template"]["mappings"]  # type: ignore[index]
    for part in name.split("."):
        node = (node.get("properties") or node.get("fields"))[part]
    return dict(node)


@pytest.mark.parametrize("field", TAXONOMY.fields.values(), ids=lambda field: field.name)
def test_every_form_that_a_query_names_is_mapped(field: Field) -> None:
    template = index_template(TAXONOMY)
    form = form_of(field.name, TAXONOMY)
    for name in {form.folded, form.exact, form.number or form.folded}:
        assert mapping_of(name, template)["type"]
    if form.folds and field.twin_of is None and field.type != "flattened" and field.name != "@timestamp":
        assert mapping_of(form.folded, template)["normalizer"] == "mcp_casefold"


def test_fields_that_nobody_declared_get_the_forms_that_queries_name() -> None:
    form = form_of("free.field", TAXONOMY)
    dynamic = index_template(TAXONOMY)["template"]["mappings"]["dynamic_templates"]  # type: ignore[index]
    kinds = {rule["match_mapping_type"]: rule["mapping"] for entry in dynamic for rule in entry.values()}
    assert (form.folded, form.exact, form.number) == ("free.field", "free.field.exact", "free.field.number")
    assert set(kinds) == {"string", "boolean", "long", "double"}
    for mapping in kinds.values():
        assert mapping["normalizer"] == "mcp_casefold"
        assert "exact" in mapping["fields"]
    assert kinds["long"]["fields"]["number"]["type"] == "double"


def test_no_keyword_can_become_a_term_that_lucene_refuses_the_event_for() -> None:
    longest = max(
        len(folded.encode()) / (len(char.encode("utf-16-le")) // 2)
        for char in map(chr, (point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF))
        for folded in (char, char.casefold(), char.casefold().lower())
    )
    assert longest * LONGEST_KEYWORD <= 32_766


def test_the_keys_of_flattened_fields_are_refused_not_mapped() -> None:
    assert form_of("labels.team.lead", TAXONOMY).storage.value == "flattened"


def test_a_data_stream_takes_the_template() -> None:
    """Elasticsearch refuses any attribute of @timestamp but its type there."""
    template = index_template(TAXONOMY)
    assert template["data_stream"] == {}
    assert mapping_of("@timestamp", template) == {"type": "date"}


def test_the_command_prints_it_as_the_same_bytes_each_time() -> None:
    text = BACKEND.templates()["elastic"](TAXONOMY)
    assert text == BACKEND.templates()["elastic"](TAXONOMY)
    assert json.loads(text or "")["index_patterns"] == ["logs-mcp.*"]
