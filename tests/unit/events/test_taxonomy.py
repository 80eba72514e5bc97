from pathlib import Path

import pytest

from mcp_siem.errors import ConfigError
from mcp_siem.events.taxonomy import Taxonomy, parse_taxonomy

SHIPPED = Path(__file__).parents[3] / "sigma_rules" / "taxonomy.toml"
HEAD = 'format = 1\n[datasets]\n"mcp.protocol" = { product = "mcp", service = "protocol" }\n[fields]\n'
GOOD = '"a.b" = { type = "keyword", origin = "ours", tier = 1, datasets = ["mcp.*"], meaning = "m" }\n'


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return parse_taxonomy(SHIPPED.read_text(encoding="utf-8"), "taxonomy.toml")


def test_every_core_field_of_the_event_model_is_there(taxonomy: Taxonomy) -> None:
    tiers = {1: 0, 2: 0, 3: 0}
    for field in taxonomy.fields.values():
        tiers[field.tier] += 1
    assert min(tiers.values()) > 20
    for name in ("event.action", "gen_ai.tool.call.arguments", "mcp.roots", "mcp.health.seq_gap", "CommandLine"):
        assert name in taxonomy.fields


def test_a_folded_field_has_a_twin_that_knows_its_original(taxonomy: Taxonomy) -> None:
    assert taxonomy.twin_source("mcp.argument.value_folded") == "mcp.argument.value"
    assert taxonomy.fields["mcp.argument.value_folded"].array
    assert taxonomy.twin_source("mcp.argument.value") is None
    assert taxonomy.twin_source("no.such.field") is None


@pytest.mark.parametrize(
    ("dataset", "logsource", "tried"),
    [
        ("mcp.protocol", {"product": "mcp"}, True),
        ("mcp.protocol", {"product": "mcp", "service": "protocol"}, True),
        ("MCP.Protocol", {"product": "MCP", "service": "Protocol"}, True),
        ("mcp.protocol", {"product": "mcp", "service": "http"}, False),
        ("mcp.protocol", {"category": "application", "product": "mcp"}, True),
        ("mcp.protocol", {"category": "process_creation"}, False),
        ("mcp.protocol", {"product": "windows"}, False),
        ("mcp.protocol", {}, True),
        ("endpoint.process_creation", {"category": "process_creation", "product": "linux"}, True),
        ("endpoint.process_creation", {"category": "file_event", "product": "linux"}, False),
        ("endpoint.process_creation", {"product": "mcp"}, False),
        ("endpoint.process_creation", {"product": "windows", "service": "sysmon"}, True),
        ("linux.auditd", {"product": "linux", "service": "auditd"}, True),
        ("somebody.else", {"product": "mcp", "service": "http"}, True),
        (None, {"product": "mcp", "service": "http"}, True),
        (7, {"product": "mcp"}, True),
    ],
)
def test_a_dataset_is_tried_unless_something_known_of_it_contradicts(
    taxonomy: Taxonomy, dataset: object, logsource: dict[str, str], *, tried: bool
) -> None:
    assert taxonomy.matches(dataset, **logsource) is tried


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("format = 1\n[fields\n", 2, "not valid TOML"),
        ("format = 2\n", 1, "format must be 1"),
        ("format = true\n", 1, "format must be 1"),
        ("format = 1\nother = 3\n", 2, "unknown table or key 'other'"),
        ("format = 1\ndatasets = 3\n", 2, "[datasets] must be a table"),
        ('format = 1\n[datasets]\n"a" = {}\n', 3, "must name at least one"),
        ('format = 1\n[datasets]\n"a" = { os = "x" }\n', 3, "'os' must be one of"),
        (HEAD, 4, "[fields] must be a table with at least one entry"),
        (HEAD + GOOD + "a.c = 3\n", 6, "a name with dots must be quoted"),
        (HEAD + GOOD + '"a.c" = 3\n', 6, "must be a table"),
        (HEAD + GOOD.replace('"a.b"', '"a b"'), 5, "is no field name"),
        (HEAD + GOOD.replace("keyword", "text"), 5, "'type' must be one of"),
        (HEAD + GOOD.replace("tier = 1", "tier = 4"), 5, "'tier' must be 1, 2 or 3"),
        (HEAD + GOOD.replace("tier = 1", "tier = true"), 5, "'tier' must be 1, 2 or 3"),
        (HEAD + GOOD.replace('"m"', '" "'), 5, "'meaning' must be a text"),
        (HEAD + GOOD.replace("mcp.*", "mcp.none"), 5, "dataset 'mcp.none' is not in [datasets]"),
        (HEAD + GOOD.replace('["mcp.*"]', "[]"), 5, "'datasets' must be a list"),
        (HEAD + GOOD.replace("tier", "array = 1, tier"), 5, "'array' must be true or false"),
        (HEAD + GOOD.replace("tier", "colour = 1, tier"), 5, "unknown key 'colour'"),
        (HEAD + GOOD.replace("keyword", "long").replace("tier", "folded = true, tier"), 5, "can have a folded twin"),
        (HEAD + GOOD + GOOD.replace("a.b", "a.b.c"), 6, "lies below the field 'a.b'"),
        (HEAD + GOOD + GOOD, 6, "not valid TOML"),
    ],
)
def test_a_malformed_taxonomy_is_refused_with_line_reason_and_next_step(text: str, line: int, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_taxonomy(text, "t.toml")
    assert caught.value.source == f"t.toml:{line}"
    assert reason in caught.value.message
    assert caught.value.hint


def test_an_unknown_dataset_of_a_known_family_is_tried_as_the_family_is(taxonomy: Taxonomy) -> None:
    assert taxonomy.matches("mcp.other", product="mcp", service="protocol")
    assert not taxonomy.matches("mcp.other", category="process_creation")
    assert taxonomy.matches("vendor.log", product="mcp")
    assert taxonomy.route("MCP.Protocol") == "mcp.protocol"
    assert taxonomy.route("mcp.other") == taxonomy.route("mcp.another") == "mcp.*"
    assert taxonomy.route("vendor.log") is None
    assert taxonomy.route("mcp") is None


def test_what_a_query_leaves_out_is_what_the_engine_does_not_try(taxonomy: Taxonomy) -> None:
    for logsource in (
        {"product": "mcp", "service": "protocol"},
        {"product": "mcp"},
        {"category": "dns_query"},
        {"product": "x"},
    ):
        families, singles = taxonomy.excluded(**logsource)
        for name in (*taxonomy.datasets, "mcp.other", "endpoint.other", "vendor.log", "mcp"):
            left_out = name in singles or any(name.startswith(f"{family}.") for family in families)
            assert taxonomy.matches(name, **logsource) is not left_out
