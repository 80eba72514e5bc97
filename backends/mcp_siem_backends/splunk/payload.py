"""The saved search alert: what of it is ours, what is the analyst's, and how both are read back. Pure.

Ours, compared and written at every change: `_OWNED`. Written once, then the analyst's: name, schedule, suppression,
enabled or not, actions, and whatever stands in the description below our marker line. splunkd changes only the fields
that a POST names, so what is not ours is carried through by not naming it.

A saved search is found by the rule id in its marker, never by name. Its name is chosen when it is created and then
kept, also when the rule's title changes: splunkd cannot rename, and a new object would lose history, suppression and
links. The title of today is the first line of the description.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from mcp_siem.convert.target import Action, Change, Marker, Query, Remote, Resource, Step, spec_digest
from mcp_siem.rules.card import rule_card
from mcp_siem.rules.rule import Rule

__all__ = [
    "CREATED",
    "DEDUP_FIELD",
    "OWNED",
    "TARGET",
    "created_fields",
    "described",
    "parse",
    "resource",
    "rule_id_of",
    "saved_search_name",
    "steps",
]

TARGET = "splunk"
DEDUP_FIELD = "mcp_siem_dedup"
OWNED = (
    "alert.digest_mode",
    "alert.severity",
    "alert.track",
    "alert_comparator",
    "alert_threshold",
    "alert_type",
    "description",
    "dispatch.earliest_time",
    "dispatch.latest_time",
    "is_scheduled",
    "search",
)
CREATED = ("alert.suppress", "alert.suppress.fields", "alert.suppress.period", "cron_schedule", "disabled", "name")

_BOOLEANS = frozenset({"alert.digest_mode", "alert.track", "is_scheduled"})
_NUMBERS = frozenset({"alert.severity", "alert_threshold"})
_WORDS = frozenset({"alert_comparator", "alert_type"})
_SEVERITIES = {"informational": "1", "low": "2", "medium": "3", "high": "4", "critical": "5"}
_TRUE = frozenset({"1", "true", "t", "yes", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "off"})

# A search runs every five minutes over what was indexed in the last twenty: three runs may be missed without a gap.
_EVERY_MINUTES = 5
_OVERLAP = "-20m@m"
_SUPPRESSED_AT_LEAST = 3600
# How far event time may lie behind index time.
_LATENESS = 86_400
_CORRELATION_LATENESS = 3600

_MARKER = re.compile(
    r"^\[mcp-siem rule=(?P<rule>[0-9a-fA-F-]{36}) applied=(?P<applied>[0-9a-f]*) "
    r"pack=(?P<pack>[^\s\]]*) tool=(?P<tool>[^\s\]]*)\][ \t]*$",
    re.MULTILINE,
)
_SAFE = "@.-_+:~"
_NAME_REFUSED = re.compile(r"[^\w .,()&+-]")
_LONGEST_TITLE = 70
_WINDOW = re.compile(r"-([0-9]+)s")


def resource(query: Query, rule: Rule, window: int | None = None) -> Resource:
    """What should stand on Splunk for a rule: the owned fields, as text. `window` is how far back a native search looks."""
    span = _timespan(query.text)
    back = window or (_LATENESS if span is None else span + _CORRELATION_LATENESS)
    card = rule_card(rule)
    about = [rule.title, card.description, f"What to do: {card.response}" if card.response else ""]
    fields = {
        "alert.digest_mode": "0",
        "alert.severity": _SEVERITIES.get(rule.level, "3"),
        "alert.track": "1",
        "alert_comparator": "greater than",
        "alert_threshold": "0",
        "alert_type": "number of events",
        "description": "\n".join(_plain(line) for line in about if line),
        "dispatch.earliest_time": f"-{back}s",
        "dispatch.latest_time": "now",
        "is_scheduled": "1",
        "search": query.text if window else _scheduled(query.text, span),
    }
    spec = _spec(fields)
    return Resource(address=f"{TARGET}:{rule.id}", spec=spec, digest=spec_digest(spec))


def _plain(line: str) -> str:
    """A line of text that cannot be taken for a marker."""
    return " ".join(line.split()).replace("[mcp-siem ", "(mcp-siem ")


def _timespan(text: str) -> int | None:
    """The seconds of a correlation's window, None for a search over single events."""
    found = re.search(r">=_time-([0-9]+)\b", text)
    return int(found[1]) if found else None


def _scheduled(text: str, span: int | None) -> str:
    """The query over what came in since the last runs. A correlation needs older events too, so its rows are chosen."""
    if span is None and f" AS {DEDUP_FIELD}" not in text and f"eval {DEDUP_FIELD}=" not in text:
        return f"_index_earliest={_OVERLAP} {text}\n| eval {DEDUP_FIELD}=sha256(_raw)"
    return f'{text}\n| where mcp_siem_indexed>=relative_time(now(), "{_OVERLAP}")'


