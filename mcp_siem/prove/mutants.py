"""The mutants of a condition: each selection, field and value of a rule, dropped or turned round.

A tree is asked about many events at once: what a node says of all of them is one number, a bit an event. So a mutant costs
no more than working out again what stands above the part that it changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mcp_siem.engine.match import EventView
from mcp_siem.engine.nodes import And, FieldTest, Named, Node, Not, Or
from mcp_siem.engine.predicates import Contains, Equals, Prefix, Suffix, Test

__all__ = ["Change", "Mutant", "Trial", "covers"]

Change = Literal["dropped", "turned round"]
# Where a part stands: the name of its selection, then the places of children.
Key = tuple[str, tuple[int, ...]]
_FOREIGN = "filter "


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of a rule; `part` is what it changes, in the words of the rule."""

    part: str
    change: str

    def __str__(self) -> str:
        return f"{self.part} {self.change}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A part of a selection, wherever the condition names it."""

    selection: str
    node: Node
    covered: str | None = None

    @property
    def part(self) -> str:
        own = self.node.part
        return self.selection if isinstance(self.node, Named) else f"{self.selection}: {own}"


class Trial:
    """A condition over a fixed list of events, and all its mutants."""

    def __init__(self, node: Node, views: Sequence[EventView]) -> None:
        self._node = node
        self._all = (1 << len(views)) - 1
        self._masks: dict[int, int] = {}
        self._keys: dict[int, Key] = {}
        self._sites: dict[Key, _Site] = {}
        self._ask(node, views)
        self._find(node)

    @property
    def mask(self) -> int:
        """The events for which the condition holds, a bit each."""
        return self._masks[id(self._node)]

    def mutants(self) -> Iterator[tuple[Mutant, int, str | None]]:
        """Each mutant with the events for which it holds, and the value that covers a dropped one, if any does."""
        names: dict[str, int] = {}
        for key, site in self._sites.items():
            count = names[site.part] = names.get(site.part, 0) + 1
            part = site.part if count == 1 else f"{site.part} ({count})"
            for change in ("dropped", "turned round"):
                found = self._changed(self._node, key, change)
                if found is not None:
                    covered = site.covered if change == "dropped" else None
                    yield Mutant(part=part, change=change), found, covered

    def _ask(self, node: Node, views: Sequence[EventView]) -> int:
        if isinstance(node, And | Or):
            mask = self._all if isinstance(node, And) else 0
            for part in node.parts:
                found = self._ask(part, views)
                mask = mask & found if isinstance(node, And) else mask | found
        elif isinstance(node, Named):
            mask = self._ask(node.inner, views)
        elif isinstance(node, Not):
            mask = self._all & ~self._ask(node.inner, views)
        else:
            mask = sum(1 << place for place, view in enumerate(views) if node.holds(view))
        self._masks[id(node)] = mask
        return mask

    def _find(self, node: Node) -> None:
        """The selections of the condition, and what is in them; filters of other files are not the rule's."""
        if isinstance(node, Named):
            if not node.part.startswith(_FOREIGN):
                self._enter(node, node.part, (), None)
        elif isinstance(node, And | Or):
            for part in node.parts:
                self._find(part)
        elif isinstance(node, Not):
            self._find(node.inner)

    def _enter(self, node: Node, selection: str, path: tuple[int, ...], covered: str | None) -> None:
        key = (selection, path)
        self._keys[id(node)] = key
        inner = _children(node)
        # What holds a single part is that part; a `neq` is told by what it negates.
        if isinstance(node, Named) or not isinstance(node, Not):
            self._sites.setdefault(key, _Site(selection=selection, node=node, covered=covered))
        for place, child in enumerate(inner):
            if isinstance(node, Named) and not isinstance(child, And | Or):
                self._keys[id(child)] = key  # the selection is this one test: one mutant is enough
                continue
            self._enter(child, selection, (*path, place), _covering(node, place))

    def _changed(self, node: Node, key: Key, change: Change) -> int | None:
        """What the node says once the part of this key is changed; None if nothing is left of it."""
        if self._keys.get(id(node)) == key:
            return self._all & ~self._masks[id(node)] if change == "turned round" else None
        if isinstance(node, Named):
            return self._changed(node.inner, key, change)
        if isinstance(node, Not):
            found = self._changed(node.inner, key, change)
            return None if found is None else self._all & ~found
        if not isinstance(node, And | Or):
            return self._masks[id(node)]
        found_parts = [found for part in node.parts if (found := self._changed(part, key, change)) is not None]
        if not found_parts:
            return None
        mask = self._all if isinstance(node, And) else 0
        for found in found_parts:
            mask = mask & found if isinstance(node, And) else mask | found
        return mask


def _children(node: Node) -> Sequence[Node]:
    if isinstance(node, And | Or):
        return node.parts
    return (node.inner,) if isinstance(node, Named | Not) else ()


def _covering(node: Node, place: int) -> str | None:
    """The alternative that holds wherever this one does: without it the rule means the same."""
    if not isinstance(node, Or):
        return None
    own = node.parts[place]
    for number, other in enumerate(node.parts):
        if number == place or not isinstance(own, FieldTest) or not isinstance(other, FieldTest):
            continue
        if own.name == other.name and covers(other.test, own.test) and not (number > place and own.test == other.test):
            return other.part
    return None


def covers(wide: Test, narrow: Test) -> bool:
    """Says whether the one test of a text surely holds wherever the other does."""
    match wide, narrow:
        case Contains(), Contains() | Equals() | Prefix() | Suffix():
            fits = wide.literal in narrow.literal
        case Prefix(), Prefix() | Equals():
            fits = narrow.literal.startswith(wide.literal)
        case Suffix(), Suffix() | Equals():
            fits = narrow.literal.endswith(wide.literal)
        case Equals(), Equals():
            fits = narrow.literal == wide.literal
        case _:
            return False
    return fits and wide.cased is narrow.cased
