"""Why a rule held on an event, or why not: the parts of its condition as a tree."""

from collections.abc import Iterable

from mcp_siem.engine.explain import Explanation
from mcp_siem.events.event import Event
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import Style, cut, safe

__all__ = ["explanation_json", "explanation_lines"]

_WIDTH = 100


def explanation_lines(explanation: Explanation, style: Style) -> Iterable[str]:
    """One line a part: `yes` or `no`, the part as the rule says it, and the values it looked at."""
    for depth, part in explanation.lines():
        mark = style.paint("yes", "low") if part.held else style.paint("no ", "high")
        line = f"{mark} {'  ' * depth}{cut(safe(part.part), _WIDTH)}"
        yield f"{line}   <- {_values(part)}" if part.values else line


def _values(part: Explanation) -> str:
    first = part.values[0]
    text = first if isinstance(first, str) else document_bytes(first).decode()
    more = f" and {len(part.values) - 1} more" if len(part.values) > 1 else ""
    return cut(safe(text), _WIDTH) + more


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
