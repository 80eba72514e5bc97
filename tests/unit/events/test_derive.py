import json
import math
import time
from pathlib import Path

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.events.derive import Deriver
from mcp_siem.events.fold import fold
from mcp_siem.events.redact import Redactor, parse_secret_formats
from mcp_siem.events.schema import event_schema
from mcp_siem.events.taxonomy import parse_taxonomy

PACK = Path(__file__).parents[3] / "sigma_rules"
FORMATS = parse_secret_formats((PACK / "secrets.toml").read_text(encoding="utf-8"), "secrets.toml")
DERIVER = Deriver(Redactor(FORMATS, b"a key of the tests"))
TAXONOMY = parse_taxonomy((PACK / "taxonomy.toml").read_text(encoding="utf-8"), "taxonomy.toml")
VALIDATOR = jsonschema.Draft202012Validator(event_schema(TAXONOMY))
GITHUB = "gh" + "p_FAKEfixture0123456789abcdefghijklmnop"
BARE: dict[str, object] = {
    "event.dataset": "mcp.protocol",
    "mcp.method.name": "tools/call",
    "mcp.server.name": "files",
    "process.pid": 7,
    "gen_ai.tool.name": "read_file",
}


def completed(arguments: object = None, **fields: object) -> dict[str, object]:
    bare = BARE | {name.replace("__", "."): value for name, value in fields.items()}
    if arguments is not None:
        bare |= {"mcp.request.text": json.dumps(arguments), "gen_ai.tool.call.arguments": arguments}
    return DERIVER.complete(bare, arguments=arguments)


def test_a_call_is_completed_and_valid() -> None:
    arguments = {"path": "/etc/passwd", "url": "https://example.org/x", "target": "--output=x"}
    event = completed(arguments)
    VALIDATOR.validate(event)
    assert event["mcp.principal"] == "files/7"
    assert event["mcp.argument.path"] == ["/etc/passwd"]
    assert event["mcp.argument.host"] == ["example.org"]
    assert event["mcp.argument.option"] == ["--output=x"]
    assert event["mcp.json.depth"] == 1
    assert event["mcp.json.leaves"] == 3
    assert event["mcp.json.size"] == len(orjson.dumps(arguments))
    assert "mcp.json.cut" not in event
    assert "mcp.hidden.request" not in event


def test_a_resource_is_an_argument_too() -> None:
    event = DERIVER.complete(BARE | {"mcp.method.name": "resources/read", "mcp.resource.uri": "file:///etc/passwd"})
    assert event["mcp.argument.path"] == ["file:///etc/passwd"]
    other = DERIVER.complete(BARE | {"mcp.method.name": "resources/read", "mcp.resource.uri": "docs://a/b"})
    assert other["mcp.argument.url"] == ["docs://a/b"]
    assert "mcp.argument.path" not in other


def test_no_secret_leaves_in_any_field_and_each_side_tells_its_own() -> None:
    event = completed(
        {"auth": {"password": "correcthorse"}, "items": [GITHUB], GITHUB: "key"},
        mcp__response__text=f"token {GITHUB}",
        error__message="Authorization: Bearer f1xture-0123456789abc",
        mcp__server__command_line=f"npx server --token={GITHUB}x",
        user__id="u",
    )
    told = json.dumps(event)
    assert GITHUB not in told
    assert "correcthorse" not in told
    assert "f1xture" not in told
    assert set(event["mcp.request.secret.type"]) == {"password", "github_token"}
    assert event["mcp.response.secret.type"] == ["github_token", "bearer_token"]
    assert set(event["mcp.request.secret.hash"]) & set(event["mcp.response.secret.hash"])
    VALIDATOR.validate(event)


def test_a_secret_of_the_connection_is_taken_out_and_not_told_of_the_message() -> None:
    event = completed(mcp__server__command_line=f"npx server --token={GITHUB}")
    assert GITHUB not in json.dumps(event)
    assert "mcp.request.secret.type" not in event


