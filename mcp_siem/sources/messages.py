"""JSON-RPC messages: what an object on the wire is, told from its keys alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp_siem.sources.jsontext import compact

__all__ = ["Message", "Notification", "Request", "Response", "id_key", "id_text", "parse_message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Asks for an answer under its id. `version` is the JSON-RPC version where it is not 2.0."""

    id: object
    method: str
    params: object
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Tells something and expects no answer."""

    method: str
    params: object
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Answers a request: a result, or an error that is not None."""

    id: object
    result: object
    error: object


Message = Request | Notification | Response


def parse_message(value: object) -> Message | str:
    """The message, or in words why it is none."""
    if not isinstance(value, dict):
        return "a JSON-RPC message is an object"
    if "method" in value:
        method = value["method"]
        if not isinstance(method, str):
            return "`method` is not a text"
        version = _version(value)
        if "id" in value:
            return Request(id=value["id"], method=method, params=value.get("params"), version=version)
        return Notification(method=method, params=value.get("params"), version=version)
    if "result" in value or "error" in value:
        return Response(id=value.get("id"), result=value.get("result"), error=value.get("error"))
    return "neither `method`, `result` nor `error` is there"


def _version(message: Mapping[str, object]) -> str | None:
    said = message.get("jsonrpc")
    return None if said == "2.0" else said if isinstance(said, str) else "none"


def id_key(value: object) -> tuple[str, object]:
    """The id as a key under which 1 and "1" differ; 1 and 1.0 are one number in JSON, and to every peer."""
    if isinstance(value, dict | list):
        return "json", compact(value)
    if isinstance(value, float):
        return "int", value
    return type(value).__name__, value


def id_text(value: object) -> str | None:
    """The id as text, as OpenTelemetry names it; None for a null id."""
    if value is None:
        return None
    return value if isinstance(value, str) else compact(value)
