"""`list`: the rules of the pack."""

from collections.abc import Sequence

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import open_pack
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import safe
from mcp_siem.rules.rule import Rule, spelled

__all__ = ["command"]


@click.command("list")
@options.rules
@options.formats("text", "json")
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context, rules: Sequence[str], form: str, output: str | None, quiet: bool, no_color: bool
) -> None:
    """List the rules: level, stem, title; rules that are off say why."""
    pack = open_pack(rules, options.settings_of(ctx))
    shown = [rule for rule in pack if rule.alerts and rule.kind != "filter"]
    with console(output, quiet=quiet, no_color=no_color) as out:
        if form == "json":
            out.line(document_bytes([_json(rule) for rule in shown], indent=True))
            return
        for rule in shown:
            native = "  (native: runs on the SIEM alone)" if rule.kind == "native" else ""
            off = f"  (off: {safe(rule.off)})" if rule.off else native
            out.line(f"{out.style.paint(f'{rule.level:<14}', rule.level)}{safe(rule.stem):<48} {safe(rule.title)}{off}")


def _json(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "stem": rule.stem,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "kind": rule.kind,
        "tags": list(rule.tags),
        "path": spelled(rule.path),
        "off": rule.off,
    }
