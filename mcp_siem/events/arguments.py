"""The typed arrays of an argument object: its leaf values, and which of them are paths, URLs, hosts, options, ids.

What an argument is called, what its schema says and how the value looks decide; written content is a value only.
Hostile nesting costs time in proportion to its size and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from mcp_siem.events import argument_names as names
from mcp_siem.events.fold import fold, is_plain
from mcp_siem.events.hosts import host_of_url, host_spellings

__all__ = ["MAX_LEAVES", "TypedArguments", "measure", "typed_arguments"]

MAX_LEAVES = 1000
_MAX_NODES = 20_000
_LONGEST_TYPED = 8192
_KINDS = ("value", "path", "url", "host", "option", "id")
_BIG = 1 << 256
_LONGEST_PATH = 4096
_MOST_LINES = 3
_LONGEST_OPTION = 255
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedArguments:
    """The arrays by kind, each value once, in the order of the arguments; `leaves` counts those that were taken in."""

    arrays: Mapping[str, tuple[str, ...]]
    leaves: int

    def __getitem__(self, kind: str) -> tuple[str, ...]:
        return self.arrays[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    value: object
    name: str
    schema: object
    in_launch_list: bool


def measure(value: object) -> tuple[int, int]:
    """Depth of nesting and number of leaves; level by level, so that no depth can exhaust the stack."""
    depth, leaves, level = 0, 0, [value]
    while level:
        inner: list[object] = []
        for node in level:
            if isinstance(node, Mapping):
                inner += node.values()
            elif isinstance(node, list | tuple):
                inner += node
            else:
                leaves += 1
        if not any(isinstance(node, Mapping | list | tuple) for node in level):
            break
        depth, level = depth + 1, inner
    return depth, leaves


def typed_arguments(arguments: object, schema: Mapping[str, object] | None = None) -> TypedArguments:
    """Sorts the leaf values of `arguments`; at most MAX_LEAVES of them."""
    arrays: dict[str, dict[str, None]] = {kind: {} for kind in _KINDS}
    leaves = 0
    for node in _leaf_nodes(arguments, schema):
        if leaves == MAX_LEAVES:
            break
        leaves += 1
        text = _text(node.value)
        if text is None:
            continue
        arrays["value"][text] = None
        for kind, found in _kinds(node, text, schema):
            arrays[kind][found] = None
    return TypedArguments(arrays={kind: tuple(found) for kind, found in arrays.items()}, leaves=leaves)


def _leaf_nodes(arguments: object, schema: object) -> Iterator[_Node]:
    waiting = [_Node(value=arguments, name="", schema=schema, in_launch_list=False)]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node.value, Mapping):
            waiting += reversed([_member(node, str(key), value, schema) for key, value in _few(node.value.items())])
        elif isinstance(node.value, list | tuple):
            launches = node.in_launch_list or names.is_launch_name(node.name)
            waiting += reversed(
                [
                    _Node(value=item, name=node.name, schema=node.schema, in_launch_list=launches)
                    for item in _few(node.value)
                ]
            )
        else:
            yield node


def _few(items: Iterable[_Item]) -> Iterator[_Item]:
    """No more than could ever be taken in."""
    return islice(items, MAX_LEAVES + 1)


def _member(node: _Node, key: str, value: object, root: object) -> _Node:
    found = next(names.property_schemas(node.schema, key, root), None) if node.schema is not None else None
    return _Node(value=value, name=key, schema=found, in_launch_list=False)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -_BIG < value < _BIG else hex(value)
    return repr(value) if isinstance(value, float) else None


def _kinds(node: _Node, text: str, root: object) -> Iterator[tuple[str, str]]:
    """The kinds beside `value` that a leaf is of, with what to note there."""
    if names.is_id_name(node.name):
        yield "id", text
    if not isinstance(node.value, str) or len(text) > _LONGEST_TYPED:
        return
    said = names.schema_kind(node.schema, root) if node.schema is not None else None
    if (names.is_content_name(node.name) and said is None) or names.is_exclusion_name(node.name):
        return
    bare = text.strip()
    is_url = names.looks_like_url(bare, loose=said == "url" or names.is_url_name(node.name))
    if is_url:
        yield "url", bare
        yield from (("host", host) for host in _hosts_of(bare))
    elif names.looks_like_host(bare) and (said == "host" or names.is_host_name(node.name)):
        yield from (("host", host) for host in host_spellings(bare))
    if _is_path(node.name, bare, said, is_url=is_url):
        yield "path", bare
    if not node.in_launch_list and _is_option(node.name, text):
        yield "option", text


def _hosts_of(url: str) -> tuple[str, ...]:
    has_scheme = "//" in url or "\\\\" in url or ":" in url.partition("/")[0]
    host = host_of_url(url if has_scheme else f"//{url}")
    return host_spellings(host) if host else ()


def _is_path(name: str, bare: str, said: str | None, *, is_url: bool) -> bool:
    if is_url and bare[:5].lower() != "file:":
        return names.steps_up(bare)
    if names.is_path_name(name) or said == "path":
        # a line break does not make a path harmless, but many lines are no path
        return bool(bare) and len(bare) <= _LONGEST_PATH and bare.count("\n") < _MOST_LINES
    if names.is_sought_name(name):
        return len(bare) <= _LONGEST_PATH and "\n" not in bare and names.looks_rooted(bare)
    return names.looks_like_path(bare, relative=names.is_place_name(name))


def _is_option(name: str, text: str) -> bool:
    """Disguised dashes count; a text to look for that goes on after a blank is about an option and is none."""
    if len(text) > _LONGEST_OPTION or (names.is_sought_name(name) and " " in text):
        return False
    return names.looks_like_option(text) or (
        "\n" not in text and not is_plain(text) and names.looks_like_option(fold(text))
    )
