"""`explain`: which part of a rule's condition held on an event, and which window of a correlation."""

from collections.abc import Iterable, Iterator, Sequence

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import make_deriver, open_pack
from mcp_siem.engine.explain import explain
from mcp_siem.engine.explain_window import explain_windows
from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.report.explanations import explanation_json, explanation_lines, window_lines, windows_json
from mcp_siem.report.terminal import safe
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.sources.port import ParseIssue
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
    """Show which part of RULE (stem, id or title) held on EVENT (`FILE:LINE` as an alert names it, or a FILE).

    Of a correlation it shows the window too: its events, when it opened, and what it lacks. It is counted over all of FILE.
    """
    pack = open_pack(rules, options.settings_of(ctx))
    chosen = _rule(pack, rule)
    place = _Place(event)
    with console(output, quiet=quiet, no_color=no_color) as out:
        told = _Told(chosen, pack, out, form)
        events = read_events([place.path], source=source, deriver=make_deriver(rules))
        if chosen.kind == "correlation":
            told.windows(place, events)
        else:
            told.events(place, events)
        if not told.anything:
            raise NoInputError(
                "no event stands there", source=event, hint="name FILE:LINE as an alert's `at` line gives it"
            )


class _Place:
    """`FILE:LINE` as an alert names it, or a whole FILE."""

    def __init__(self, text: str) -> None:
        path, colon, line = text.rpartition(":")
        named = bool(colon) and line.split("/")[0].isdigit()
        self.text = text
        self.path = path if named else text
        self.line = line if named else None

    def fits(self, ref: str | None) -> bool:
        """Says whether an event from there is meant."""
        return self.line is None or ref == self.text or (ref or "").startswith(f"{self.text}/")


class _Told:
    """Writes what is to be said about one rule, in one form."""

    def __init__(self, rule: Rule, pack: RulePack, out: Console, form: str) -> None:
        self._rule, self._pack, self._out, self._form = rule, pack, out, form
        self.anything = False

    def events(self, place: _Place, events: Iterable[Event | ParseIssue]) -> None:
        """The parts of the rule on each event of the place."""
        for item in events:
            if isinstance(item, Event) and place.fits(item.raw_ref):
                self._event(item)

    def windows(self, place: _Place, events: Iterable[Event | ParseIssue]) -> None:
        """The event of the place, if it is a line, and the windows of the correlation, over all events of the file."""
        found = explain_windows(
            self._pack, self._rule, self._read(place, events), at=place.fits if place.line is not None else None
        )
        if not self.anything:
            return
        if self._form == "json":
            self._out.line(windows_json(place.text, found))
            return
        self._out.line(self._out.style.paint(f"{safe(self._rule.stem)} over {safe(place.text)}", "bold"))
        for line in window_lines(found, self._out.style):
            self._out.line(line)

    def _read(self, place: _Place, events: Iterable[Event | ParseIssue]) -> Iterator[Event]:
        for item in events:
            if isinstance(item, Event):
                if place.line is None:
                    self.anything = True
                elif place.fits(item.raw_ref):
                    self._event(item)
                yield item

    def _event(self, event: Event) -> None:
        self.anything = True
        told = explain(self._rule, event, self._pack.taxonomy)
        if self._form == "json":
            self._out.line(explanation_json(event, told))
            return
        self._out.line(self._out.style.paint(f"{safe(self._rule.stem)} on {safe(event.raw_ref or '-')}", "bold"))
        for line in explanation_lines(told, self._out.style):
            self._out.line(line)


def _rule(pack: RulePack, name: str) -> Rule:
    for rule in pack:
        if name in (rule.stem, rule.id, rule.name, rule.title, rule.path) and (rule.alerts or name != rule.stem):
            return rule
    raise UsageError(f"no rule {name!r} in the pack", hint="`mcp-siem list` names the rules")
