"""`coverage`: the threat catalogue against the rules."""

from collections.abc import Sequence
from pathlib import Path

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import open_pack
from mcp_siem.errors import UsageError
from mcp_siem.report.coverage import COVERAGE_FORMATS, Coverage, render_coverage
from mcp_siem.rules.catalogue import CATALOGUE_FILE, read_catalogue
from mcp_siem.rules.manifest import pack_root
from mcp_siem.rules.pack import default_pack_dir

__all__ = ["command"]


@click.command("coverage")
@options.rules
@options.formats(*COVERAGE_FORMATS)
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context, rules: Sequence[str], form: str, output: str | None, quiet: bool, no_color: bool
) -> None:
    """Show which techniques of the threat catalogue the rules see, how well, from what, and what telemetry cannot see."""
    pack = open_pack(rules, options.settings_of(ctx))
    root = pack_root(Path(rules[0])) if rules else default_pack_dir()
    catalogue = read_catalogue(root)
    if catalogue is None:
        raise UsageError(f"the pack has no {CATALOGUE_FILE}", source=str(root), hint="the shipped pack has one to copy")
    with console(output, quiet=quiet, no_color=no_color) as out:
        out.data(render_coverage(Coverage(pack=pack, catalogue=catalogue), form, out.style))
