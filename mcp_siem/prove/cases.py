"""Fixtures through the engine: each case on its own, judged for its own rule only."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import orjson

from mcp_siem.engine.alert import Alert
from mcp_siem.engine.compile import compile_correlation
from mcp_siem.engine.correlate import Correlator
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.hit import Hit, sort_key
from mcp_siem.errors import McpSiemError
from mcp_siem.events.event import Event
from mcp_siem.rules.finding import Finding
from mcp_siem.rules.fixtures import Fixture
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.sources.event import EventSession
from mcp_siem.sources.port import ParseIssue, Record

__all__ = ["Bench"]


class Bench:
    """One rule, ready to be tried. Raises PackError with every part of the rule that has no meaning in the engine."""

    def __init__(self, pack: RulePack, rule: Rule, bases: Sequence[Rule]) -> None:
        self._rule = rule
        parts = (*bases, rule)
        self._engine = Engine(replace(pack, rules=parts))
        self._correlations = [compile_correlation(part) for part in parts if part.kind == "correlation"]

    def try_cases(self, fixtures: Sequence[Fixture]) -> Iterator[Finding]:
        """The cases that do not end as they should."""
        for fixture in fixtures:
            finding = self._judged(fixture)
            if finding:
                yield finding

    def _judged(self, fixture: Fixture) -> Finding | None:
        events: list[Event] = []
        for item in _events(fixture):
            if isinstance(item, ParseIssue):
                return _finding("MS301", fixture, f"the event cannot be read: {item.reason}", "correct the event")
            events.append(item)
        failed = self._engine.failures.total()
        try:
            alerted = self._alerts(events)
        except McpSiemError as error:
            return _finding("MS301", fixture, error.message, error.hint or "correct the event")
        if self._engine.failures.total() > failed:
            hint = "report this with the rule and the event: the engine must not fail on any"
            return _finding("MS306", fixture, "the engine failed on this case", hint)
        return None if alerted == fixture.alerts else self._wrong(fixture)

    def _alerts(self, events: Sequence[Event]) -> bool:
        """Says whether the rule alerts. What a correlation counted in one case must not count in the next."""
        hits: list[Hit] = []
        alerts: list[Alert] = []
        for event in events:
            found, held = self._engine.match(event)
            alerts += found
            hits += held
        correlator = Correlator(self._correlations, every=False)
        for hit in sorted(hits, key=sort_key):
            alerts += correlator.feed(hit)
        return any(alert.rule_id == self._rule.id for alert in alerts)

    def _wrong(self, fixture: Fixture) -> Finding:
        stem, place = self._rule.stem, f"{fixture.path}:{fixture.line}"
        case = f" ({fixture.case})" if fixture.case else ""
        told = f"`mcp-siem explain {stem} {place}` shows which part of the rule decides"
        if fixture.kind == "match":
            return _finding("MS302", fixture, f"must alert and does not{case}", told)
        if fixture.kind == "miss":
            return _finding("MS303", fixture, f"must not alert and does{case}", told)
        if fixture.verdict == "caught":
            return _finding("MS304", fixture, f"is said to be caught and is not{case}", told)
        hint = "the gap was closed: write 'caught:', and correct known_gaps of the rule"
        return _finding("MS305", fixture, f"is said to be a known gap and alerts{case}", hint)


def _events(fixture: Fixture) -> Iterator[Event | ParseIssue]:
    """The events of a case, treated as `--source event` treats them."""
    session = EventSession()
    for index, event in enumerate(fixture.events):
        ref = f"{fixture.path}:{fixture.line}"
        yield from session.feed(
            Record(data=orjson.dumps(event), ref=f"{ref}/{index}" if len(fixture.events) > 1 else ref)
        )


def _finding(code: str, fixture: Fixture, message: str, hint: str) -> Finding:
    return Finding(code=code, severity="error", path=fixture.path, line=fixture.line, message=message, hint=hint)
