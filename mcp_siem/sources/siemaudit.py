"""What sources of SIEM audit logs share: what kind of thing was changed, and what its change did to retention."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

__all__ = ["LONGEST_CHANGE", "Retentions", "days_of", "named"]

LONGEST_CHANGE = 8_192
_KEPT = 1_000
_AGE = re.compile(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*(nanos|micros|ms|s|m|h|d|w|mon|y)?\s*", re.ASCII)
_DAYS = {
    "ms": 1 / 86_400_000,
    "s": 1 / 86_400,
    "m": 1 / 1_440,
    "h": 1 / 24,
    "d": 1.0,
    "w": 7.0,
    "mon": 30.0,
    "y": 365.0,
}


class Retentions:
    """The retention last seen of each object of one input; a bounded number of them."""

    def __init__(self) -> None:
        self._days: OrderedDict[str, float] = OrderedDict()

    def changed(self, name: str, days: float, before: float | None = None) -> dict[str, object]:
        """What an audit event says of a retention: after the change, and before it where that is known."""
        previous = self._days.get(name) if before is None else before
        self._days[name] = days
        self._days.move_to_end(name)
        if len(self._days) > _KEPT:
            self._days.popitem(last=False)
        told: dict[str, object] = {"mcp.siem_audit.retention_days": round(days)}
        if previous is not None:
            told["mcp.siem_audit.retention_days_previous"] = round(previous)
            told["mcp.siem_audit.retention_shortened"] = days < previous
        return told

    def dump(self) -> list[object]:
        """All that is remembered, as plain data."""
        return [[name, days] for name, days in self._days.items()]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        self._days = OrderedDict((str(name), float(days)) for name, days in dumped)


def days_of(value: object, *, unit: str = "d") -> float | None:
    """Days of an age such as `30d`, `12h` or, in `unit`, a bare number; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _AGE.fullmatch(str(value)) if len(str(value)) <= 40 else None  # noqa: PLR2004 (no age is longer)
    if found is None:
        return None
    return float(found[1]) * _DAYS.get(found[2] or unit, 0.0)


def named(kind: str, name: str | None, number: str | None = None) -> Mapping[str, object]:
    """The fields that say what was changed, by its name or else its id; a rule and a saved search also as rules are."""
    told: dict[str, object] = {"mcp.siem_audit.object_type": kind}
    if name or number:
        told["mcp.siem_audit.object_name"] = name or number
    if kind in ("rule", "saved_search"):
        told |= {field: value for field, value in (("rule.name", name), ("rule.id", number)) if value}
    return told
