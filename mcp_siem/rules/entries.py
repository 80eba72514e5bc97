"""Sound documents with their ids, and how one is found from the words of another."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.rules.rule import Kind
from mcp_siem.rules.yamltext import Document

__all__ = ["Data", "Entry", "bases_of", "canonical", "entries", "index_of", "look_up"]

_ID_SPACE = uuid.UUID("7b1c6d0e-3c55-5b0a-9f0e-6d63702d7369")

Data = Mapping[str, object]

_KINDS: tuple[Kind, ...] = ("native", "correlation", "filter")
_DETECTION: Kind = "detection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A sound document with its id; `refs` are the rules that a correlation names, as written."""

    document: Document
    data: Data
    id: str
    name: str | None
    kind: Kind
    refs: tuple[str, ...]


def entries(documents: Iterable[Document]) -> list[Entry]:
    """The documents with the ids they have, or one made of what they say, which neither path nor format changes."""
    return [_entry(document, document.data) for document in documents if isinstance(document.data, dict)]


def _entry(document: Document, data: Data) -> Entry:
    kind = next((name for name in _KINDS if name in data), _DETECTION)
    given = data.get("id")
    rule_id = str(uuid.UUID(given)) if isinstance(given, str) else str(uuid.uuid5(_ID_SPACE, canonical([data])))
    name = data.get("name")
    return Entry(
        document=document,
        data={"title": data.get("title"), "id": rule_id, **{k: v for k, v in data.items() if k not in ("title", "id")}},
        id=rule_id,
        name=name if isinstance(name, str) else None,
        kind=kind,
        refs=_refs(data) if kind == "correlation" else (),
    )


def _refs(data: Data) -> tuple[str, ...]:
    node = data["correlation"]
    rules = node.get("rules") if isinstance(node, dict) else None
    if isinstance(rules, str):
        return (rules,)
    if isinstance(rules, list) and rules:
        return tuple(dict.fromkeys(str(rule) for rule in rules))
    condition = node.get("condition") if isinstance(node, dict) else None
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", condition) if isinstance(condition, str) else []
    return tuple(dict.fromkeys(word for word in words if word not in ("and", "or", "not")))


def canonical(documents: Sequence[Data]) -> str:
    """One spelling of documents that mean the same, whatever their formatting."""
    return json.dumps(documents, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def index_of(found: Sequence[Entry]) -> dict[str, Entry]:
    """Entries by id and by name; the first of two equal ones, the second is an issue."""
    index: dict[str, Entry] = {}
    for entry in found:
        # Neither has events that a correlation could count.
        if entry.kind not in ("filter", "native"):
            index.setdefault(entry.id, entry)
            if entry.name:
                index.setdefault(entry.name, entry)
    return index


def look_up(index: Mapping[str, Entry], ref: str) -> Entry | None:
    """The entry that a reference means, by id or by name."""
    try:
        return index.get(str(uuid.UUID(ref)))
    except ValueError:
        return index.get(ref)


def bases_of(entry: Entry, index: Mapping[str, Entry]) -> list[Entry]:
    """All that a correlation is built on, directly or not, each once, what is referred to first."""
    done: dict[str, Entry] = {}
    opened: set[str] = set()
    stack = [(entry, False)]
    while stack:
        node, closed = stack.pop()
        if closed:
            done[node.id] = node
        elif node.id not in opened:
            opened.add(node.id)
            stack.append((node, True))
            below = [other for ref in node.refs if (other := look_up(index, ref)) is not None]
            stack += [(other, False) for other in reversed(below)]
    done.pop(entry.id, None)
    return list(done.values())
