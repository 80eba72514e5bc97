"""What a response says, in fields of the taxonomy."""

from mcp_siem.sources.content import content_types, error_text, result_text
from mcp_siem.sources.jsontext import compact, size
from mcp_siem.sources.messages import Response
from mcp_siem.sources.meta import meta_of, server_facts
from mcp_siem.sources.requests import asked_fields, asked_in
from mcp_siem.sources.shape import items, mapping, text

__all__ = ["response_fields"]

_SERVER_INFO = "io.modelcontextprotocol/serverInfo"


def response_fields(method: str | None, response: Response) -> dict[str, object]:
    """The fields of one response; `method` is that of its request, None if the request was never seen."""
    fields = _error_fields(response.error) if response.error is not None else _result_fields(method, response.result)
    fields["mcp.response.size"] = size(response.result if response.error is None else response.error)
    return {name: value for name, value in fields.items() if value is not None}


def _error_fields(error: object) -> dict[str, object]:
    told = mapping(error)
    code = told.get("code")
    said = code if isinstance(code, str) else compact(code) if isinstance(code, int | float) else None
    return {
        "event.outcome": "failure",
        "error.type": said or "error",
        "error.message": text(told.get("message")) or text(error),
        "rpc.response.status_code": said,
        "mcp.response.text": error_text(error),
    }


def _result_fields(method: str | None, result: object) -> dict[str, object]:
    told = mapping(result)
    is_error = told.get("isError")
    failed = is_error is True or is_error == "true"
    fields: dict[str, object] = {
        "event.outcome": "failure" if failed else "success",
        "error.type": "tool_error" if failed else None,
        "mcp.tool.is_error": failed if failed or method == "tools/call" else None,
        "mcp.result.type": text(told.get("resultType")),
        "mcp.response.text": result_text(method, result),
        "mcp.response.content_type": content_types(result) or None,
        "mcp.input_request.method": [said for asked, _ in asked_in(result) if (said := text(asked))] or None,
        "mcp.elicitation.action": text(told.get("action")) if method == "elicitation/create" else None,
        "mcp.task.id": text(mapping(told.get("task")).get("taskId")),
        **server_facts(told.get("serverInfo") or meta_of(result).get(_SERVER_INFO)),
        **asked_fields(asked_in(result)),
    }
    if method == "tools/list" and isinstance(told.get("tools"), list):
        fields["mcp.tools.count"] = len(items(told.get("tools")))
    if method in {"initialize", None}:
        fields["mcp.protocol.version"] = text(told.get("protocolVersion"))
    roots = [text(mapping(root).get("uri")) for root in items(told.get("roots"))] if method == "roots/list" else []
    fields["mcp.roots"] = [uri for uri in roots if uri] or None
    return fields
