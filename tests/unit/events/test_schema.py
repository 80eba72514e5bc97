from pathlib import Path

import jsonschema
import pytest

from mcp_siem.events.schema import event_schema
from mcp_siem.events.taxonomy import parse_taxonomy

SHIPPED = Path(__file__).parents[3] / "sigma_rules" / "taxonomy.toml"
SCHEMA = event_schema(parse_taxonomy(SHIPPED.read_text(encoding="utf-8"), "taxonomy.toml"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EVENT = {
    "@timestamp": "2026-07-28T10:00:00.000001Z",
    "event.dataset": "mcp.protocol",
    "mcp.method.name": "tools/call",
    "mcp.argument.path": ["/a", "/b"],
    "mcp.tool.is_error": False,
    "mcp.response.size": 12,
    "mcp.health.ratio": 0.5,
    "source.ip": "2001:db8::1",
    "gen_ai.tool.call.arguments": {"path": {"deep": [1]}},
}


def test_the_schema_is_valid_and_knows_every_twin() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert "mcp.request.text_folded" in SCHEMA["properties"]


def test_an_event_of_canonical_fields_is_valid() -> None:
    VALIDATOR.validate(EVENT)
    VALIDATOR.validate(EVENT | {"mcp.argument.path": "/one", "user.id": None, "vendor.field": [{}]})
    VALIDATOR.validate(EVENT | {"labels.site": "x"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"@timestamp": 1_785_232_800},
        {"@timestamp": "yesterday"},
        {"mcp.tool.is_error": "false"},
        {"mcp.response.size": "12"},
        {"mcp.response.size": 2**63},
        {"mcp.response.size": True},
        {"mcp.method.name": ["tools/call"]},
        {"mcp.argument.path": [3]},
        {"source.ip": "localhost"},
        {"gen_ai.tool.call.arguments": "path"},
        {"mcp.metod.name": "tools/call"},
    ],
)
def test_a_wrong_type_or_a_misspelt_field_is_refused(wrong: dict[str, object]) -> None:
    assert not VALIDATOR.is_valid(EVENT | wrong)
