"""What servers advertised so far in this run: definitions by server, kind and name. In memory, bounded."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

__all__ = ["Facts", "Item", "KnownItems", "definition_hash"]

_HASHED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_MAX_ITEMS = 50_000
_MAX_WEIGHT = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One advertised definition. `space` is the server's name, or a name of the connection where it has none."""

    space: str
    kind: str
    name: str
    definition: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is remembered of an item: its hash, and of a tool what its calls are joined with."""

    hash: str
    weight: int
    title: str | None = None
    annotations: Mapping[str, object] = field(default_factory=dict)
    schema: Mapping[str, object] | None = None


def definition_hash(definition: Mapping[str, object]) -> str:
    """SHA-256 of the canonical JSON of what a definition tells a model; absent keys are left out."""
    return hashlib.sha256(_canonical(definition)).hexdigest()


class KnownItems:
    """Remembers definitions and says whether one has changed since it was last seen."""

    def __init__(self, *, max_items: int = _MAX_ITEMS, max_weight: int = _MAX_WEIGHT) -> None:
        self._items: OrderedDict[tuple[str, str, str], Facts] = OrderedDict()
        self._max_items = max_items
        self._max_weight = max_weight
        self._weight = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._items)

    def observe(self, item: Item) -> tuple[Facts, Facts | None]:
        """Remembers the definition; returns its facts, and those of when the same item was last seen."""
        key = (item.space, item.kind, item.name)
        facts = _facts(item.definition)
        before = self._items.pop(key, None)
        self._weight += facts.weight - (before.weight if before else 0)
        self._items[key] = facts
        self._forget()
        return facts, before

    def tool(self, space: str, name: str) -> Facts | None:
        """What the server said of a tool, or None if it has not been listed."""
        return self._items.get((space, "tool", name))

    def dump(self) -> list[object]:
        """All that is remembered, as plain data, the longest unused first."""
        rows = [
            [*key, facts.hash, facts.weight, facts.title, facts.annotations, facts.schema]
            for key, facts in self._items.items()
        ]
        return [self.forgotten, rows]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave, in place of what is remembered."""
        forgotten, rows = dumped
        self._items.clear()
        for space, kind, name, digest, weight, title, annotations, schema in rows:
            facts = Facts(hash=digest, weight=int(weight), title=title, annotations=dict(annotations), schema=schema)
            self._items[str(space), str(kind), str(name)] = facts
        self._weight = sum(facts.weight for facts in self._items.values())
        self.forgotten = int(forgotten)

    def _forget(self) -> None:
        while len(self._items) > self._max_items or (self._weight > self._max_weight and len(self._items) > 1):
            _, dropped = self._items.popitem(last=False)
            self._weight -= dropped.weight
            self.forgotten += 1


def _canonical(definition: Mapping[str, object]) -> bytes:
    return orjson.dumps({key: definition[key] for key in _HASHED if key in definition}, option=orjson.OPT_SORT_KEYS)


def _facts(definition: Mapping[str, object]) -> Facts:
    canonical = _canonical(definition)
    hints = definition.get("annotations")
    hints = hints if isinstance(hints, dict) else {}
    schema = definition.get("inputSchema")
    return Facts(
        hash=hashlib.sha256(canonical).hexdigest(),
        weight=len(canonical) + 256,
        title=_title(definition, hints),
        annotations=hints,
        schema=schema if isinstance(schema, dict) else None,
    )


def _title(definition: Mapping[str, object], hints: Mapping[str, object]) -> str | None:
    for title in (definition.get("title"), hints.get("title")):
        if isinstance(title, str) and title:
            return title
    return None
