"""What a rule asks of an event: tests bound to fields, linked by and, or, not. Frozen, free of pySigma.

Sources: Sigma specification 2.1, "Sigma Rules" (conditions) and "Sigma modifiers" (appendix). Everywhere:

- A field that the event lacks has no values, so no test of it holds, and `not` of it does.
- A field with several values (arrays, arrays of objects) holds if any value does; so `not field: x` says that no
  value is x. `all` asks for every listed value, each of any element.
- null has no text and no number: only `field: null` and `exists` speak of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mcp_siem.engine.predicates import Test
from mcp_siem.engine.values import Reading

__all__ = [
    "And",
    "Exists",
    "FieldRef",
    "FieldTest",
    "IsNull",
    "Keyword",
    "Named",
    "Node",
    "Not",
    "Or",
    "View",
]


class View(Protocol):
    """An event as nodes read it."""

    def readings(self, name: str) -> Sequence[Reading]:
        """Every leaf value of a field; none if the event lacks it."""

    def has(self, name: str) -> bool:
        """Says whether the field is present, be it empty or null."""

    def leaves(self) -> Sequence[tuple[str, Reading]]:
        """Every leaf value of the event with its dotted name."""


class Node(Protocol):
    """A question about the whole event. `part` is its spelling in the rule."""

    @property
    def part(self) -> str:
        """The words of the rule that this node stands for."""

    def holds(self, view: View) -> bool:
        """Says whether the event answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTest:
    """Any value of the field passes the test."""

    name: str
    test: Test
    part: str = field(default="", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether any value passes."""
        for reading in view.readings(self.name):  # noqa: SIM110 - a generator costs more than the test
            if self.test.holds(reading):
                return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """`exists`: the field is present, be it empty or null; or, if not `wanted`, absent."""

    name: str
    wanted: bool
    part: str = field(default="", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether the presence is as wanted."""
        return view.has(self.name) is self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class IsNull:
    """`field: null`: the field is absent or holds nothing but null; an empty string is a value."""

    name: str
    part: str = field(default="", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether there is no value but null."""
        return all(reading.raw is None for reading in view.readings(self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef:
    """`fieldref`: any value of the field equals, starts with, ends with or contains any value of the other.

    Texts compare with case folded, numbers by their text; null and absent fields equal nothing, not even each other.
    """

    name: str
    other: str
    starts: bool = False
    ends: bool = False
    part: str = field(default="", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether the two fields share such a value."""
        return any(self.fits(reading, view) for reading in view.readings(self.name))

    def fits(self, reading: Reading, view: View) -> bool:
        """Says whether this value stands in that relation to any value of the other field."""
        text = reading.folded
        return text is not None and any(
            self._related(text, other.folded) for other in view.readings(self.other) if other.folded is not None
        )

    def _related(self, text: str, other: str | None) -> bool:
        if other is None:
            return False
        if self.starts and self.ends:
            return other in text
        if self.starts:
            return text.startswith(other)
        return text.endswith(other) if self.ends else text == other


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """A value without a field: any leaf value of the event, whatever its field, passes the test.

    Plain keywords are `contains`: the specification speaks of a search in the log message, and an event has no
    other message than its values. Names of fields are not searched.
    """

    test: Test
    part: str = field(default="", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether any value of the event passes."""
        return any(self.test.holds(reading) for _, reading in view.leaves())


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """All parts hold."""

    parts: tuple[Node, ...]
    part: str = field(default="all of", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether all parts hold."""
        for part in self.parts:  # noqa: SIM110 - a generator costs more than the test
            if not part.holds(view):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """At least one part holds."""

    parts: tuple[Node, ...]
    part: str = field(default="any of", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether any part holds."""
        for part in self.parts:  # noqa: SIM110 - a generator costs more than the test
            if part.holds(view):
                return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The inner node does not hold."""

    inner: Node
    part: str = field(default="not", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether the inner node fails."""
        return not self.inner.holds(view)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A selection of the rule, under its name."""

    inner: Node
    part: str = field(default="", compare=False)

    def holds(self, view: View) -> bool:
        """Says whether the selection holds."""
        return self.inner.holds(view)
