"""Fixtures through the engine: each case on its own, judged for its own rule only."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mcp_siem.engine.compile import compile_correlation, compile_detection
from mcp_siem.engine.correlate import Correlator
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.hit import Hit, sort_key
from mcp_siem.errors import Issue, McpSiemError, PackError
from mcp_siem.events.event import Event
from mcp_siem.rules.finding import Finding
from mcp_siem.rules.fixtures import Fixture
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.sources.event import events_of
from mcp_siem.sources.port import ParseIssue

__all__ = ["Bench"]


class Bench:
    """The rules of a pack, ready to be tried, each for itself: one engine knows them all.

    `refused` holds, by the id of the rule, every part of it that has no meaning in the engine; such a rule has no case
    to fail.
    """

    def __init__(self, pack: RulePack) -> None:
        self.refused: dict[str, tuple[Issue, ...]] = {}
        try:
            self._engine = Engine(pack)
        except PackError:
            self.refused = dict(_refusals(pack))
            self._engine = Engine(replace(pack, rules=tuple(one for one in pack if one.id not in self.refused)))
        self._correlations = {one.rule.id: one for one in self._engine.correlations}

    def takes(self, parts: Sequence[Rule]) -> bool:
        """Says whether all of these rules have a meaning in the engine."""
        return self.refused.keys().isdisjoint(part.id for part in parts)

    def try_cases(self, rule: Rule, bases: Sequence[Rule], fixtures: Sequence[Fixture]) -> Iterator[Finding]:
        """The cases of a rule that do not end as they should; `bases` are all that a correlation stands on."""
        parts = (*bases, rule)
        for fixture in fixtures if self.takes(parts) else ():
            finding = self._judged(rule, parts, fixture)
            if finding:
                yield finding

    def matches(self, rule: Rule, fixture: Fixture) -> int:
        """How many events of a case a single-event rule holds for."""
        events = [item for item in _events(fixture) if isinstance(item, Event)]
        return sum(self._holds(rule, [event]) for event in events)

    def _judged(self, rule: Rule, parts: Sequence[Rule], fixture: Fixture) -> Finding | None:
        events: list[Event] = []
        for item in _events(fixture):
            if isinstance(item, ParseIssue):
                return _finding("MS301", fixture, f"the event cannot be read: {item.reason}", "correct the event")
            events.append(item)
        failed = self._failures(parts)
        try:
            alerted = self._correlates(rule, parts, events) if rule.kind == "correlation" else self._holds(rule, events)
        except McpSiemError as error:
            return _finding("MS301", fixture, error.message, error.hint or "correct the event")
        if self._failures(parts) > failed:
            hint = "report this with the rule and the event: the engine must not fail on any"
            return _finding("MS306", fixture, "the engine failed on this case", hint)
        return None if alerted == fixture.alerts else _wrong(rule, fixture)

    def _failures(self, parts: Sequence[Rule]) -> int:
        return sum(self._engine.failures[part.id] for part in parts)

    def _holds(self, rule: Rule, events: Sequence[Event]) -> bool:
        return any(one.rule.id == rule.id for event in events for one in self._engine.held(event))

    def _correlates(self, rule: Rule, parts: Sequence[Rule], events: Sequence[Event]) -> bool:
        """Says whether the correlation alerts. What it counted in one case must not count in the next."""
        hits: list[Hit] = []
        for event in events:
            hits += self._engine.match(event)[1]
        correlator = Correlator(
            [self._correlations[part.id] for part in parts if part.kind == "correlation"], every=False
        )
        alerts = [alert for hit in sorted(hits, key=sort_key) for alert in correlator.feed(hit)]
        return any(alert.rule_id == rule.id for alert in alerts)


def _refusals(pack: RulePack) -> Iterator[tuple[str, tuple[Issue, ...]]]:
    for rule in pack:
        if rule.off is None and rule.kind not in ("filter", "native"):
            try:
                if rule.kind == "correlation":
                    compile_correlation(rule)
                else:
                    compile_detection(rule, pack.taxonomy)
            except PackError as error:
                yield rule.id, error.issues


def _wrong(rule: Rule, fixture: Fixture) -> Finding:
    stem, place = rule.stem, f"{fixture.path}:{fixture.line}"
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
    ref = f"{fixture.path}:{fixture.line}"
    yield from events_of(list(fixture.events) if len(fixture.events) > 1 else fixture.events[0], ref)


def _finding(code: str, fixture: Fixture, message: str, hint: str) -> Finding:
    return Finding(code=code, severity="error", path=fixture.path, line=fixture.line, message=message, hint=hint)
