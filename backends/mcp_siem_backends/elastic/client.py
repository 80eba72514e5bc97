"""Kibana's Detection Engine over HTTP: list, get, put and delete of rules by our `rule_id`."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.http import Http, Reply, failure, scrubbed
from mcp_siem.errors import AuthError, BackendError

__all__ = ["OWN_TAG", "KibanaClient"]

OWN_TAG = "mcp-siem"
"""The tag on every rule of ours: what `list` asks for."""

_RULES = "/api/detection_engine/rules"
_API_VERSION = "2023-10-31"
_PAGE = 100
_LARGEST_WINDOW = 10_000
"""Kibana refuses to page beyond this many rules."""

_OK, _CONFLICT, _NOT_FOUND = 200, 409, 404
_REDIRECTS = range(300, 400)


class KibanaClient:
    """The rules of one Kibana space. Nothing is sent before the first call."""

    def __init__(self, connection: Connection, *, http: Http | None = None) -> None:
        self._connection = connection
        self._http = http or Http(connection)
        space = connection.options.get("space", "default")
        prefix = "" if space == "default" else f"/s/{quote(space, safe='')}"
        self._root = connection.url.rstrip("/") + prefix

    def list(self) -> Iterator[Mapping[str, object]]:
        """Every rule that carries our tag, each once."""
        seen: set[object] = set()
        for page in range(1, _LARGEST_WINDOW // _PAGE + 1):
            rules, total = self._page(page)
            for rule in rules:
                if rule.get("id") not in seen:
                    seen.add(rule.get("id"))
                    yield rule
            if not rules or page * _PAGE >= total:
                return
        raise BackendError(
            f"list rules: Kibana holds more than {_LARGEST_WINDOW} rules with the tag {OWN_TAG}",
            hint="spread the pack over several spaces",
        )

    def get(self, key: str) -> Mapping[str, object] | None:
        """The rule whose `rule_id` is the key, or None."""
        reply = self._send("GET", _RULES, {"rule_id": key})
        if _is_missing(reply):
            return None
        return self._object(reply, f"read rule {key}")

    def put(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        """Creates the rule, or replaces it whole; a race between the two ends in a replacement."""
        body = {**document, "rule_id": key}
        if self.get(key) is None:
            reply = self._send("POST", _RULES, {}, body)
            if reply.status != _CONFLICT:
                return self._object(reply, f"create rule {key}")
        return self._object(self._send("PUT", _RULES, {}, body), f"replace rule {key}")

    def delete(self, key: str) -> None:
        """Deletes the rule; one that is already gone is fine."""
        reply = self._send("DELETE", _RULES, {"rule_id": key})
        if not _is_missing(reply):
            self._object(reply, f"delete rule {key}")

    def _page(self, number: int) -> tuple[Sequence[Mapping[str, object]], int]:
        query = {
            "page": str(number),
            "per_page": str(_PAGE),
            "sort_field": "created_at",
            "sort_order": "asc",
            "filter": f'alert.attributes.tags:"{OWN_TAG}"',
        }
        found = self._object(self._send("GET", f"{_RULES}/_find", query), "list rules")
        rules, total = found.get("data"), found.get("total")
        if not isinstance(rules, Sequence) or not isinstance(total, int):
            raise BackendError("list rules: the answer has no `data` and `total`", hint=_WRONG_SERVER)
        return [rule for rule in rules if isinstance(rule, dict)], total

    def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None = None
    ) -> Reply:
        url = f"{self._root}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "Accept": "application/json",
            "Authorization": self._authorization(),
            "elastic-api-version": _API_VERSION,
            "kbn-xsrf": "mcp-siem",
        }
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
        raise AuthError("no credentials for Kibana", hint="set MCP_SIEM_ELASTIC_API_KEY")

    def _object(self, reply: Reply, doing: str) -> Mapping[str, object]:
        """The JSON object of a success, or our error with the next step."""
        parsed = _parsed(reply)
        if reply.status != _OK or parsed is None:
            raise failure(reply, self._said(reply, parsed), doing, hint=_hint(reply, parsed))
        return parsed

    def _said(self, reply: Reply, parsed: Mapping[str, object] | None) -> str:
        if parsed is None:
            return "a page instead of an answer of the API" if reply.is_page else "not an answer of the API"
        message = parsed.get("message", parsed.get("error"))
        text = "; ".join(str(item) for item in message) if isinstance(message, list) else str(message)
        return scrubbed(text, self._connection)


_WRONG_SERVER = "url must be Kibana's (port 5601), not Elasticsearch's (9200) nor a proxy's login page"


def _parsed(reply: Reply) -> Mapping[str, object] | None:
    try:
        parsed = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _is_missing(reply: Reply) -> bool:
    """Whether the Detection Engine itself says that there is no such rule; a wrong URL answers 404 in another shape."""
    parsed = _parsed(reply) if reply.status == _NOT_FOUND else None
    return parsed is not None and "status_code" in parsed


def _hint(reply: Reply, parsed: Mapping[str, object] | None) -> str | None:
    elasticsearch = reply.headers.get("x-elastic-product") == "Elasticsearch" and "kbn-name" not in reply.headers
    if elasticsearch or reply.status in _REDIRECTS or reply.is_page or (parsed is None and reply.status == _OK):
        return _WRONG_SERVER
    return _HINTS.get(reply.status)


_HINTS: Mapping[int, str] = {
    400: "Kibana refuses the document; its message says which field",
    401: "the API key or password is wrong, expired or of another deployment; set MCP_SIEM_ELASTIC_API_KEY",
    403: "the credential needs the Kibana privilege Security: All in this space",
    404: "check url and space in [env.NAME]",
    413: "Kibana's server.maxPayload is smaller than this rule",
    429: "Kibana is busy; try again later",
    500: "look at Kibana's log",
    503: "Kibana is not ready yet; try again later",
}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
