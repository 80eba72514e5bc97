"""Audit logs of Kibana and Elasticsearch (`--source kibana_audit`), which tell of changes to the SIEM itself.

Kibana: https://www.elastic.co/docs/reference/kibana/kibana-audit-events
Elasticsearch: https://www.elastic.co/docs/reference/elasticsearch/elasticsearch-audit-events

Elasticsearch names the indices of a transport action, but a policy or a pipeline only in the URL of the REST request
(`authentication_success`), and what is put there only with `xpack.security.audit.logfile.events.emit_request_body`.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from mcp_siem.sources.fields import Take, address, first_time, first_word, has, take, values_at, word, words
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import JsonReader, Linewise, Made, Parsed, objects
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.shape import mapping
from mcp_siem.sources.siemaudit import LONGEST_CHANGE, Retentions, days_of, named

__all__ = ["KIBANA_AUDIT", "KibanaAuditReader"]

_OUTCOMES = frozenset({"success", "failure", "unknown"})
_WHO = (
    # The profile's id where there is one, else the login: who did it must never be empty.
    Take(to="user.id", paths=("user.id", "user.name"), read=word),
    Take(to="user.name", paths=("user.name",), read=word),
    Take(to="trace.id", paths=("trace.id", "opaque_id", "elasticsearch.audit.opaque_id"), read=word),
)
_KIBANA = (
    *_WHO,
    Take(to="source.ip", paths=("client.ip", "source.ip"), read=address),
    Take(to="message", paths=("message",), read=word),
)
_SEARCH = (
    *_WHO,
    Take(to="source.ip", paths=("origin.address", "source.ip", "source.address"), read=address),
    Take(to="host.name", paths=("host.name", "node.name", "elasticsearch.node.name"), read=word),
)
# Kibana's types of saved objects, and which generic action upon them is one that has a name of its own here.
_OBJECTS = {
    "alert": "rule",
    "exception-list": "exception_list",
    "exception-list-agnostic": "exception_list",
    "index-pattern": "data_view",
    "action": "connector",
}
_NAMED_ACTIONS = {
    ("exception_list", "create"): "rule_exception_add",
    ("exception_list", "update"): "exception_list_update",
    ("exception_list", "delete"): "exception_list_delete",
    ("data_view", "update"): "data_view_update",
    ("data_view", "delete"): "data_view_delete",
    ("rule", "delete"): "rule_delete",
    ("rule", "update"): "rule_update",
}
# Transport actions that name their indices.
_TRANSPORT = {
    "indices:admin/delete": ("index_delete", "index"),
    "indices:admin/close": ("index_disable", "index"),
    "indices:admin/data_stream/delete": ("data_stream_delete", "data_stream"),
    "indices:data/write/delete/byquery": ("index_documents_delete", "index"),
    "indices:admin/ilm/remove_policy": ("lifecycle_delete", "lifecycle"),
    "indices:admin/data_stream/lifecycle/delete": ("lifecycle_delete", "lifecycle"),
    "indices:admin/settings/update": ("index_update", "index"),
}
# What a REST request names by its path: the part before the name, and what it is.
_REST = {
    "_ilm/policy": "lifecycle",
    "_ingest/pipeline": "pipeline",
    "_plugins/_ism/policies": "lifecycle",
}
_VERBS = {"DELETE": "delete", "PUT": "update", "POST": "update"}
_REFUSED = frozenset(
    {"access_denied", "anonymous_access_denied", "authentication_failed", "run_as_denied", "tampered_request"}
)
_GRANTED = frozenset({"access_granted", "authentication_success", "run_as_granted"})
_MOST_PROCESSORS = 1_000


class KibanaAuditReader:
    """The records of one log; remembers the retention that each policy was last given."""

    def __init__(self) -> None:
        self._retentions = Retentions()
        self._json = JsonReader(self._parse)

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields what a line says."""
        yield from self._json.read(record)

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

    def _parse(self, data: Mapping[str, object]) -> Parsed | None:
        if _is_kibana(data):
            return _kibana(data)
        return self._search(data) if _is_search(data) else None

    def _search(self, data: Mapping[str, object]) -> Parsed:
        event = first_word(data, "event.action") or "unknown"
        action = first_word(data, "action", "elasticsearch.audit.action") or event
        done, more = action, dict[str, object]()
        known = _TRANSPORT.get(action.removesuffix("[s]"))
        if known is not None:
            done, kind = known
            indices = words(data, "indices") or words(data, "elasticsearch.audit.indices")
            more |= named(kind, ",".join(indices) or None)
        elif event == "invalidate_apikeys":
            names = words(data, "invalidate.apikeys.name") or words(data, "invalidate.apikeys.ids")
            done, more = "token_disable", dict(named("token", ",".join(names) or None))
        elif (rest := _rest(data)) is not None:
            done, kind, name = rest
            more |= named(kind, name)
            more |= self._body(data, kind, name)
        outcome = "failure" if event in _REFUSED else "success" if event in _GRANTED else "unknown"
        # Authentication says who asked, not whether it was done.
        told = {
            "event.action": done,
            "event.outcome": "unknown" if event == "authentication_success" else outcome,
            **more,
        }
        return _parsed(data, "elasticsearch", _SEARCH, told)

    def _body(self, data: Mapping[str, object], kind: str, name: str) -> Mapping[str, object]:
        """What was put: the change itself, a retention, a pipeline that drops."""
        text = first_word(data, "request.body", "http.request.body.content")
        if text is None:
            return {}
        told: dict[str, object] = {"mcp.siem_audit.change": text[:LONGEST_CHANGE]}
        body = mapping(read_json(text)[0])
        if kind == "pipeline":
            told["mcp.siem_audit.drops_events"] = _drops(body)
        ages = (days_of(age) for path in _AGES for age in values_at(body, path))
        days = next((age for age in ages if age is not None), None)
        return told if days is None else {**told, **self._retentions.changed(name, days)}


