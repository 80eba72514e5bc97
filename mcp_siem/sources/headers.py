"""HTTP headers as captures write them, and what MCP and OAuth say in them."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator, Mapping

from mcp_siem.sources.shape import mapping

__all__ = [
    "Headers",
    "auth_method",
    "challenge",
    "decoded_name",
    "forwarded_for",
    "param_headers",
    "peer_address",
    "read_headers",
]

_ENCODED = re.compile(r"=\?base64\?([A-Za-z0-9+/_=-]*)\?=", re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_MAX_HEADER = 16_384
_PARAM = "mcp-param-"
_KEY_HEADERS = ("x-api-key", "api-key", "apikey", "x-goog-api-key")
_OAUTH_SCHEMES = {"bearer": "bearer", "dpop": "dpop", "basic": "basic", "digest": "digest", "negotiate": "negotiate"}
_PEER_KEYS = ("client", "client.address", "client_address", "client_ip", "remote_addr", "remote_address", "peer")

Headers = Mapping[str, list[str]]


def read_headers(value: object) -> Headers:
    """Headers by lower-case name; an object, a list of pairs and a list of name/value objects are all read."""
    found: dict[str, list[str]] = {}
    for name, said in _pairs(value):
        for one in said if isinstance(said, list) else [said]:
            if isinstance(name, str) and isinstance(one, str | int) and not isinstance(one, bool):
                found.setdefault(name.strip().lower(), []).append(str(one).strip())
    return found


def _pairs(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        for pair in value:
            if isinstance(pair, list) and len(pair) == 2:  # noqa: PLR2004 (a pair)
                yield pair[0], pair[1]
            elif isinstance(pair, dict):
                yield pair.get("name"), pair.get("value")


def decoded_name(value: str) -> str:
    """A header value with its `=?base64?...?=` parts decoded, as a server reads it."""
    return _ENCODED.sub(lambda found: _decode(found.group(1), found.group(0)), value[:_MAX_HEADER])


def _decode(text: str, otherwise: str) -> str:
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return otherwise


def auth_method(headers: Headers) -> str:
    """The scheme a request authenticates with; never anything of the credential itself."""
    for value in headers.get("authorization", []):
        scheme = value.partition(" ")[0].lower()
        return _OAUTH_SCHEMES.get(scheme, "api_key")
    return "api_key" if any(name in headers for name in _KEY_HEADERS) else "none"


def challenge(headers: Headers) -> dict[str, object]:
    """What WWW-Authenticate says is wrong, and which scopes it asks for."""
    told: dict[str, str] = {}
    for value in headers.get("www-authenticate", []):
        for name, quoted, bare in _PARAMETER.findall(value[:_MAX_HEADER]):
            told.setdefault(name.lower(), quoted or bare)
    fields: dict[str, object] = {}
    if told.get("error"):
        fields["mcp.auth.error"] = told["error"]
    if told.get("scope", "").split():
        fields["mcp.auth.scope"] = told["scope"].split()
    return fields


def peer_address(http: Mapping[str, object], headers: Headers) -> str | None:
    """The caller's address: the peer that the capture itself names. X-Forwarded-For is written by the caller,
    so it counts only where no peer is named, and then its last entry, which the nearest proxy wrote.
    """
    request = mapping(http.get("request"))
    for holder in (http, request):
        for key in _PEER_KEYS:
            found = _address(holder.get(key))
            if found is not None:
                return found
    forwarded = forwarded_for(headers)
    return _address(forwarded[-1]) if forwarded else None


def forwarded_for(headers: Headers) -> list[str]:
    """The entries of X-Forwarded-For, caller first."""
    return [entry.strip() for value in headers.get("x-forwarded-for", []) for entry in value[:_MAX_HEADER].split(",")]


def param_headers(headers: Headers) -> dict[str, object]:
    """`Mcp-Param-*` headers by the name of their parameter."""
    return {name[len(_PARAM) :]: decoded_name(said[0]) for name, said in headers.items() if name.startswith(_PARAM)}


def _address(value: object) -> str | None:
    if isinstance(value, dict):
        return next((found for key in ("address", "ip", "host") if (found := _address(value.get(key)))), None)
    if isinstance(value, list):
        return _address(value[0]) if value and isinstance(value[0], str) else None
    if not isinstance(value, str):
        return None
    bare = value.strip()[:64]
    for candidate in (bare, bare.partition("]")[0].lstrip("["), bare.rpartition(":")[0]):
        try:
            return str(ipaddress.ip_address(candidate))
        except ValueError:
            continue
    return None
