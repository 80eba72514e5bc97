"""What single-event matching hands to correlation: a light, frozen record that outlives its event."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from mcp_siem.engine.alert import Evidence
from mcp_siem.events.event import Event

__all__ = ["Hit", "HitStore", "MemoryStore", "compact", "sort_key"]

_LONGEST_KEY = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An event matched rules that a correlation builds on.

    `order` is the place of the event in its input: events of one instant count in that order. `fields` holds the
    values of every field that a correlation groups by or counts. `event` carries only those fields and what an
    analyst needs to see who did it, so that millions of hits can be held.
    """

    rule_ids: frozenset[str]
    time: int
    order: int
    fields: Mapping[str, tuple[object, ...]]
    event: Event
    evidence: tuple[Evidence, ...]


def sort_key(hit: Hit) -> tuple[int, int]:
    """Orders hits as correlations count them: by time, then by place in the input."""
    return (hit.time, hit.order)


def compact(value: object) -> object:
    """A value to group by or to count, made short: a long text becomes its beginning and its digest, equal as before."""
    if isinstance(value, str) and len(value) > _LONGEST_KEY:
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{value[:_LONGEST_KEY]}…{digest}"
    return value


class HitStore(Protocol):
    """Where a replay keeps its hits until the input ends."""

    def add(self, hit: Hit) -> None:
        """Keeps one hit."""

    def drain(self) -> Iterator[Hit]:
        """Gives back every hit once, in the order of `sort_key`."""


class MemoryStore:
    """Keeps hits in memory."""

    def __init__(self) -> None:
        self._hits: list[Hit] = []

    def add(self, hit: Hit) -> None:
        """Keeps one hit."""
        self._hits.append(hit)

    def drain(self) -> Iterator[Hit]:
        """Gives back every hit once, in the order of `sort_key`."""
        hits, self._hits = sorted(self._hits, key=sort_key, reverse=True), []
        while hits:
            yield hits.pop()
