"""`config show`: the settings in force and where each comes from."""

import os

import click
import orjson

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.settings import FLAGS, Settings
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
    """Print each setting, its value and its origin (variable, file or default). Secrets are never read or shown."""
    rows = list(_rows(options.settings_of(ctx)))
    with console(output, quiet=quiet, no_color=no_color) as out:
        if form == "json":
            out.line(orjson.dumps([dict(zip(("setting", "value", "origin"), row, strict=True)) for row in rows]))
            return
        for name, value, origin in rows:
            out.line(f"{safe(name):<28} {safe(value):<40} {safe(origin)}")


def _rows(settings: Settings) -> list[tuple[str, str, str]]:
    file = settings.path or "no settings file"
    rows = [_flag_row(name, settings, file) for name in sorted(FLAGS)]
    rows += [(f"vars.{name}", ", ".join(values), file) for name, values in sorted(settings.variables.items())]
    for name, table in sorted(settings.envs.items()):
        rows += [(f"env.{name}.{key}", str(value), file) for key, value in sorted(table.items())]
    return rows


def _flag_row(name: str, settings: Settings, file: str) -> tuple[str, str, str]:
    variable = f"MCP_SIEM_{name.upper()}"
    if variable in os.environ:
        return name, os.environ[variable], f"variable {variable}"
    if name in settings.flags:
        return name, str(settings.flags[name]), file
    return name, "", "default"
