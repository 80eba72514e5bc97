"""Rows of tool calls and lists of tool definitions, as the messages that carry them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from mcp_siem.prove.corpus import Stretch, Unit, is_benign
from mcp_siem.sources.port import Record
from mcp_siem.testing import START, capture_lines, frame

__all__ = ["calls_of", "definitions_of", "listing"]

Row = tuple[str, Mapping[str, object]]
_DEFINED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "_meta", "icons")
_SCHEMAS = ("inputSchema", "input_schema", "parameters")
_FIRST_PID = 5_000
_TOOK = 200_000
# An attack that is in what came back is not the call's.
_IN_RESULT = re.compile("inject|result|response", re.IGNORECASE)


def calls_of(rows: Sequence[Row], label: str) -> tuple[Sequence[Unit], Sequence[Stretch]]:
    """Calls: those that are benign replay as one caller's, each attack by itself."""
    units = [_call(ref, row, label) for ref, row in rows]
    together: dict[str, list[int]] = {}
    for place, (unit, (ref, row)) in enumerate(zip(units, rows, strict=True)):
        together.setdefault("" if unit.benign else f"{unit.label} {row.get('task', ref)}", []).append(place)
    stretches = [
        _stretch([rows[place] for place in places], [units[place] for place in places]) for places in together.values()
    ]
    return units, stretches


def _call(ref: str, row: Mapping[str, object], label: str) -> Unit:
    word = str(row.get("label") or label)
    said = [row.get("tool"), row.get("arguments")]
    return Unit(
        kind="call",
        ref=ref,
        label=word,
        name="" if is_benign(word) else word,
        said=None if _IN_RESULT.search(word) else orjson.dumps(said, option=orjson.OPT_SORT_KEYS),
        about=f"{row.get('tool')} {orjson.dumps(row.get('arguments')).decode()}",
    )


def _stretch(rows: Sequence[Row], units: Sequence[Unit]) -> Stretch:
    refs: list[str] = []

    def followed() -> Iterator[Mapping[str, object]]:
        for ref, row in rows:
            refs.append(ref)
            yield row

    # Lines of a row come before the next row is asked for, so the last ref is theirs.
    records = [Record(data=line, ref=refs[-1]) for line in capture_lines(followed())]
    return Stretch(source="wire", records=records, units={unit.ref: unit for unit in units})


def definitions_of(rows: Sequence[Row], label: str) -> tuple[Sequence[Unit], Sequence[Stretch]]:
    """Definitions wherever they stand in the objects: those of one list were advertised by one server."""
    units: list[Unit] = []
    records: list[Record] = []
    found: dict[str, Unit] = {}
    for number, (server, tools) in enumerate(_servers(rows)):
        ref = tools[0][0]
        held = {
            f"{ref}/{index}": Unit(
                kind="definition", ref=f"{place} {tool.get('name')}", label=str(tool.get("label") or label)
            )
            for index, (place, tool) in enumerate(tools)
        }
        units += held.values()
        found |= held
        records += listing([_advertised(tool) for _, tool in tools], ref=ref, server=server, number=number)
    return units, [Stretch(source="wire", records=records, units=found)] if records else []


def _servers(rows: Sequence[Row]) -> Iterator[tuple[str, list[tuple[str, Mapping[str, object]]]]]:
    """Each list of definitions with the name of its server; rows that are definitions themselves are of one."""
    own = [(ref, row) for ref, row in rows if _is_definition(row)]
    by_suite: dict[str, list[tuple[str, Mapping[str, object]]]] = {}
    for ref, row in own:
        by_suite.setdefault(str(row.get("server") or row.get("suite") or "tools"), []).append((ref, row))
    yield from by_suite.items()
    for ref, row in rows:
        if not _is_definition(row):
            yield from _nested(ref, str(row.get("name") or "server"), row)


def _nested(ref: str, name: str, node: object) -> Iterator[tuple[str, list[tuple[str, Mapping[str, object]]]]]:
    pending: list[tuple[str, str, object]] = [(ref, name, node)]
    while pending:
        place, server, one = pending.pop()
        if isinstance(one, Mapping):
            called = str(one.get("server_name") or one.get("server") or server)
            pending += [(f"{place}/{key}", called, value) for key, value in reversed(list(one.items()))]
        elif isinstance(one, list):
            tools = [(f"{place}/{index}", item) for index, item in enumerate(one) if _is_definition(item)]
            if tools:
                yield server, tools
            else:
                pending += [(f"{place}/{index}", server, item) for index, item in enumerate(one)]


def _is_definition(node: object) -> bool:
    return isinstance(node, Mapping) and isinstance(node.get("name"), str) and any(key in node for key in _SCHEMAS)


def _advertised(tool: Mapping[str, object]) -> dict[str, object]:
    shown = {key: tool[key] for key in _DEFINED if tool.get(key) is not None}
    schema = next((tool[key] for key in _SCHEMAS if isinstance(tool.get(key), Mapping)), {"type": "object"})
    return {**shown, "inputSchema": schema}


def listing(
    tools: Iterable[Mapping[str, object]], *, ref: str, server: str, number: int = 0, at: int = START
) -> list[Record]:
    """The two messages with which a server advertises tools."""
    pid, time = _FIRST_PID + number, at + number * 1_000_000
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    told = {"jsonrpc": "2.0", "id": 1, "result": {"tools": list(tools)}}
    return [
        Record(data=frame(asked, at=time, server=server, pid=pid), ref=ref),
        Record(data=frame(told, at=time + _TOOK, server=server, pid=pid, direction="server_to_client"), ref=ref),
    ]
