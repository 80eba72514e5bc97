"""What servers advertised so far in this run: definitions by server, kind and name. In memory, bounded."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from mcp_siem.inventory.book import Inventory
from mcp_siem.inventory.server import Definition

__all__ = ["Facts", "Item", "KnownItems", "definition_hash"]

_HASHED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_MAX_ITEMS = 50_000
_MAX_WEIGHT = 128 * 1024 * 1024
_MAX_PEERS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One advertised definition. `space` is the server's name, or a name of the connection where it has none;
    `version` is the one that the server says it has.
    """

    space: str
    kind: str
    name: str
    definition: Mapping[str, object]
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is remembered of an item: its hash, and of a tool what its calls are joined with."""

    hash: str
    weight: int
    version: str | None = None
    title: str | None = None
    annotations: Mapping[str, object] = field(default_factory=dict)
    schema: Mapping[str, object] | None = None


def definition_hash(definition: Mapping[str, object]) -> str:
    """SHA-256 of the canonical JSON of what a definition tells a model; absent keys are left out."""
    return hashlib.sha256(_canonical(definition)).hexdigest()


class KnownItems:
    """Remembers definitions and says whether one has changed since it was last seen: in this run, and where there is
    an `inventory`, in those before.
    """

    def __init__(
        self, inventory: Inventory | None = None, *, max_items: int = _MAX_ITEMS, max_weight: int = _MAX_WEIGHT
    ) -> None:
        self.inventory = inventory
        self._items: OrderedDict[tuple[str, str, str], Facts] = OrderedDict()
        self._versions: OrderedDict[str, str] = OrderedDict()
        self._revisions: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._max_items = max_items
        self._max_weight = max_weight
        self._weight = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._items)

    def observe(self, item: Item) -> tuple[Facts, Facts | None]:
        """Remembers the definition; returns its facts, and those of when the same item was last seen."""
        key = (item.space, item.kind, item.name)
        facts = _facts(item.definition, item.version)
        before = self._items.pop(key, None)
        if before is None and self.inventory is not None:
            before = _of_earlier(self.inventory.definition(*key))
        else:
            self._weight -= before.weight if before else 0
        if facts.version is None and before is not None:
            facts = replace(facts, version=before.version)
        self._put(key, facts)
        return facts, before

    def keep(self, item: Item, digest: str, text: bytes, time: int | None) -> None:
        """Tells the inventory, if there is one, of a definition; `text` is what may be stored of it."""
        if self.inventory is not None:
            at = self.inventory.time(time)
            self.inventory.define(
                Definition(
                    space=item.space,
                    kind=item.kind,
                    name=item.name,
                    hash=digest,
                    first_seen=at,
                    last_seen=at,
                    version=item.version,
                    text=text,
                )
            )

    def tool(self, space: str, name: str) -> Facts | None:
        """What the server said of a tool, or None if it has not been listed."""
        key = (space, "tool", name)
        found = self._items.get(key)
        if found is None and self.inventory is not None:
            found = _of_earlier(self.inventory.definition(*key))
            if found is not None:
                self._put(key, found)
        return found

    def version(self, space: str, version: str) -> str | None:
        """Remembers the version that a server says it has; returns the one it said before."""
        before = self._versions.pop(space, None)
        if before is None and self.inventory is not None:
            server = self.inventory.server(space)
            before = None if server is None else server.info_version
        self._versions[space] = version
        if len(self._versions) > _MAX_PEERS:
            self._versions.popitem(last=False)
        return before

    def revision(self, server: str, client: str, revision: str | None, time: int | None) -> str | None:
        """Remembers the newest revision that the two spoke with each other; returns the newest before this one."""
        key = (server, client)
        before = self._revisions.get(key)
        if before is None and self.inventory is not None:
            before = self.inventory.revision(server, client)
        if revision is not None and (before is None or revision > before):
            self._revisions[key] = revision
            if len(self._revisions) > _MAX_PEERS:
                self._revisions.popitem(last=False)
            if self.inventory is not None:
                self.inventory.speak(server, client, revision, time)
        return before

    def dump(self) -> list[object]:
        """All that is remembered, as plain data, the longest unused first."""
        rows = [
            [*key, facts.hash, facts.weight, facts.title, facts.annotations, facts.schema, facts.version]
            for key, facts in self._items.items()
        ]
        spoken = [[*key, revision] for key, revision in self._revisions.items()]
        return [self.forgotten, rows, list(self._versions.items()), spoken]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave, in place of what is remembered."""
        forgotten, rows, *more = dumped
        versions, revisions = more or ((), ())
        self._items.clear()
        for space, kind, name, digest, weight, title, annotations, schema, *version in rows:
            self._items[str(space), str(kind), str(name)] = Facts(
                hash=digest,
                weight=int(weight),
                version=version[0] if version else None,
                title=title,
                annotations=dict(annotations),
                schema=schema,
            )
        self._weight = sum(facts.weight for facts in self._items.values())
        self.forgotten = int(forgotten)
        self._versions = OrderedDict((str(space), str(version)) for space, version in versions)
        self._revisions = OrderedDict(((str(a), str(b)), str(revision)) for a, b, revision in revisions)

    def _put(self, key: tuple[str, str, str], facts: Facts) -> None:
        self._items[key] = facts
        self._weight += facts.weight
        self._forget()

    def _forget(self) -> None:
        while len(self._items) > self._max_items or (self._weight > self._max_weight and len(self._items) > 1):
            _, dropped = self._items.popitem(last=False)
            self._weight -= dropped.weight
            self.forgotten += 1


def _canonical(definition: Mapping[str, object]) -> bytes:
    return orjson.dumps({key: definition[key] for key in _HASHED if key in definition}, option=orjson.OPT_SORT_KEYS)


def _of_earlier(seen: Definition | None) -> Facts | None:
    """What an earlier run saw, as far as its text was kept."""
    if seen is None:
        return None
    kept = orjson.loads(seen.text) if seen.text else {}
    hints, schema = kept.get("annotations"), kept.get("inputSchema")
    return Facts(
        hash=seen.hash,
        weight=len(seen.text or b"") + 256,
        version=seen.version,
        title=_title(kept, {}),
        annotations=hints if isinstance(hints, dict) else {},
        schema=_schema(schema),
    )


def _schema(text: object) -> Mapping[str, object] | None:
    try:
        read = orjson.loads(text) if isinstance(text, str) else text
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None


def _facts(definition: Mapping[str, object], version: str | None) -> Facts:
    canonical = _canonical(definition)
    hints = definition.get("annotations")
    hints = hints if isinstance(hints, dict) else {}
    schema = definition.get("inputSchema")
    return Facts(
        hash=hashlib.sha256(canonical).hexdigest(),
        weight=len(canonical) + 256,
        version=version,
        title=_title(definition, hints),
        annotations=hints,
        schema=schema if isinstance(schema, dict) else None,
    )


def _title(definition: Mapping[str, object], hints: Mapping[str, object]) -> str | None:
    for title in (definition.get("title"), hints.get("title")):
        if isinstance(title, str) and title:
            return title
    return None
