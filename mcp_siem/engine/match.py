"""Asks an event what a rule wants to know, and says which values answered."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from mcp_siem.engine.alert import Evidence
from mcp_siem.engine.nodes import And, Exists, FieldRef, FieldTest, Keyword, Named, Node, Or
from mcp_siem.engine.values import Reading
from mcp_siem.events.event import Event
from mcp_siem.events.fold import fold
from mcp_siem.events.taxonomy import Taxonomy

__all__ = ["LONGEST_VALUE", "EventView", "evidence", "shown", "twins_of"]

LONGEST_VALUE = 512


def twins_of(names: Iterable[str], taxonomy: Taxonomy) -> dict[str, str]:
    """The folded twins among the fields that rules read, each with its original."""
    return {name: source for name in names if (source := taxonomy.twin_source(name)) is not None}


class EventView:
    """One event, read at most once per field, however many rules ask.

    `twins` names, for each folded twin that a rule reads, its original: an event that carries no twin gets the
    folded original in its place.
    """

    __slots__ = ("_leaves", "_readings", "_twins", "event")

    def __init__(self, event: Event, twins: Mapping[str, str]) -> None:
        self.event = event
        self._twins = twins
        self._readings: dict[str, list[Reading]] = {}
        self._leaves: list[tuple[str, Reading]] | None = None

    def readings(self, name: str) -> list[Reading]:
        """Every leaf value of a field; none if the event lacks it."""
        found = self._readings.get(name)
        if found is None:
            found = self._readings[name] = [Reading(value) for value in self._values(name)]
        return found

    def _values(self, name: str) -> list[object]:
        source = self._derived_from(name)
        if source is None:
            return self.event.values(name)
        return [fold(value) if isinstance(value, str) else value for value in self.event.values(source)]

    def _derived_from(self, name: str) -> str | None:
        source = self._twins.get(name)
        return None if source is None or self.event.has(name) else source

    def original(self, name: str, place: int) -> tuple[str, object]:
        """Field and value that a person reads for a reading: of a derived twin, those that it was folded from."""
        source = self._derived_from(name)
        return (name, self.readings(name)[place].raw) if source is None else (source, self.event.values(source)[place])

    def has(self, name: str) -> bool:
        """Says whether the field is present, be it empty or null; a twin is there if its original is."""
        source = self._twins.get(name)
        return self.event.has(name) or (source is not None and self.event.has(source))

    def leaves(self) -> list[tuple[str, Reading]]:
        """Every leaf value of the event with its dotted name."""
        if self._leaves is None:
            self._leaves = [(name, Reading(value)) for name, value in _each(self.event.data)]
        return self._leaves


def _each(data: object) -> Iterator[tuple[str, object]]:
    """The leaves of an event with their dotted names, in order, without recursion: depth is the sender's choice."""
    pending = [("", data)]
    while pending:
        name, node = pending.pop()
        if isinstance(node, Mapping):
            items = [(f"{name}.{key}" if name else str(key), value) for key, value in node.items()]
            pending.extend(reversed(items))
        elif isinstance(node, list | tuple):
            pending.extend((name, item) for item in reversed(node))
        else:
            yield name, node


def evidence(node: Node, view: EventView) -> tuple[Evidence, ...]:
    """The values that made the node hold, in the order of the rule, each once; nothing for what held by absence."""
    found: dict[tuple[str, str, object], Evidence] = {}
    for name, value in _held(node, view):
        kept = shown(value)
        found.setdefault((name, type(kept).__name__, kept), Evidence(field=name, value=kept))
    return tuple(found.values())


def _held(node: Node, view: EventView) -> Iterator[tuple[str, object]]:
    match node:
        case And() | Or():
            for part in node.parts:
                if part.holds(view):
                    yield from _held(part, view)
        case Named():
            yield from _held(node.inner, view)
        case FieldTest():
            yield from _first(node.name, view, node.test.holds)
        case FieldRef():
            yield from _first(node.name, view, lambda reading: node.fits(reading, view))
        case Exists() if node.wanted:
            yield from _first(node.name, view, lambda _: True)
        case Keyword():
            yield from ((name, reading.raw) for name, reading in view.leaves() if node.test.holds(reading))
        case _:
            return


def _first(name: str, view: EventView, holds: Callable[[Reading], bool]) -> Iterator[tuple[str, object]]:
    for place, reading in enumerate(view.readings(name)):
        if holds(reading):
            yield view.original(name, place)
            return


def shown(value: object) -> object:
    """The value as evidence keeps it: its type, a long text cut with an ellipsis, an object named, not copied."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"
    if value is None or isinstance(value, bool | int | float):
        return value
    return "{…}"
