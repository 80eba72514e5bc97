"""`normalise`: raw records in, events of the taxonomy out."""

from collections.abc import Iterable, Iterator, Sequence
from time import time_ns

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import make_deriver
from mcp_siem.cli.memory import Memory
from mcp_siem.cli.settings import Settings
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import safe
from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.read import read_events

__all__ = ["command"]

_COLUMNS = ("event.dataset", "mcp.method.name", "gen_ai.tool.name", "mcp.server.name", "event.outcome")


@click.command("normalise")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@options.source
@options.inventory
@options.formats("text", "json", "jsonl")
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    paths: Sequence[str],
    source: str,
    inventory: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Turn raw records (FILE, directory, .gz, or - for standard input) into events with one documented schema."""
    with console(output, quiet=quiet, no_color=no_color) as out:
        deriver = make_deriver(_named_rules(options.settings_of(ctx)))
        memory = Memory(inventory, lambda: time_ns() // 1000)
        read = read_events(paths, source=source, deriver=deriver, known=memory.known)
        events = _events(memory.through(read), out)
        if form == "json":
            out.line(document_bytes([document(event) for event in events]))
            return
        for event in events:
            out.line(document_bytes(document(event)) if form == "jsonl" else _line(event))


def _named_rules(settings: Settings) -> Sequence[str]:
    """The rules of the settings file: beside them may stand the formats of secrets that a site knows."""
    named = settings.flags.get("rules")
    return [str(one) for one in named] if isinstance(named, list) else []


def _events(items: Iterable[Event | ParseIssue], out: Console) -> Iterator[Event]:
    for item in items:
        if isinstance(item, ParseIssue):
            out.note(item.ref, f"{item.code}: {item.reason}")
        else:
            yield item


def document(event: Event) -> dict[str, object]:
    """The event with flat dotted keys and `@timestamp` in RFC 3339 UTC."""
    flat = event.flat()
    if event.time is not None:
        flat["@timestamp"] = format_time(event.time)
    return flat


def _line(event: Event) -> str:
    when = format_time(event.time) if event.time is not None else "-"
    cells = [safe(str(next(iter(event.values(name)), "-"))) for name in _COLUMNS]
    return f"{when}  " + "  ".join(cells)
