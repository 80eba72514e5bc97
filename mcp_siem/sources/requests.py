"""What a request or notification says, method by method, in fields of the taxonomy."""

from collections.abc import Iterable, Mapping, Sequence

from mcp_siem.sources.content import block_texts
from mcp_siem.sources.jsontext import compact, size
from mcp_siem.sources.meta import client_facts, own_fields, request_meta_facts
from mcp_siem.sources.shape import items, mapping, strings, text

__all__ = ["arguments_of", "asked_fields", "asked_in", "request_fields", "request_text"]

# The choices of a server that asks, furthest first.
_REACH = {
    "mcp.elicitation.mode": ("url", "form"),
    "mcp.sampling.include_context": ("allServers", "thisServer", "none"),
}
_RESOURCE_METHODS = frozenset({"resources/read", "resources/subscribe", "resources/unsubscribe"})


def request_fields(method: str, params: object) -> dict[str, object]:
    """The fields of one request, without those of its connection."""
    fields: dict[str, object] = {"mcp.method.name": method, **request_meta_facts(params)}
    told = mapping(params)
    if method == "tools/call":
        fields["gen_ai.operation.name"] = "execute_tool"
        fields["gen_ai.tool.name"] = text(told.get("name"))
        if isinstance(told.get("arguments"), dict):
            fields["gen_ai.tool.call.arguments"] = told["arguments"]
    elif method in _RESOURCE_METHODS or method == "notifications/resources/updated":
        fields["mcp.resource.uri"] = text(told.get("uri"))
    elif method == "prompts/get":
        fields["gen_ai.prompt.name"] = text(told.get("name"))
    else:
        fields.update(_other_fields(method, told))
    fields["mcp.task.id"] = text(told.get("taskId"))
    fields.update(asked_fields([(method, told)]))
    fields["mcp.request.text"] = request_text(method, params)
    fields["mcp.request.size"] = None if params is None else size(params)
    return {name: value for name, value in fields.items() if value is not None}


def _other_fields(method: str, told: Mapping[str, object]) -> dict[str, object]:
    """The fields of methods that are neither calls nor reads."""
    if method == "completion/complete":
        reference, argument = mapping(told.get("ref")), mapping(told.get("argument"))
        name, uri = text(reference.get("name")), text(reference.get("uri"))
        return {
            "gen_ai.prompt.name": name,
            "mcp.resource.uri": uri,
            "mcp.completion.ref": name or uri,
            "mcp.completion.value": text(argument.get("value")),
        }
    if method == "subscriptions/listen":
        wanted = strings(mapping(told.get("notifications")).get("resourceSubscriptions"))
        return {"mcp.resource.uri": wanted[0]} if len(wanted) == 1 else {}
    if method == "logging/setLevel":
        return {"mcp.log.level": told["level"]} if text(told.get("level")) else {}
    if method == "initialize":
        version = text(told.get("protocolVersion"))
        return {"mcp.protocol.version": version, **client_facts(told.get("clientInfo"), told.get("capabilities"))}
    return _notified_fields(method, told)


def _notified_fields(method: str, told: Mapping[str, object]) -> dict[str, object]:
    """The fields of notifications that carry words."""
    if method == "notifications/message":
        data = told.get("data")
        return {
            "mcp.log.level": text(told.get("level")),
            "mcp.log.logger": text(told.get("logger")),
            "mcp.log.text": data if isinstance(data, str) else compact(data) if data is not None else None,
        }
    if method == "notifications/progress":
        return {"mcp.progress.message": text(told.get("message"))}
    if method == "notifications/cancelled":
        return {"mcp.cancelled.reason": text(told.get("reason"))}
    return {}


def asked_fields(asked: Iterable[tuple[object, Mapping[str, object]]]) -> dict[str, object]:
    """What a server asks of the user or the client's model: elicitation and sampling, alone or several in a result."""
    found: dict[str, list[object]] = {}
    for method, params in asked:
        if method == "elicitation/create":
            # A request without a mode is a form: the mode came later than the request.
            found.setdefault("mcp.elicitation.mode", []).append(text(params.get("mode")) or "form")
            found.setdefault("mcp.elicitation.url", []).append(text(params.get("url")))
            found.setdefault("mcp.elicitation.message", []).append(text(params.get("message")))
        elif method == "sampling/createMessage":
            found.setdefault("mcp.sampling.system_prompt", []).append(text(params.get("systemPrompt")))
            found.setdefault("mcp.sampling.include_context", []).append(text(params.get("includeContext")))
            found.setdefault("mcp.sampling.message", []).extend(block_texts(params.get("messages")))
    told = {name: [value for value in values if isinstance(value, str)] for name, values in found.items()}
    return {name: _together(name, values) for name, values in told.items() if values}


def _together(name: str, values: Sequence[str]) -> object:
    """Several requests in one result: words one below the other, of a choice the one that reaches furthest."""
    if name == "mcp.sampling.message":
        return list(values)
    reach = _REACH.get(name)
    if reach is None:
        return "\n".join(values)
    return next((choice for choice in reach if choice in values), values[0])


def request_text(method: str, params: object) -> str | None:
    """The parameters as compact JSON; of a tool call its arguments alone, unless more was sent with them."""
    if not isinstance(params, dict):
        return params if isinstance(params, str) else compact(params) if params is not None else None
    told = own_fields(params)
    if method == "tools/call":
        told.pop("name", None)
        if told.keys() == {"arguments"}:
            arguments = told["arguments"]
            return arguments if isinstance(arguments, str) else compact(arguments)
    return compact(told) if told else None


def arguments_of(method: str, params: object) -> object | None:
    """What typed argument arrays are made of, or None for a method that takes no arguments."""
    told = mapping(params)
    if method in {"tools/call", "prompts/get"}:
        return told.get("arguments")
    if method == "subscriptions/listen":
        wanted = strings(mapping(told.get("notifications")).get("resourceSubscriptions"))
        return {"uri": wanted} if wanted else None
    if method == "completion/complete":
        argument = mapping(told.get("argument"))
        name = text(argument.get("name"))
        return {name: argument.get("value")} if name else None
    return None


def asked_in(result: object) -> list[tuple[object, Mapping[str, object]]]:
    """The requests of the server that stand inside a result (2026-07-28), each with its parameters."""
    asked = mapping(result).get("inputRequests")
    inner = list(asked.values()) if isinstance(asked, dict) else items(asked)
    return [(item.get("method"), mapping(item.get("params"))) for item in inner if isinstance(item, dict)]
