"""A query set over HTTP: one index of OpenSearch (or Elasticsearch) that holds a document for each rule."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.http import Http, Reply, failure, scrubbed
from mcp_siem.errors import AuthError, BackendError
from mcp_siem_backends.opensearch.payload import VERSION_FIELDS

__all__ = ["DEFAULT_INDEX", "QuerySetClient"]

DEFAULT_INDEX = "mcp-siem-queries"
_PAGE = 500
_OK, _CREATED, _NOT_FOUND, _CONFLICT, _BAD_REQUEST = 200, 201, 404, 409, 400
_REDIRECTS = range(300, 400)
# Documents are kept, not indexed: a search body is no mapping, and fields of analysts never clash.
_MAPPINGS = {"dynamic": False, "properties": {"key": {"type": "keyword"}}}
_SETTINGS = {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1"}}

Document = Mapping[str, object]


class QuerySetClient:
    """The documents of one index. A document has `_id`, and `_seq_no` and `_primary_term` of the version that was read.

    Nothing is sent before the first call; the index is made by the first write.
    """

    def __init__(self, connection: Connection, *, http: Http | None = None) -> None:
        self._connection = connection
        self._http = http or Http(connection)
        self._index = connection.options.get("index", DEFAULT_INDEX)
        self._root = f"{connection.url.rstrip('/')}/{quote(self._index, safe='')}"

    def list(self) -> Iterator[Document]:
        """Every document of the index, in the order of their keys."""
        after: object = None
        while True:
            page = self._page(after)
            yield from (_document(hit) for hit in page)
            if len(page) < _PAGE:
                return
            after = page[-1].get("sort")

    def get(self, key: str) -> Document | None:
        """The document of a key, or None; a document just written is seen."""
        reply = self._send("GET", f"/_doc/{quote(key, safe='')}")
        if _is_missing(reply):
            return None
        return _document(self._object(reply, f"read query {key}"))

    def put(self, key: str, document: Document) -> Document:
        """Creates or replaces; refused if the document says which version it replaces, and another is there."""
        there = self.get(key)
        body = {name: value for name, value in document.items() if name not in ("_id", *VERSION_FIELDS)}
        if there is None:
            self._made()
            reply = self._send("PUT", f"/_create/{quote(key, safe='')}", {"refresh": "true"}, {**body, "key": key})
        else:
            replaced = document if VERSION_FIELDS[0] in document else there
            version = {f"if{name}": str(replaced.get(name)) for name in VERSION_FIELDS}
            query = {"refresh": "true", **version}
            reply = self._send("PUT", f"/_doc/{quote(key, safe='')}", query, {**body, "key": key})
        return self._written(key, body, reply)

    def delete(self, key: str) -> None:
        """Deletes; a document that is already gone is fine."""
        reply = self._send("DELETE", f"/_doc/{quote(key, safe='')}", {"refresh": "true"})
        if not _is_missing(reply):
            self._object(reply, f"delete query {key}")

    def _written(self, key: str, body: Document, reply: Reply) -> Document:
        """What the index then holds. A write that was sent twice, because its answer was lost, was done."""
        held = self.get(key) if reply.status in (_OK, _CREATED, _CONFLICT) else None
        if reply.status == _CONFLICT and held is not None and _body(held) == {**body, "key": key}:
            return held
        self._object(reply, f"write query {key}")
        if held is None:
            raise BackendError(f"write query {key}: it is gone again", hint="run plan again")
        return held

    def _made(self) -> None:
        reply = self._send("PUT", "", {}, {"settings": _SETTINGS, "mappings": _MAPPINGS})
        if reply.status == _BAD_REQUEST and b"resource_already_exists_exception" in reply.body:
            return
        self._object(reply, f"create index {self._index}")

    def _page(self, after: object) -> Sequence[Mapping[str, Any]]:
        body: dict[str, object] = {
            "size": _PAGE,
            "sort": [{"key": "asc"}],
            "seq_no_primary_term": True,
            "query": {"match_all": {}},
        }
        if after is not None:
            body["search_after"] = after
        reply = self._send("POST", "/_search", {"allow_partial_search_results": "false"}, body)
        if _is_missing(reply):
            return []
        found = self._object(reply, "list queries").get("hits")
        hits = found.get("hits") if isinstance(found, dict) else None
        if not isinstance(hits, list):
            raise BackendError("list queries: the answer has no hits", hint=_WRONG_SERVER)
        return [hit for hit in hits if isinstance(hit, dict)]

    def _send(self, method: str, path: str, query: Mapping[str, str] | None = None, body: object = None) -> Reply:
        url = f"{self._root}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Authorization": self._authorization()}
        if body is None:
            return self._http.send(method, url, headers)
        headers["Content-Type"] = "application/json"
        return self._http.send(method, url, headers, json.dumps(body, sort_keys=True).encode("ascii"))

    def _authorization(self) -> str:
        secrets = self._connection.secrets
        if "api_key" in secrets:
            key = secrets["api_key"].removeprefix("ApiKey ")
            return f"ApiKey {_base64(key) if ':' in key else key}"
        if "username" in secrets and "password" in secrets:
            return f"Basic {_base64(':'.join((secrets['username'], secrets['password'])))}"
        raise AuthError("no credentials for OpenSearch", hint="set username and MCP_SIEM_OPENSEARCH_PASSWORD")

    def _object(self, reply: Reply, doing: str) -> Mapping[str, object]:
        """The JSON object of a success, or our error with the next step."""
        parsed = _parsed(reply)
        if reply.status not in (_OK, _CREATED) or parsed is None or not _ANSWERED & parsed.keys():
            raise failure(reply, self._said(reply, parsed), doing, hint=_hint(reply, parsed))
        return parsed

    def _said(self, reply: Reply, parsed: Mapping[str, object] | None) -> str:
        if parsed is None:
            return "a page instead of an answer of the API" if reply.is_page else "not an answer of the API"
        error = parsed.get("error", parsed.get("message"))
        text = f"{error.get('type')}: {error.get('reason')}" if isinstance(error, dict) else str(error)
        return scrubbed(text, self._connection)


_ANSWERED = {"_id", "hits", "acknowledged", "result"}
_WRONG_SERVER = (
    "url must be OpenSearch's or Elasticsearch's own (port 9200), not its dashboards' nor a proxy's login page"
)
_HINTS: Mapping[int, str] = {
    400: "the server refuses the request; its message says why",
    401: "the user, password or key is wrong or expired",
    403: "the credential needs the rights to create, read and write this index",
    404: "check url and index in [env.NAME]",
    _CONFLICT: "somebody wrote this query since it was read: run plan again",
    429: "the server is busy; try again later",
    503: "the server is not ready; try again later",
}


def _hint(reply: Reply, parsed: Mapping[str, object] | None) -> str | None:
    strange = parsed is None or not _ANSWERED & parsed.keys()
    if reply.status in _REDIRECTS or reply.is_page or (reply.status == _OK and strange):
        return _WRONG_SERVER
    return _HINTS.get(reply.status)


def _parsed(reply: Reply) -> Mapping[str, object] | None:
    try:
        parsed = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _is_missing(reply: Reply) -> bool:
    """Whether the server itself says that there is no such document or index; a wrong URL answers 404 in another shape."""
    parsed = _parsed(reply) if reply.status == _NOT_FOUND else None
    if parsed is None:
        return False
    error = parsed.get("error")
    gone = isinstance(error, dict) and error.get("type") == "index_not_found_exception"
    return gone or parsed.get("found") is False or parsed.get("result") == "not_found"


def _document(found: Mapping[str, Any]) -> Document:
    source = found.get("_source")
    kept = {name: value for name, value in (source if isinstance(source, dict) else {}).items() if name != "key"}
    return {**kept, "_id": str(found.get("_id")), **{name: found.get(name) for name in VERSION_FIELDS}}


def _body(document: Document) -> dict[str, object]:
    own = {name: value for name, value in document.items() if name not in ("_id", *VERSION_FIELDS)}
    return {**own, "key": document["_id"]}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
