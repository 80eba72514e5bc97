"""What of an event its alerts and its hit will show, worked out once for each verdict and then only read.

A verdict says which questions were answered, so it also says at which fields the evidence stands. Where such a field
holds a single value, that value is the evidence; an event for which that is not so (arrays, objects, a field in two
places, keywords, comparisons of fields) is left to the exact way (`match.evidence`). Both give the same evidence, which
the tests compare.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from mcp_siem.engine.alert import Evidence
from mcp_siem.engine.compile import Detection
from mcp_siem.engine.compiled import CompiledWalk
from mcp_siem.engine.formula import Bits, Formula, Verdict, formula_of
from mcp_siem.engine.hit import Fields, Pairs, compact
from mcp_siem.engine.match import LONGEST_VALUE, shown
from mcp_siem.engine.nodes import And, Exists, FieldRef, FieldTest, Keyword, Named, Node, Or
from mcp_siem.rules.rule import Rule

__all__ = ["Found", "Sight", "Sights"]

_MOST_WALKS = 1_024
_LARGEST = 1 << 63

# The values of an event at the fields of interest, each made short enough to be held.
Found = dict[str, tuple[object, ...]]


class _Unknown(Exception):  # noqa: N818 - no error: where this evidence stands, the verdict does not say
    pass


class Sights:
    """Makes sights. `keys` are the fields that correlations read, `context` those that a hit shows besides."""

    def __init__(
        self,
        bits: Bits,
        twins: Mapping[str, str],
        *,
        bases: frozenset[str],
        keys: Iterable[str],
        context: Iterable[str],
    ) -> None:
        self._bits, self._twins, self._bases = bits, twins, bases
        self._keys, self._context = frozenset(keys), frozenset(context)
        self._formulas: dict[int, Formula] = {}
        self._walks: dict[frozenset[str], CompiledWalk] = {}

    def of(self, verdict: Verdict[Detection]) -> "Sight":
        """What events of this verdict show; the verdict keeps it."""
        if isinstance(verdict.plan, Sight):
            return verdict.plan
        fields = {one.rule.id: self._fields(one.node, verdict.mask) for one in verdict.held}
        bases = frozenset(fields) & self._bases
        known = [names for names in fields.values() if names is not None]
        seen = frozenset(name for names in known for name in names)
        twins = {name: self._twins[name] for name in seen & self._twins.keys()}
        seen = seen.union(twins.values())
        sight = verdict.plan = Sight(
            walk=self._walk(seen | self._keys | self._context if bases else seen),
            seen=seen,
            hashed=self._keys,
            alerting=tuple((one.rule, fields[one.rule.id] or ()) for one in verdict.held if one.rule.alerts),
            bases=bases,
            based=tuple(
                dict.fromkeys(name for rule_id in fields if rule_id in bases for name in fields[rule_id] or ())
            ),
            twins=twins,
            is_known=len(known) == len(fields),
        )
        return sight

    def _walk(self, names: frozenset[str]) -> CompiledWalk:
        walk = self._walks.get(names)
        if walk is None:
            if len(self._walks) >= _MOST_WALKS:
                self._walks.clear()
            walk = self._walks[names] = CompiledWalk({}, names)
        return walk

    def _fields(self, node: Node, mask: int) -> tuple[str, ...] | None:
        """The fields that evidence stands at, in the order of the rule; None if the mask does not say."""
        found: dict[str, None] = {}
        try:
            self._collect(node, mask, found)
        except _Unknown:
            return None
        return tuple(found)

    def _collect(self, node: Node, mask: int, found: dict[str, None]) -> None:
        match node:
            case And() | Or():
                for part in node.parts:
                    if self._formula(part).holds(mask):
                        self._collect(part, mask, found)
            case Named():
                self._collect(node.inner, mask, found)
            case FieldTest():
                found[node.name] = None
            case Exists() if node.wanted:
                found[node.name] = None
            case FieldRef() | Keyword():
                raise _Unknown
            case _:
                return

    def _formula(self, node: Node) -> Formula:
        # nodes live as long as their engine, so that what names one stays its own
        formula = self._formulas.get(id(node))
        if formula is None:
            formula = self._formulas[id(node)] = formula_of(node, self._bits)
        return formula


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What events of one verdict show.

    `seen` are the fields of the evidence, `hashed` those of which a long value is known by its digest. `alerting` are the
    rules that alert with their fields, `bases` the ids of rules that feed correlations, `based` the fields of all these.
    """

    walk: CompiledWalk
    seen: frozenset[str]
    hashed: frozenset[str]
    alerting: tuple[tuple[Rule, tuple[str, ...]], ...]
    bases: frozenset[str]
    based: tuple[str, ...]
    twins: Mapping[str, str]
    is_known: bool

    def read(self, data: object) -> Found | None:
        """The values of an event at the fields of interest; None if the evidence is not just these."""
        if not self.is_known:
            return None
        found: Found = {}
        for name, node in self.walk.read(data)[1]:
            value: Any = node
            kind = value.__class__
            if kind is list and len(value) == 1:
                value = value[0]
                kind = value.__class__
            if name in found:
                return None
            if kind is str:
                if len(value) > LONGEST_VALUE:
                    value = compact(value) if name in self.hashed else shown(value)
                found[name] = (value,)
            elif _is_plain(value):
                found[name] = (value,)
            elif name in self.seen or not self._several(name, value, found):
                return None
        return found

    def _several(self, name: str, value: object, found: Found) -> bool:
        """Takes the values of a field that is no evidence, if it is null or a flat list."""
        values = value if isinstance(value, list) else [value]
        if not all(one is None or isinstance(one, str) or _is_plain(one) for one in values):
            return False
        kept = tuple(compact(one) for one in values if one is not None)
        if kept:
            found[name] = kept
        return True

    def alerts(self, found: Found) -> list[tuple[Rule, tuple[Evidence, ...]]]:
        """The rules that alert, with their evidence."""
        return [
            (rule, tuple(Evidence(field=name, value=shown(value)) for name, value in self._pairs(names, found)))
            for rule, names in self.alerting
        ]

    def pairs(self, found: Fields) -> Pairs:
        """The fields and values that made the rules hold which feed correlations."""
        return tuple((name, shown(value)) for name, value in self._pairs(self.based, found))

    def _pairs(self, names: tuple[str, ...], found: Fields) -> Pairs:
        if self.twins:
            # of a twin that the event does not carry, what it was folded from
            names = tuple(dict.fromkeys(self.twins.get(name, name) if name not in found else name for name in names))
        return tuple((name, found[name][0]) for name in names)


def _is_plain(value: Any) -> bool:
    """Says whether a value is a number with a text, or a bool."""
    if isinstance(value, int):
        return -_LARGEST < value < _LARGEST
    return isinstance(value, float) and isfinite(value)
