import json
from collections.abc import Callable

import pytest

from mcp_siem.inventory import book
from mcp_siem.inventory.book import Batch, Decisions, Inventory
from mcp_siem.inventory.server import Definition, identity, server_id, space_of, space_parts, stable_launch

_AT = 1_787_227_200_000_000
_MINUTE = 60_000_000
_Tool = Callable[..., Definition]


def _space(inventory: Inventory, name: str | None, launch: str | None) -> str:
    space = inventory.space(name, launch)
    assert space is not None
    return space


def _approve(inventory: Inventory, *spaces: str) -> None:
    inventory.decide(Decisions(servers=tuple((space, "approved") for space in spaces), number=1))


def test_a_server_is_new_once(inventory: Inventory) -> None:
    space = _space(inventory, "fs", "npx fs")
    server, new = inventory.meet(space, _AT)
    assert (server.name, server.launch, new) == ("fs", "npx fs", True)
    assert inventory.meet(space, _AT)[1] is False


def test_an_approved_name_with_another_command_is_another_server(inventory: Inventory) -> None:
    space = _space(inventory, "fs", "npx fs")
    inventory.meet(space, _AT)
    _approve(inventory, space)
    other = _space(inventory, "fs", "npx evil")
    assert inventory.meet(other, _AT) == (inventory.server(other), True)
    assert inventory.meet(other, _AT)[0].status is None
    assert inventory.meet(space, _AT)[0].status == "approved"


def test_where_the_launch_is_not_known_the_name_decides_and_the_approved_one_is_meant(inventory: Inventory) -> None:
    for launch in ("npx a", "npx b", "npx c"):
        inventory.meet(_space(inventory, "fs", launch), _AT)
    _approve(inventory, space_of("fs", "npx b"))
    assert inventory.space("fs", None) == space_of("fs", "npx b")


def test_where_the_name_is_not_known_the_launch_decides(inventory: Inventory) -> None:
    inventory.meet(_space(inventory, "fs", "npx fs"), _AT)
    assert inventory.space(None, "npx fs") == space_of("fs", "npx fs")
    assert inventory.space(None, "npx other") is None
    assert inventory.space(None, None) is None


def test_no_name_can_be_made_to_look_like_another_server(inventory: Inventory) -> None:
    assert space_of('a","b', "") != space_of("a", "b")
    assert space_parts(space_of('a","b\0', "c\n")) == ('a","b\0', "c\n")
    assert server_id("a", "b") != server_id("ab", "")
    assert inventory.space("a\0b", None) != inventory.space("a", "b")


def test_huge_names_and_half_surrogate_pairs_are_keys_like_others(inventory: Inventory) -> None:
    long = identity("x" * 1_000_000)
    assert len(long) < 1_100
    assert long != identity("x" * 1_000_001)
    assert inventory.meet(_space(inventory, "\ud800", None), None)[0].name == "\\ud800"


def test_another_secret_in_the_command_is_the_same_server() -> None:
    one, other = (stable_launch(f"npx x --key [secret:github:{digits}]") for digits in ("00aa", "11bb"))
    assert one == other == "npx x --key [secret:github]"


def test_seeing_a_server_again_is_written_once_a_minute(inventory: Inventory) -> None:
    space = _space(inventory, "fs", "npx fs")
    inventory.meet(space, _AT)
    inventory.take()
    inventory.meet(space, _AT + _MINUTE - 1)
    assert not inventory.take()
    inventory.meet(space, _AT + _MINUTE)
    assert [one.last_seen for one in inventory.take().servers] == [_AT + _MINUTE]


def test_details_of_a_server_are_kept_and_empty_ones_take_nothing_away(inventory: Inventory) -> None:
    space = _space(inventory, "fs", "npx fs")
    inventory.describe(space, package="fs")
    assert inventory.server(space) is None
    inventory.meet(space, _AT)
    inventory.describe(space, package="fs", roots=("/a",))
    inventory.describe(space, package=None, roots=())
    (server,) = inventory.take().servers
    assert (server.package, server.roots) == ("fs", ("/a",))


def test_what_a_definition_was_first_stays_its_baseline_however_often_it_changes(
    inventory: Inventory, tool: _Tool
) -> None:
    for number, digest in enumerate("abc"):
        inventory.define(tool(hash_=digest, at=_AT + number))
    seen = inventory.definition(space_of("fs", "npx fs"), "tool", "read")
    assert seen is not None
    assert (seen.hash, seen.baseline_hash, seen.first_seen, seen.last_seen) == ("c", "a", _AT, _AT + 2)


