"""Answers kept for questions that come again, bounded, so that no sender of odd questions can fill the memory."""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["Memo"]

K = TypeVar("K", int, str)

_MOST = 8192
_LONGEST = 64


class Memo(dict[K, str]):
    """Works out an answer when it is first asked for; `memo[key]` is always `work(key)`.

    As a dict it is what `str.translate` and `map` ask without a step of Python. Long texts are not kept; when it is full,
    it starts anew.
    """

    def __init__(self, work: Callable[[K], str], *, most: int = _MOST) -> None:
        super().__init__()
        self._work: Callable[[K], str] = work
        self._most = most

    def __missing__(self, key: K) -> str:
        answer = self._work(key)
        if isinstance(key, int) or len(key) <= _LONGEST:
            if len(self) >= self._most:
                self.clear()
            self[key] = answer
        return answer
