"""The port of a sink: what takes alerts, and what carries them over a network."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["DeliveryError", "Notice", "Sink", "Transport"]


class Notice(NamedTuple):
    """One alert on its way: its deterministic id, its level, its line of JSON without the line end, and what a person
    is shown of it, if it was made.
    """

    id: str
    level: str
    line: bytes
    text: bytes | None = None


class Sink(Protocol):
    """Takes alerts and never blocks the one who gives them."""

    @property
    def name(self) -> str:
        """Where it sends to, without any secret: under this name its undelivered alerts are kept."""
        ...

    def write(self, notice: Notice) -> None:
        """Takes an alert, to be delivered at once or later."""
        ...

    def waiting(self) -> Sequence[Notice]:
        """The alerts taken and neither delivered nor given up yet."""
        ...

    def pump(self) -> None:
        """Goes on with what could not be delivered at once."""
        ...

    def close(self, grace: float) -> Sequence[Notice]:
        """Ends it within so many seconds; returns what was not delivered."""
        ...


class Transport(Protocol):
    """Carries one alert over a network."""

    def send(self, notice: Notice) -> None:
        """Delivers the alert; raises DeliveryError if it was not."""
        ...

    def close(self) -> None:
        """Lets connections go."""
        ...


class DeliveryError(Exception):
    """An alert was not delivered: `retryable` says whether trying again can help, `after` when at the earliest."""

    def __init__(self, reason: str, *, retryable: bool = True, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.after = after
