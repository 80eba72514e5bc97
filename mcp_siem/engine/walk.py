"""One walk over an event, however many fields rules read.

Means what `Event.values` and `Event.has` mean: a dotted key and nesting both count, at any depth and in any mixture,
and lists are opened. A place in the event is known by what is left of the names from there on; what to do with a
mapping follows from its keys alone, so it is worked out once for each set of keys.
"""

from collections.abc import Callable, Iterable, Mapping

from mcp_siem.engine.reader import Reader, Tables

__all__ = ["Kept", "Place", "Walk", "leaves_of"]

# Only decides what is worked out again: how many sets of keys are remembered at a place, and how large ones.
_MOST_PLANS = 1_024
_MOST_KEYS = 256

# A key that is looked at directly costs less than the set of keys, up to so many.
_FEW_KEYS = 4
_MISSING = object()

Kept = list[tuple[str, object]]

# Keys at which fields end: to be read, to be kept; then keys that lead on.
_Plan = tuple[
    tuple[tuple[str, Tables, Callable[[object], int]], ...],
    tuple[tuple[str, str], ...],
    tuple[tuple[str, "Place"], ...],
]


class Walk:
    """Reads events: the bits of every field that has a reader, and what stands at the fields to be kept."""

    def __init__(self, readers: Mapping[str, Reader], kept: frozenset[str]) -> None:
        self.root = Place({name: readers.get(name) for name in {*readers, *kept}}, {name: name for name in kept})

    def read(self, data: object, at: "Place | None" = None) -> tuple[int, Kept]:  # noqa: C901 - the hot loop, kept in one place
        """The mask of an event, and each kept field's name with what stands there, once for each place.

        `at` is the place that `data` has in its event, if it is not all of it.
        """
        mask = 0
        kept: Kept = []
        pending: list[tuple[Place, object]] = [(self.root if at is None else at, data)]
        for place, node in pending:  # which grows
            if node.__class__ is not dict and not isinstance(node, Mapping):
                if isinstance(node, list | tuple):
                    pending.extend([(place, item) for item in node])
                continue
            ends, own, inner = place.fixed or place.plans.get(keys := tuple(node)) or place.plan(keys)
            for key, tables, mask_of in ends:
                value = node.get(key, _MISSING)
                if value is not _MISSING:
                    known = tables.get(value.__class__)
                    if known is None and value.__class__ is list and len(value) == 1:
                        value = value[0]
                        known = tables.get(value.__class__)
                    found = None if known is None else known(value)
                    mask |= mask_of(value) if found is None else found
            for key, name in own:
                if key in node:
                    kept.append((name, node[key]))
            for key, below in inner:
                value = node.get(key)
                if value is not None and value.__class__ is not str:
                    pending.append((below, value))
        return mask, kept


class Place:
    """A place in an event: the readers of the fields that end here after `rests`, None for those only kept.

    `heads` are keys that lead on, `possible` all keys that matter here.
    """

    __slots__ = ("_inner", "fixed", "heads", "kept", "plans", "possible", "rests")

    def __init__(self, rests: Mapping[str, Reader | None], kept: Mapping[str, str]) -> None:
        self.rests, self.kept = rests, kept
        self.heads = {rest[:at] for rest in rests for at, char in enumerate(rest) if char == "."}
        self.possible = self.heads.union(rests)
        self._inner: dict[str, Place] = {}
        self.plans: dict[tuple[object, ...], _Plan] = {}
        self.fixed = self._planned(sorted(self.possible)) if len(self.possible) <= _FEW_KEYS else None

    def plan(self, keys: tuple[object, ...]) -> _Plan:
        """What to do with a mapping of these keys."""
        plan = self._planned([key for key in keys if isinstance(key, str)])
        if len(keys) <= _MOST_KEYS:
            if len(self.plans) >= _MOST_PLANS:
                self.plans.clear()
            self.plans[keys] = plan
        return plan

    def _planned(self, keys: Iterable[str]) -> _Plan:
        readers = [(key, reader) for key in keys if (reader := self.rests.get(key)) is not None]
        return (
            tuple((key, reader.tables, reader.mask) for key, reader in readers),
            tuple((key, self.kept[key]) for key in keys if key in self.kept),
            tuple((key, self.below(key)) for key in keys if key in self.heads),
        )

    def below(self, key: str) -> "Place":
        """The place that a key leads to."""
        place = self._inner.get(key)
        if place is None:
            head = f"{key}."
            rests = {rest.removeprefix(head): reader for rest, reader in self.rests.items() if rest.startswith(head)}
            kept = {rest.removeprefix(head): name for rest, name in self.kept.items() if rest.startswith(head)}
            place = self._inner[key] = Place(rests, kept)
        return place


def leaves_of(node: object) -> list[object]:
    """The values of a list of any depth; of anything else, itself."""
    if not isinstance(node, list | tuple):
        return [node]
    leaves: list[object] = []
    pending: list[object] = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, list | tuple):
            pending.extend(node)
        else:
            leaves.append(node)
    return leaves
