"""Whether an inventory is kept in memory or written and read between two runs, the same events come of it."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.book import Inventory
from mcp_siem.inventory.known import KnownItems
from mcp_siem.inventory.store import InventoryFile
from mcp_siem.sources.port import Record
from mcp_siem.sources.wire import WireSession
from mcp_siem.testing import START, frame

_NAMES = st.sampled_from([None, "a", "b", "\0", '"]', "é"])
_COMMANDS = st.sampled_from([None, "npx x", "npx x@2", "uvx y"])
_STEPS = st.tuples(
    st.sampled_from(["start", "introduce", "list", "call", "exit"]),
    _NAMES,
    st.integers(1, 2),
    _COMMANDS,
    st.sampled_from(["one", "two"]),
)
_RUNS = st.lists(st.lists(_STEPS, max_size=8), min_size=1, max_size=4)


def _lines(number: int, step: tuple[str, str | None, int, str | None, str]) -> list[bytes]:
    what, name, pid, command, word = step
    at = START + number * 40_000_000

    def both(method: str, params: object, result: object) -> list[bytes]:
        asked = {"id": number, "method": method, "params": params}
        told = {"id": number, "result": result}
        return [
            frame(asked, at=at, server=name, pid=pid),
            frame(told, at=at, server=name, pid=pid, direction="server_to_client"),
        ]

    if what in ("start", "exit"):
        message = {"process_start": (command or "npx x").split()} if what == "start" else {"process_exit": 0}
        return [frame(message, at=at, server=name, pid=pid, direction="meta")]
    if what == "introduce":
        revision = "2025-11-25" if word == "one" else "2024-11-05"
        told = {"protocolVersion": revision, "serverInfo": {"name": "s", "version": word}, "instructions": word}
        return both("initialize", {"protocolVersion": revision, "clientInfo": {"name": "c"}}, told)
    if what == "list":
        tool = {"name": "t", "title": word, "description": word, "annotations": {"readOnlyHint": word == "one"}}
        return both("tools/list", {}, {"tools": [{**tool, "inputSchema": {"type": "object", "title": word}}]})
    return both("tools/call", {"name": "t", "arguments": {"url": f"https://{word}.example/"}}, {"content": []})


def _events(inventory: Inventory, lines: list[bytes]) -> list[dict[str, object]]:
    session = WireSession(Deriver(Redactor((), b"k")), KnownItems(inventory))
    told: list[Any] = []
    for number, line in enumerate(lines):
        told += session.feed(Record(data=line, ref=f"f:{number}"))
    return [dict(one.data) for one in (*told, *session.finish()) if isinstance(one, Event)]


@given(_RUNS)
def test_a_store_that_was_reopened_behaves_as_one_kept_in_memory(
    runs: list[list[tuple[str, str | None, int, str | None, str]]],
) -> None:
    kept = Inventory(now=START)
    with tempfile.TemporaryDirectory() as folder:
        file = InventoryFile(str(Path(folder) / "inventory.sqlite"))
        number = 0
        for steps in runs:
            lines = []
            for step in steps:
                number += 1
                lines += _lines(number, step)
            reopened = file.load(now=START)
            assert _events(kept, lines) == _events(reopened, lines)
            file.save(reopened.take())
