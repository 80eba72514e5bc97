"""What single-event matching hands to correlation: a light, frozen record that outlives its event."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from mcp_siem.engine.alert import Evidence
from mcp_siem.events.event import Event

__all__ = ["Hit", "HitStore", "MemoryStore", "compact", "sort_key"]

_LONGEST_KEY = 512

Fields = Mapping[str, tuple[object, ...]]
Pairs = tuple[tuple[str, object], ...]
PairsOf = Callable[[Fields], Pairs]


class Hit:
    """An event matched rules that a correlation builds on.

    `order` is the place of the event in its input: events of one instant count in that order. `fields` holds the values
    of every field that a correlation groups by or counts, and of what an analyst needs to see who did it; `pairs` are field
    and value of its evidence. It holds no
    more than an alert shows, so that millions of hits can be held; `event` and `evidence` are made when asked for.
    """

    __slots__ = ("_event", "_pairs", "_ref", "fields", "order", "rule_ids", "time")

    def __init__(
        self,
        *,
        rule_ids: frozenset[str],
        time: int,
        order: int,
        fields: Fields,
        event: Event,
        evidence: Iterable[Evidence],
    ) -> None:
        self.rule_ids, self.time, self.order, self.fields = rule_ids, time, order, fields
        self._event: Event | None = event
        self._ref = event.raw_ref
        self._pairs: Pairs | PairsOf = tuple((one.field, one.value) for one in evidence)

    @classmethod
    def light(
        cls, rule_ids: frozenset[str], time: int, order: int, fields: Fields, ref: str | None, pairs: Pairs | PairsOf
    ) -> "Hit":
        """A hit whose event shows just its fields, and whose evidence is these pairs, or what finds them in the fields."""
        self = cls.__new__(cls)
        self.rule_ids, self.time, self.order, self.fields = rule_ids, time, order, fields
        self._event, self._ref, self._pairs = None, ref, pairs
        return self

    @property
    def pairs(self) -> Pairs:
        """Field and value of what made its rules hold."""
        pairs = self._pairs
        if not isinstance(pairs, tuple):
            pairs = self._pairs = pairs(self.fields)
        return pairs

    @property
    def is_light(self) -> bool:
        """Says whether its event shows just its fields."""
        return self._event is None or self._event.data is self.fields

    @property
    def event(self) -> Event:
        """The event, with what is kept of it."""
        if self._event is None:
            self._event = Event(data=self.fields, time=self.time, raw_ref=self._ref)
        return self._event

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The values that made its rules hold, each once."""
        found = {(name, type(value), value): None for name, value in self.pairs}
        return tuple(Evidence(field=name, value=value) for name, _, value in found)


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
