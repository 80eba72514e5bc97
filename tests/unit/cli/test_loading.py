import json
from pathlib import Path

import pytest

from mcp_siem.cli.loading import all_targets, make_deriver
from mcp_siem.convert.target import Query, Target
from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.prove.check import check_paths
from mcp_siem.rules.pack import load_pack

RULE = """\
title: A shell is called
id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
logsource:
    product: mcp
    service: protocol
detection:
    selection:
        gen_ai.tool.name: shell
    condition: selection
level: high
"""
SIEVE = """\
title: The build server may
id: 0b7e0a52-59a0-4b5e-8c0c-6d0a3f7f9b11
logsource:
    product: mcp
filter:
    rules: any
    builder:
        mcp.server.name: build_server
    condition: not builder
"""
SECRETS = """\
format = 1
[secrets.badge]
pattern = 'BADGE-[0-9]{8}'
keywords = ["badge-"]
example = ["BADGE-", "12345678"]
"""
SHELL = {"gen_ai.tool.name": "shell", "mcp.server.name": "files"}


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """A pack, and a directory of the user's with an exception."""
    pack, own = tmp_path / "pack", tmp_path / "own"
    (pack / "rules").mkdir(parents=True)
    (pack / "pack.toml").write_text('name = "p"\n')
    (pack / "rules" / "shell.yml").write_text(RULE)
    own.mkdir()
    (own / "builder.yml").write_text(SIEVE)
    return [pack, own]


def test_a_filter_beside_the_pack_holds_in_the_engine(folders: list[Path]) -> None:
    engine = Engine(load_pack(folders))
    assert engine.feed(Event(data=SHELL))
    assert not engine.feed(Event(data={**SHELL, "mcp.server.name": "Build_Server"}))


def test_a_filter_beside_the_pack_holds_when_its_cases_are_checked(folders: list[Path]) -> None:
    miss = folders[0] / "rules" / "shell.miss.jsonl"
    miss.write_text('{"gen_ai.tool.name":"shell","mcp.server.name":"build_server"}\n')
    assert not [one for one in check_paths(folders).findings if one.code == "MS303"]
    assert [one for one in check_paths(folders[:1]).findings if one.code == "MS303"]


@pytest.mark.parametrize("target", all_targets(), ids=lambda target: str(target.name))
def test_a_filter_beside_the_pack_holds_on_every_target(folders: list[Path], target: Target) -> None:

    (bare,), (sifted,) = load_pack(folders[:1]).alerting(), load_pack(folders).alerting()
    before, after = target.query(bare), target.query(sifted)
    assert isinstance(before, Query)
    assert isinstance(after, Query)
    assert "build_server" not in before.text.replace("\\", "")
    assert "build_server" in after.text.replace("\\", "")


@pytest.mark.parametrize("target", all_targets(), ids=lambda target: str(target.name))
@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"x\u0430y", "x\u0430y"),
        (r"x\U0001F600y", "x\U0001f600y"),
        (r"x\ud83d\ude00y", "x\U0001f600y"),
        (r"x\u0041y", "xAy"),
    ],
)
def test_a_code_point_in_a_regular_expression_is_its_character_everywhere(
    tmp_path: Path, target: Target, pattern: str, says: str
) -> None:
    (tmp_path / "r.yml").write_text(RULE.replace("gen_ai.tool.name: shell", f"mcp.request.text|re: '{pattern}'"))
    pack = load_pack([tmp_path])
    assert Engine(pack).feed(Event(data={"mcp.request.text": says}))
    assert not Engine(pack).feed(Event(data={"mcp.request.text": pattern}))
    query = target.query(pack.rules[0])
    assert isinstance(query, Query)
    character = says[1:-1]
    assert says in query.text or json.dumps(character)[1:-1] in query.text  # JSON may spell it by its number


def test_the_formats_of_secrets_beside_the_rules_are_those_that_are_found(folders: list[Path]) -> None:
    data: dict[str, object] = {"mcp.request.text": "my BADGE-12345678 opens it"}
    assert "BADGE" in str(make_deriver([str(folders[0])]).complete(dict(data)))
    (folders[0] / "secrets.toml").write_text(SECRETS)
    for named in (folders[0], folders[0] / "rules", folders[0] / "rules" / "shell.yml"):
        event = make_deriver([str(named)]).complete(dict(data))
        assert event["mcp.request.secret.type"] == ["badge"]
        assert "BADGE" not in str(event["mcp.request.text"])
    assert "BADGE" in str(make_deriver().complete(dict(data))["mcp.request.text"])
