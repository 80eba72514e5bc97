"""Hits of a live stream, put in the order of time before they are correlated.

The policy: a hit waits until the newest time of the stream is `lateness` later than its own, or until it has waited
that long by the clock, whichever comes first, so that an idle stream is judged too. What comes later than that counts
as of the newest time that was given away, as a `Correlator` does it, and is counted in `late`. A hit dated ahead of
`limit` counts as of the limit, and is counted in `ahead`: one event from the future must not make all others late.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mcp_siem.engine.alert import Evidence
from mcp_siem.engine.hit import Hit
from mcp_siem.events.event import Event

__all__ = ["MOST_HELD", "Pending", "Waiting"]

MOST_HELD = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A hit with the file it is from."""

    hit: Hit
    origin: str


class Pending:
    """Holds hits, at most so many: beyond that the earliest goes at once, and is counted in `forced`."""

    def __init__(self, *, most: int = MOST_HELD) -> None:
        self._heap: list[tuple[int, int, tuple[int, ...], int, Waiting]] = []
        self._arrived: deque[tuple[float, int]] = deque()
        self._most = most
        self._count = 0
        self._given: int | None = None
        self.late = 0
        self.ahead = 0
        self.forced = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, waiting: Waiting, *, space: int, now: float, limit: int | None = None) -> None:
        """Takes a hit of the file numbered `space`, at the clock's `now`."""
        hit = waiting.hit
        if limit is not None and hit.time > limit:
            self.ahead += 1
            waiting = Waiting(hit=_dated(hit, limit), origin=waiting.origin)
        time = waiting.hit.time
        if self._given is not None and time < self._given:
            self.late += 1
        self._count += 1
        heapq.heappush(self._heap, (time, space, _line(hit.event.raw_ref), self._count, waiting))
        self._arrived.append((now, time))

    def ready(self, watermark: int | None, patience: float | None) -> Iterator[Waiting]:
        """Gives away what is earlier than the watermark, and what came before `patience` with all before it."""
        bound = None if watermark is None else watermark - 1
        while patience is not None and self._arrived and self._arrived[0][0] <= patience:
            _, time = self._arrived.popleft()
            bound = time if bound is None else max(bound, time)
        while self._heap and ((bound is not None and self._heap[0][0] <= bound) or len(self._heap) > self._most):
            self.forced += bound is None or self._heap[0][0] > bound
            yield self._pop()
        if not self._heap:
            self._arrived.clear()

    def drain(self) -> Iterator[Waiting]:
        """Gives away everything."""
        while self._heap:
            yield self._pop()
        self._arrived.clear()

    def dump(self) -> dict[str, object]:
        """All that waits, as plain data."""
        rows = [[space, line, _dumped(one)] for _, space, line, _, one in sorted(self._heap, key=lambda item: item[:4])]
        return {"given": self._given, "late": self.late, "ahead": self.ahead, "forced": self.forced, "hits": rows}

    def load(self, document: Any, *, now: float) -> None:
        """Goes on from what `dump` gave: everything waits anew from now on."""
        heap, arrived = [], deque[tuple[float, int]]()
        for count, (space, line, dumped) in enumerate(document["hits"], 1):
            one = _loaded(dumped)
            heap.append((one.hit.time, int(space), tuple(map(int, line)), count, one))
            arrived.append((now, one.hit.time))
        given = document["given"]
        self.late, self.ahead, self.forced = (int(document[name]) for name in ("late", "ahead", "forced"))
        self._given = None if given is None else int(given)
        self._heap, self._arrived, self._count = heap, arrived, len(heap)

    def _pop(self) -> Waiting:
        time, *_, waiting = heapq.heappop(self._heap)
        self._given = time if self._given is None else max(self._given, time)
        return waiting


def _dated(hit: Hit, time: int) -> Hit:
    return Hit(
        rule_ids=hit.rule_ids,
        time=time,
        order=hit.order,
        fields=hit.fields,
        event=hit.event,
        evidence=tuple(hit.evidence),
    )


def _line(ref: str | None) -> tuple[int, ...]:
    """Line and index of `FILE:LINE/INDEX`: events of one instant count in that order."""
    place = (ref or "").rpartition(":")[2]
    return tuple(int(part) for part in place.split("/") if part.isdecimal())


def _dumped(waiting: Waiting) -> list[object]:
    hit = waiting.hit
    return [
        waiting.origin,
        sorted(hit.rule_ids),
        hit.time,
        hit.order,
        hit.fields,
        [hit.event.data, hit.event.time, hit.event.raw_ref],
        [[one.field, one.value] for one in hit.evidence],
    ]


def _loaded(dumped: Any) -> Waiting:
    origin, rule_ids, time, order, fields, (data, at, ref), found = dumped
    event = Event(data=dict(data), time=None if at is None else int(at), raw_ref=None if ref is None else str(ref))
    hit = Hit(
        rule_ids=frozenset(map(str, rule_ids)),
        time=int(time),
        order=int(order),
        fields={str(name): tuple(values) for name, values in fields.items()},
        event=event,
        evidence=tuple(Evidence(field=str(name), value=value) for name, value in found),
    )
    return Waiting(hit=hit, origin=str(origin))
