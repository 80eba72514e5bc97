"""A real OpenSearch as a judge: indices made by our template, events in, what a search finds out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import urllib3

from mcp_siem.events.fold import fold
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.opensearch.template import index_template

__all__ = ["INDEX", "OpenSearch", "SearchFailedError", "shipped"]

INDEX = "logs-mcp.referee"


class SearchFailedError(AssertionError):
    """The engine refused a search of ours, or could not run it."""


class OpenSearch:
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

    def load(
        self, taxonomy: Taxonomy, events: Iterable[Mapping[str, object]], *, first: object = None, shards: int = 1
    ) -> None:
        """A fresh index of our template that holds the events; `first` is indexed before and removed."""
        template: Any = index_template(taxonomy)["template"]
        settings = {**template["settings"]["index"], "number_of_shards": shards, "number_of_replicas": 0}
        self.forget()
        made, answer = self.call(
            "PUT", f"/{INDEX}", {"settings": {"index": settings}, "mappings": template["mappings"]}
        )
        assert made == 200, answer
        if first is not None:
            self.call("PUT", f"/{INDEX}/_doc/first?refresh=true", first)
            self.call("DELETE", f"/{INDEX}/_doc/first?refresh=true")
        lines = [f'{{"create":{{"_id":"{at}"}}}}\n{json.dumps(event)}\n' for at, event in enumerate(events)]
        if not lines:
            return
        _, answer = self.call("POST", f"/{INDEX}/_bulk?refresh=true", "".join(lines).encode())
        failed = [item["create"]["error"] for item in answer["items"] if "error" in item["create"]]
        assert failed == []

    def search(self, text: str, **more: object) -> Any:
        """The answer to a search, whole or none."""
        body = {**json.loads(text), **more}
        status, answer = self.call("POST", f"/{INDEX}/_search?allow_partial_search_results=false", body)
        if status != 200:
            raise SearchFailedError("; ".join(_reasons(answer)))
        return answer

    def found(self, text: str) -> list[int]:
        """The events that a search finds."""
        answer = self.search(text, size=10_000, _source=False)
        return sorted(int(hit["_id"]) for hit in answer["hits"]["hits"])


def shipped(event: Mapping[str, object], taxonomy: Taxonomy) -> dict[str, object]:
    """The event as the shipper writes it: with its twins."""
    flat = dict(event)
    for name, field in taxonomy.fields.items():
        if field.twin_of in flat:
            value = flat[field.twin_of]
            flat[name] = [_folded(item) for item in value] if isinstance(value, list) else _folded(value)
    return flat


def _folded(value: object) -> object:
    return fold(value) if isinstance(value, str) else value


def _reasons(answer: object) -> Iterator[str]:
    """What an error says, wherever it stands in the answer, without the scripts that it repeats."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name == "reason" and isinstance(value, str):
                yield value[:500]
            elif name == "script_stack":
                yield " ".join(map(str, value))[-500:]
            else:
                yield from _reasons(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _reasons(value)
