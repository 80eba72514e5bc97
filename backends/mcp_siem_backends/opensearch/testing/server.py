"""A small OpenSearch on loopback: indices of documents with versions, and a sorted search. Answers as 3.4.0 gives them."""

import base64
import json
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_siem.deploy.loopback import Answer, LoopbackServer, Request

__all__ = ["QuerySetServer"]

Body = Mapping[str, Any]


@dataclass(slots=True)
class _Index:
    documents: dict[str, tuple[int, Body]] = field(default_factory=dict)
    written: int = 0


class QuerySetServer(LoopbackServer):
    """One server. Credentials are API keys and users; `readers` are keys that may not write."""

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        api_keys: Collection[str] = (),
        readers: Collection[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self._writers = {f"ApiKey {key}" for key in api_keys}
        self._writers |= {f"Basic {_base64(f'{name}:{word}')}" for name, word in (users or {}).items()}
        self._readers = {f"ApiKey {key}" for key in readers}
        self.indices: dict[str, _Index] = {}

    def held(self, index: str, key: str) -> Body:
        """The source of one document."""
        return self.indices[index].documents[key][1]

    def answer(self, request: Request) -> Answer:
        """The answer that the server would give."""
        index = request.segments[0]
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if request.method == "PUT" and len(request.segments) == 1:
            return self._created(index)
        if index not in self.indices:
            return _error(404, "index_not_found_exception", f"no such index [{index}]")
        return self._document(request)

    def _refusal(self, request: Request) -> Answer | None:
        credential = request.headers.get("authorization", "")
        if credential not in self._writers | self._readers:
            return _error(401, "security_exception", "missing authentication credentials for REST request")
        is_read = request.method == "GET" or request.segments[-1] == "_search"
        if not is_read and credential not in self._writers:
            return _error(403, "security_exception", "no permissions for [indices:data/write] and User [reader]")
        return None

    def _document(self, request: Request) -> Answer:
        match request.method, request.segments:
            case "POST", (index, "_search"):
                return self._found(self.indices[index], json.loads(request.body))
            case "GET", (index, "_doc", key):
                return self._shown(index, key)
            case "PUT", (index, "_create" | "_doc" as how, key):
                return self._written(index, key, request, only_new=how == "_create")
            case "DELETE", (index, "_doc", key):
                return self._deleted(index, key)
        return _error(405, "method_not_allowed", f"{request.method} {request.path}")

    def _created(self, name: str) -> Answer:
        if name in self.indices:
            return _error(400, "resource_already_exists_exception", f"index [{name}] already exists")
        self.indices[name] = _Index()
        return _json(200, {"acknowledged": True, "shards_acknowledged": True, "index": name})

    def _found(self, index: _Index, body: Body) -> Answer:
        hits = sorted(index.documents, key=lambda key: str(index.documents[key][1].get("key")))
        after = body.get("search_after")
        later = [key for key in hits if after is None or str(index.documents[key][1].get("key")) > after[0]]
        shown = [
            {**_document(key, *index.documents[key]), "sort": [index.documents[key][1].get("key")]}
            for key in later[: body.get("size", 10)]
        ]
        return _json(
            200, {"timed_out": False, "hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": shown}}
        )

    def _shown(self, name: str, key: str) -> Answer:
        held = self.indices[name].documents.get(key)
        if held is None:
            return _json(404, {"_index": name, "_id": key, "found": False})
        return _json(200, {"_index": name, **_document(key, *held), "found": True})

    def _written(self, name: str, key: str, request: Request, *, only_new: bool) -> Answer:
        index = self.indices[name]
        held = index.documents.get(key)
        wanted = request.query.get("if_seq_no")
        if (only_new and held is not None) or (wanted is not None and (held is None or str(held[0]) != wanted)):
            return _error(409, "version_conflict_engine_exception", f"[{key}]: version conflict")
        index.documents[key] = (index.written, json.loads(request.body))
        index.written += 1
        result = "created" if held is None else "updated"
        return _json(201 if held is None else 200, {"_index": name, "_id": key, "result": result, "_primary_term": 1})

    def _deleted(self, name: str, key: str) -> Answer:
        held = self.indices[name].documents.pop(key, None)
        result = "not_found" if held is None else "deleted"
        return _json(404 if held is None else 200, {"_index": name, "_id": key, "result": result})


def _document(key: str, number: int, source: Body) -> dict[str, object]:
    return {"_id": key, "_seq_no": number, "_primary_term": 1, "_source": source}


def _json(status: int, body: object) -> Answer:
    return Answer(status=status, body=json.dumps(body).encode(), content_type="application/json; charset=UTF-8")


def _error(status: int, kind: str, reason: str) -> Answer:
    error = {"type": kind, "reason": reason}
    return _json(status, {"error": {"root_cause": [error], **error}, "status": status})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