def saved_search_name(title: str, rule_id: str) -> str:
    """The name of a new saved search: readable, free of what a .conf stanza or a URL trips over, unique."""
    clean = " ".join(_NAME_REFUSED.sub(" ", title).split())[:_LONGEST_TITLE].strip()
    return f"MCP - {clean or 'rule'} - {rule_id[:8]}"


def created_fields(spec: Mapping[str, object], rule_id: str) -> dict[str, str]:
    """What is written once, when the saved search is created, and then belongs to the analyst."""
    found = _WINDOW.fullmatch(str(spec.get("dispatch.earliest_time", "")))
    seconds = int(found[1]) if found else 0
    single = str(spec.get("search", "")).startswith("_index_earliest=")
    period = _SUPPRESSED_AT_LEAST if single else max(_SUPPRESSED_AT_LEAST, seconds - _CORRELATION_LATENESS)
    offset = int(hashlib.sha256(rule_id.encode()).hexdigest(), 16) % _EVERY_MINUTES
    title = str(spec.get("description", "")).partition("\n")[0]
    return {
        "alert.suppress": "1",
        "alert.suppress.fields": DEDUP_FIELD,
        "alert.suppress.period": f"{period}s",
        "cron_schedule": f"{offset}-59/{_EVERY_MINUTES} * * * *",
        "disabled": "0",
        "name": saved_search_name(title, rule_id),
    }


def described(text: str, rule_id: str, marker: Marker, appended: str = "") -> str:
    """Our description, the marker line, and below it what an analyst wrote."""
    pack, tool = quote(marker.pack, safe=_SAFE), quote(marker.tool, safe=_SAFE)
    line = f"[mcp-siem rule={rule_id} applied={marker.applied} pack={pack} tool={tool}]"
    return "\n".join(part for part in (text, line, appended) if part)


def rule_id_of(document: Mapping[str, object]) -> str | None:
    """The rule that a saved search belongs to; None if it is not ours."""
    found = _MARKER.search(_lines(document.get("description")))
    return found["rule"].lower() if found else None


def parse(document: Mapping[str, object]) -> Remote:
    """Reads a saved search as the API returned it; of an object that is not ours, the address is only a name."""
    text = _lines(document.get("description"))
    found = _MARKER.search(text)
    own = text if found is None else text[: found.start()]
    spec = _spec({**{name: document.get(name) for name in OWNED}, "description": own.rstrip("\n")})
    marker = (
        Marker(applied=found["applied"], pack=unquote(found["pack"]), tool=unquote(found["tool"])) if found else None
    )
    key = found["rule"].lower() if found else f"name={document.get('name')}"
    return Remote(address=f"{TARGET}:{key}", marker=marker, spec=spec, digest=spec_digest(spec), document=document)


def steps(change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
    """The one write of a change; posted again it changes nothing."""
    key = change.address.partition(":")[2]
    if change.action is Action.NOOP:
        return []
    if change.action is Action.DELETE or change.after is None:
        return [Step(verb="delete", key=key, document=None, says=f"delete the saved search of {change.title}")]
    spec: dict[str, str] = json.loads(change.after)
    document: dict[str, object] = {} if remote else dict(created_fields(spec, key))
    document.update(spec)
    document["description"] = described(spec["description"], key, marker, _appended(remote))
    if remote is not None:
        document["name"] = remote.document.get("name")
    doing = "create" if remote is None else "update"
    return [Step(verb="put", key=key, document=document, says=f"{doing} the saved search of {change.title}")]


def _appended(remote: Remote | None) -> str:
    """What an analyst wrote below our marker; all of it, if the object was not ours."""
    if remote is None:
        return ""
    text = _lines(remote.document.get("description"))
    found = _MARKER.search(text)
    return (text if found is None else text[found.end() :]).strip("\n")


def _lines(value: object) -> str:
    return ("" if value is None else str(value)).replace("\r\n", "\n").replace("\r", "\n")


def _spec(fields: Mapping[str, object]) -> str:
    values = {name: _canonical(name, fields.get(name)) for name in OWNED}
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _canonical(name: str, value: object) -> str:
    """A value as we write it, however splunkd spells it."""
    text = _lines(value)
    word = text.strip().casefold()
    if name in _BOOLEANS:
        return "1" if word in _TRUE else "0" if word in _FALSE else text
    if name in _NUMBERS:
        return str(int(word)) if word.isascii() and word.isdigit() else text
    return word if name in _WORDS else text.strip()
