"""Rules as formulas over one number: each question that rules ask of an event is a bit of it, set if the answer is yes.

`Verdicts` keeps which rules hold for a mask. Few different masks occur, so nearly every event costs one look-up.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Generic, Protocol, TypeVar

from mcp_siem.engine.nodes import And, Exists, FieldRef, FieldTest, IsNull, Keyword, Named, Node, Not, Or
from mcp_siem.engine.predicates import Test

__all__ = ["Bits", "Formula", "Verdict", "Verdicts", "formula_of"]

_MOST_MASKS = 8_192

T = TypeVar("T")
K = TypeVar("K")


class Bits:
    """Gives each question of a pack its bit, the same question the same one, however many rules ask it.

    `present` has a bit for each field that is there at all, `filled` for each that holds any value but null.
    """

    def __init__(self) -> None:
        self.tests: dict[str, dict[Test, int]] = {}
        self.keywords: dict[Test, int] = {}
        self.present: dict[str, int] = {}
        self.filled: dict[str, int] = {}
        self.references: dict[FieldRef, int] = {}
        self._next = 1

    def of_test(self, name: str, test: Test) -> int:
        """The bit of a test of a field."""
        return self._bit(self.tests.setdefault(name, {}), test)

    def of_keyword(self, test: Test) -> int:
        """The bit of a test of all values."""
        return self._bit(self.keywords, test)

    def of_presence(self, name: str) -> int:
        """The bit that says that a field is there."""
        return self._bit(self.present, name)

    def of_value(self, name: str) -> int:
        """The bit that says that a field holds a value."""
        return self._bit(self.filled, name)

    def of_reference(self, node: FieldRef) -> int:
        """The bit of a comparison of two fields, which is asked only if both hold a value."""
        self.of_value(node.name)
        self.of_value(node.other)
        return self._bit(self.references, node)

    def _bit(self, known: dict[K, int], question: K) -> int:
        bit = known.get(question)
        if bit is None:
            bit = known[question] = self._next
            self._next <<= 1
        return bit


class Formula(Protocol):
    """A rule's condition over the mask of an event."""

    @property
    def needed(self) -> int:
        """Bits of which one is set wherever the formula holds; 0 if none are known."""

    def holds(self, mask: int) -> bool:
        """Says whether it holds for this mask."""


class _Any:
    """At least one of the bits, or of the parts."""

    __slots__ = ("bits", "needed", "parts")

    def __init__(self, bits: int, parts: tuple[Formula, ...] = ()) -> None:
        self.bits, self.parts = bits, parts
        self.needed = 0
        if all(part.needed for part in parts):
            self.needed = reduce(or_, (part.needed for part in parts), bits)

    def holds(self, mask: int) -> bool:
        return bool(mask & self.bits) or any(part.holds(mask) for part in self.parts)


class _All:
    """All of the bits, and all of the parts."""

    __slots__ = ("bits", "needed", "parts")

    def __init__(self, bits: int, parts: tuple[Formula, ...] = ()) -> None:
        self.bits, self.parts = bits, parts
        known = [part.needed for part in parts if part.needed]
        self.needed = bits & -bits or min(known, key=int.bit_count, default=0)

    def holds(self, mask: int) -> bool:
        return mask & self.bits == self.bits and all(part.holds(mask) for part in self.parts)


class _None:
    """The inner one does not hold."""

    __slots__ = ("inner", "needed")

    def __init__(self, inner: Formula) -> None:
        self.inner, self.needed = inner, 0

    def holds(self, mask: int) -> bool:
        return not self.inner.holds(mask)


def formula_of(node: Node, bits: Bits) -> Formula:  # noqa: PLR0911 - one return per kind of node
    """The formula of a condition; asks `bits` for a bit for each question in it."""
    match node:
        case Named():
            return formula_of(node.inner, bits)
        case Not():
            return _None(formula_of(node.inner, bits))
        case And():
            return _All(*_merged(_All, node.parts, bits))
        case Or():
            return _Any(*_merged(_Any, node.parts, bits))
        case FieldTest():
            return _Any(bits.of_test(node.name, node.test))
        case Keyword():
            return _Any(bits.of_keyword(node.test))
        case Exists():
            present = _Any(bits.of_presence(node.name))
            return present if node.wanted else _None(present)
        case IsNull():
            return _None(_Any(bits.of_value(node.name)))
        case FieldRef():
            return _Any(bits.of_reference(node))
        case _:
            raise TypeError(f"no formula for {type(node).__name__}")


def _merged(kind: type[_Any | _All], nodes: Sequence[Node], bits: Bits) -> tuple[int, tuple[Formula, ...]]:
    """Single bits of the parts as one number, and what is left: parts of the same kind are taken apart."""
    own, rest = 0, []
    for node in nodes:
        part = formula_of(node, bits)
        if isinstance(part, _Any | _All) and not part.parts and (isinstance(part, kind) or part.bits.bit_count() == 1):
            own |= part.bits
        else:
            rest.append(part)
    return own, tuple(rest)


class Verdict(Generic[T]):
    """The things that hold for a mask, in their order. `plan` is for whoever asked to keep what follows from it."""

    __slots__ = ("held", "mask", "plan")

    def __init__(self, held: tuple[T, ...], mask: int) -> None:
        self.held, self.mask = held, mask
        self.plan: object = None


class Verdicts(Generic[T]):
    """Which of several things with a formula hold, in their order; asked once for each mask.

    `known` are the answers for masks asked before.
    """

    def __init__(self, things: Sequence[tuple[T, Formula]]) -> None:
        self._things = things
        self.known: dict[int, Verdict[T]] = {}
        self._always = [place for place, (_, formula) in enumerate(things) if not formula.needed]
        self._places: dict[int, list[int]] = {}
        self._needed = 0
        for place, (_, formula) in enumerate(things):
            self._needed |= formula.needed
            for bit in _single(formula.needed):
                self._places.setdefault(bit, []).append(place)

    def of(self, mask: int) -> Verdict[T]:
        """Those that hold for the mask."""
        known = self.known.get(mask)
        if known is not None:
            return known
        verdict = Verdict(self._found(mask), mask)
        if len(self.known) >= _MOST_MASKS:
            self.known.clear()
        self.known[mask] = verdict
        return verdict

    def _found(self, mask: int) -> tuple[T, ...]:
        tried = set(self._always)
        for bit in _single(mask & self._needed):
            tried.update(self._places[bit])
        things = self._things
        return tuple(things[place][0] for place in sorted(tried) if things[place][1].holds(mask))


def _single(mask: int) -> Iterator[int]:
    """Each bit of the mask by itself."""
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit
