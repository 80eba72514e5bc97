"""`explain`: which part of a rule's condition held on an event."""

from collections.abc import Iterator, Sequence

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import console
from mcp_siem.cli.loading import make_deriver, open_pack
from mcp_siem.engine.explain import explain
from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.report.explanations import explanation_json, explanation_lines
from mcp_siem.report.terminal import safe
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.stream.read import read_events

__all__ = ["command"]


@click.command("explain")
@click.argument("rule")
@click.argument("event")
@options.rules
@options.source
@options.formats("text", "json")
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    rule: str,
    event: str,
    rules: Sequence[str],
    source: str,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Show which part of RULE (stem, id or title) held on EVENT (`FILE:LINE` as an alert names it, or a FILE)."""
    pack = open_pack(rules, options.settings_of(ctx))
    chosen = _rule(pack, rule)
    with console(output, quiet=quiet, no_color=no_color) as out:
        found = False
        for item in _events(event, source):
            found = True
            told = explain(chosen, item, pack.taxonomy)
            if form == "json":
                out.line(explanation_json(item, told))
            else:
                out.line(out.style.paint(f"{safe(chosen.stem)} on {safe(item.raw_ref or '-')}", "bold"))
                for line in explanation_lines(told, out.style):
                    out.line(line)
        if not found:
            raise NoInputError(
                "no event stands there", source=event, hint="name FILE:LINE as an alert's `at` line gives it"
            )


def _rule(pack: RulePack, name: str) -> Rule:
    for rule in pack:
        if name in (rule.stem, rule.id, rule.name, rule.title, rule.path) and (rule.alerts or name != rule.stem):
            return rule
    raise UsageError(f"no rule {name!r} in the pack", hint="`mcp-siem list` names the rules")


def _events(place: str, source: str) -> Iterator[Event]:
    path, wanted = _split(place)
    for item in read_events([path], source=source, deriver=make_deriver()):
        if isinstance(item, Event) and (wanted is None or _stands_at(item, path, wanted)):
            yield item


def _split(place: str) -> tuple[str, str | None]:
    path, colon, line = place.rpartition(":")
    return (path, line) if colon and line.split("/")[0].isdigit() else (place, None)


def _stands_at(event: Event, path: str, wanted: str) -> bool:
    ref = event.raw_ref or ""
    return ref == f"{path}:{wanted}" or ref.startswith(f"{path}:{wanted}/")
