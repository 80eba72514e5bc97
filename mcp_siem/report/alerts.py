"""Alerts as lines of JSON for pipelines, and as a story for an analyst."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import orjson

from mcp_siem.engine.alert import Alert
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, cut, safe
from mcp_siem.rules.card import Card

__all__ = ["LEVELS", "AlertLines", "AlertStory", "AlertTexts", "Summary", "Tally", "alert_json"]

LEVELS = ("informational", "low", "medium", "high", "critical")
_VALUE_WIDTH = 160
_EVENTS_SHOWN = 3
_RULES_KEPT = 4_096
_NAMES_SHOWN = 3
_NAME_WIDTH = 100


def alert_json(alert: Alert) -> bytes:
    """One alert as one line of JSON, format 1 of the outer face, without the line end."""
    time = _time(alert.time)
    document = {
        "format": 1,
        "rule": _rule(alert.rule_id, alert.stem, alert.title, alert.level),
        "time": time,
        "group": None if alert.group is None else dict(alert.group),
        "events": [
            {"ref": event.raw_ref, "time": time if event.time == alert.time else _time(event.time)}
            for event in alert.events
        ],
        "evidence": [{"field": item.field, "value": item.value} for item in alert.evidence],
    }
    try:
        return orjson.dumps(document)
    except TypeError:
        # What UTF-8 or 64 bits cannot hold is rare, and spelled the slow way.
        rule = {"id": alert.rule_id, "stem": alert.stem, "title": alert.title, "level": alert.level}
        return document_bytes({**document, "rule": rule})


@lru_cache(maxsize=_RULES_KEPT)
def _rule(rule_id: str, stem: str, title: str, level: str) -> orjson.Fragment:
    return orjson.Fragment(document_bytes({"id": rule_id, "stem": stem, "title": title, "level": level}))


def _time(time: int | None) -> str | None:
    return None if time is None else format_time(time)


@dataclass(slots=True)
class Tally:
    """The alerts of one rule: how many, and the first and the last time."""

    alerts: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, other: "Tally") -> None:
        """Takes the alerts of another count in."""
        self.alerts += other.alerts
        if other.first is not None:
            self.first = other.first if self.first is None else min(self.first, other.first)
        if other.last is not None:
            self.last = other.last if self.last is None else max(self.last, other.last)


@dataclass(slots=True)
class Summary:
    """Counts what a replay saw: events read, alerts per rule (level, stem, title), the highest level."""

    events: int = 0
    issues: int = 0
    rules: dict[tuple[str, str, str], Tally] = field(default_factory=dict)

    def add(self, alert: Alert) -> None:
        """Takes one alert into account."""
        tally = self.rules.get((alert.level, alert.stem, alert.title))
        if tally is None:
            tally = self.rules[(alert.level, alert.stem, alert.title)] = Tally()
        tally.alerts += 1
        if alert.time is not None:
            if tally.first is None or alert.time < tally.first:
                tally.first = alert.time
            if tally.last is None or alert.time > tally.last:
                tally.last = alert.time

    def merge(self, other: "Summary") -> None:
        """Takes what another process counted into account."""
        self.events += other.events
        self.issues += other.issues
        for rule, tally in other.rules.items():
            self.rules.setdefault(rule, Tally()).add(tally)

    def at_or_above(self, level: str) -> int:
        """How many alerts are at this level or above."""
        floor = LEVELS.index(level)
        found = ((held, tally.alerts) for (held, _, _), tally in self.rules.items() if held in LEVELS)
        return sum(alerts for held, alerts in found if LEVELS.index(held) >= floor)

    def lines(self, style: Style) -> Iterable[str]:
        """The closing lines: one per rule, highest level first."""
        total = sum(tally.alerts for tally in self.rules.values())
        yield style.paint(f"{self.events} events read, {total} alerts", "bold")
        order = sorted(self.rules.items(), key=lambda item: (-_rank(item[0][0]), item[0][1]))
        for (level, stem, title), tally in order:
            named = f"{style.paint(f'{level:<13}', level)} {safe(title)}  [{safe(stem)}]"
            yield f"  {tally.alerts:>5}  {named}{_when(tally)}"
        if self.issues:
            yield f"  {self.issues} records could not be read, or only in part (each is a note on standard error)"


def _when(tally: Tally) -> str:
    if tally.first is None or tally.last is None:
        return ""
    first, last = format_time(tally.first), format_time(tally.last)
    return f"  {first}" if first == last else f"  {first} to {last}"


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else -1


class AlertLines:
    """Shows alerts as lines of JSON, and counts them."""

    def __init__(self) -> None:
        self._summary = Summary()

    def show(self, alert: Alert) -> bytes:
        """The alert as one line of JSON, without the line end."""
        self._summary.add(alert)
        return alert_json(alert)

    def total(self) -> Summary:
        """The alerts shown."""
        return self._summary


class AlertTexts:
    """Shows alerts as text, each with the id of its rule, and counts them."""

    def __init__(self, story: "AlertStory") -> None:
        self._story = story
        self._summary = Summary()

    def show(self, alert: Alert) -> tuple[str, str]:
        """The rule's id, and what is said of the alert itself."""
        self._summary.add(alert)
        return alert.rule_id, "\n".join(self._story.said(alert))

    def total(self) -> Summary:
        """The alerts shown."""
        return self._summary


