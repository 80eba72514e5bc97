"""`sources`: which source can feed which rule."""

from collections.abc import Sequence
from pathlib import Path

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import open_pack, say_off
from mcp_siem.errors import UsageError
from mcp_siem.prove.feeds import feeding, read_samples
from mcp_siem.report.sources import SOURCES_FORMATS, SourcesReport, render_sources
from mcp_siem.rules.manifest import pack_root
from mcp_siem.rules.pack import default_pack_dir

__all__ = ["command"]


@click.command("sources")
@click.argument("asked", required=False, metavar="[RULE|SOURCE]")
@options.rules
@options.formats(*SOURCES_FORMATS)
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    asked: str | None,
    rules: Sequence[str],
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Show which sources can feed which rules, and which fields the others lack, from the samples of the pack.

    RULE is a stem or id, SOURCE a word that --source takes.
    """
    pack = open_pack(rules, options.settings_of(ctx))
    root = pack_root(Path(rules[0])) if rules else default_pack_dir()
    samples = read_samples(root if (root / "sources").is_dir() else default_pack_dir())
    fed = list(feeding(pack, samples))
    if asked is not None and asked not in {sample.source for sample in samples}:
        fed = [one for one in fed if asked in (one.rule.stem, one.rule.id)]
        if not fed:
            known = ", ".join(sample.source for sample in samples)
            raise UsageError(f"{asked!r} is no rule that is on, and no source", hint=f"sources: {known}; mcp-siem list")
    with console(output, quiet=quiet, no_color=no_color) as out:
        say_off(pack, out)
        out.data(render_sources(SourcesReport(fed=fed, samples=samples, asked=asked), form, out.style))
