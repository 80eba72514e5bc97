"""Why a rule held on an event, or why not: the parts of its condition as a tree, and the windows of a correlation."""

from collections.abc import Iterable, Iterator, Mapping

from mcp_siem.engine.explain import Explanation
from mcp_siem.engine.explain_window import Counted, WindowExplanation, WindowsExplained
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, cut, safe

__all__ = ["explanation_json", "explanation_lines", "window_lines", "windows_json"]

_WIDTH = 100


def explanation_lines(explanation: Explanation, style: Style) -> Iterable[str]:
    """One line a part: `yes` or `no`, the part as the rule says it, and the values it looked at."""
    for depth, part in explanation.lines():
        mark = style.paint("yes", "low") if part.held else style.paint("no ", "high")
        line = f"{mark} {'  ' * depth}{cut(safe(part.part), _WIDTH)}"
        yield f"{line}   <- {_values(part)}" if part.values else line


def _values(part: Explanation) -> str:
    more = f" and {len(part.values) - 1} more" if len(part.values) > 1 else ""
    return _shown(part.values[0]) + more


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else document_bytes(value).decode()
    return cut(safe(text), _WIDTH)


def explanation_json(event: Event, explanation: Explanation) -> bytes:
    """The same tree as one line of JSON."""
    return document_bytes({"format": 1, "event": event.raw_ref, "explanation": _tree(explanation)})


def _tree(part: Explanation) -> dict[str, object]:
    return {
        "part": part.part,
        "held": part.held,
        "values": list(part.values),
        "parts": [_tree(child) for child in part.children],
    }


def window_lines(found: WindowsExplained, style: Style) -> Iterator[str]:
    """Each window with its group, when it opened, what is asked, what is lacking and its events."""
    if not found.windows:
        yield f"no event counts in a window of this {found.type}"
    for window in found.windows:
        yield from _window(window, found.timespan, style)
    for reason, count in found.ignored.items():
        yield f"in no window: {count} {'events' if count > 1 else 'event'} {safe(reason)}"


def _window(window: WindowExplanation, timespan: int, style: Style) -> Iterator[str]:
    mark = style.paint("yes", "low") if window.held else style.paint("no ", "high")
    group = ", ".join(f"{safe(name)}: {_shown(value)}" for name, value in window.group.items()) or "all events"
    yield f"{mark} {group}"
    yield f"      asked: {cut(safe(window.condition), _WIDTH)}" + _found(window)
    yield f"      window of {timespan / 1_000_000:g} s, opened {format_time(window.opened)}, now {format_time(window.at)}"
    for lack in window.lacks:
        yield f"      {cut(safe(lack), _WIDTH)}"
    if window.count > len(window.events):
        yield f"      the newest {len(window.events)} of {window.count} events:"
    for event in window.events:
        yield f"      {_event(event)}"


def _found(window: WindowExplanation) -> str:
    return "" if window.measured is None else f", found: {window.measured:g}"


def _event(event: Counted) -> str:
    brought = f"   <- {', '.join(map(_shown, event.values))}" if event.values else ""
    rules = ", ".join(cut(safe(title), _WIDTH) for title in event.rules)
    return f"{format_time(event.time)}  {safe(event.ref or '-')}  {rules}{brought}"


def windows_json(place: str, found: WindowsExplained) -> bytes:
    """The windows as one line of JSON; times in RFC 3339, the timespan in seconds."""
    correlation = {
        "type": found.type,
        "timespan": found.timespan // 1_000_000,
        "windows": [_window_document(window) for window in found.windows],
        "ignored": dict(found.ignored),
    }
    return document_bytes({"format": 1, "event": place, "correlation": correlation})


def _window_document(window: WindowExplanation) -> Mapping[str, object]:
    return {
        "held": window.held,
        "group": dict(window.group),
        "opened": format_time(window.opened),
        "at": format_time(window.at),
        "condition": window.condition,
        "measured": window.measured,
        "lacks": list(window.lacks),
        "count": window.count,
        "events": [
            {"ref": one.ref, "time": format_time(one.time), "rules": list(one.rules), "values": list(one.values)}
            for one in window.events
        ],
    }