class AlertStory:
    """Tells alerts one after another; why it matters and what to do are said once per rule."""

    def __init__(self, cards: Mapping[str, Card], style: Style) -> None:
        self._cards = cards
        self._style = style
        self._told: set[str] = set()

    def lines(self, alert: Alert) -> Iterable[str]:
        """The lines of one alert: what, who, where, which field matched what, why, what to do."""
        yield from self.said(alert)
        yield from self.known(alert.rule_id)
        yield ""

    def said(self, alert: Alert) -> Iterable[str]:
        """What is said of the alert itself."""
        level = self._style.paint(f"{alert.level.upper():<9}", alert.level)
        when = f"{_time(alert.time)}  " if alert.time is not None else ""
        yield f"{level} {when}{self._style.paint(safe(alert.title), 'bold')}  [{safe(alert.stem)}]"
        yield from (f"  {label:<8} {text}" for label, text in _facts(alert))

    def known(self, rule_id: str) -> Iterable[str]:
        """What its rule says of every such alert; nothing if it was told before."""
        card = self._cards.get(rule_id)
        if card and rule_id not in self._told:
            self._told.add(rule_id)
            if card.description:
                yield f"  {'why':<8} {safe(card.description)}"
            if card.response:
                yield f"  {'do':<8} {safe(card.response)}"


def _facts(alert: Alert) -> Iterable[tuple[str, str]]:
    who = [
        f"{label} {value}"
        for label, name in (
            ("server", "mcp.server.name"),
            ("tool", "gen_ai.tool.name"),
            ("method", "mcp.method.name"),
            ("caller", "mcp.principal"),
            ("client", "mcp.client.name"),
        )
        if (value := _said(alert.events, name))
    ]
    if who:
        yield "who", ", ".join(who)
    if alert.group is not None:
        parts = ", ".join(f"{safe(key)} = {safe(str(value))}" for key, value in alert.group.items())
        yield "group", f"{parts or 'all events'} ({len(alert.events)} events)"
    for item in alert.evidence:
        yield "matched", f"{safe(item.field)} = {cut(safe(_text(item.value)), _VALUE_WIDTH)}"
    refs = [safe(event.raw_ref) for event in alert.events if event.raw_ref]
    if refs:
        more = f" and {len(refs) - _EVENTS_SHOWN} more" if len(refs) > _EVENTS_SHOWN else ""
        yield "at", ", ".join(refs[:_EVENTS_SHOWN]) + more


def _text(value: object) -> str:
    return value if isinstance(value, str) else document_bytes(value).decode()


def _said(events: Sequence[Event], name: str) -> str:
    """The values of a field, the newest first: a correlation may have seen several tools or servers."""
    found = dict.fromkeys(str(value) for event in reversed(events) for value in event.values(name) if value is not None)
    shown = [cut(safe(value), _NAME_WIDTH) for value in list(found)[:_NAMES_SHOWN]]
    more = [f"{len(found) - _NAMES_SHOWN} more"] if len(found) > _NAMES_SHOWN else []
    return " and ".join(shown + more)