def _kibana(data: Mapping[str, object]) -> Parsed:
    action = first_word(data, "event.action") or "unknown"
    native = first_word(data, "kibana.saved_object.type")
    told: dict[str, object] = {}
    if native is not None:
        kind = _OBJECTS.get(native, native)
        told |= named(kind, first_word(data, "kibana.saved_object.name"), first_word(data, "kibana.saved_object.id"))
        if action.startswith("saved_object_"):
            action = _NAMED_ACTIONS.get((kind, action.removeprefix("saved_object_")), action)
    outcome = first_word(data, "event.outcome")
    told |= {"event.action": action, "event.outcome": outcome if outcome in _OUTCOMES else "unknown"}
    return _parsed(data, "kibana", _KIBANA, told)


def _parsed(data: Mapping[str, object], provider: str, table: tuple[Take, ...], told: Mapping[str, object]) -> Parsed:
    fields, wrong = take(data, table)
    head = {"event.dataset": "mcp.siem_audit", "event.provider": provider}
    return Parsed(fields={**head, **fields, **told}, time=_time(data), wrong=wrong)


def _rest(data: Mapping[str, object]) -> tuple[str, str, str] | None:
    """The action, the kind and the name that a REST request means, if it changes something that has one."""
    verb = _VERBS.get((first_word(data, "request.method", "http.request.method") or "").upper())
    path = unquote(first_word(data, "url.path", "url.original") or "").partition("?")[0].strip("/")
    if verb is None or not path:
        return None
    for head, kind in _REST.items():
        if path.startswith(f"{head}/"):
            return f"{kind}_{verb}", kind, path.removeprefix(f"{head}/")
    if path.startswith("_data_stream/") and path.endswith("/_lifecycle"):
        return f"lifecycle_{verb}", "lifecycle", path.removeprefix("_data_stream/").removesuffix("/_lifecycle")
    return None


_AGES = ("policy.phases.delete.min_age", "data_retention")


def _drops(body: Mapping[str, object]) -> bool:
    """Says whether a pipeline has a processor that drops, however deep."""
    pending: list[object] = [body.get("processors"), body.get("on_failure")]
    for _ in range(_MOST_PROCESSORS):
        if not pending:
            return False
        node = pending.pop()
        if isinstance(node, dict):
            if isinstance(node.get("drop"), dict):
                return True
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    # Nobody writes a pipeline that long but to hide something in it.
    return True


def _is_kibana(data: Mapping[str, object]) -> bool:
    known = (
        "kibana" in data or any(key.startswith("kibana.") for key in data) or "kibana" in words(data, "service.type")
    )
    return known and has(data, "event.action") and not has(data, "kibana.alert")


def _is_search(data: Mapping[str, object]) -> bool:
    flat = data.get("type") == "audit" and "event.action" in data
    return flat or "elasticsearch.audit" in words(data, "event.dataset") or has(data, "elasticsearch.audit")


def _time(data: Mapping[str, object]) -> int | None:
    return first_time(data, "@timestamp", "timestamp")


def _known(data: Mapping[str, object]) -> bool:
    return _is_kibana(data) or _is_search(data)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return sum(map(_known, found)) / len(found) if found else None


def _when(line: bytes) -> int | None:
    return next((_time(one) for one in objects(read_json(line)[0])), None)


KIBANA_AUDIT = Linewise(name="kibana_audit", score=_score, when=_when, reader=KibanaAuditReader)
