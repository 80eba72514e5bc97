import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.errors import UsageError
from mcp_siem.inventory import store as store_module
from mcp_siem.inventory.book import Inventory
from mcp_siem.inventory.schema import opened, transaction
from mcp_siem.inventory.server import Definition, space_of
from mcp_siem.inventory.store import InventoryFile

_AT = 1_787_227_200_000_000
_SPACE = space_of("fs", "npx fs")
_Tool = Callable[..., Definition]


def _filled(inventory: Inventory, tool: _Tool, digest: str = "a", *, at: int = _AT) -> Inventory:
    inventory.meet(_SPACE, at)
    inventory.describe(_SPACE, package="fs", roots=("/a",), info_version="1")
    inventory.define(tool(hash_=digest, at=at))
    inventory.speak("fs", "client", "2025-06-18", at)
    inventory.first("use", at)
    return inventory


def test_a_new_inventory_is_empty_and_nobody_else_can_read_it(file: InventoryFile, inventory: Inventory) -> None:
    assert len(file.load(now=_AT)) == 0
    assert not Path(file.path).exists()
    inventory.first("use", _AT)
    file.save(inventory.take())
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600  # noqa: PTH116 (a mode)


def test_what_was_saved_is_there_in_the_next_run(file: InventoryFile, inventory: Inventory, tool: _Tool) -> None:
    file.save(_filled(inventory, tool).take())
    again = file.load(now=_AT)
    server, seen = again.server(_SPACE), again.definition(_SPACE, "tool", "read")
    assert server is not None
    assert seen is not None
    assert (server.package, server.roots, server.info_version) == ("fs", ("/a",), "1")
    assert (seen.hash, seen.version, seen.text) == ("a", "1", tool(hash_="a").text)
    assert again.revision("fs", "client") == "2025-06-18"
    assert again.first("use", _AT) is False
    assert not again.take()


def test_saving_twice_is_saving_once(file: InventoryFile, inventory: Inventory, tool: _Tool) -> None:
    batch = _filled(inventory, tool).take()
    file.save(batch)
    before = _dumped(file)
    file.save(batch)
    assert _dumped(file) == before


def test_a_changed_definition_keeps_the_one_it_was_first(file: InventoryFile, tool: _Tool) -> None:
    for digest in "abc":
        inventory = file.load(now=_AT)
        inventory.define(tool(hash_=digest))
        file.save(inventory.take())
    (row,) = _rows(file, "SELECT hash, baseline_hash, text, baseline FROM definitions")
    assert row == ("c", "a", tool(hash_="c").text, tool(hash_="a").text)


def test_a_definition_seen_again_without_its_text_keeps_it(file: InventoryFile, tool: _Tool) -> None:
    inventory = file.load(now=_AT)
    inventory.define(tool())
    batch = inventory.take()
    file.save(batch)
    file.save(
        type(batch)(
            definitions=(Definition(space=_SPACE, kind="tool", name="read", hash="a", first_seen=1, last_seen=1),)
        )
    )
    assert _rows(file, "SELECT text, first_seen FROM definitions") == [(tool().text, 1)]


def test_two_runs_at_once_take_nothing_from_each_other(file: InventoryFile, tool: _Tool) -> None:
    one, other = file.load(now=_AT), file.load(now=_AT)
    _filled(one, tool)
    other.meet(space_of("gh", "npx gh"), _AT + 5)
    other.meet(_SPACE, _AT - 5)
    file.save(one.take())
    file.save(other.take())
    both = file.load(now=_AT)
    server = both.server(_SPACE)
    assert server is not None
    assert (len(both.servers), server.first_seen, server.package) == (2, _AT - 5, "fs")


def test_decisions_made_meanwhile_are_kept_and_taken_over(
    file: InventoryFile, inventory: Inventory, tool: _Tool
) -> None:
    file.save(_filled(inventory, tool).take())
    running = file.load(now=_AT)
    with opened(file.path) as connection, transaction(connection):
        connection.execute("UPDATE servers SET status = 'approved'")
        connection.execute("UPDATE definitions SET approved_hash = hash")
        connection.execute("UPDATE decisions SET number = number + 1")
    file.save(_filled(running, tool, "b", at=_AT + 10**8).take())
    file.refresh(running)
    server, seen = running.server(_SPACE), running.definition(_SPACE, "tool", "read")
    assert server is not None
    assert seen is not None
    assert (server.status, seen.hash, seen.approved_hash) == ("approved", "b", "a")
    again = file.load(now=_AT).server(_SPACE)
    assert again is not None
    assert again.status == "approved"


