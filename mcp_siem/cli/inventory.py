"""`inventory`: what was seen, what is approved, what has changed since."""

import getpass
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time_ns
from typing import TypeVar

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.errors import FINDINGS, ConfigError, NoInputError, UsageError
from mcp_siem.inventory.approved import parse_approved, render_approved
from mcp_siem.inventory.decisions import Desk, Entry, Known
from mcp_siem.report.document import document_bytes
from mcp_siem.report.inventories import (
    definition_json,
    diff_json,
    diff_lines,
    server_json,
    server_line,
    server_lines,
)
from mcp_siem.report.terminal import safe

__all__ = ["command"]

_Command = TypeVar("_Command", bound=Callable[..., object])


@click.group("inventory")
def command() -> None:
    """Show servers and tools that were seen, approve or block them, and see what changed since.

    The file is named by --inventory, MCP_SIEM_INVENTORY or `inventory` of mcp-siem.toml; replay, watch and normalise fill
    it. SERVER is a name or an id of `inventory list`.
    """


def _by(command: _Command) -> _Command:
    return click.option(
        "--by", metavar="NAME", envvar="MCP_SIEM_BY", help="Who decides; default: the user who runs this."
    )(command)


def _every(command: _Command) -> _Command:
    return click.option("--all", "every", is_flag=True, help="All servers of that name, or of the inventory.")(command)


@command.command("list")
@options.inventory
@options.formats("text", "json")
@options.output
@options.common
def list_(inventory: str | None, form: str, output: str | None, quiet: bool, no_color: bool) -> None:
    """List the servers with their status, and how many definitions have changed."""
    known = _desk(inventory).servers()
    with console(output, quiet=quiet, no_color=no_color) as out:
        if form == "json":
            document = {"format": 1, "servers": [server_json(one) for one in known]}
            out.line(document_bytes(document, indent=True))
            return
        for one in known:
            out.line(server_line(one, out.style))


@command.command("show")
@click.argument("server")
@_every
@options.inventory
@options.formats("text", "json")
@options.output
@options.common
def show(
    server: str, every: bool, inventory: str | None, form: str, output: str | None, quiet: bool, no_color: bool
) -> None:
    """Show one server: who it is, and each definition with its state."""
    desk = _desk(inventory)
    told = [(one, desk.definitions([one.server])) for one in desk.chosen(server, every=every)]
    with console(output, quiet=quiet, no_color=no_color) as out:
        if form == "json":
            listed = [{**server_json(one), "definitions": list(map(definition_json, held))} for one, held in told]
            out.line(document_bytes({"format": 1, "servers": listed}, indent=True))
            return
        for one, held in told:
            for line in server_lines(one, held, out.style):
                out.line(line)


@command.command("approve")
@click.argument("server", required=False)
@click.option("--tool", "tools", multiple=True, metavar="NAME", help="This definition alone; repeatable.")
@_every
@_by
@options.inventory
@options.formats("text", "json")
@options.output
@options.common
def approve(
    server: str | None,
    tools: Sequence[str],
    every: bool,
    by: str | None,
    inventory: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Approve a server with its definitions as they were last seen, or with --tool one definition alone."""
    desk = _desk(inventory)
    chosen = _meant(desk, server, every=every)
    if server is None:
        chosen = [one for one in chosen if one.server.status != "blocked"]
    entries = desk.approve([one.server for one in chosen], tools, by or _user(), _now())
    with console(output, quiet=quiet, no_color=no_color) as out:
        _say(out, form, "approved", [] if tools else chosen, entries)


@command.command("block")
@click.argument("server", required=False)
@_every
@_by
@options.inventory
@options.formats("text", "json")
@options.output
@options.common
def block(
    server: str | None,
    every: bool,
    by: str | None,
    inventory: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Block a server: its events say so from now on."""
    if server is None:
        raise UsageError("no server is named", hint="name one of: mcp-siem inventory list")
    desk = _desk(inventory)
    chosen = desk.chosen(server, every=every)
    desk.block([one.server for one in chosen], by or _user(), _now())
    with console(output, quiet=quiet, no_color=no_color) as out:
        _say(out, form, "blocked", chosen, [])


@command.command("diff")
@click.argument("server", required=False)
@click.option("--exit-code", is_flag=True, envvar="MCP_SIEM_EXIT_CODE", help="Exit 10 when a definition has changed.")
@options.inventory
@options.formats("text", "json")
@options.output
@options.common
def diff(
    server: str | None,
    exit_code: bool,
    inventory: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Show how definitions differ from what was approved, or else from how they were seen first."""
    desk = _desk(inventory)
    chosen = desk.chosen(server, every=True)
    changed = [one for one in desk.definitions([one.server for one in chosen]) if one.state == "changed"]
    with console(output, quiet=quiet, no_color=no_color) as out:
        if form == "json":
            document = {"format": 1, "changed": [diff_json(one) for one in changed]}
            out.line(document_bytes(document, indent=True))
        else:
            for one in changed:
                for line in diff_lines(one, out.style):
                    out.line(line)
            out.say(f"{len(changed)} definitions have changed" if changed else "nothing has changed")
    return FINDINGS if changed and exit_code else 0


@command.command("export")
@options.inventory
@options.formats("toml", "json")
@options.output
@options.common
def export(inventory: str | None, form: str, output: str | None, quiet: bool, no_color: bool) -> None:
    """Write what was approved and blocked as a file to keep beside the code."""
    text = render_approved(_desk(inventory).approvals(), form)
    with console(output, quiet=quiet, no_color=no_color) as out:
        out.data(text)


@command.command("import")
@click.argument("path", metavar="FILE")
@options.inventory
@options.common
def import_(path: str, inventory: str | None, quiet: bool, no_color: bool) -> None:
    """Take over what another inventory approved and blocked, from a file of `inventory export` (TOML or JSON)."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise NoInputError(message, source=path, hint="name a file of mcp-siem inventory export") from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8", source=path, hint="save the file as UTF-8") from error
    approved = parse_approved(text, path)
    _desk(inventory, make=True).take_over(approved, _now())
    with console(None, quiet=quiet, no_color=no_color) as out:
        out.say(f"{len(approved)} servers taken over")


def _desk(inventory: str | None, *, make: bool = False) -> Desk:
    if not inventory:
        hint = 'use --inventory FILE, or write inventory = "FILE" in mcp-siem.toml'
        raise UsageError("no inventory is named", hint=hint)
    return Desk(inventory, make=make)


def _meant(desk: Desk, server: str | None, *, every: bool) -> list[Known]:
    if server is None and not every:
        raise UsageError("no server is named", hint="name one of: mcp-siem inventory list, or all with --all")
    return desk.chosen(server, every=every)


def _say(out: Console, form: str, verb: str, servers: Sequence[Known], entries: Sequence[Entry]) -> None:
    """What was decided; of definitions that had changed each is named, so that nobody approves one unseen."""
    if form == "json":
        listed = [server_json(one) for one in servers]
        document = {"format": 1, verb: listed, "definitions": list(map(definition_json, entries))}
        out.line(document_bytes(document, indent=True))
        return
    for one in servers:
        out.line(f"{verb} {safe(one.server.name)}  {one.server.id}  {safe(one.server.launch)}")
    for entry in entries:
        if not servers or entry.state == "changed":
            was = ", which had changed" if entry.state == "changed" else ""
            out.line(f"{verb} {entry.kind} {safe(entry.name)} of {safe(entry.server)}{was}")
    if entries and servers:
        out.say(f"{len(entries)} definitions {verb}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _now() -> int:
    return time_ns() // 1000
