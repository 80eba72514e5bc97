"""`replay`: raw records or events in, alerts out."""

from collections.abc import Iterable, Iterator, Sequence

import click
import orjson

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import make_deriver, open_pack, say_off
from mcp_siem.engine.alert import Alert
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.errors import FINDINGS
from mcp_siem.events.event import Event
from mcp_siem.report.alerts import AlertStory, Summary, alert_json
from mcp_siem.rules.card import rule_card
from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.read import read_events
from mcp_siem.stream.spill import SpillingStore

__all__ = ["command"]


@click.command("replay")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@options.rules
@options.source
@click.option(
    "--every",
    is_flag=True,
    envvar="MCP_SIEM_EVERY",
    help="An alert at each event at which a correlation holds, not one a burst.",
)
@options.fail_level
@options.formats("text", "json", "jsonl")
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    paths: Sequence[str],
    rules: Sequence[str],
    source: str,
    every: bool,
    fail_level: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Run the rules over captures or events (FILE, directory, .gz, or - for standard input) and print alerts."""
    pack = open_pack(rules, options.settings_of(ctx))
    summary = Summary()
    with console(output, quiet=quiet, no_color=no_color) as out:
        say_off(pack, out)
        events = _counted(read_events(paths, source=source, deriver=make_deriver()), summary, out)
        engine = Engine(pack, every=every)
        alerts = _summed(replay(engine, events, store=SpillingStore()), summary)
        if form == "text":
            story = AlertStory({rule.id: rule_card(rule) for rule in pack}, out.style)
            _write_lines(out, (line for alert in alerts for line in story.lines(alert)))
            _write_lines(out, summary.lines(out.style))
        elif form == "jsonl":
            _write_lines(out, (alert_json(alert) for alert in alerts))
        else:
            out.line(_document(alerts, summary))
        _say_losses(engine, out)
    return FINDINGS if fail_level and summary.at_or_above(fail_level) else 0


def _counted(items: Iterable[Event | ParseIssue], summary: Summary, out: Console) -> Iterator[Event]:
    for item in items:
        if isinstance(item, ParseIssue):
            summary.issues += 1
            out.note(item.ref, f"{item.code}: {item.reason}")
        else:
            summary.events += 1
            yield item


def _summed(alerts: Iterable[Alert], summary: Summary) -> Iterator[Alert]:
    for alert in alerts:
        summary.add(alert)
        yield alert


def _say_losses(engine: Engine, out: Console) -> None:
    """What the engine could not judge is said: silence would look like peace."""
    for rule_id, count in sorted(engine.failures.items()):
        out.note(rule_id, f"the rule failed on {count} events, which it did not judge: a bug, please report it")
    if engine.dropped:
        out.note("correlations", f"{engine.dropped} events left their window early, because it held too many")


def _write_lines(out: Console, lines: Iterable[str | bytes]) -> None:
    for line in lines:
        out.line(line)


def _document(alerts: Iterable[Alert], summary: Summary) -> bytes:
    listed = [orjson.Fragment(alert_json(alert)) for alert in alerts]
    return orjson.dumps({"format": 1, "alerts": listed, "events_read": summary.events, "unreadable": summary.issues})
