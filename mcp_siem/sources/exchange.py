"""One HTTP exchange on an MCP endpoint: its own event, and the JSON-RPC messages that its bodies carry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from mcp_siem.sources.bodies import Body, read_body
from mcp_siem.sources.capture import Exchange, Place
from mcp_siem.sources.headers import (
    Headers,
    auth_method,
    challenge,
    decoded_name,
    forwarded_for,
    param_headers,
    peer_address,
    read_headers,
)
from mcp_siem.sources.meta import meta_of
from mcp_siem.sources.shape import integer, mapping, text

__all__ = ["ReadExchange", "read_exchange"]

_FAILED = 400
_REFUSED = frozenset({400, 401, 403})
_SESSION_PARAMETERS = frozenset({"sessionid", "session_id"})
_METADATA = "/.well-known/"
_NAMED = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}
_ONE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadExchange:
    """The place with what HTTP adds to it, the fields of the `mcp.http` event, the two bodies, the status."""

    place: Place
    fields: Mapping[str, object]
    asked: Body
    answered: Body
    status: int | None
    verb: str | None

    @property
    def failed(self) -> bool:
        """True if HTTP itself refused the request."""
        return self.status is not None and self.status >= _FAILED


def read_exchange(exchange: Exchange) -> ReadExchange:
    """Reads the record of one exchange, whatever is missing in it."""
    request, response = mapping(exchange.http.get("request")), mapping(exchange.http.get("response"))
    asking, answering = read_headers(request.get("headers")), read_headers(response.get("headers"))
    asked = read_body(request.get("body"), _first(asking, "content-type") or "")
    answered = read_body(response.get("body"), _first(answering, "content-type") or "")
    status = integer(response.get("status_code", response.get("status")))
    path, query = _target(request)
    session = _first(asking, "mcp-session-id") or _first(answering, "mcp-session-id") or _session_of(query)
    facts = {
        "source.ip": peer_address(exchange.http, asking),
        "user_agent.original": _first(asking, "user-agent"),
        "mcp.session.id": session,
        "mcp.protocol.version": _first(asking, "mcp-protocol-version"),
    }
    host = _first(asking, "host")
    place = replace(exchange.place, session=session, endpoint=host, transport="tcp", facts=_present(facts))
    said = text(request.get("method"))
    verb = said.upper() if said is not None and said.isalpha() else said
    fields = {
        "http.request.method": verb,
        "url.path": path,
        "url.query": query or None,
        "http.response.status_code": status,
        "network.protocol.name": "http",
        "mcp.http.content_type": _first(answering, "content-type"),
        "mcp.http.www_authenticate": _all(answering, "www-authenticate"),
        **_said(asking),
        **_outcome(status),
        **_refusal(answering, answered, status),
        "mcp.oauth.authorization_endpoint": _authorization_endpoint(path, answered),
        **_carried(asked, asking),
    }
    return ReadExchange(place=place, fields=_present(fields), asked=asked, answered=answered, status=status, verb=verb)


def _said(headers: Headers) -> dict[str, object]:
    """What the request's headers say. One that is sent twice says both, as HTTP joins them (RFC 9110, 5.3)."""
    return {
        "mcp.http.origin": _all(headers, "origin"),
        "mcp.http.host": _all(headers, "host"),
        "mcp.http.method_header": _all(headers, "mcp-method"),
        "mcp.http.name_header": _decoded(headers),
        "mcp.http.version_header": _all(headers, "mcp-protocol-version"),
        "mcp.http.last_event_id": _all(headers, "last-event-id"),
        "mcp.http.forwarded_for": forwarded_for(headers) or None,
        "mcp.http.param_headers": param_headers(headers) or None,
        "mcp.auth.method": auth_method(headers),
    }


def _decoded(headers: Headers) -> str | None:
    return ", ".join(decoded_name(value) for value in headers.get("mcp-name", [])) or None


def _outcome(status: int | None) -> dict[str, object]:
    if status is None:
        return {"event.outcome": "unknown"}
    if status >= _FAILED:
        return {"event.outcome": "failure", "error.type": str(status)}
    return {"event.outcome": "success"}


def _refusal(headers: Headers, body: Body, status: int | None) -> dict[str, object]:
    """Why the caller was refused: the challenge, else the OAuth error in the body."""
    told = challenge(headers)
    said = mapping(body.value).get("error")
    if "mcp.auth.error" not in told and status in _REFUSED and not body.messages and text(said):
        told["mcp.auth.error"] = said
    return told


def _authorization_endpoint(path: str | None, body: Body) -> str | None:
    """Where the metadata of an authorization server (RFC 8414, OpenID Connect) sends the user to log in."""
    if path is None or _METADATA not in path or body.messages:
        return None
    return text(mapping(body.value).get("authorization_endpoint"))


def _carried(body: Body, headers: Headers) -> dict[str, object]:
    """What the one message in the request asks for, and which headers say otherwise."""
    if len(body.messages) != _ONE:
        return {}
    message = mapping(body.messages[0])
    method, params = text(message.get("method")), mapping(message.get("params"))
    fields: dict[str, object] = {"mcp.method.name": method}
    subject = text(params.get("uri"))
    if method in _NAMED:
        subject = text(params.get("name"))
        fields[_NAMED[method]] = subject
    elif method == "resources/read":
        fields["mcp.resource.uri"] = subject
    said = {
        "method": (headers.get("mcp-method", []), method),
        "name": ([decoded_name(value) for value in headers.get("mcp-name", [])], subject),
        "version": (headers.get("mcp-protocol-version", []), _declared(params)),
    }
    contradicted = [name for name, (values, told) in said.items() if told and any(value != told for value in values)]
    return {**fields, "mcp.http.header_mismatch": contradicted or None}


def _declared(params: Mapping[str, object]) -> str | None:
    return text(meta_of(params).get("io.modelcontextprotocol/protocolVersion"))


def _target(request: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Path and query; a full URL gives its own."""
    said = text(request.get("path")) or text(request.get("url")) or text(request.get("target"))
    if said is None:
        return None, None
    try:
        parts = urlsplit(said if "://" in said else f"//host{said}" if said.startswith("/") else f"//host/{said}")
    except ValueError:
        return said, None
    return parts.path or "/", parts.query


def _session_of(query: str | None) -> str | None:
    """The session of the HTTP+SSE transport (2024-11-05), which stands in the query."""
    try:
        pairs = parse_qsl(query or "", max_num_fields=100)
    except ValueError:
        return None
    return next((value for name, value in pairs if name.lower() in _SESSION_PARAMETERS), None)


def _first(headers: Headers, name: str) -> str | None:
    values = headers.get(name)
    return values[0] or None if values else None


def _all(headers: Headers, name: str) -> str | None:
    return ", ".join(headers.get(name, [])) or None


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
