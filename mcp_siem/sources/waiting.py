"""What waits for its other half in sources whose records come in twos, or was seen before: plain data, bounded."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_siem.sources.jsontext import size

__all__ = ["Entry", "Seen", "Waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that waits: whose it is, where and when it was seen, and what it said, as data of JSON."""

    owner: str
    ref: str
    time: int | None
    data: Mapping[str, Any]


class Waiting:
    """Things by key, oldest first: at most so many of them, of at most so many bytes."""

    def __init__(self, *, limit: int = 5_000, weight: int = 32 * 1024 * 1024) -> None:
        self._items: OrderedDict[str, tuple[Entry, int]] = OrderedDict()
        self._limit = limit
        self._max_weight = weight
        self._weight = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, key: str, entry: Entry) -> list[Entry]:
        """Holds an entry; returns what it displaces: the holder of the key, and the oldest where room ends."""
        earlier = self.take(key)
        displaced = [] if earlier is None else [earlier]
        weight = size(entry.data)
        self._items[key] = (entry, weight)
        self._weight += weight
        while len(self._items) > self._limit or (self._weight > self._max_weight and len(self._items) > 1):
            displaced.append(self._pop(next(iter(self._items))))
        return displaced

    def take(self, key: str) -> Entry | None:
        """The entry under the key, which is then no longer held."""
        return self._pop(key) if key in self._items else None

    def take_of(self, owner: str) -> list[Entry]:
        """All entries of an owner, oldest first."""
        return [self._pop(key) for key in [key for key, (one, _) in self._items.items() if one.owner == owner]]

    def take_nearest(self, owner: str, time: int | None, *, within: int) -> Entry | None:
        """The entry of an owner that was seen nearest to a time, if not further away than `within`; without one the oldest."""
        mine = [(key, one) for key, (one, _) in self._items.items() if one.owner == owner]
        timed = [(abs(one.time - time), key) for key, one in mine if one.time is not None] if time is not None else []
        far, key = min(timed, key=lambda pair: pair[0], default=(0, mine[0][0] if mine else ""))
        return self.take(key) if far <= within else None

    def drain(self) -> Iterator[Entry]:
        """Yields everything, oldest first, and holds nothing."""
        while self._items:
            yield self._pop(next(iter(self._items)))

    def _pop(self, key: str) -> Entry:
        entry, weight = self._items.pop(key)
        self._weight -= weight
        return entry

    def dump(self) -> list[object]:
        """Everything held, as plain data."""
        return [[key, one.owner, one.ref, one.time, dict(one.data)] for key, (one, _) in self._items.items()]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        for key, owner, ref, time, data in dumped:
            self.put(str(key), Entry(owner=str(owner), ref=str(ref), time=time, data=dict(data)))


class Seen:
    """Names that were met; the longest ago are forgotten first."""

    def __init__(self, *, limit: int = 20_000) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()
        self._limit = limit

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        """Remembers the name."""
        self._names[name] = None
        self._names.move_to_end(name)
        if len(self._names) > self._limit:
            self._names.popitem(last=False)

    def dump(self) -> list[str]:
        """The names, oldest first."""
        return list(self._names)

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        for name in dumped:
            self.add(str(name))
