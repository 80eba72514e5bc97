from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.inventory.book import Inventory
from mcp_siem.inventory.server import Definition, space_of
from mcp_siem.inventory.store import InventoryFile

AT = 1_787_227_200_000_000


@pytest.fixture
def file(tmp_path: Path) -> InventoryFile:
    return InventoryFile(str(tmp_path / "inventory.sqlite"))


@pytest.fixture
def tool() -> Callable[..., Definition]:
    """Makes the definition of a tool."""

    def made(
        name: str = "read", hash_: str = "a", *, at: int = AT, server: str = "fs", launch: str = "npx fs"
    ) -> Definition:
        return Definition(
            space=space_of(server, launch),
            kind="tool",
            name=name,
            hash=hash_,
            first_seen=at,
            last_seen=at,
            version="1",
            text=b'{"name":"read","description":"%s"}' % hash_.encode(),
        )

    return made


@pytest.fixture
def inventory() -> Inventory:
    return Inventory(now=AT)
