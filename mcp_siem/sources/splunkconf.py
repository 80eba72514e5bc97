"""What a change of a Splunk configuration file means: which thing it changed, and how.

The names of files and settings are those of the configuration file reference:
https://help.splunk.com/en/data-management/splunk-enterprise-admin-manual/10.4/configuration-file-reference
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.sources.fields import fraction, truth
from mcp_siem.sources.siemaudit import LONGEST_CHANGE, Retentions, days_of, named

__all__ = ["Setting", "cron_seconds", "kind_of", "stanza_fields"]

_KINDS = {
    "savedsearches": "saved_search",
    "macros": "macro",
    "indexes": "index",
    "props": "sourcetype",
    "transforms": "pipeline",
    "outputs": "forwarding",
    "eventtypes": "event_type",
}
_DAY = 86_400
_CRON = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MINUTES, _HOURS, _DAYS, _MONTHS, _WEEKDAYS = range(5)
_DAY_NAMES = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of a stanza before and after; an empty text is none."""

    name: str
    before: str
    after: str


def kind_of(path: str, stanza: str) -> tuple[str, str]:
    """What kind of thing the stanza of a file is, and its name."""
    file = path.replace("\\", "/").rpartition("/")[2].removesuffix(".conf")
    if file == "inputs":
        name = stanza.removeprefix("http://")
        return ("token", name) if name != stanza or stanza == "http" else ("input", stanza)
    return _KINDS.get(file, file), stanza


def stanza_fields(
    kind: str, name: str, settings: Sequence[Setting], *, added: bool, retentions: Retentions
) -> Mapping[str, object]:
    """The fields of an audit event for the settings of a stanza that changed."""
    told = dict(named(kind, name))
    told["event.action"] = f"{kind}_{_verb(settings, added=added)}"
    told["mcp.siem_audit.change"] = "\n".join(map(_words, settings))[:LONGEST_CHANGE]
    by_name = {one.name.lower(): one for one in settings}
    if kind == "saved_search":
        told |= _schedule(by_name.get("cron_schedule"))
        told |= _threshold(kind, by_name.get("alert_threshold") or by_name.get("quantity"))
    if kind == "index":
        told |= _retention(name, by_name, retentions)
    if kind in ("pipeline", "sourcetype"):
        told["mcp.siem_audit.drops_events"] = any("nullqueue" in one.after.lower() for one in settings)
    return told


def cron_seconds(text: str) -> int | None:
    """The mean seconds between two runs of a cron schedule; None if it is none."""
    parts = text.split()
    if len(parts) != len(_CRON) or len(text) > 200:  # noqa: PLR2004 (no schedule is longer)
        return None
    counts = [_count(part, *bounds) for part, bounds in zip(parts, _CRON, strict=True)]
    if not all(counts):
        return None
    runs = counts[_MINUTES] * counts[_HOURS]
    share = (counts[_DAYS] / 31) * (counts[_MONTHS] / 12) * (min(counts[_WEEKDAYS], 7) / 7)
    return round(_DAY / runs / share)


def _words(setting: Setting) -> str:
    """The change of a setting in words; what is a secret by its name is not repeated."""
    if any(word in setting.name.lower() for word in _SECRET):
        return f"{setting.name}: changed"
    return f"{setting.name}: {setting.before!r} -> {setting.after!r}"


def _verb(settings: Sequence[Setting], *, added: bool) -> str:
    if added:
        return "create"
    if (
        settings
        and all(one.before and not one.after for one in settings)
        and any(one.name in _HEARTS for one in settings)
    ):
        return "delete"
    for one in settings:
        off = truth(one.after) if one.name.lower() in ("disabled", "deleted") else None
        on = truth(one.after) if one.name == "enableSched" else None
        if off is True:
            return "delete" if one.name.lower() == "deleted" else "disable"
        if off is False or on is True:
            return "enable"
        if on is False:
            return "disable"
    return "update"


def _schedule(setting: Setting | None) -> Mapping[str, object]:
    if setting is None:
        return {}
    after, before = cron_seconds(setting.after), cron_seconds(setting.before)
    told = {"mcp.siem_audit.interval_s": after, "mcp.siem_audit.interval_s_previous": before}
    return {name: value for name, value in told.items() if value is not None}


def _threshold(kind: str, setting: Setting | None) -> Mapping[str, object]:
    if setting is None:
        return {}
    after, before = fraction(setting.after), fraction(setting.before)
    if after is None or before is None:
        return {}
    told: dict[str, object] = {"mcp.siem_audit.threshold": after, "mcp.siem_audit.threshold_previous": before}
    # A lowered threshold alerts more, not less.
    return {**told, "event.action": f"{kind}_threshold_raise"} if after > before else told


def _retention(name: str, settings: Mapping[str, Setting], retentions: Retentions) -> Mapping[str, object]:
    told: dict[str, object] = {}
    size = settings.get("maxtotaldatasizemb")
    if size is not None:
        after, before = fraction(size.after), fraction(size.before)
        if after is not None and before is not None:
            told["mcp.siem_audit.retention_shortened"] = after < before
    age = settings.get("frozentimeperiodinsecs")
    days = days_of(age.after, unit="s") if age is not None else None
    if age is not None and days is not None:
        told |= retentions.changed(name, days, days_of(age.before, unit="s"))
    return told


def _count(part: str, low: int, high: int) -> int:
    """How many of its values a field of a schedule allows; 0 if it is none."""
    values: set[int] = set()
    for item in part.split(","):
        span, _, step = item.partition("/")
        first, dash, last = span.partition("-")
        start, end = (low, high) if span == "*" else (_value(first), _value(last) if dash else _value(first))
        every = int(step) if step.isdecimal() and len(step) < 4 else 0 if step else 1  # noqa: PLR2004 (no step is longer)
        if start is None or end is None or not every or not low <= start <= end <= high + 1:
            return 0
        values.update(range(start, (high if step and not dash else end) + 1, every))
    return len(values)


def _value(text: str) -> int | None:
    if text.isdecimal() and len(text) < 4:  # noqa: PLR2004 (no value is longer)
        return int(text)
    return _DAY_NAMES.get(text.lower())


_SECRET = ("token", "password", "pass4symmkey", "secret", "credential", "api_key", "apikey", "private_key")
# Without one of these a stanza of its kind is none: when they are gone, so is it.
_HEARTS = frozenset({"search", "definition", "token", "homePath", "coldPath", "REGEX", "search_name"})
