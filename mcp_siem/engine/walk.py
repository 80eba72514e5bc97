"""One walk over an event, however many fields rules read.

Means what `Event.values` and `Event.has` mean: a dotted key and nesting both count, at any depth and in any mixture,
and lists are opened. A place in the event is known by what is left of the names from there on; what to do with a
mapping follows from its keys alone, so it is worked out once for each set of keys.
"""

from collections.abc import Callable, Mapping

from mcp_siem.engine.reader import Reader

__all__ = ["Walk", "leaves_of"]

# Only decides what is worked out again: how many sets of keys are remembered at a place, and how large ones.
_MOST_PLANS = 1_024
_MOST_KEYS = 256

# Fields that end at a key: with short values, with long texts, to be kept; then keys that lead on.
_Plan = tuple[
    tuple[tuple[str, Callable[[str], int | None], Callable[[object], int]], ...],
    tuple[tuple[str, Callable[[object], int]], ...],
    tuple[tuple[str, str], ...],
    tuple[tuple[str, "_Place"], ...],
]


class Walk:
    """Reads events: the bits of every field that has a reader, and what stands at the fields to be kept."""

    def __init__(self, readers: Mapping[str, Reader], kept: frozenset[str]) -> None:
        self._root = _Place({name: readers.get(name) for name in {*readers, *kept}}, {name: name for name in kept})

    def read(self, data: object) -> tuple[int, list[tuple[str, object]]]:
        """The mask of an event, and each kept field's name with what stands there, once for each place."""
        mask = 0
        kept: list[tuple[str, object]] = []
        pending: list[tuple[_Place, object]] = [(self._root, data)]
        while pending:
            place, node = pending.pop()
            if not (node.__class__ is dict or isinstance(node, Mapping)):
                if isinstance(node, list | tuple):
                    pending.extend([(place, item) for item in node])
                continue
            keys = tuple(node)
            short, texts, own, inner = place.plans.get(keys) or place.plan(keys)
            for key, known, mask_of in short:
                value = node[key]
                found = known(value) if value.__class__ is str else None
                mask |= mask_of(value) if found is None else found
            for key, text_mask_of in texts:
                mask |= text_mask_of(node[key])
            for key, name in own:
                kept.append((name, node[key]))
            for key, below in inner:
                value = node[key]
                if value.__class__ is not str and value is not None:
                    pending.append((below, value))
        return mask, kept


class _Place:
    """A place in an event: the readers of the fields that end here after `rests`, None for those only kept."""

    __slots__ = ("_heads", "_inner", "_kept", "_rests", "plans")

    def __init__(self, rests: Mapping[str, Reader | None], kept: Mapping[str, str]) -> None:
        self._rests, self._kept = rests, kept
        self._heads = {rest[:at] for rest in rests for at, char in enumerate(rest) if char == "."}
        self._inner: dict[str, _Place] = {}
        self.plans: dict[tuple[object, ...], _Plan] = {}

    def plan(self, keys: tuple[object, ...]) -> _Plan:
        """What to do with a mapping of these keys."""
        named = [key for key in keys if isinstance(key, str)]
        readers = [(key, reader) for key in named if (reader := self._rests.get(key)) is not None]
        plan = (
            tuple((key, reader.known, reader.mask) for key, reader in readers if not reader.is_text),
            tuple((key, reader.mask) for key, reader in readers if reader.is_text),
            tuple((key, self._kept[key]) for key in named if key in self._kept),
            tuple((key, self._below(key)) for key in named if key in self._heads),
        )
        if len(keys) <= _MOST_KEYS:
            if len(self.plans) >= _MOST_PLANS:
                self.plans.clear()
            self.plans[keys] = plan
        return plan

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
