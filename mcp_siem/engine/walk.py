"""One walk over an event, however many fields rules read.

Means what `Event.values` and `Event.has` mean: a dotted key and nesting both count, at any depth and in any mixture,
and lists are opened. A place in the event is known by what is left of the names from there on; what to do with a
mapping follows from its keys alone, so it is worked out once for each set of keys.
"""

from collections.abc import Callable, Iterable, Mapping

from mcp_siem.engine.reader import Reader, Tables

__all__ = ["Walk", "leaves_of"]

# Only decides what is worked out again: how many sets of keys are remembered at a place, and how large ones.
_MOST_PLANS = 1_024
_MOST_KEYS = 256

# A key that is looked at directly costs less than the set of keys, up to so many.
_FEW_KEYS = 4
_MISSING = object()

# Keys at which fields end: to be read, to be kept; then keys that lead on.
_Plan = tuple[
    tuple[tuple[str, Tables, Callable[[object], int]], ...],
    tuple[tuple[str, str], ...],
    tuple[tuple[str, "_Place"], ...],
]


class Walk:
    """Reads events: the bits of every field that has a reader, and what stands at the fields to be kept."""

    def __init__(self, readers: Mapping[str, Reader], kept: frozenset[str]) -> None:
        self._root = _Place({name: readers.get(name) for name in {*readers, *kept}}, {name: name for name in kept})

    def read(self, data: object) -> tuple[int, list[tuple[str, object]]]:  # noqa: C901 - the hot loop, kept in one place
        """The mask of an event, and each kept field's name with what stands there, once for each place."""
        mask = 0
        kept: list[tuple[str, object]] = []
        pending: list[tuple[_Place, object]] = [(self._root, data)]
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


class _Place:
    """A place in an event: the readers of the fields that end here after `rests`, None for those only kept."""

    __slots__ = ("_heads", "_inner", "_kept", "_rests", "fixed", "plans")

    def __init__(self, rests: Mapping[str, Reader | None], kept: Mapping[str, str]) -> None:
        self._rests, self._kept = rests, kept
        self._heads = {rest[:at] for rest in rests for at, char in enumerate(rest) if char == "."}
        self._inner: dict[str, _Place] = {}
        self.plans: dict[tuple[object, ...], _Plan] = {}
        possible = sorted(self._heads.union(rests))
        self.fixed = self._planned(possible) if len(possible) <= _FEW_KEYS else None

    def plan(self, keys: tuple[object, ...]) -> _Plan:
        """What to do with a mapping of these keys."""
        plan = self._planned([key for key in keys if isinstance(key, str)])
        if len(keys) <= _MOST_KEYS:
            if len(self.plans) >= _MOST_PLANS:
                self.plans.clear()
            self.plans[keys] = plan
        return plan

    def _planned(self, keys: Iterable[str]) -> _Plan:
        readers = [(key, reader) for key in keys if (reader := self._rests.get(key)) is not None]
        return (
            tuple((key, reader.tables, reader.mask) for key, reader in readers),
            tuple((key, self._kept[key]) for key in keys if key in self._kept),
            tuple((key, self._below(key)) for key in keys if key in self._heads),
        )

    def _below(self, key: str) -> "_Place":
        place = self._inner.get(key)
        if place is None:
            head = f"{key}."
            rests = {rest.removeprefix(head): reader for rest, reader in self._rests.items() if rest.startswith(head)}
            kept = {rest.removeprefix(head): name for rest, name in self._kept.items() if rest.startswith(head)}
            place = self._inner[key] = _Place(rests, kept)
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
