import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.events.arguments import MAX_LEAVES, measure, typed_arguments


def nested(depth: int) -> object:
    value: object = "core"
    for _ in range(depth):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "notes.txt"},
        {"paths": ["notes.txt"]},
        {"file": "notes.txt"},
        {"fileName": "notes.txt"},
        {"repo_path": "notes.txt"},
        {"options": {"cwd": "notes.txt"}},
        {"source": "src/notes.txt"},
        {"destination": "src/notes"},
        {"anything": "/etc/passwd"},
        {"anything": "~/.ssh/id_rsa"},
        {"anything": "../notes"},
        {"anything": "a/../../b"},
        {"anything": "%2e%2e%2fetc%2fpasswd"},
        {"anything": "%252e%252e%252fetc"},
        {"anything": r"C:\Users\x\notes.txt"},
        {"anything": r"\\server\share\x"},
        {"anything": "file:///etc/passwd"},
        {"anything": "$HOME/.aws/credentials"},
        {"anything": ".ssh/id_rsa"},
        {"anything": ".env"},
        {"anything": "src/main.py"},
        {"uri": "docs://a/../../etc/passwd"},
        {"path": " ../notes "},
        {"pattern": "../../../etc/*"},
        {"query": "/etc/passwd"},
        {"path": "notes.txt\n"},
    ],
    ids=str,
)
def test_what_names_a_file_is_a_path(arguments: object) -> None:
    assert len(typed_arguments(arguments)["path"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"content": "/etc/passwd"},
        {"text": "../../etc/passwd"},
        {"new_str": "~/.ssh/id_rsa"},
        {"excludePatterns": [".env", "../dist/**", "/etc/passwd"]},
        {"ignore": [".npmrc"]},
        {"query": ".env"},
        {"pattern": r"process\.env"},
        {"q": "../utils"},
        {"query": 'import "../../shared/utils"'},
        {"title": ".env"},
        {"file_text": "/etc/passwd\n"},
        {"fileContent": "../x"},
        {"edits": [{"oldText": "/a/b", "newText": "../c"}]},
        {"query": "what is in ../the folder"},
        {"command": "cd ../x && make"},
        {"mime": "text/plain"},
        {"repo": "owner/name"},
        {"zone": "Europe/Berlin"},
        {"url": "https://example.org/a/b"},
        {"file_size": "12"},
        {"message": "see /etc/passwd for details"},
        {"anything": "/"},
        {"anything": "first line\n/etc/passwd"},
    ],
    ids=str,
)
def test_written_content_and_other_values_are_no_path(arguments: object) -> None:
    assert typed_arguments(arguments)["path"] == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"where": {"type": "string", "format": "path"}}},
        {"properties": {"where": {"type": "string", "description": "Absolute path to the file"}}},
        {"properties": {"where": {"anyOf": [{"type": "null"}, {"format": "file-path"}]}}},
        {"properties": {"where": {"$ref": "#/$defs/P"}}, "$defs": {"P": {"format": "directory-path"}}},
        {"$ref": "#/$defs/Q", "$defs": {"Q": {"properties": {"where": {"format": "path"}}}}},
        {"allOf": [{"properties": {"where": {"format": "path"}}}]},
    ],
    ids=str,
)
def test_the_schema_says_what_the_name_does_not(schema: dict[str, object]) -> None:
    assert typed_arguments({"where": "notes"})["path"] == ()
    assert typed_arguments({"where": "notes"}, schema)["path"] == ("notes",)


def test_a_schema_reaches_into_lists_and_objects() -> None:
    inner = {"type": "object", "properties": {"x": {"type": "string", "format": "uri"}}}
    schema = {"properties": {"all": {"type": "array", "items": inner}}}
    assert typed_arguments({"all": [{"x": "example.org"}]}, schema)["url"] == ("example.org",)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
        {"properties": {"a": 3}},
        {"properties": []},
        {"anyOf": [3, None, {"anyOf": []}]},
        {"properties": {"a": {"format": 3, "description": ["x"]}}},
    ],
    ids=str,
)
def test_an_odd_schema_does_no_harm(schema: dict[str, object]) -> None:
    assert typed_arguments({"a": ["x"]}, schema)["value"] == ("x",)


