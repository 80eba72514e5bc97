from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.inventory.approved import Approval, ApprovedServer
from mcp_siem.inventory.decisions import Desk
from mcp_siem.inventory.server import Definition, space_of
from mcp_siem.inventory.store import InventoryFile

_AT = 1_787_227_200_000_000
_Tool = Callable[..., Definition]
_SPACE = space_of("fs", "npx fs")


@pytest.fixture
def desk(file: InventoryFile, tool: _Tool) -> Desk:
    """Two servers of one name, one of another; the first has two tools."""
    inventory = file.load(now=_AT)
    for name, launch in (("fs", "npx fs"), ("fs", "npx other"), ("gh", "npx gh")):
        inventory.meet(space_of(name, launch), _AT)
    inventory.define(tool("read", "a" * 64))
    inventory.define(tool("write", "a" * 64))
    inventory.speak("fs", "c", "2025-06-18", _AT)
    file.save(inventory.take())
    return Desk(file.path)


def _see(file: InventoryFile, one: Definition) -> None:
    inventory = file.load(now=_AT)
    inventory.define(one)
    file.save(inventory.take())


def test_servers_are_listed_with_what_is_known_of_them(desk: Desk) -> None:
    told = [(one.server.name, one.status, one.definitions, one.changed, one.revisions) for one in desk.servers()]
    assert told == [
        ("fs", "known", 2, 0, ("2025-06-18",)),
        ("fs", "known", 0, 0, ("2025-06-18",)),
        ("gh", "known", 0, 0, ()),
    ]


def test_a_name_that_several_have_must_be_said_exactly(desk: Desk) -> None:
    with pytest.raises(UsageError, match="2 servers are named 'fs'") as caught:
        desk.chosen("fs", every=False)
    one = desk.servers()[0].server
    assert one.id in str(caught.value.hint)
    assert [known.server for known in desk.chosen(one.id, every=False)] == [one]
    assert len(desk.chosen("fs", every=True)) == 2
    assert len(desk.chosen(None, every=True)) == 3


def test_a_name_that_nobody_has_is_said_with_the_nearest(desk: Desk) -> None:
    with pytest.raises(UsageError, match="no server 'ghh'") as caught:
        desk.chosen("ghh", every=False)
    assert "gh" in str(caught.value.hint)


def test_approving_a_server_approves_what_it_defines_now(desk: Desk, file: InventoryFile, tool: _Tool) -> None:
    server = desk.servers()[0].server
    assert [entry.name for entry in desk.approve([server], [], "ann", _AT + 1)] == ["read", "write"]
    again = desk.servers()[0]
    assert (again.status, again.server.decided_by, again.server.decided_at) == ("approved", "ann", _AT + 1)
    assert {entry.state for entry in desk.definitions([server])} == {"approved"}
    _see(file, tool("read", "b" * 64))
    (changed,) = [entry for entry in desk.definitions([server]) if entry.state == "changed"]
    assert (changed.baseline, changed.text) == (tool("read", "a" * 64).text, tool("read", "b" * 64).text)


def test_approving_one_tool_leaves_the_server_undecided(desk: Desk) -> None:
    server = desk.servers()[0].server
    assert [entry.name for entry in desk.approve([server], ["read"], "ann", _AT)] == ["read"]
    assert desk.servers()[0].status == "known"
    assert [entry.state for entry in desk.definitions([server])] == ["approved", "new"]


def test_a_tool_that_is_not_there_is_said_and_nothing_is_approved(desk: Desk) -> None:
    server = desk.servers()[0].server
    with pytest.raises(UsageError, match="no definition 'none'"):
        desk.approve([server], ["read", "none"], "ann", _AT)
    assert [entry.state for entry in desk.definitions([server])] == ["new", "new"]


def test_a_blocked_server_is_blocked_in_every_run_from_then_on(desk: Desk, file: InventoryFile) -> None:
    running = file.load(now=_AT)
    desk.block([desk.servers()[2].server], "ann", _AT)
    file.refresh(running)
    for inventory in (running, file.load(now=_AT)):
        server = inventory.server(space_of("gh", "npx gh"))
        assert server is not None
        assert server.status == "blocked"


def test_decisions_pass_from_one_inventory_to_another(desk: Desk, tmp_path: Path) -> None:
    desk.approve([desk.servers()[0].server], [], "ann", _AT)
    desk.block([desk.servers()[2].server], "bob", _AT)
    told = desk.approvals()
    other = Desk(str(tmp_path / "other.sqlite"), make=True)
    other.take_over(told, _AT)
    other.take_over(told, _AT)
    assert other.approvals() == told
    assert [(one.name, one.status) for one in told] == [("fs", "approved"), ("gh", "blocked")]


def test_another_definition_than_the_imported_one_is_told_as_changed_when_it_is_seen(
    desk: Desk, file: InventoryFile, tool: _Tool
) -> None:
    approval = Approval(kind="tool", name="read", hash="c" * 64, by="ann", at=_AT)
    desk.take_over([ApprovedServer(name="fs", launch="npx fs", status=None, definitions=(approval,))], _AT)
    seen = file.load(now=_AT).definition(_SPACE, "tool", "read")
    assert seen is not None
    assert (seen.hash, seen.approved_hash, seen.text) == ("c" * 64, "c" * 64, None)
    _see(file, tool("read", "a" * 64))
    entry = desk.definitions([desk.servers()[0].server])[0]
    assert (entry.state, entry.baseline) == ("changed", None)
    assert desk.servers()[0].status == "known"


def test_the_text_of_an_imported_definition_is_kept_once_it_is_seen(
    desk: Desk, file: InventoryFile, tool: _Tool
) -> None:
    approval = Approval(kind="tool", name="new", hash="c" * 64)
    desk.take_over([ApprovedServer(name="fs", launch="npx fs", status="approved", definitions=(approval,))], _AT)
    _see(file, tool("new", "c" * 64, at=_AT - 1))
    (entry,) = [one for one in desk.definitions([desk.servers()[0].server]) if one.name == "new"]
    assert entry.state == "approved"
    assert entry.text == entry.baseline == tool("new", "c" * 64).text


def test_an_inventory_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="there is no inventory"):
        Desk(str(tmp_path / "none"))
    assert not list(tmp_path.iterdir())
