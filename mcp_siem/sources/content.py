"""The text that a model or a user gets to read out of a result, whatever the method."""

from collections.abc import Iterator, Mapping

from mcp_siem.sources.jsontext import compact
from mcp_siem.sources.meta import own_fields
from mcp_siem.sources.shape import items, mapping, text

__all__ = ["block_texts", "content_types", "error_text", "result_text"]

# What says something about a result and nothing to its reader.
_FRAME = frozenset({"resultType", "ttlMs", "cacheScope", "isError", "nextCursor", "requestState"})
# Results told in events of their own: inventory and session.
_EXPLODED = frozenset(
    {
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "initialize",
        "server/discover",
    }
)
_BLOCKS = ("content", "contents", "messages")
_MAX_LEAVES = 64


def result_text(method: str | None, result: object) -> str | None:
    """What the result says, joined by line ends; None for a result that is exploded or says nothing."""
    if method in _EXPLODED:
        return None
    if not isinstance(result, dict):
        return None if result is None else _plain(result)
    told = [piece for piece in _pieces(result) if piece]
    said = "\n".join(told)
    structured = result.get("structuredContent")
    if structured is not None and not _says(said, structured):
        told.append(compact(structured))
    if told:
        return "\n".join(told)
    rest = {key: value for key, value in own_fields(result).items() if key not in _FRAME}
    # Blocks without text hold images and sounds; of an elicitation `content` is an object of answers.
    rest = {key: value for key, value in rest.items() if not (key in _BLOCKS and isinstance(value, list))}
    rest = {key: value for key, value in rest.items() if value not in ([], {}, None)}
    return compact(rest) if rest else None


def error_text(error: object) -> str | None:
    """What an error says: its message, and its data where there is some."""
    if not isinstance(error, dict):
        return None if error is None else _plain(error)
    data = error.get("data")
    told = [text(error.get("message")), None if data is None else _plain(data)]
    return "\n".join(piece for piece in told if piece) or None


def block_texts(blocks: object) -> list[str]:
    """The texts of a list of content blocks or messages."""
    return [piece for block in _listed(blocks) for piece in _block(block) if piece]


def content_types(result: object) -> list[str]:
    """The types of a result's content blocks, each once."""
    blocks = _listed(mapping(result).get("content"))
    return sorted({kind for block in blocks if (kind := text(mapping(block).get("type")))})


def _plain(value: object) -> str:
    return value if isinstance(value, str) else compact(value)


def _pieces(result: Mapping[str, object]) -> Iterator[str]:
    """A prompt's description, content blocks, resource contents, prompt messages: in the order they are shown."""
    if "messages" in result:
        yield text(result.get("description")) or ""
    for name in _BLOCKS:
        yield from block_texts(result.get(name))


def _listed(value: object) -> list[object]:
    return [value] if isinstance(value, dict) else items(value)


def _block(block: object) -> Iterator[str]:
    if isinstance(block, str):
        yield block
    if not isinstance(block, dict):
        return
    if isinstance(block.get("text"), str):
        yield block["text"]
    if block.get("type") == "resource_link":
        yield from (value for name in ("title", "description", "uri") if isinstance(value := block.get(name), str))
    resource = mapping(block.get("resource")).get("text")
    if isinstance(resource, str):
        yield resource
    for nested in _listed(block.get("content")):
        yield from _flat_block(nested)


def _flat_block(block: object) -> Iterator[str]:
    """A block within a message: one level, for a message holds no messages."""
    if isinstance(block, str):
        yield block
    elif isinstance(block, dict):
        yield from _block({key: value for key, value in block.items() if key != "content"})


def _says(said: str, structured: object) -> bool:
    """Says whether the text already tells every string of the structured content, as the protocol asks.

    A server that shows one thing and structures another would else hide it from every rule.
    """
    leaves: list[str] = []
    stack = [structured]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            leaves.append(node)
        elif isinstance(node, dict):
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
        if len(leaves) > _MAX_LEAVES:
            return False
    return bool(said) and all(leaf in said or compact(leaf)[1:-1] in said for leaf in leaves)