def test_the_twin_derived_later_does_not_show_what_was_encoded() -> None:
    hidden = "".join(f"%{ord(char):02x}" for char in GITHUB)
    event = completed({"q": hidden})
    assert event["mcp.request.secret.type"] == ["github_token"]
    assert all(GITHUB.lower() not in fold(str(value)) for value in event.values())


def test_what_a_source_already_told_of_secrets_is_kept() -> None:
    event = completed(
        mcp__request__secret__type=["jwt"], mcp__request__secret__hash="0" * 16, mcp__request__text=GITHUB
    )
    assert event["mcp.request.secret.type"] == ["jwt", "github_token"]
    assert len(event["mcp.request.secret.hash"]) == 2


def test_hidden_characters_are_told_by_where_they_stand() -> None:
    event = completed(
        {"q": "a\u200bb"},
        gen_ai__tool__name="r\u0435ad",
        gen_ai__tool__description="d\u202ed",
        mcp__tool__input_schema='{"properties": {"a": {"description": "\U000e0041"}, "b": {}}}',
        mcp__response__text="\x1b[31m",
    )
    assert event["mcp.hidden.request"] == ["zero_width"]
    assert event["mcp.hidden.name"] == ["mixed_script"]
    assert event["mcp.hidden.description"] == ["bidi"]
    assert event["mcp.hidden.schema"] == ["tag"]
    assert event["mcp.hidden.response"] == ["ansi"]
    assert event["mcp.tool.parameters"] == ["a", "b"]


def test_equal_calls_have_equal_hashes() -> None:
    one = completed({"a": 1, "b": "x"})["mcp.argument.hash"]
    assert completed({"b": "x", "a": 1})["mcp.argument.hash"] == one
    assert completed({"b": "x", "a": 2})["mcp.argument.hash"] != one


def test_completing_twice_changes_nothing() -> None:
    arguments = {"path": "/a", "token": GITHUB, "odd": "a\u200bb"}
    event = completed(arguments)
    assert DERIVER.complete(event) == event


def test_an_event_that_tells_nothing_of_its_caller_has_no_principal() -> None:
    assert "mcp.principal" not in DERIVER.complete({"mcp.method.name": "ping", "user.id": None})


def test_a_hostile_event_is_completed_in_moments_and_can_be_written() -> None:
    deep: object = "core"
    for _ in range(10_000):
        deep = [{"a": deep}]
    arguments = {"deep": deep, "nan": math.nan, "big": 10**5000, 3: "three", "half": "\ud800", "long": "A" * 10_000_000}
    started = time.process_time()
    event = DERIVER.complete(
        BARE | {"gen_ai.tool.call.arguments": arguments, "mcp.request.text": "%41" * 3_000_000}, arguments=arguments
    )
    assert time.process_time() - started < 30
    assert event["mcp.json.depth"] == 20_001
    assert event["mcp.json.cut"] >= 1
    assert orjson.dumps(event)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(TAXONOMY.fields)), VALUES, max_size=6), VALUES)
def test_completing_never_raises_and_its_result_can_be_written(data: dict[str, object], arguments: object) -> None:
    event = DERIVER.complete(data, arguments=arguments)
    assert orjson.dumps(event)
    assert None not in event.values()


@pytest.mark.parametrize(
    "arguments",
    [
        {"args": ["login", "--api-token", "f1xtureValue99"]},
        {"env": [{"name": "API_TOKEN", "value": "f1xtureValue99"}]},
        {"headers": [{"key": "X-Auth-Token", "value": "f1xtureValue99"}]},
    ],
    ids=str,
)
def test_a_secret_that_only_its_neighbour_names_stands_in_no_field(arguments: dict[str, object]) -> None:
    text = orjson.dumps(arguments).decode()
    bare = BARE | {"gen_ai.tool.call.arguments": arguments, "mcp.request.text": text}
    event = DERIVER.complete(bare, arguments=arguments)
    assert b"f1xtureValue99" not in orjson.dumps(event)
    assert len(event["mcp.request.secret.hash"]) == 1
