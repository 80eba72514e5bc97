"""The event: a thin wrapper over a mapping as it came, nested or flat."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Event", "flatten", "path_exists", "path_values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    `data` is read in place, nested or with flat dotted keys. `time` is microseconds since the Unix
    epoch, UTC, or None where the source gave none. `raw_ref` is `FILE:LINE`, or `FILE:LINE/INDEX`
    for an item exploded from a list.
    """

    data: Mapping[str, object]
    time: int | None = None
    raw_ref: str | None = None

    def values(self, field: str) -> list[object]:
        """All leaf values of a dotted field; lists are opened, a missing field gives []; null stays None."""
        return list(path_values(self.data, field))

    def has(self, field: str) -> bool:
        """True if the field is present at all, even empty or null (Sigma `exists`)."""
        return path_exists(self.data, field)

    def flat(self) -> dict[str, object]:
        """The event with flat dotted keys, sorted; lists of scalars stay lists."""
        return dict(sorted(flatten(self.data).items()))


def _opened(node: object, path: str) -> Iterator[object]:
    """Yields every node that `path` leads to: a dotted key wins no precedence over nesting, both count.

    Elasticsearch indexes `{"a.b": 1, "a": {"b": 2}}` as two values of `a.b`; so do we, or an attacker
    could hide one behind the other.
    """
    pending = [(node, path)]  # no recursion: how deep an event nests is the sender's choice
    while pending:
        node, path = pending.pop()
        if isinstance(node, Mapping):
            if path in node:
                yield node[path]
            if "." in path:
                pending.extend(reversed(_nested(node, path)))
        elif isinstance(node, list | tuple):
            pending.extend((item, path) for item in reversed(node))


def _nested(node: Mapping[str, object], path: str) -> list[tuple[object, str]]:
    """The children that lead on, with the rest of the path: `a.b.c` may be b.c of a, or c of `a.b`."""
    found = []
    cut = path.find(".")
    while cut != -1:
        head = path[:cut]
        if head in node:
            found.append((node[head], path[cut + 1 :]))
        cut = path.find(".", cut + 1)
    return found


def _leaves(node: object) -> Iterator[object]:
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, list | tuple):
            pending.extend(reversed(node))
        else:
            yield node


def path_values(data: Mapping[str, object], field: str) -> Iterator[object]:
    """Yields the leaf values at a dotted path, through nesting, flat keys and arrays (any element)."""
    for node in _opened(data, field):
        yield from _leaves(node)


def path_exists(data: Mapping[str, object], field: str) -> bool:
    """Says whether the dotted path is present, whatever its value."""
    return next(_opened(data, field), _MISSING) is not _MISSING


_MISSING = object()


def flatten(data: Mapping[str, object]) -> dict[str, object]:
    """Flat dotted keys; a list of objects becomes one list per leaf path, as search engines index it.

    Without recursion: how deep an event is nested is its sender's choice.
    """
    out: dict[str, object] = {}
    pending: list[tuple[str, object]] = [("", data)]
    while pending:
        prefix, node = pending.pop()
        if isinstance(node, Mapping):
            items = [(f"{prefix}.{key}" if prefix else str(key), value) for key, value in node.items()]
            pending.extend(reversed(items))
        elif isinstance(node, list | tuple) and any(isinstance(item, Mapping) for item in node):
            pending.extend((prefix, item) for item in reversed(node))
        else:
            out[prefix] = _joined(out[prefix], node) if prefix in out else node
    return out


def _joined(held: object, more: object) -> list[object]:
    return [*(held if isinstance(held, list) else [held]), *(more if isinstance(more, list) else [more])]
