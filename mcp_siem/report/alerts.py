"""Alerts as lines of JSON for pipelines, and as a story for an analyst."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mcp_siem.engine.alert import Alert
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, cut, safe
from mcp_siem.rules.card import Card

__all__ = ["LEVELS", "AlertStory", "Summary", "alert_json"]

LEVELS = ("informational", "low", "medium", "high", "critical")
_VALUE_WIDTH = 160
_EVENTS_SHOWN = 3
_NAMES_SHOWN = 3
_NAME_WIDTH = 100


def alert_json(alert: Alert) -> bytes:
    """One alert as one line of JSON, format 1 of the outer face, without the line end."""
    document = {
        "format": 1,
        "rule": {"id": alert.rule_id, "stem": alert.stem, "title": alert.title, "level": alert.level},
        "time": _time(alert.time),
        "group": None if alert.group is None else dict(alert.group),
        "events": [{"ref": event.raw_ref, "time": _time(event.time)} for event in alert.events],
        "evidence": [{"field": item.field, "value": item.value} for item in alert.evidence],
    }
    return document_bytes(document)


def _time(time: int | None) -> str | None:
    return None if time is None else format_time(time)


@dataclass(slots=True)
class Summary:
    """Counts what a replay saw: events read, alerts per rule, the highest level."""

    events: int = 0
    issues: int = 0
    alerts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    per_server: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, alert: Alert) -> None:
        """Takes one alert into account."""
        self.alerts[(alert.level, alert.stem, alert.title)] += 1
        self.per_server[(_first(alert.events, "mcp.server.name") or "-", alert.stem)] += 1

    def at_or_above(self, level: str) -> int:
        """How many alerts are at this level or above."""
        floor = LEVELS.index(level)
        return sum(n for (held, _, _), n in self.alerts.items() if held in LEVELS and LEVELS.index(held) >= floor)

    def lines(self, style: Style) -> Iterable[str]:
        """The closing lines: one per rule, highest level first."""
        total = sum(self.alerts.values())
        yield style.paint(f"{self.events} events read, {total} alerts", "bold")
        order = sorted(self.alerts.items(), key=lambda item: (-_rank(item[0][0]), item[0][1]))
        for (level, stem, title), count in order:
            yield f"  {count:>5}  {style.paint(f'{level:<13}', level)} {safe(title)}  [{safe(stem)}]"
        if self.issues:
            yield f"  {self.issues} records could not be read, or only in part (each is a note on standard error)"


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else -1


class AlertStory:
    """Tells alerts one after another; why it matters and what to do are said once per rule."""

    def __init__(self, cards: Mapping[str, Card], style: Style) -> None:
        self._cards = cards
        self._style = style
        self._told: set[str] = set()

    def lines(self, alert: Alert) -> Iterable[str]:
        """The lines of one alert: what, who, where, which field matched what, why, what to do."""
        level = self._style.paint(f"{alert.level.upper():<9}", alert.level)
        when = f"{_time(alert.time)}  " if alert.time is not None else ""
        yield f"{level} {when}{self._style.paint(safe(alert.title), 'bold')}  [{safe(alert.stem)}]"
        yield from (f"  {label:<8} {text}" for label, text in _facts(alert))
        card = self._cards.get(alert.rule_id)
        if card and alert.rule_id not in self._told:
            self._told.add(alert.rule_id)
            if card.description:
                yield f"  {'why':<8} {safe(card.description)}"
            if card.response:
                yield f"  {'do':<8} {safe(card.response)}"
        yield ""


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


def _first(events: Sequence[Event], name: str) -> str:
    for event in reversed(events):
        for value in event.values(name):
            if value is not None:
                return str(value)
    return ""
