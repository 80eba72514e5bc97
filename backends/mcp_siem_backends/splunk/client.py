"""Splunk saved searches through splunk-sdk: list, get, put and delete by the rule id that our marker holds."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import ParseError

from splunklib import binding, client

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.http import Http, Reply, failure, scrubbed
from mcp_siem.errors import AuthError, BackendError, ConfigError

__all__ = ["OWN_TAG", "SplunkClient"]

OWN_TAG = "mcp-siem"
"""A text that every saved search of ours holds in its description: what `list` asks for."""

_DEFAULT_PORT = 8089
_NOT_FOUND, _CONFLICT = 404, 409
_NOT_SENT = frozenset({"acl", "author", "id", "links", "name", "next_scheduled_time", "qualifiedSearch", "updated"})
_WRONG_SERVER = "url must be splunkd's management port (8089), not Splunk Web's (8000) nor a proxy's login page"

KeyOf = Callable[[Mapping[str, object]], str | None]


class _Call(Protocol):
    """`get`, `post` or `delete` of the SDK's service."""

    def __call__(self, path: str, /, **arguments: str) -> Mapping[str, object]:
        """Sends the request."""
        ...


class SplunkClient:
    """The saved searches of one app. `key_of` says which rule a document belongs to, None if none of ours.

    A document is flat: the keys of the entry as texts (`1` and `0` for booleans), and `name` and `acl`.
    Nothing is sent before the first call.
    """

    def __init__(self, connection: Connection, *, key_of: KeyOf, http: Http | None = None) -> None:
        self._connection = _with_port(connection)
        self._key_of = key_of
        self._http = http or Http(self._connection)
        self._app = connection.options.get("app", "search")
        self._owner = connection.options.get("owner", "nobody")
        self._service: client.Service | None = None

    def list(self) -> Iterator[Mapping[str, object]]:
        """Every saved search of the app that mentions our tag."""
        return iter(self._found(OWN_TAG, "list saved searches"))

    def get(self, key: str) -> Mapping[str, object] | None:
        """The saved search that carries this rule id, or None."""
        doing = f"read the saved search of rule {key}"
        found = [document for document in self._found(key, doing) if self._key_of(document) == key]
        if len(found) > 1:
            names = ", ".join(sorted(str(document["name"]) for document in found))
            raise BackendError(f"{doing}: {len(found)} carry its id: {names}", hint="delete all but one on Splunk")
        return found[0] if found else None

    def put(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        """Creates, or updates the saved search of this rule; one of the same name that is not ours is refused."""
        there = self.get(key)
        sent = {name: str(value) for name, value in document.items() if _is_sent(name, value)}
        if there is not None:
            doing = f"update the saved search of rule {key}"
            return self._one(self._json(self._splunk(doing).post, self._path(there), doing, **sent), doing)
        name = document.get("name")
        doing = f"create the saved search of rule {key}"
        if not isinstance(name, str) or not name:
            raise BackendError(f"{doing}: the document has no name")
        return self._one(self._json(self._splunk(doing).post, self._path(), doing, name=name, **sent), doing)

    def delete(self, key: str) -> None:
        """Deletes; a saved search that is already gone is fine."""
        there = self.get(key)
        if there is None:
            return
        doing = f"delete the saved search of rule {key}"
        try:
            self._json(self._splunk(doing).delete, self._path(there), doing)
        except BackendError as error:
            if error.status != _NOT_FOUND:
                raise

    def _found(self, text: str, doing: str) -> Sequence[Mapping[str, object]]:
        feed = self._json(self._splunk(doing).get, self._path(), doing, count="0", search=text)
        documents = _documents(feed, doing)
        return [document for document in documents if _app_of(document) in {self._app, None}]

    def _one(self, feed: Mapping[str, object], doing: str) -> Mapping[str, object]:
        documents = _documents(feed, doing)
        if len(documents) != 1:
            raise BackendError(f"{doing}: splunkd answered with {len(documents)} entries in place of one")
        return documents[0]

    def _path(self, document: Mapping[str, object] | None = None) -> str:
        owner, name = self._owner, ""
        if document is not None:
            acl = document.get("acl")
            private = isinstance(acl, dict) and acl.get("sharing") == "user"
            owner = str(acl["owner"]) if private and isinstance(acl, dict) else "nobody"
            name = "/" + quote(str(document["name"]), safe="")
        space = f"{quote(owner, safe='')}/{quote(self._app, safe='')}"
        path: str = binding.UrlEncoded(f"/servicesNS/{space}/saved/searches{name}", skip_encode=True)
        return path

    def _json(self, call: _Call, path: str, doing: str, **arguments: str) -> Mapping[str, object]:
        reply = self._reply(lambda: call(path, output_mode="json", **arguments), doing)
        parsed = _parsed(reply.body)
        if parsed is None:
            raise BackendError(f"{doing}: not an answer of splunkd's API", status=reply.status, hint=_WRONG_SERVER)
        return parsed

    def _splunk(self, doing: str) -> client.Service:
        """The SDK's service, logged in at the first call."""
        if self._service is None:
            parts = urlsplit(self._connection.url)
            service = client.Service(
                scheme=parts.scheme,
                host=parts.hostname,
                port=parts.port,
                owner=self._owner,
                app=self._app,
                verify=True,
                retries=0,
                autologin=False,
                handler=self._handler,
                **self._credentials(),
            )
            self._attempt(service.login, f"log in, to {doing}")
            self._service = service
        return self._service

    def _credentials(self) -> Mapping[str, str]:
        secrets = self._connection.secrets
        if "token" in secrets:
            return {"splunkToken": secrets["token"].removeprefix("Bearer ")}
        if "username" in secrets and "password" in secrets:
            return {"username": secrets["username"], "password": secrets["password"]}
        raise AuthError("no credentials for Splunk", hint="set MCP_SIEM_SPLUNK_TOKEN")

    def _handler(self, url: str, message: Mapping[str, object], **_: object) -> Mapping[str, object]:
        """The SDK's transport: verified TLS, timeouts and our proxy, none of which its own has."""
        headers = dict(_pairs(message.get("headers")))
        body = message.get("body")
        data = body.encode("utf-8") if isinstance(body, str) else body if isinstance(body, bytes) else None
        if message.get("method") == "POST":
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        reply = self._http.send(str(message.get("method", "GET")), url, headers, data)
        if reply.is_page or 300 <= reply.status < 400:  # noqa: PLR2004 - the redirects of HTTP
            raise BackendError(
                f"a page or redirect instead of an answer of splunkd (HTTP {reply.status})", hint=_WRONG_SERVER
            )
        return {
            "status": reply.status,
            "reason": reply.reason,
            "headers": list(reply.headers.items()),
            "body": io.BytesIO(reply.body),
        }

    def _reply(self, call: Callable[[], Mapping[str, object]], doing: str) -> Reply:
        answer = self._attempt(call, doing)
        body = answer["body"]
        status = answer["status"]
        return Reply(
            status=status if isinstance(status, int) else 0,
            reason="",
            headers={},
            body=body.read() if isinstance(body, io.BytesIO) else b"",
        )

    def _attempt(self, call: Callable[[], Mapping[str, object]], doing: str) -> Mapping[str, object]:
        """The SDK's answer, or our error: the SDK's own would hold what was sent."""
        try:
            return call()
        except binding.HTTPError as error:
            raise self._mapped(error, doing) from None
        except ParseError:
            raise BackendError(f"{doing}: not an answer of splunkd's API", hint=_WRONG_SERVER) from None

    def _mapped(self, error: binding.HTTPError, doing: str) -> AuthError | BackendError:
        reply = Reply(
            status=error.status,
            reason=str(error.reason),
            headers={name.lower(): value for name, value in _pairs(error.headers)},
            body=error.body if isinstance(error.body, bytes) else b"",
        )
        return failure(reply, scrubbed(_said(reply.body), self._connection), doing, hint=_HINTS.get(reply.status))


_HINTS: Mapping[int, str] = {
    400: "splunkd refuses an argument; its message says which",
    401: "the token or password is wrong or expired; set MCP_SIEM_SPLUNK_TOKEN",
    403: "the credential needs the right to write saved searches in this app",
    404: "check url and app in [env.NAME]",
    _CONFLICT: "a saved search of this name is there and not ours: rename it on Splunk, or adopt it",
    503: "splunkd is busy or starting; try again later",
}


def _with_port(connection: Connection) -> Connection:
    """The connection with its port spelled out, as the SDK spells it."""
    parts = urlsplit(connection.url)
    if parts.path.strip("/"):
        raise ConfigError(
            f"[env.{connection.name}] url: splunkd answers at the root of its port, without a path",
            hint="write it like https://splunk.example:8089",
        )
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return replace(connection, url=f"{parts.scheme}://{host}:{parts.port or _DEFAULT_PORT}")


def _is_sent(name: str, value: object) -> bool:
    return name not in _NOT_SENT and not name.startswith("eai:") and isinstance(value, str | int)


def _app_of(document: Mapping[str, object]) -> object:
    acl = document.get("acl")
    return acl.get("app") if isinstance(acl, dict) else None


def _documents(feed: Mapping[str, object], doing: str) -> Sequence[Mapping[str, object]]:
    entries = feed.get("entry")
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise BackendError(f"{doing}: the answer has no entries", hint=_WRONG_SERVER)
    return [_document(entry) for entry in entries if isinstance(entry, dict)]


def _document(entry: Mapping[str, object]) -> Mapping[str, object]:
    content, acl = entry.get("content"), entry.get("acl")
    flat = (
        {key: _text(value) for key, value in content.items() if _is_flat(key, value)}
        if isinstance(content, dict)
        else {}
    )
    return {**flat, "name": str(entry.get("name", "")), "acl": acl if isinstance(acl, dict) else {}}


def _is_flat(key: str, value: object) -> bool:
    return not key.startswith("eai:") and not isinstance(value, dict | list)


def _text(value: object) -> str:
    """A value as Atom writes it: JSON has true where Atom has 1."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _pairs(headers: object) -> Sequence[tuple[str, str]]:
    if not isinstance(headers, Sequence):
        return ()
    return [(str(name), str(value)) for name, value in headers]


def _parsed(body: bytes) -> Mapping[str, object] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _said(body: bytes) -> str:
    """The messages of splunkd's error, from JSON or Atom."""
    parsed = _parsed(body)
    if parsed is None:
        return _said_in_atom(body)
    found = parsed.get("messages")
    texts = [str(item.get("text")) for item in found if isinstance(item, dict)] if isinstance(found, Sequence) else []
    return "; ".join(texts)


def _said_in_atom(body: bytes) -> str:
    try:
        return "; ".join(message.text or "" for message in binding.XML(body).iter("msg"))
    except ParseError:
        return ""
