"""A sink over a network: a bounded queue, a thread that delivers, retry with growing pauses, then the dead letters."""

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from mcp_siem.sinks.dead import DeadLetters
from mcp_siem.sinks.port import DeliveryError, Notice, Transport

__all__ = ["NetworkSink", "Retry"]


class Retry:
    """How long to wait after the n-th failure: doubling from `first` to `longest`, shortened by chance up to half, so
    that many senders do not come back at once.
    """

    def __init__(
        self,
        *,
        attempts: int = 8,
        first: float = 0.5,
        longest: float = 30.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.attempts = attempts
        self._first = first
        self._longest = longest
        self._chance = chance

    def pause(self, failures: int, after: float = 0.0) -> float:
        """Seconds to wait; what the receiver asks for counts up to the longest pause."""
        grown = min(self._longest, self._first * 2.0 ** min(failures - 1, 30))
        return max(grown * (1.0 - self._chance() / 2), min(after, self._longest))


class NetworkSink:
    """Delivers through a transport. `dropped` counts what the queue had no room for: it is in the dead letters."""

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        dead: DeadLetters,
        retry: Retry | None = None,
        most: int = 10_000,
        most_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.name = name
        self.dropped = 0
        self.delivered = 0
        self._transport = transport
        self._dead = dead
        self._retry = retry or Retry()
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._queue: deque[Notice] = deque()
        self._turn = threading.Condition()
        self._ending: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)
        self._thread.start()

    def write(self, notice: Notice) -> None:
        """Queues the alert."""
        with self._turn:
            fits = len(self._queue) < self._most and self._bytes + len(notice.line) <= self._most_bytes
            if fits:
                self._queue.append(notice)
                self._bytes += len(notice.line)
                self._turn.notify_all()
        if not fits:
            self.dropped += 1
            self._dead.alert(self.name, notice, "the receiver is too slow: too many alerts wait")

    def waiting(self) -> Sequence[Notice]:
        """The alerts not delivered and not given up yet, oldest first."""
        with self._turn:
            return list(self._queue)

    def pump(self) -> None:
        """Nothing to do: a thread delivers."""

    def close(self, grace: float) -> Sequence[Notice]:
        """Delivers for so many seconds more; returns what is left."""
        with self._turn:
            self._ending = monotonic() + grace
            self._turn.notify_all()
        self._thread.join(grace + 1.0)
        self._transport.close()
        return self.waiting()

    def _run(self) -> None:
        while (notice := self._next()) is not None:
            reason = self._deliver(notice)
            if reason is None:
                self.delivered += 1
            elif self._is_over():
                return
            else:
                self._dead.alert(self.name, notice, reason)
            with self._turn:
                self._queue.popleft()
                self._bytes -= len(notice.line)

    def _next(self) -> Notice | None:
        """The oldest alert, which stays in the queue until its fate is known; None when it is over."""
        with self._turn:
            while not self._queue and self._ending is None:
                self._turn.wait()
            return self._queue[0] if self._queue and not self._is_over() else None

    def _deliver(self, notice: Notice) -> str | None:
        """Sends until it is taken; the reason if it was not."""
        failures = 0
        while True:
            try:
                self._transport.send(notice)
            except DeliveryError as error:
                failures += 1
                if not error.retryable:
                    return error.reason
                if failures >= self._retry.attempts:
                    return f"{error.reason} (tried {failures} times)"
                if self._wait(self._retry.pause(failures, error.after)):
                    return error.reason
            else:
                return None

    def _wait(self, seconds: float) -> bool:
        """Waits; says whether the end came before."""
        until = monotonic() + seconds
        with self._turn:
            while (left := until - monotonic()) > 0:
                if self._ending is not None:
                    left = min(left, self._ending - monotonic())
                    if left <= 0:
                        return True
                self._turn.wait(left)
        return self._is_over()

    def _is_over(self) -> bool:
        return self._ending is not None and monotonic() >= self._ending
