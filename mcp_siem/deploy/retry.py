"""Tries again what may succeed a moment later: only calls that are idempotent, only errors that say so."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from mcp_siem.deploy.client import Client
from mcp_siem.errors import BackendError

__all__ = ["RetryingClient"]

_T = TypeVar("_T")
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 8.0


class RetryingClient:
    """A client that repeats each call after a `retryable` BackendError, at most `attempts` times in all.

    `sleep` is given the seconds to wait. Every call of a `Client` is idempotent by its contract.
    """

    def __init__(self, client: Client, *, sleep: Callable[[float], None], attempts: int = 4) -> None:
        self._client = client
        self._sleep = sleep
        self._attempts = attempts

    def list(self) -> Iterator[Mapping[str, object]]:
        """All documents, read to the end before the first is given, so that a repeat gives none twice."""
        return iter(self._repeated(lambda: tuple(self._client.list())))

    def get(self, key: str) -> Mapping[str, object] | None:
        """As the client's."""
        return self._repeated(lambda: self._client.get(key))

    def put(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        """As the client's."""
        return self._repeated(lambda: self._client.put(key, document))

    def delete(self, key: str) -> None:
        """As the client's."""
        self._repeated(lambda: self._client.delete(key))

    def _repeated(self, call: Callable[[], _T]) -> _T:
        delay = _FIRST_DELAY
        for _ in range(self._attempts - 1):
            try:
                return call()
            except BackendError as error:
                if not error.retryable:
                    raise
            self._sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
        return call()
