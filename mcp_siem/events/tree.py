"""Redaction of whole values: nested lists and objects, member by member, however deep or odd they are."""

from collections.abc import Callable, Mapping
from typing import TypeGuard

__all__ = ["MAX_DEPTH", "is_plain", "plain_tree"]

# Deeper than any honest call, and than any index or JSON writer follows; below it nothing is kept.
MAX_DEPTH = 64
_LONGEST_NAME = 64
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def plain_tree(value: object, text: Callable[[str, str], str]) -> object:
    """A copy of JSON-like data that any JSON writer takes, every text replaced by `text(name, text)`.

    `name` is the name of the member that the text, or the list it stands in, belongs to; of a value
    beside its name, and of one behind its option (`--token`, VALUE), that one. Keys are texts as well. An object or list deeper than MAX_DEPTH is empty.
    """
    root: list[object] = []
    waiting: list[tuple[object, str, int, Callable[[object], None]]] = [(value, "", 0, root.append)]
    while waiting:
        node, name, depth, put = waiting.pop()
        if isinstance(node, Mapping):
            if depth >= MAX_DEPTH:
                put({})
                continue
            members: dict[str, object] = {}
            put(members)
            keys = [(key if isinstance(key, str) else str(_scalar(key)), member) for key, member in node.items()]
            fresh = [(key, text("", key), member) for key, member in keys]
            members.update((shown, None) for _, shown, _ in fresh)
            named = _name_beside(node)
            waiting += [
                (member, named if key == "value" else key, depth + 1, _member_of(members, shown))
                for key, shown, member in fresh
            ]
        elif isinstance(node, list | tuple):
            if depth >= MAX_DEPTH:
                put([])
                continue
            items: list[object] = []
            put(items)
            names = [name, *(item if _is_option(item) else name for item in node)]
            waiting += [
                (item, called, depth + 1, items.append)
                for item, called in reversed(list(zip(node, names, strict=False)))
            ]
        else:
            put(text(name, node) if isinstance(node, str) else _scalar(node))
    return root[0]


def _name_beside(node: Mapping[object, object]) -> str:
    """What an object calls the value it holds (`{"name": ..., "value": ...}`), as headers and environments are listed."""
    for key in ("name", "key"):
        said = node.get(key)
        if isinstance(said, str) and len(said) <= _LONGEST_NAME:
            return said
    return "value"


def _is_option(item: object) -> TypeGuard[str]:
    return isinstance(item, str) and item.startswith("-") and len(item) <= _LONGEST_NAME


def _member_of(members: dict[str, object], key: str) -> Callable[[object], None]:
    return lambda value: members.__setitem__(key, value)


def is_plain(value: object) -> bool:
    """Says whether this is a whole number that any JSON writer takes."""
    return isinstance(value, int) and _SMALLEST <= value <= _LARGEST


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if is_plain(value) else hex(value)
    return value if isinstance(value, str) else f"<{type(value).__name__}>"
