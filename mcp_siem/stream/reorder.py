"""Puts events in the order of time as they come: a request is told when it is answered, but dated when it was sent."""

import heapq
from collections.abc import Iterator

from mcp_siem.events.event import Event

__all__ = ["Reorder"]

_WINDOW = 10_000
_MAX_WEIGHT = 32 * 1024 * 1024
_BEFORE_ALL = -(2**63)


class Reorder:
    """Holds so many events, or so many bytes, and gives the earliest away when there are more.

    Events of one instant stand in line order. An event without a time stands where the event before it stood.
    """

    def __init__(self, *, window: int = _WINDOW, max_weight: int = _MAX_WEIGHT) -> None:
        self._heap: list[tuple[tuple[int, int, tuple[int, ...], int], int, Event]] = []
        self._window = window
        self._max_weight = max_weight
        self._weight = 0
        self._count = 0
        self._clocks: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, event: Event, *, space: int, weight: int) -> Iterator[Event]:
        """Takes an event of the input numbered `space`; yields those that have waited long enough."""
        time = event.time if event.time is not None else self._clocks.get(space, _BEFORE_ALL)
        self._clocks[space] = time
        self._count += 1
        self._weight += weight
        heapq.heappush(self._heap, ((time, space, _line(event), self._count), weight, event))
        while len(self._heap) > self._window or (self._weight > self._max_weight and len(self._heap) > 1):
            yield self._pop()

    def drain(self) -> Iterator[Event]:
        """Yields everything still held."""
        while self._heap:
            yield self._pop()

    def _pop(self) -> Event:
        _, weight, event = heapq.heappop(self._heap)
        self._weight -= weight
        return event


def _line(event: Event) -> tuple[int, ...]:
    """Line and index of `FILE:LINE/INDEX`."""
    place = (event.raw_ref or "").rpartition(":")[2]
    return tuple(int(part) for part in place.split("/") if part.isdecimal())
