"""Requests that wait for their answer, and answers that wait for their request. Bounded on an endless stream."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeGuard, TypeVar

from mcp_siem.sources.capture import Direction, Place
from mcp_siem.sources.messages import Request, Response, id_key

__all__ = ["FirstIds", "Held", "OpenAnswer", "OpenRequest", "PairKey", "pair_key"]

_T = TypeVar("_T", "OpenRequest", "OpenAnswer")

PairKey = tuple[str | None, int | None, str | None, Direction, tuple[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """A request that has no answer yet; `cancelled` if its sender took it back (it may be answered all the same)."""

    place: Place
    direction: Direction
    request: Request
    cancelled: bool = False

    def cancel(self) -> "OpenRequest":
        """The same request, marked as taken back."""
        return replace(self, cancelled=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAnswer:
    """A response whose request has not been seen yet: a POST that answers into a stream still being captured."""

    place: Place
    direction: Direction
    response: Response


def pair_key(place: Place, direction: Direction, id_: object) -> PairKey:
    """What ties an answer to its request; `direction` is the request's, for each side counts its own ids."""
    return place.server, place.pid, place.session, direction, id_key(id_)


class FirstIds:
    """The first request id of each side of a connection: a capture may begin in the middle of a session."""

    def __init__(self, *, limit: int = 5_000) -> None:
        self._first: OrderedDict[_Side, object] = OrderedDict()
        self._limit = limit

    def note(self, place: Place, direction: Direction, id_: object) -> None:
        """A request was seen; only the first of its side is kept."""
        side = _side(place, direction)
        if side in self._first:
            return
        self._first[side] = id_
        if len(self._first) > self._limit:
            self._first.popitem(last=False)

    def before(self, place: Place, direction: Direction, id_: object) -> bool:
        """Whether a request of this id may have been sent before the capture began: ids are counted upwards."""
        first = self._first.get(_side(place, direction), _NOTHING)
        if first is _NOTHING:
            return True
        return _is_count(first) and _is_count(id_) and id_ < first

    def dump(self) -> list[object]:
        """All that is known, as plain data."""
        return [[*side[:3], side[3].value, first] for side, first in self._first.items()]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        self._first = OrderedDict(
            ((server, pid, session, Direction(direction)), first) for server, pid, session, direction, first in dumped
        )


_Side = tuple[str | None, int | None, str | None, Direction]
_NOTHING = object()


def _side(place: Place, direction: Direction) -> _Side:
    return place.server, place.pid, place.session, direction


def _is_count(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Held(Generic[_T]):
    """Things held by key, oldest first: at most so many of them, made of at most so many bytes of input."""

    def __init__(self, *, limit: int, weight: int) -> None:
        self._items: OrderedDict[PairKey, _T] = OrderedDict()
        self._of_process: dict[tuple[str | None, int | None], dict[PairKey, None]] = {}
        self._limit = limit
        self._max_weight = weight
        self._weight = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, key: PairKey, item: _T) -> list[_T]:
        """Holds the item; returns what it displaces: the holder of the same key, and the oldest where room ends."""
        earlier = self.take(key)
        displaced = [] if earlier is None else [earlier]
        self._items[key] = item
        self._of_process.setdefault(key[:2], {})[key] = None
        self._weight += item.place.weight
        while len(self._items) > self._limit or (self._weight > self._max_weight and len(self._items) > 1):
            self.evicted += 1
            displaced += self._taken(next(iter(self._items)))
        return displaced

    def take(self, key: PairKey) -> _T | None:
        """The item under the key, which is then no longer held."""
        return next(iter(self._taken(key)), None)

    def take_all(self, server: str | None, pid: int | None) -> list[_T]:
        """Everything held of a process, oldest first."""
        return [item for key in list(self._of_process.get((server, pid), ())) for item in self._taken(key)]

    def change(self, key: PairKey, change: Callable[[_T], _T]) -> None:
        """Puts a changed item in the place of the one held, if one is."""
        if key in self._items:
            self._items[key] = change(self._items[key])

    def items(self) -> list[_T]:
        """Everything held, oldest first; it stays held."""
        return list(self._items.values())

    def drain(self) -> Iterator[_T]:
        """Yields everything still held, oldest first, and holds nothing."""
        while self._items:
            yield from self._taken(next(iter(self._items)))

    def _taken(self, key: PairKey) -> list[_T]:
        item = self._items.pop(key, None)
        if item is None:
            return []
        self._weight -= item.place.weight
        siblings = self._of_process[key[:2]]
        del siblings[key]
        if not siblings:
            del self._of_process[key[:2]]
        return [item]