def test_a_server_never_seen_before_is_compared_with_the_last_of_its_name(inventory: Inventory, tool: _Tool) -> None:
    inventory.define(tool(hash_="a", launch="npx fs@1"))
    seen = inventory.definition(space_of("fs", "npx fs@2"), "tool", "read")
    assert seen is not None
    assert seen.hash == "a"
    assert inventory.definition(space_of("other", "npx fs@1"), "tool", "read") is None


def test_an_unchanged_definition_is_not_written_again_on_the_same_day(inventory: Inventory, tool: _Tool) -> None:
    inventory.define(tool())
    inventory.take()
    inventory.define(tool(at=_AT + _MINUTE))
    assert not inventory.take()
    inventory.define(tool(at=_AT + 24 * 60 * _MINUTE))
    assert len(inventory.take().definitions) == 1


def test_decisions_replace_those_before(inventory: Inventory, tool: _Tool) -> None:
    inventory.meet(space_of("fs", "npx fs"), _AT)
    inventory.define(tool(hash_="a"))
    key = (space_of("fs", "npx fs"), "tool", "read")
    inventory.decide(Decisions(servers=((key[0], "blocked"),), definitions=((key, "z"),), number=3))
    server, seen = inventory.server(key[0]), inventory.definition(*key)
    assert server is not None
    assert seen is not None
    assert (server.status, seen.approved_hash, seen.baseline_hash, inventory.decided) == ("blocked", "z", "z", 3)
    inventory.decide(Decisions(number=4))
    server, seen = inventory.server(key[0]), inventory.definition(*key)
    assert server is not None
    assert seen is not None
    assert (server.status, seen.approved_hash) == (None, None)


def test_a_server_that_was_approved_and_never_seen_is_known(inventory: Inventory) -> None:
    _approve(inventory, space_of("github", "npx gh"))
    assert inventory.meet(space_of("github", "npx gh"), _AT)[0].status == "approved"
    assert inventory.lookalike("githab") == "github"


def test_the_newest_revision_and_first_uses_are_remembered(inventory: Inventory) -> None:
    assert inventory.revision("fs", "client") is None
    inventory.speak("fs", "client", "2025-06-18", None)
    assert inventory.revision("fs", "client") == "2025-06-18"
    assert [inventory.first("a", _AT), inventory.first("a", _AT), inventory.first("b", _AT)] == [True, False, True]


def test_a_batch_survives_json(inventory: Inventory, tool: _Tool) -> None:
    inventory.meet(space_of("fs", "npx fs"), _AT)
    inventory.define(tool())
    inventory.speak("fs", "client", "2025-06-18", _AT)
    inventory.first("use", None)
    batch = inventory.take()
    assert Batch.load(json.loads(json.dumps(batch.dump()))) == batch
    assert not inventory.take()


def test_what_another_process_left_unwritten_takes_no_decision_away(inventory: Inventory, tool: _Tool) -> None:
    space = space_of("fs", "npx fs")
    inventory.meet(space, _AT)
    inventory.define(tool(hash_="a"))
    batch = inventory.take()
    inventory.decide(Decisions(servers=((space, "blocked"),), definitions=(((space, "tool", "read"), "a"),), number=1))
    inventory.apply(batch)
    server, seen = inventory.server(space), inventory.definition(space, "tool", "read")
    assert server is not None
    assert seen is not None
    assert (server.status, seen.approved_hash) == ("blocked", "a")


def test_memory_is_bounded_and_what_was_decided_is_never_forgotten(
    monkeypatch: pytest.MonkeyPatch, inventory: Inventory, tool: _Tool
) -> None:
    for name in ("_MOST_SERVERS", "_MOST_DEFINITIONS", "_MOST_REVISIONS", "_MOST_USES"):
        monkeypatch.setattr(book, name, 20)
    first = space_of("s", "0")
    inventory.meet(first, _AT)
    inventory.define(tool(name="0"))
    approved = (space_of("fs", "npx fs"), "tool", "0")
    inventory.decide(Decisions(servers=((first, "approved"),), definitions=((approved, "a"),), number=1))
    for number in range(1, 100):
        inventory.meet(space_of("s", str(number)), _AT)
        inventory.define(tool(name=str(number)))
        inventory.speak("s", str(number), "2025-06-18", _AT)
        inventory.first(str(number), _AT)
    assert len(inventory) <= 80
    assert inventory.server(first) is not None
    assert inventory.definition(*approved) is not None


def test_much_that_waits_is_due_to_be_written(
    inventory: Inventory, tool: _Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "_MOST_WAITING", 2)
    for number in range(3):
        assert not inventory.is_due
        inventory.define(tool(name=str(number)))
    assert inventory.is_due
    monkeypatch.setattr(book, "_MOST_WAITING", 100)
    monkeypatch.setattr(book, "_MOST_WEIGHT", 10)
    assert inventory.is_due
