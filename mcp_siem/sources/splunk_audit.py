"""Splunk's `_audit` and `_configtracker` (`--source splunk_audit`), which tell of changes to the SIEM itself.

`audittrail` is text, `audittrailv2` JSON; `_configtracker` tells which setting of a file changed but not by whom.
https://help.splunk.com/en/splunk-enterprise/administer/manage-users-and-security/10.4/audit-activity-in-splunk-enterprise/about-structured-audit-trail-logs
Lines as they are in the log, or a search's JSON export (`_raw`). A time without a zone is taken as UTC.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcp_siem.events.time import parse_time
from mcp_siem.sources.fields import Take, address, first_time, first_word, take, values_at, word, words
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import JsonReader, Linewise, Made, Parsed, objects
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.shape import items, mapping, text
from mcp_siem.sources.siemaudit import LONGEST_CHANGE, Retentions, named
from mcp_siem.sources.splunkconf import Setting, kind_of, stanza_fields

__all__ = ["SPLUNK_AUDIT", "SplunkAuditReader"]

_LEGACY = re.compile(
    r"(?:(?P<stamp>\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{3} [+-]\d{4}) +[A-Z]+ +AuditLogger - )?"
    r"Audit:\[timestamp=(?P<time>[^,]{1,40}), *user=(?P<user>[^,]{0,200}), *action=(?P<action>[^,\]]{0,200}),? *(?P<tail>.*)",
    re.DOTALL,
)
_STAMP = re.compile(r"(\d\d)-(\d\d)-(\d{4}) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?: ([+-]\d{4}))?", re.ASCII)
_SEARCH = re.compile(r"\bsearch='(.*?)'(?:, [A-Za-z_]+=|\]|$)", re.DOTALL)
_PAIR = re.compile(r"\b(info|object|operation|src|clientip)=(?:\"([^\"]*)\"|'([^']*)'|([^\s,\]]+))")
_DELETES = re.compile(r"\|\s*delete\s*(?:\||$|\])", re.IGNORECASE)
_INDEX = re.compile(r"\bindex\s*=\s*\"?([A-Za-z0-9_.*:-]{1,80})", re.IGNORECASE)
_OUTCOMES = {
    **dict.fromkeys(("granted", "succeeded", "completed", "success"), "success"),
    **dict.fromkeys(("denied", "failed", "failure"), "failure"),
}
# Capabilities whose checks name the thing they were asked for.
_CAPABILITIES = {
    "edit_token_http": "token",
    "edit_index": "index",
    "indexes_edit": "index",
    "delete_index": "index",
    "remove_index": "index",
    "edit_sourcetypes": "sourcetype",
    "edit_saved_search": "saved_search",
    "delete_saved_search": "saved_search",
    "edit_macro": "macro",
}
_TYPES = {
    **dict.fromkeys(
        ("savedsearch", "saved_search", "savedsearches", "saved/searches", "alert", "report"), "saved_search"
    ),
    **dict.fromkeys(("macro", "macros", "search_macro"), "macro"),
    **dict.fromkeys(("index", "indexes"), "index"),
    **dict.fromkeys(("token", "http", "http_input", "hec_token", "http_token"), "token"),
    **dict.fromkeys(("sourcetype", "sourcetypes", "props"), "sourcetype"),
    **dict.fromkeys(("transforms", "transform", "ingest_action", "ruleset"), "pipeline"),
}
_VERBS = {
    **dict.fromkeys(("edit", "update", "modify", "change"), "update"),
    **dict.fromkeys(("delete", "remove"), "delete"),
    **dict.fromkeys(("create", "add", "new"), "create"),
    "disable": "disable",
    "enable": "enable",
}
_EXPORTED = (
    Take(to="host.name", paths=("host",), read=word),
    Take(to="source.ip", paths=("clientip", "client_ip", "src", "session.client_ip"), read=address),
)
_ACTOR = (
    *_EXPORTED,
    Take(to="user.id", paths=("actor.name", "user"), read=word),
    Take(to="user.name", paths=("actor.name", "user"), read=word),
    Take(to="trace.id", paths=("correlation_id",), read=word),
)
_MOST_STANZAS = 1_000


class SplunkAuditReader:
    """The records of one log; remembers the retention that each index was last given."""

    def __init__(self) -> None:
        self._retentions = Retentions()
        self._json = JsonReader(self._parse)

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields what a line says."""
        if record.data.lstrip().startswith((b"{", b"[")):
            yield from self._json.read(record)
            return
        parsed = _legacy(record.data.decode("utf-8", "replace"), {})
        if parsed is not None:
            yield Made(parsed=parsed, ref=record.ref)
        elif record.data.strip():
            yield ParseIssue(ref=record.ref, code="not_audit_record", reason="no `Audit:[timestamp=...` record")

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields how many records were of other kinds."""
        yield from self._json.finish()

    def dump(self) -> dict[str, object]:
        """The counts and the retentions."""
        return {"json": self._json.dump(), "retentions": self._retentions.dump()}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        self._json.load(document["json"])
        self._retentions.load(document["retentions"])

    def _parse(self, data: Mapping[str, object]) -> Parsed | Sequence[Parsed] | None:
        around, inner = _exported(data)
        if isinstance(inner, str):
            return _legacy(inner, around)
        if _is_config(inner):
            return self._config(inner, around)
        return _structured(inner, around) if _is_structured(inner) else None

    def _config(self, data: Mapping[str, object], around: Mapping[str, object]) -> Sequence[Parsed]:
        """One event for each stanza that a change touched."""
        change = mapping(data.get("data"))
        path, added = text(change.get("path")) or "", change.get("action") == "add"
        fields, wrong = take(around, _EXPORTED)
        head = {"event.dataset": "mcp.siem_audit", "event.provider": "splunk_configtracker", "event.outcome": "success"}
        told = []
        for stanza in map(mapping, items(change.get("changes"))[:_MOST_STANZAS]):
            kind, name = kind_of(path, text(stanza.get("stanza")) or "default")
            settings = [_setting(mapping(one)) for one in items(stanza.get("properties"))]
            said = stanza_fields(kind, name, settings, added=added, retentions=self._retentions)
            told.append(Parsed(fields={**head, **fields, **said}, time=_time(data, around), wrong=wrong))
        return told


def _setting(data: Mapping[str, object]) -> Setting:
    return Setting(
        name=word(data.get("name")) or "",
        before=word(data.get("old_value")) or "",
        after=word(data.get("new_value")) or "",
    )


def _structured(data: Mapping[str, object], around: Mapping[str, object]) -> Parsed:
    fields, wrong = take({**around, **data}, _ACTOR)
    native = (first_word(data, "action") or "unknown").lower()
    kind = _TYPES.get((first_word(data, "data.type") or "").lower())
    name = first_word(data, "data.name")
    told: dict[str, object] = {"event.action": native}
    if kind is not None:
        verb = _VERBS.get(native, native)
        off = (first_word(data, "data.attributes.disabled") or "").lower() in ("1", "true")
        told = {"event.action": f"{kind}_{'disable' if off and verb == 'update' else verb}", **named(kind, name)}
    said = next((one for path in ("outcome", "status", "info") for one in words(data, path)), "")
    told["event.outcome"] = _OUTCOMES.get(said.lower(), "unknown")
    head = {"event.dataset": "mcp.siem_audit", "event.provider": "splunk_audit"}
    return Parsed(fields={**head, **fields, **told}, time=_time(data, around), wrong=wrong)


def _legacy(line: str, around: Mapping[str, object]) -> Parsed | None:
    found = _LEGACY.match(line)
    if found is None:
        return None
    action, tail, user = found["action"].strip(), found["tail"], found["user"].strip()
    search = _SEARCH.search(tail)
    # What a user typed must not pass for what Splunk says of it.
    said = tail if search is None else tail[: search.start(1)] + tail[search.end(1) :]
    pairs = {match[1]: match[2] or match[3] or match[4] or "" for match in _PAIR.finditer(said)}
    told: dict[str, object] = {
        "event.action": action,
        "event.outcome": _OUTCOMES.get(pairs.get("info", ""), "unknown"),
        "mcp.siem_audit.change": tail[:LONGEST_CHANGE],
    }
    kind = _CAPABILITIES.get(action)
    if kind is not None and pairs.get("operation", "edit") != "list":
        verb = _VERBS.get(pairs.get("operation", action.partition("_")[0]), "update")
        told |= {"event.action": f"{kind}_{verb}", **named(kind, pairs.get("object"))}
    if action == "search" and search is not None and _DELETES.search(search[1]):
        index = _INDEX.search(search[1])
        told |= {"event.action": "index_documents_delete", **named("index", index[1] if index else None)}
    who = {} if user in ("", "n/a") else {"user.id": user, "user.name": user}
    fields, wrong = take({**around, **pairs}, _EXPORTED)
    head = {"event.dataset": "mcp.siem_audit", "event.provider": "splunk_audit"}
    time = _stamp(found["stamp"] or "") or _times(around) or _stamp(found["time"])
    return Parsed(fields={**head, **fields, **who, **told}, time=time, wrong=wrong)


def _exported(data: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, object] | str]:
    """What a search's export says around a record, and the record itself."""
    row = mapping(data.get("result")) if "_raw" in mapping(data.get("result")) else data
    raw = row.get("_raw")
    if not isinstance(raw, str):
        return {}, data
    value = read_json(raw)[0] if raw.lstrip().startswith("{") else raw
    return row, value if isinstance(value, dict | str) else {}


