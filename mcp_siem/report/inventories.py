"""The inventory for readers: servers, definitions, and what changed in them. Names and texts in it are hostile."""

from collections.abc import Iterator, Sequence

from mcp_siem.events.time import format_time
from mcp_siem.inventory.decisions import Entry, Known
from mcp_siem.inventory.diff import changed_fields
from mcp_siem.inventory.server import server_id
from mcp_siem.report.terminal import Style, cut, safe

__all__ = ["definition_json", "diff_json", "diff_lines", "server_json", "server_line", "server_lines"]

_SHORT = 12
_LONGEST = 200
_PAINT = {"approved": "low", "blocked": "critical", "known": "medium", "changed": "high", "new": "medium"}
_UNSEEN = "no field that is kept differs: the change lies in annotations, or beyond what is kept of a long text"


def server_json(one: Known) -> dict[str, object]:
    """A server as JSON."""
    server = one.server
    return {
        "id": server.id,
        "name": server.name,
        "launch": server.launch,
        "status": one.status,
        "scope": server.scope,
        "package": server.package,
        "package_version": server.package_version,
        "version": server.info_version,
        "protocol_versions": list(one.revisions),
        "roots": list(server.roots),
        "first_seen": format_time(server.first_seen),
        "last_seen": format_time(server.last_seen),
        "decided_by": server.decided_by,
        "decided_at": _time(server.decided_at),
        "definition_count": one.definitions,
        "changed_count": one.changed,
    }


def definition_json(one: Entry) -> dict[str, object]:
    """A definition as JSON."""
    return {
        "server": one.server,
        "server_id": server_id(one.server, one.launch),
        "kind": one.kind,
        "name": one.name,
        "state": one.state,
        "hash": one.hash,
        "baseline_hash": one.baseline_hash,
        "approved_hash": one.approved_hash,
        "approved_by": one.approved_by,
        "approved_at": _time(one.approved_at),
        "version": one.version,
        "first_seen": format_time(one.first_seen),
        "last_seen": format_time(one.last_seen),
    }


def diff_json(one: Entry) -> dict[str, object]:
    """A changed definition as JSON, with the lines of each field that differs."""
    changes = changed_fields(one.baseline, one.text)
    return {
        **definition_json(one),
        "baseline_kept": one.baseline is not None,
        "fields": [{"field": change.field, "lines": list(change.lines)} for change in changes],
    }


def server_line(one: Known, style: Style) -> str:
    """A server in one line."""
    server = one.server
    changed = style.paint(f"  {one.changed} changed", "high") if one.changed else ""
    status = style.paint(f"{one.status:<9}", _PAINT[one.status])
    name = f"{safe(cut(server.name, 60)):<28}"
    return (
        f"{status} {server.id}  {name} {one.definitions:>4} definitions{changed}  {safe(cut(server.launch, _LONGEST))}"
    )


def server_lines(one: Known, held: Sequence[Entry], style: Style) -> Iterator[str]:
    """A server with its definitions."""
    server = one.server
    yield style.paint(safe(cut(server.name, _LONGEST)), "bold") + f"  {server.id}"
    decided = f" by {server.decided_by}, {_time(server.decided_at)}" if server.decided_by else ""
    rows = (
        ("status", f"{one.status}{decided}"),
        ("launch", server.launch),
        ("package", " ".join(filter(None, (server.package, server.package_version)))),
        ("version", server.info_version),
        ("protocol", ", ".join(one.revisions)),
        ("roots", ", ".join(server.roots)),
        ("seen", f"{format_time(server.first_seen)} to {format_time(server.last_seen)}"),
    )
    for name, value in rows:
        if value:
            yield f"  {name:<9} {safe(cut(value, 2_000))}"
    for entry in held:
        state = style.paint(f"{entry.state:<9}", _PAINT[entry.state])
        yield f"  {state} {entry.kind:<8} {safe(cut(entry.name, _LONGEST))}  {entry.hash[:_SHORT]}"
    yield ""


def diff_lines(one: Entry, style: Style) -> Iterator[str]:
    """A changed definition: each field that differs, line by line, with what hides in it spelled."""
    since = "approved" if one.approved_hash is not None else "first seen"
    yield style.paint(f"{one.kind} {safe(cut(one.name, _LONGEST))} of {safe(cut(one.server, _LONGEST))}", "bold")
    yield f"  {since} {one.baseline_hash[:_SHORT]}, now {one.hash[:_SHORT]}, last seen {format_time(one.last_seen)}"
    if one.baseline is None:
        yield "  the text of the earlier definition is not here, only its hash; what is there now:"
    changes = changed_fields(one.baseline, one.text)
    for change in changes:
        yield f"  {change.field}"
        for line in change.lines:
            shown = f"    {line[:1]}{safe(line[1:])}"
            yield style.paint(shown, {"-": "dim", "+": "high"}.get(line[:1], ""))
    if not changes:
        yield f"  {_UNSEEN}"
    yield ""


def _time(at: int | None) -> str | None:
    return None if at is None else format_time(at)
