"""A real Elasticsearch as a judge: indices made by our template, events in, what a query finds out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import urllib3

from mcp_siem.convert.target import Query
from mcp_siem.events.fold import fold
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.elastic.template import INDEX_PATTERN, index_template

__all__ = ["INDEX", "Elasticsearch", "QueryFailedError", "shipped"]

INDEX = "logs-mcp.referee"


class QueryFailedError(AssertionError):
    """The engine refused a query of ours, or could not run it."""


class Elasticsearch:
    """Calls of one server, whose indices named INDEX... come and go."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager()

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request; the answer's status and JSON."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        answer = self._pool.request(method, self._url + path, body=data, headers={"Content-Type": kind}, timeout=120)
        return answer.status, json.loads(answer.data or b"{}")

    def forget(self) -> None:
        """Deletes what earlier tests left."""
        self.call("DELETE", f"/{INDEX}*")

    def load(self, taxonomy: Taxonomy, events: Iterable[Mapping[str, object]], *, first: object = None) -> None:
        """A fresh index of our template that holds the events; `first` is indexed before and removed."""
        template = index_template(taxonomy, long_texts="keyword")["template"]
        self._make(template["mappings"], template["settings"]["index"])  # type: ignore[index]
        if first is not None:
            self.call("PUT", f"/{INDEX}/_doc/first?refresh=true", first)
            self.call("DELETE", f"/{INDEX}/_doc/first?refresh=true")
        self._fill(events)

    def load_mapped(
        self, mapping: Mapping[str, object], events: Iterable[Mapping[str, object]], *, settings: object = None
    ) -> None:
        """A fresh index of somebody else's mapping."""
        self._make(mapping, settings or {})
        self._fill(events)

    def caps(self) -> object:
        """What the index says of its fields."""
        return self.call("GET", f"/{INDEX}/_field_caps?fields=*&filters=-metadata")[1]

    def _make(self, mapping: object, settings: Any) -> None:
        self.forget()
        index = {**settings, "number_of_shards": 1, "number_of_replicas": 0}
        made, answer = self.call("PUT", f"/{INDEX}", {"settings": {"index": index}, "mappings": mapping})
        assert made == 200, answer

    def _fill(self, events: Iterable[Mapping[str, object]]) -> None:
        lines = [f'{{"create":{{"_id":"{at}"}}}}\n{_escaped(event)}\n' for at, event in enumerate(events)]
        if lines:
            _, answer = self.call("POST", f"/{INDEX}/_bulk?refresh=true", "".join(lines).encode())
            failed = [item["create"]["error"] for item in answer["items"] if "error" in item["create"]]
            assert failed == []

    def lucene(self, text: str) -> list[int]:
        """The events that the query finds, run as Kibana runs a rule of language lucene."""
        return self._matched({"query_string": {"query": text, "analyze_wildcard": True}})

    def events(self, query: Query) -> list[int]:
        """The events that the query of a detection finds, in either of its languages."""
        return self._matched(json.loads(query.text)) if query.language == "dsl" else self.lucene(query.text)

    def _matched(self, query: Mapping[str, object]) -> list[int]:
        status, answer = self.call("POST", f"/{INDEX}/_search", {"size": 10_000, "_source": False, "query": query})
        if status != 200 or answer["_shards"]["failed"] or answer["timed_out"]:
            raise QueryFailedError(f"{query}: {answer}")
        return sorted(int(hit["_id"]) for hit in answer["hits"]["hits"])

    def rewritten(self, text: str) -> str:
        """What the engine makes of a query."""
        query = {"query_string": {"query": text, "analyze_wildcard": True}}
        _, answer = self.call("GET", f"/{INDEX}/_validate/query?explain=true&rewrite=true", {"query": query})
        return str(answer["explanations"][0].get("explanation") or answer)

    def rows(self, text: str) -> list[dict[str, Any]]:
        """The rows of an ES|QL query; a partial answer is none."""
        status, answer = self.call("POST", "/_query", {"query": text.replace(INDEX_PATTERN, INDEX)})
        if status != 200 or answer.get("is_partial"):
            raise QueryFailedError(f"{text}: {answer}")
        columns = [column["name"] for column in answer["columns"]]
        return [dict(zip(columns, row, strict=True)) for row in answer["values"]]

    def esql(self, text: str, keys: Sequence[str]) -> set[tuple[tuple[str, ...], int]]:
        """The groups and instants (milliseconds) that an ES|QL correlation finds, each once."""
        rows = self.rows(text)
        found = [(tuple(str(row[key]) for key in keys), _milliseconds(row["@timestamp"])) for row in rows]
        assert len(set(found)) == len(found), "a group and an instant came twice"
        return set(found)


def shipped(event: Mapping[str, object], taxonomy: Taxonomy) -> dict[str, object]:
    """The event as the shipper writes it: with its twins, and its time in milliseconds."""
    flat = dict(event)
    for name, field in taxonomy.fields.items():
        value = flat.get(field.twin_of or "")
        if field.twin_of and value is not None:
            values = value if isinstance(value, list) else [value]
            flat[name] = [fold(item) if isinstance(item, str) else item for item in values]
    return flat


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def _escaped(event: Mapping[str, object]) -> str:
    r"""JSON that spells quotes and backslashes by number: 8.19.0 to 8.19.4 index `\"` and `\\` wrongly in sub-fields
    (elastic/elasticsearch#134770), and 8.19.4 is the version that runs here.
    """
    return json.dumps(event).replace("\\\\", "\\u005c").replace('\\"', "\\u0022")