@pytest.mark.parametrize(
    ("arguments", "urls", "hosts"),
    [
        ({"q": "https://User:pw@Example.ORG:8443/a?b"}, 1, ("example.org",)),
        ({"url": "example.org/path"}, 1, ("example.org",)),
        ({"url": "webhook.site"}, 1, ("webhook.site",)),
        ({"uri": "mind2web.pdf"}, 0, ()),
        ({"q": "example.org/path"}, 0, ()),
        ({"q": "http://[::ffff:127.0.0.1]:80/"}, 1, ("::ffff:127.0.0.1", "127.0.0.1")),
        ({"q": "http://2130706433/"}, 1, ("2130706433", "127.0.0.1")),
        ({"q": "http://0x7f.1/"}, 1, ("0x7f.1", "127.0.0.1")),
        ({"q": "http://0177.0.0.1/"}, 1, ("0177.0.0.1", "127.0.0.1")),
        ({"q": "http:\\\\evil.example\\x"}, 1, ("evil.example",)),
        ({"q": "http://good.example@evil.example/"}, 1, ("evil.example",)),
        ({"q": "http://\uff45vil.example/"}, 1, ("evil.example",)),
        ({"q": "http://%65vil.example/"}, 1, ("evil.example",)),
        ({"q": "http://evil.example./"}, 1, ("evil.example",)),
        ({"q": "http:///evil.example/"}, 1, ("evil.example",)),
        ({"q": "file:///etc/passwd"}, 1, ()),
        ({"q": "file://server/share"}, 1, ("server",)),
        ({"q": "gopher://127.0.0.1:70/"}, 1, ("127.0.0.1",)),
        ({"q": "http://[::1"}, 1, ("::1",)),
        ({"host": "db.internal:5432"}, 0, ("db.internal",)),
        ({"hostname": "localhost"}, 0, ("localhost",)),
        ({"ip": "10.0.0.8"}, 0, ("10.0.0.8",)),
        ({"ip": "fe80::1"}, 0, ("fe80::1",)),
        ({"server": "the best one"}, 0, ()),
        ({"name": "db.internal"}, 0, ()),
        ({"text": "https://example.org"}, 0, ()),
        ({"args": ["https://example.org"]}, 1, ("example.org",)),
        ({"q": "see https://example.org for more"}, 0, ()),
    ],
    ids=str,
)
def test_urls_and_hosts_are_found_in_the_spelling_that_reaches_them(
    arguments: object, urls: int, hosts: tuple[str, ...]
) -> None:
    typed = typed_arguments(arguments)
    assert len(typed["url"]) == urls
    assert typed["host"] == hosts


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"target": "--output=/x"}, ("--output=/x",)),
        ({"ref": "-c core.sshCommand=x"}, ("-c core.sshCommand=x",)),
        ({"flags": ["--server=x"]}, ("--server=x",)),
        ({"args": ["--verbose"], "command": ["ls", "-la"], "argv": [["-x"]]}, ()),
        ({"args": [{"target": "--output"}]}, ("--output",)),
        ({"target": "--output\n"}, ()),
        ({"target": "-1"}, ()),
        ({"target": "---rule"}, ()),
        ({"target": " --output"}, ()),
        ({"target": "--o" + "x" * 252}, ("--o" + "x" * 252,)),
        ({"target": "--o" + "x" * 253}, ()),
        ({"content": "-Wall"}, ()),
        ({"target": "\uff0d\uff0doutput=/x"}, ("\uff0d\uff0doutput=/x",)),
        ({"target": "%2D%2Doutput=/x"}, ("%2D%2Doutput=/x",)),
        ({"pattern": "--pre=/x.sh"}, ("--pre=/x.sh",)),
        ({"query": "--config option of a linter"}, ()),
        ({"exclude": "--output=/x"}, ()),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_option_is_one_line_that_a_command_would_take_as_one(arguments: object, options: tuple[str, ...]) -> None:
    assert typed_arguments(arguments)["option"] == options


def test_every_leaf_is_a_value_as_text_in_order_and_once() -> None:
    arguments = {"b": [1, True, None, "x", 2.5, "x"], "a": {"c": "y", "big": 10**400, "nan": math.nan}}
    values = typed_arguments(arguments)["value"]
    assert values[:5] == ("1", "true", "x", "2.5", "y")
    assert values[5].startswith("0x")
    assert values[6] == "nan"


def test_arguments_that_are_no_object_have_values_too() -> None:
    assert typed_arguments("/etc/passwd")["path"] == ("/etc/passwd",)
    assert typed_arguments(["/etc/passwd"])["path"] == ("/etc/passwd",)
    assert typed_arguments(None)["value"] == ()


def test_ids_are_kept_for_those_who_count_them() -> None:
    assert typed_arguments({"versionId": 3095, "task_id": "t", "idea": "x"})["id"] == ("3095", "t")


def test_too_many_leaves_are_cut_and_depth_is_no_danger() -> None:
    many = typed_arguments({"a": [str(number) for number in range(MAX_LEAVES + 500)]})
    assert many.leaves == MAX_LEAVES
    assert len(many["value"]) == MAX_LEAVES
    assert typed_arguments(nested(5_000))["value"] == ("core",)
    assert measure(nested(5_000)) == (10_000, 1)
    assert measure({"a": [1, {"b": 2}], "c": 3}) == (3, 3)
    assert measure("x") == (0, 1)
    assert measure({}) == (1, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.dictionaries(st.sampled_from(["properties", "$ref", "anyOf", "items"]), JSON))
def test_no_arguments_and_no_schema_raise(arguments: object, schema: dict[str, object]) -> None:
    typed = typed_arguments(arguments, schema)
    assert set(typed["path"]) | set(typed["option"]) <= {value.strip() for value in typed["value"]} | set(
        typed["value"]
    )


@pytest.mark.parametrize("unit", ["a/", "../", "x.", "-", "http://", "%2e", "A", "a:", "1."])
def test_a_long_value_costs_moments(unit: str) -> None:
    started = time.process_time()
    typed_arguments(
        {"where": unit * 4_000, "path": unit * 1_000_000, "host": unit * 4_000, unit * 50_000: unit * 4_000}
    )
    assert time.process_time() - started < 2
