"""`replay`: raw records or events in, alerts out."""

import gc
import os
import time
from collections.abc import Iterator, Sequence

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import make_deriver, open_pack, say_native, say_off
from mcp_siem.cli.memory import Memory
from mcp_siem.cli.period import parse_period
from mcp_siem.cli.progress import terminal_progress
from mcp_siem.errors import FINDINGS, UsageError
from mcp_siem.events.time import format_time
from mcp_siem.report.alerts import AlertLines, AlertStory, AlertTexts, Summary
from mcp_siem.report.document import document_bytes
from mcp_siem.rules.card import rule_card
from mcp_siem.rules.rule import RulePack
from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.period import Period
from mcp_siem.stream.read import Feed, open_feeds
from mcp_siem.stream.replay import Replay, Step

__all__ = ["command"]

_GARBAGE = 20_000


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
@options.period
@options.fail_level
@options.jobs
@options.inventory
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
    since: str | None,
    until: str | None,
    fail_level: str | None,
    jobs: int,
    inventory: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Run the rules over captures or events (FILE, directory, .gz, .zst, or - for standard input) and print alerts.

    Durations of --since and --until count back from now. Events earlier than --since still count in the windows of
    correlations, as far back as twice the longest of them.
    """
    period = parse_period(since, until, _now())
    if jobs > 1 and not hasattr(os, "fork"):
        raise UsageError("this system cannot work in several processes", hint="leave --jobs out")
    pack = open_pack(rules, options.settings_of(ctx))
    memory = Memory(inventory, _now)
    with console(output, quiet=quiet, no_color=no_color) as out:
        say_off(pack, out)
        say_native(pack, out)
        feeds, issues = open_feeds(paths, source=source, deriver=make_deriver(rules), known=memory.known)
        run = _Run(pack, out, form)
        replay = Replay(pack, feeds, show=run.show, period=period, every=every, jobs=jobs)
        _spare_what_is_loaded()
        out.progress = terminal_progress(_size(feeds), quiet=quiet)
        summary = run.write(replay, _first_told(issues, memory.through(replay.steps())))
        _say_losses(replay, out)
        _say_empty(replay, period, summary, out)
    return FINDINGS if fail_level and summary.at_or_above(fail_level) else 0


def _now() -> int:
    return time.time_ns() // 1000


def _spare_what_is_loaded() -> None:
    """Rules live as long as the command, and events die at once: the collector need look at neither."""
    gc.freeze()
    gc.set_threshold(_GARBAGE)


class _Run:
    """Writes one replay in one form."""

    def __init__(self, pack: RulePack, out: Console, form: str) -> None:
        self._out = out
        self._form = form
        self._story = AlertStory({rule.id: rule_card(rule) for rule in pack} if form == "text" else {}, out.style)
        self._alerts = 0
        self.show: AlertLines | AlertTexts = AlertTexts(self._story) if form == "text" else AlertLines()

    def write(self, replay: Replay, steps: Iterator[Step]) -> Summary:
        """Writes everything; returns what it amounts to."""
        summary = Summary()
        if self._form == "json":
            self._out.data(b'{"format":1,"alerts":[')
        for step in steps:
            for issue in step.issues:
                self._out.note(issue.ref, f"{issue.code}: {issue.reason}")
            summary.issues += len(step.issues)
            if step.shown:
                self._out.data(self._written(step.shown))
            self._out.tell(replay.done, replay.events)
        summary.events = replay.events
        for total in replay.totals:
            if isinstance(total, Summary):
                summary.merge(total)
        self._close(summary)
        return summary

    def _written(self, shown: Sequence[object]) -> str | bytes:
        if self._form == "text":
            return "".join(self._told(*one) for one in shown if isinstance(one, tuple))
        lines = [one for one in shown if isinstance(one, bytes)]
        if self._form == "jsonl":
            return b"\n".join([*lines, b""])
        first, self._alerts = self._alerts == 0, self._alerts + len(lines)
        return b",".join(lines if first else [b"", *lines])

    def _told(self, rule_id: str, said: str) -> str:
        return "\n".join([said, *self._story.known(rule_id), "", ""])

    def _close(self, summary: Summary) -> None:
        if self._form == "text":
            for line in summary.lines(self._out.style):
                self._out.line(line)
        elif self._form == "json":
            counted = document_bytes({"events_read": summary.events, "unreadable": summary.issues})
            self._out.line(b"]," + counted.removeprefix(b"{"))


def _first_told(issues: Sequence[ParseIssue], steps: Iterator[Step]) -> Iterator[Step]:
    yield Step(issues=issues)
    yield from steps


def _size(feeds: Sequence[Feed]) -> int | None:
    sizes = [feed.source.size for feed in feeds]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _say_losses(replay: Replay, out: Console) -> None:
    """What the engine could not judge is said: silence would look like peace."""
    for rule_id, count in sorted(replay.failures.items()):
        out.note(rule_id, f"the rule failed on {count} events, which it did not judge: a bug, please report it")
    if replay.dropped:
        out.note("correlations", f"{replay.dropped} events left their window early, because it held too many")


def _say_empty(replay: Replay, period: Period, summary: Summary, out: Console) -> None:
    """Nothing alerted because nothing is of that time: that is not peace either."""
    if period.whole or summary.rules or replay.newest is None or period.shows(replay.newest):
        return
    if replay.newest < period.since:
        out.note("--since", f"the newest event is of {format_time(replay.newest)}, so none is asked about")
