"""`_meta`: what a message says of its sender and of its protocol (2026-07-28), and what else it carries there."""

import re
from collections.abc import Mapping

from mcp_siem.sources.jsontext import compact
from mcp_siem.sources.messages import id_text
from mcp_siem.sources.shape import mapping, text

__all__ = ["client_facts", "keys_of", "meta_of", "own_fields", "request_meta_facts", "server_facts"]

_PREFIX = "io.modelcontextprotocol/"
_KNOWN = frozenset({"progressToken", "traceparent", "tracestate"})
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*", re.DOTALL)


def meta_of(value: object) -> Mapping[str, object]:
    """The `_meta` object of params or of a result, or an empty one."""
    return mapping(mapping(value).get("_meta"))


def own_fields(value: Mapping[str, object]) -> dict[str, object]:
    """The object without the `_meta` that the protocol itself puts there; foreign keys of `_meta` stay."""
    own = {key: item for key, item in value.items() if key != "_meta"}
    if "_meta" in value:
        held = value["_meta"]
        if isinstance(held, dict):
            held = {key: item for key, item in held.items() if key not in _KNOWN and not key.startswith(_PREFIX)}
        if held:
            own["_meta"] = held
    return own


def keys_of(capabilities: object) -> list[str]:
    """The names of what is declared, sorted."""
    return sorted(mapping(capabilities))


def client_facts(info: object, capabilities: object) -> dict[str, object]:
    """Fields of a client that introduces itself."""
    told = mapping(info)
    return _present(
        {
            "mcp.client.name": text(told.get("name")),
            "mcp.client.version": text(told.get("version")),
            "mcp.client.capabilities": keys_of(capabilities) or None,
        }
    )


def server_facts(info: object) -> dict[str, object]:
    """Fields of a server that introduces itself."""
    told = mapping(info)
    return _present(
        {"mcp.server.info.name": text(told.get("name")), "mcp.server.info.version": text(told.get("version"))}
    )


def request_meta_facts(params: object) -> dict[str, object]:
    """Fields that the `_meta` of a request gives: sender, protocol, wanted log level, trace."""
    meta = meta_of(params)
    if not meta:
        return {}
    trace = meta.get("traceparent")
    found = _TRACE.fullmatch(trace) if isinstance(trace, str) else None
    return _present(
        {
            **client_facts(meta.get(f"{_PREFIX}clientInfo"), meta.get(f"{_PREFIX}clientCapabilities")),
            "mcp.protocol.version": text(meta.get(f"{_PREFIX}protocolVersion")),
            "mcp.log.level": text(meta.get(f"{_PREFIX}logLevel")),
            "mcp.subscription.id": id_text(meta.get(f"{_PREFIX}subscriptionId")),
            "mcp.meta.size": len(compact(meta).encode()),
            "trace.id": found.group(1) if found else None,
        }
    )


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