def _is_config(data: Mapping[str, object]) -> bool:
    return isinstance(data.get("data"), dict) and str(data.get("component", "")).strip() == "ConfigChange"


def _is_structured(data: Mapping[str, object]) -> bool:
    return (
        "name" in mapping(data.get("actor")) and "action" in data and ("correlation_id" in data or "session_id" in data)
    )


def _time(data: Mapping[str, object], around: Mapping[str, object]) -> int | None:
    stamped = _stamp(str(data.get("datetime", "")))
    return stamped or _times(data) or first_time(data, "data.epoch_time") or _times(around)


def _times(data: Mapping[str, object]) -> int | None:
    values = (value for name in ("_time", "timestamp", "time", "datetime") for value in values_at(data, name))
    read = (
        _stamp(value) if isinstance(value, str) and _STAMP.fullmatch(value) else parse_time(value) for value in values
    )
    return next((one for one in read if one is not None), None)


def _stamp(said: str) -> int | None:
    found = _STAMP.fullmatch(said)
    if found is None:
        return None
    zone = f"{found[5][:3]}:{found[5][3:]}" if found[5] else "Z"
    return parse_time(f"{found[3]}-{found[1]}-{found[2]}T{found[4]}{zone}")


def _known(data: Mapping[str, object]) -> bool:
    _, inner = _exported(data)
    if isinstance(inner, str):
        return _LEGACY.match(inner) is not None
    return _is_config(inner) or _is_structured(inner)


def _score(line: bytes) -> float | None:
    if not line.strip():
        return None
    if line.lstrip().startswith((b"{", b"[")):
        found = objects(read_json(line)[0])
        return sum(map(_known, found)) / len(found) if found else None
    return 1.0 if _LEGACY.match(line.decode("utf-8", "replace")) else 0.0


def _when(line: bytes) -> int | None:
    told = list(SplunkAuditReader().read(Record(data=line, ref="")))
    return next((one.parsed.time for one in told if isinstance(one, Made)), None)


SPLUNK_AUDIT = Linewise(name="splunk_audit", score=_score, when=_when, reader=SplunkAuditReader)
