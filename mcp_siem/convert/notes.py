"""What a query says of itself beside its text: where it is approximate, and within which limit it is exact. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self, runtime_checkable

from mcp_siem.convert.refuse import Limit

__all__ = ["Bound", "Note", "SaysLimits", "bound_of", "coded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A reservation of a target: `code` never changes its meaning, `reason` is how, `until` by what it is bounded.

    `approximate`: the query may find other events than the rule. `bounded`: it does where a limit of the SIEM is reached.
    """

    code: str
    kind: Literal["approximate", "bounded"]
    reason: str
    until: str


class Note(str):
    """The words of a note, with the reservation that it is about; `where` names the part of the rule."""

    __slots__ = ("bound",)
    bound: Bound

    def __new__(cls, bound: Bound, where: str = "") -> Self:
        """The reason and its bound in one sentence."""
        head = f"{where}: " if where else ""
        note = super().__new__(cls, f"{head}{bound.reason}; {bound.until}")
        note.bound = bound
        return note

    def __reduce__(self) -> tuple[object, tuple[str, Bound]]:
        """A copy in another process keeps its reservation."""
        return _restored, (str(self), self.bound)


def coded(text: str, table: Sequence[tuple[str, Bound]]) -> str:
    """The words with the reservation whose phrase they hold; words alone if there is none."""
    found = next((bound for phrase, bound in table if phrase in text), None)
    return text if found is None else _restored(text, found)


def _restored(text: str, bound: Bound) -> Note:
    note = str.__new__(Note, text)
    note.bound = bound
    return note


@runtime_checkable
class SaysLimits(Protocol):
    """A target that lists everything it may refuse, and every reservation its queries may carry."""

    def limits(self) -> Sequence[Limit]:
        """Every refusal, by code."""
        ...

    def bounds(self) -> Sequence[Bound]:
        """Every reservation, by code."""
        ...


def bound_of(note: str, target: str) -> Bound:
    """The reservation of a note; one that is words alone counts as approximate, under the target's general code."""
    if isinstance(note, Note):
        return note.bound
    return Bound(code=f"{target.upper()}-NOTE", kind="approximate", reason=note, until="see the note")
