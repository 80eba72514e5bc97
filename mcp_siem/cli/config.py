"""`config show`: the settings in force and where each comes from."""

import os
from collections.abc import Iterator

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.settings import Settings, origin_of
from mcp_siem.deploy.connect import shown_setting
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import safe

__all__ = ["command"]


@click.group("config")
def command() -> None:
    """Show the settings in force and where each comes from."""


@command.command("show")
@options.formats("text", "json")
@options.output
@options.common
@click.pass_context
def show(ctx: click.Context, form: str, output: str | None, quiet: bool, no_color: bool) -> None:
    """Print each setting, its value and its origin (flag, variable, file or default). Secrets are never read or shown."""
    rows = [*_flags(ctx, options.settings_of(ctx)), *_tables(options.settings_of(ctx))]
    with console(output, quiet=quiet, no_color=no_color) as out:
        if form == "json":
            shown = [dict(zip(("setting", "value", "origin"), row, strict=True)) for row in rows]
            out.line(document_bytes(shown, indent=True))
            return
        for name, value, origin in rows:
            out.line(f"{safe(name):<28} {safe(value):<40} {safe(origin)}")


def _flags(ctx: click.Context, settings: Settings) -> Iterator[tuple[str, str, str]]:
    own = {option.name: option for option in ctx.command.params}
    for name, option in sorted(_options(ctx).items()):
        if option.name in own:
            value, origin = origin_of(own[option.name], ctx)
        elif raw := os.environ.get(str(option.envvar)):
            value, origin = raw, f"variable {option.envvar}"
        elif name in settings.flags:
            value, origin = settings.flags[name], settings.place(name) or ""
        else:
            value, origin = option.get_default(ctx), "default"
        if name == "no_color" and not value and os.environ.get("NO_COLOR"):
            value, origin = True, "variable NO_COLOR"
        yield name, _text(value), origin
    path, variable = settings.path or "", os.environ.get("MCP_SIEM_CONFIG")
    yield "config", path, "default" if not variable else "variable MCP_SIEM_CONFIG" if variable == path else "flag"


def _options(ctx: click.Context) -> dict[str, click.Option]:
    """Every flag of every verb that has a variable, by its name in the settings file."""
    root = ctx.find_root()
    verbs = root.command
    found: dict[str, click.Option] = {}
    for verb in verbs.list_commands(root) if isinstance(verbs, click.Group) else ():
        command = verbs.get_command(root, verb) if isinstance(verbs, click.Group) else None
        shown = command.commands["show"] if isinstance(command, click.Group) else command
        for option in shown.params if shown else ():
            if isinstance(option, click.Option) and option.envvar and option.name != "config":
                found.setdefault(str(option.envvar).removeprefix("MCP_SIEM_").lower(), option)
    return found


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return os.pathsep.join(str(one) for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ""


def _tables(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for name, values in sorted(settings.variables.items()):
        yield f"vars.{name}", ", ".join(values), settings.place(name, "vars") or ""
    for name, table in sorted(settings.envs.items()):
        for key, value in sorted(table.items()):
            yield f"env.{name}.{key}", shown_setting(key, value), settings.path or ""