def test_hostile_names_are_stored_as_they_are(file: InventoryFile, inventory: Inventory) -> None:
    names = ["\0", "'; DROP TABLE servers; --", "\x1b[2J", "\ud800", "x" * 100_000, "\U000e0041", '"],["']
    spaces = [space for name in names if (space := inventory.space(name, name))]
    for space in spaces:
        inventory.meet(space, None)
    file.save(inventory.take())
    again = file.load(now=_AT)
    assert all(again.server(space) is not None for space in spaces)
    assert len(again.servers) == len(names)


def test_the_file_does_not_grow_without_end_and_decided_rows_stay(
    file: InventoryFile, tool: _Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_MOST", dict.fromkeys(("servers", "definitions", "revisions", "uses"), 20))
    inventory = file.load(now=_AT)
    inventory.meet(space_of("s", "0"), _AT)
    inventory.define(tool(name="0"))
    file.save(inventory.take())
    with opened(file.path) as connection:
        connection.execute("UPDATE servers SET status = 'blocked'")
        connection.execute("UPDATE definitions SET approved_hash = hash")
    for number in range(1, 50):
        inventory.meet(space_of("s", str(number)), _AT + number)
        inventory.define(tool(name=str(number), at=_AT + number))
        inventory.speak("s", str(number), "2025-06-18", _AT + number)
        inventory.first(str(number), _AT + number)
        file.save(inventory.take())
    again = file.load(now=_AT)
    assert len(again) <= 80
    assert again.server(space_of("s", "0")) is not None
    assert again.server(space_of("s", "49")) is not None
    assert again.definition(_SPACE, "tool", "0") is not None


def test_many_bytes_are_dropped_too(file: InventoryFile, tool: _Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MOST_BYTES", 100)
    inventory = file.load(now=_AT)
    inventory.define(tool())
    file.save(inventory.take())
    assert _rows(file, "SELECT * FROM definitions") == []


def test_texts_are_loaded_as_far_as_there_is_room(
    file: InventoryFile, tool: _Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = file.load(now=_AT)
    for number in range(3):
        inventory.define(tool(name=str(number), at=_AT + number))
    file.save(inventory.take())
    monkeypatch.setattr(store_module, "_TEXT_BYTES", len(tool().text or b"") * 2)
    again = file.load(now=_AT)
    found = [again.definition(_SPACE, "tool", str(number)) for number in range(3)]
    assert [one is not None and one.text is not None for one in found] == [False, True, True]


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be read", b"SQLite format 3\0" + b"\xff" * 5_000]
)
def test_a_damaged_file_is_said_with_the_next_step_and_left_as_it_is(file: InventoryFile, content: bytes) -> None:
    Path(file.path).write_bytes(content)
    with pytest.raises(UsageError, match="damaged") as caught:
        file.load(now=_AT)
    assert (caught.value.source, caught.value.exit_code) == (file.path, 2)
    assert "import" in str(caught.value.hint)
    assert Path(file.path).read_bytes() == content


def test_a_damaged_page_is_said_as_well(file: InventoryFile, inventory: Inventory, tool: _Tool) -> None:
    for number in range(200):
        inventory.define(tool(name=str(number)))
    file.save(inventory.take())
    data = bytearray(Path(file.path).read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    Path(file.path).write_bytes(data)
    with pytest.raises(UsageError, match="damaged"):
        file.load(now=_AT)


def test_a_database_of_something_else_is_never_touched(file: InventoryFile) -> None:
    other = sqlite3.connect(file.path)
    other.execute("CREATE TABLE t (x)")
    other.commit()
    other.close()
    before = Path(file.path).read_bytes()
    with pytest.raises(UsageError, match="something else"):
        file.load(now=_AT)
    assert Path(file.path).read_bytes() == before


def test_a_newer_format_is_refused(file: InventoryFile) -> None:
    with opened(file.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="newer mcp-siem"):
        file.load(now=_AT)


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made") as caught:
        InventoryFile(str(tmp_path / "none" / "x")).load(now=_AT)
    assert "--inventory" in str(caught.value.hint)


def test_a_locked_file_is_said(file: InventoryFile) -> None:
    with opened(file.path):
        pass
    holder = sqlite3.connect(file.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(UsageError, match="in use by another process"), opened(file.path, wait=0) as connection:
        connection.execute("BEGIN IMMEDIATE")
    holder.close()


def test_a_failed_write_changes_nothing(file: InventoryFile, inventory: Inventory, tool: _Tool) -> None:
    file.save(_filled(inventory, tool).take())
    before = _dumped(file)
    with opened(file.path) as connection, pytest.raises(sqlite3.IntegrityError), transaction(connection):
        connection.executemany("UPDATE servers SET status = ?", [("blocked",), ("wrong",)])
    assert _dumped(file) == before


def _rows(file: InventoryFile, query: str) -> list[tuple[object, ...]]:
    with opened(file.path) as connection:
        return connection.execute(query).fetchall()


def _dumped(file: InventoryFile) -> list[str]:
    with opened(file.path) as connection:
        return list(connection.iterdump())
