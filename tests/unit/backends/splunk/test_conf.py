import configparser
from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Query, Resource
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk import BACKEND
from mcp_siem_backends.splunk.conf import conf_value, macros_conf, props_conf, savedsearches_conf
from mcp_siem_backends.splunk.payload import parse
from mcp_siem_backends.splunk.target import SplunkTarget

Make = Callable[..., Rule]
_REST = {
    "relation": "alert_comparator",
    "quantity": "alert_threshold",
    "counttype": "alert_type",
    "enableSched": "is_scheduled",
}


def read_conf(text: str) -> dict[str, dict[str, str]]:
    """Reads a .conf file as Splunk does: a backslash before a line break continues the value on the next line."""
    joined = text.replace("\\\n", "\x00")
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(joined)
    return {
        name: {key: value.replace("\x00", "\n") for key, value in parser[name].items()} for name in parser.sections()
    }


@pytest.fixture
def resources(detection_rule: Make, taxonomy: Taxonomy) -> list[Resource]:
    target = SplunkTarget(taxonomy)
    rules = [
        detection_rule({"s": {"f|re": "a[b]\\\\"}}, description="Says #1\nand [2]"),
        detection_rule({"s": {"f": "C:\\x\\"}}, title="B [rule]", id="22222222-1111-4111-8111-111111111100"),
    ]
    queries = [target.query(rule) for rule in rules]
    return [
        target.resource(query, rule) for query, rule in zip(queries, rules, strict=True) if isinstance(query, Query)
    ]


def test_an_installed_conf_file_reads_as_what_the_api_would_have_written(resources: list[Resource]) -> None:
    stanzas = read_conf(savedsearches_conf(resources))
    assert len(stanzas) == 2
    for name, fields in stanzas.items():
        assert not set(name) & set("[]")
        remote = parse({"name": name, **{_REST.get(key, key): value for key, value in fields.items()}})
        assert {remote.address: remote.digest}.items() <= {one.address: one.digest for one in resources}.items()
        assert remote.marker is not None
        assert remote.marker.applied == remote.digest


def test_conf_uses_the_names_of_the_file(resources: list[Resource]) -> None:
    text = savedsearches_conf(resources)
    assert "\ncounttype = number of events\n" in text
    assert "alert_type" not in text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("one", "one"),
        ("one\ntwo", "one\\\ntwo"),
        ("ends in \\\ntwo", "ends in \\ \\\ntwo"),
        ("ends in \\", "ends in \\ "),
        ("one\n[two]\n# three", "one\\\n[two]\\\n# three"),
        ("one\n\nthree", "one\\\n\\\nthree"),
    ],
)
def test_a_value_of_several_lines_is_continued_and_never_by_accident(value: str, written: str) -> None:
    assert conf_value(value) == written


def test_the_macros_and_the_source_type_that_searches_rely_on_are_files_too() -> None:
    assert set(read_conf(macros_conf())) == {"mcp_siem_index", "mcp_siem_endpoint_index"}
    assert read_conf(props_conf())["mcp:normalized"]["TRUNCATE"] == "0"


def test_the_backend_exports_the_conf_file_in_any_order_the_same(resources: list[Resource]) -> None:
    export = BACKEND.exports()["conf"]
    assert export(resources) == export(resources[::-1])
