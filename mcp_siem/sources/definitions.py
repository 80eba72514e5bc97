"""What a server advertises: list results and introductions, one definition each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcp_siem.sources.jsontext import compact
from mcp_siem.sources.shape import items, mapping, text

__all__ = ["Advertised", "advertised", "definition_fields", "hint_fields", "kept_text", "unreadable"]

# method: (key of its list, kind of its items, key of an item's identity)
_LISTS = {
    "tools/list": ("tools", "tool", "name"),
    "prompts/list": ("prompts", "prompt", "name"),
    "resources/list": ("resources", "resource", "uri"),
    "resources/templates/list": ("resourceTemplates", "resource_template", "uriTemplate"),
}
_INTRODUCTIONS = frozenset({"initialize", "server/discover"})
_MAX_DEFINITIONS = 10_000
_LONGEST_KEPT = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """One definition of a list, or the server's own instructions; `index` is its place in the list."""

    kind: str
    name: str | None
    index: int
    definition: Mapping[str, object]


def advertised(method: str | None, result: object) -> Iterator[Advertised]:
    """The definitions in a result. Without its request (`method` None) the shape of the result decides."""
    told = mapping(result)
    for name, (key, kind, identity) in _LISTS.items():
        if method in {name, None}:
            for index, definition in enumerate(items(told.get(key))[:_MAX_DEFINITIONS]):
                if isinstance(definition, dict):
                    found = text(definition.get(identity))
                    yield Advertised(kind=kind, name=found, index=index, definition=_as_tool(definition))
    introduces = method in _INTRODUCTIONS or (method is None and "serverInfo" in told)
    if introduces and text(told.get("instructions")):
        info = mapping(told.get("serverInfo"))
        yield Advertised(
            kind="server",
            name=text(info.get("name")) or "",
            index=0,
            definition={"name": text(info.get("name")), "description": told["instructions"]},
        )


def unreadable(method: str | None, result: object) -> str | None:
    """In words what in a list result is no definition, or None if all is well."""
    if method not in _LISTS or not isinstance(result, dict):
        return None
    key = _LISTS[method][0]
    listed = result.get(key)
    if not isinstance(listed, list):
        return f"`{key}` of a {method} result is not a list"
    wrong = sum(not isinstance(item, dict) for item in listed)
    if wrong:
        return f"{wrong} of {len(listed)} items in `{key}` are not objects"
    if len(listed) > _MAX_DEFINITIONS:
        return f"{len(listed) - _MAX_DEFINITIONS} items of `{key}` beyond the first {_MAX_DEFINITIONS} are not read"
    return None


def definition_fields(item: Advertised) -> dict[str, object]:
    """The fields that show a definition to a rule."""
    told = item.definition
    if item.kind == "server":
        return {"mcp.server.instructions": told["description"]}
    schema, output = told.get("inputSchema"), told.get("outputSchema")
    hints = mapping(told.get("annotations"))
    fields: dict[str, object] = {
        _DESCRIPTIONS.get(item.kind, "mcp.resource.description"): text(told.get("description")),
        _NAMES.get(item.kind, "mcp.resource.name"): text(told.get("name")),
        "mcp.tool.title": text(told.get("title")) or text(hints.get("title")),
        "mcp.tool.input_schema": None if schema is None else compact(schema),
        "mcp.tool.output_schema": None if output is None else compact(output),
        "mcp.prompt.arguments": [name for one in items(schema) if (name := text(mapping(one).get("name")))] or None,
        "mcp.resource.uri": text(told.get("uri")) or text(told.get("uriTemplate")),
        "mcp.resource.mime_type": text(told.get("mimeType")),
    }
    if item.kind == "tool":
        fields.update(hint_fields(hints))
    return {name: value for name, value in fields.items() if value is not None}


def kept_text(item: Advertised, event: Mapping[str, object]) -> bytes:
    """The definition as JSON that may be stored: the texts of its finished event, which hold no secret, each bounded."""
    hints = mapping(item.definition.get("annotations"))
    description = _DESCRIPTIONS.get(item.kind, "mcp.resource.description")
    told = {
        "name": event.get(_NAMES.get(item.kind, "mcp.resource.name")),
        "title": event.get("mcp.tool.title"),
        "description": event.get("mcp.server.instructions" if item.kind == "server" else description),
        "inputSchema": event.get("mcp.tool.input_schema"),
        "outputSchema": event.get("mcp.tool.output_schema"),
        "annotations": {hint: hints[hint] for hint in sorted(_HINTS.values()) if isinstance(hints.get(hint), bool)},
    }
    kept = {name: _bounded(value) for name, value in told.items() if value}
    return compact(kept).encode("utf-8", "backslashreplace")


def _bounded(value: object) -> object:
    if isinstance(value, str) and len(value) > _LONGEST_KEPT:
        return f"{value[:_LONGEST_KEPT]} ... and {len(value) - _LONGEST_KEPT} characters more"
    return value


def hint_fields(annotations: Mapping[str, object]) -> dict[str, object]:
    """What a tool says of its own effects; claims of the server, nothing more."""
    return {field: annotations[hint] for field, hint in _HINTS.items() if isinstance(annotations.get(hint), bool)}


_NAMES = {"tool": "gen_ai.tool.name", "prompt": "gen_ai.prompt.name"}
_DESCRIPTIONS = {"tool": "gen_ai.tool.description", "prompt": "mcp.prompt.description"}
_HINTS = {
    "mcp.tool.annotations.read_only": "readOnlyHint",
    "mcp.tool.annotations.destructive": "destructiveHint",
    "mcp.tool.annotations.idempotent": "idempotentHint",
    "mcp.tool.annotations.open_world": "openWorldHint",
}


def _as_tool(definition: Mapping[str, object]) -> Mapping[str, object]:
    """A prompt's arguments stand where a tool has its input schema: both describe what a model may fill in."""
    if "arguments" in definition and "inputSchema" not in definition:
        return {**definition, "inputSchema": definition["arguments"]}
    return definition
