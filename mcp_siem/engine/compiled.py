"""The walk of `walk` written out as straight Python, once a kind of event has been met so often that it pays.

A mapping's keys say what stands where, so each set of keys at the top of an event gets a function of its own, which
looks up the fields that rules read and nothing else. It only knows the plain case: below the top, mappings without
dotted keys. Whatever else it meets (lists of objects, other mappings, dotted keys) it leaves to the walk from there on.
So both give the same masks, which the tests compare.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping

from mcp_siem.engine.reader import LONGEST_KNOWN, Reader
from mcp_siem.engine.walk import Kept, Place, Walk

__all__ = ["CompiledWalk"]

# Written only after so many events of one set of keys; so many functions, of so many keys; then the walk has to do.
_MET_BEFORE = 200
_MOST_PLANS = 64
_MOST_KEYS = 256
_MOST_MET = 1_024
_DEEPEST = 16
# Up to so many dotted keys are looked for one by one, more of them by all keys of the mapping at once.
_FEW_DOTTED = 2
_FLAT = frozenset({str, int, float, bool, type(None)})
_MISSING = object()

_Plan = Callable[[Mapping[str, object], Kept], int]


class CompiledWalk:
    """Reads events as `Walk` does: the bits of every field with a reader, and what stands at the fields to be kept."""

    def __init__(self, readers: Mapping[str, Reader], kept: frozenset[str]) -> None:
        self._walk = Walk(readers, kept)
        self._plans: dict[tuple[object, ...], _Plan] = {}
        self._written: dict[tuple[str, ...], _Plan] = {}
        self._met: dict[tuple[object, ...], int] = {}

    def read(self, data: object) -> tuple[int, Kept]:
        """The mask of an event, and each kept field's name with what stands there, once for each place."""
        if data.__class__ is dict:
            plan = self._plans.get(tuple(data))
            if plan is not None:
                kept: Kept = []
                return plan(data, kept), kept
            self._meet(tuple(data))
        return self._walk.read(data)

    def _meet(self, keys: tuple[object, ...]) -> None:
        met = self._met.get(keys, 0) + 1
        if met < _MET_BEFORE:
            if len(self._met) >= _MOST_MET:
                self._met.clear()
            self._met[keys] = met
        elif len(keys) <= _MOST_KEYS and len(self._plans) < _MOST_PLANS:
            self._plans[keys] = self._plan(tuple(key for key in keys if key in self._walk.root.possible))

    def _plan(self, keys: tuple[str, ...]) -> _Plan:
        plan = self._written.get(keys)
        if plan is None:
            plan = self._written[keys] = _Writer(self._walk).plan(keys)
        return plan


class _Writer:
    """Writes one function. `names` are the objects it uses, which Python sees as its globals."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._lines = ["def plan(n0, kept):", " mask = 0"]
        self._names: dict[str, object] = {"bisect": bisect_right, "FLAT": _FLAT, "MISSING": _MISSING}
        self._made = 0

    def plan(self, keys: Iterable[str]) -> _Plan:
        """The function for events with these keys among others that no rule asks for."""
        for key in keys:
            self._add(1, f"x = n0[{key!r}]")
            self._key(self._walk.root, key, 1)
        self._add(1, "return mask")
        exec("\n".join(self._lines), self._names)  # noqa: S102 - what is written here holds names of fields as literals only
        plan: _Plan = self._names["plan"]  # type: ignore[assignment]
        return plan

    def _add(self, depth: int, *lines: str) -> None:
        self._lines += [" " * depth + line for line in lines]

    def _named(self, what: object) -> str:
        self._made += 1
        name = f"g{self._made}"
        self._names[name] = what
        return name

    def _key(self, place: Place, key: str, depth: int) -> None:
        """What to do with `x`, which stands at this key."""
        reader = place.rests.get(key)
        if reader is not None:
            self._value(reader, depth)
        if key in place.kept:
            self._add(depth, f"kept.append(({place.kept[key]!r}, x))")
        if key in place.heads:
            self._below(place.below(key), depth)

    def _below(self, place: Place, depth: int) -> None:
        """Goes on with `x` as a mapping of this place."""
        node = f"n{depth}"
        walk = self._named(self._onward(place))
        if depth >= _DEEPEST:
            self._add(depth, f"if x.__class__ not in FLAT: mask |= {walk}(x, kept)")
            return
        dotted = self._dotted(place, node)
        self._add(depth, f"{node} = x", f"if {node}.__class__ is dict:")
        if dotted:
            self._add(depth + 1, f"if {dotted}: mask |= {walk}({node}, kept)", "else:")
        inner = depth + 1 + bool(dotted)
        for key in sorted(key for key in place.possible if "." not in key):
            self._add(inner, f"x = {node}.get({key!r}, MISSING)", "if x is not MISSING:")
            self._key(place, key, inner + 1)
        self._add(depth, f"elif {node}.__class__ not in FLAT: mask |= {walk}({node}, kept)")

    def _onward(self, place: Place) -> Callable[[object, Kept], int]:
        read = self._walk.read

        def onward(node: object, kept: Kept) -> int:
            mask, more = read(node, place)
            kept += more
            return mask

        return onward

    def _dotted(self, place: Place, node: str) -> str:
        """The condition that a mapping has a dotted key that matters here; empty if none can."""
        dotted = sorted(key for key in place.possible if "." in key)
        if len(dotted) <= _FEW_DOTTED:
            return " or ".join(f"{key!r} in {node}" for key in dotted)
        plain: set[tuple[object, ...]] = set()
        looked_for = frozenset(dotted)

        def has(keys: tuple[object, ...]) -> bool:
            if not looked_for.isdisjoint(keys):
                return True
            if len(keys) <= _MOST_KEYS and len(plain) < _MOST_MET:
                plain.add(keys)
            return False

        return f"(k := tuple({node})) not in {self._named(plain)} and {self._named(has)}(k)"

    def _value(self, reader: Reader, depth: int) -> None:
        """Adds the bits of `x`, by the reader."""
        mask_of = self._named(reader.mask)
        known = self._named(reader.known_text) if reader.known_text else ""
        short = "" if reader.remembers_texts else f" and len({{}}) <= {LONGEST_KNOWN}"
        self._add(depth, "t = x.__class__", "if t is str:")
        if known:
            look = f"{known}(x)" if reader.remembers_texts else f"{known}(x) if len(x) <= {LONGEST_KNOWN} else None"
            self._add(depth + 1, f"m = {look}", f"if m is None: m = {self._named(reader.of_text)}(x)")
        else:
            self._add(depth + 1, f"m = {self._named(reader.of_text)}(x)")
        self._add(depth, "elif t is int:")
        if reader.steps is not None:
            points, masks = reader.steps
            self._add(depth + 1, f"m = {self._named(masks)}[bisect({self._named(points)}, x)]")
        else:
            self._add(depth + 1, f"m = {self._named(reader.tables[int])}(x)", f"if m is None: m = {mask_of}(x)")
        if known:
            self._add(depth, "elif t is list:", f" m = {reader.present}", " for y in x:")
            self._add(depth + 2, f"k = {known}(y) if y.__class__ is str{short.format('y')} else None")
            self._add(depth + 2, f"m |= {mask_of}(y) if k is None else k")
        self._add(depth, "else:", f" k = {self._named(reader.tables)}.get(t)")
        self._add(depth + 1, "m = None if k is None else k(x)", f"if m is None: m = {mask_of}(x)")
        self._add(depth, "if m: mask |= m")
