"""A correlation, and those it builds on, as ES|QL needs them: the base rules in Lucene, and levels, the inner ones first. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_siem.convert.refuse import RefusedError
from mcp_siem.rules.threshold import bounds_of
from mcp_siem_backends.elastic.fields import Index, Storage
from mcp_siem_backends.elastic.limits import limit

__all__ = ["MONOTONE", "Leaf", "Level", "Plan", "Slot", "read_plan"]

MONOTONE = ("GT", "GTE")
_NUMERIC = ("VALUE_SUM", "VALUE_AVG", "VALUE_PERCENTILE", "VALUE_MEDIAN")
_MOST_LEAVES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What a level counts: columns of one leaf's events; numbers, or texts of which every combination counts."""

    columns: tuple[str, ...]
    numeric: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A base rule: its query, the columns of the keys in its events, and what each counting level counts in them."""

    query: str
    keys: tuple[str, ...]
    slots: tuple[Slot | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One correlation. `members` are places of flags: leaves first, then levels. `window` is in milliseconds.

    `slot` is its place among those that count values. `only` says that nothing but what it finds is wanted of it, so
    that groups in which it cannot hold may be left out early.
    """

    kind: str
    members: tuple[int, ...]
    window: int
    condition: Any
    references: tuple[str, ...]
    title: str
    slot: int | None
    percentile: int
    only: bool

    @property
    def extended(self) -> bool:
        """Whether the condition names rules instead of a number."""
        return hasattr(self.condition, "expression")

    @property
    def numeric(self) -> bool:
        """Whether it measures numbers."""
        return self.kind in _NUMERIC

    @property
    def monotone(self) -> bool:
        """Whether more events never make it false."""
        return not self.extended and [operator.upper() in MONOTONE for operator, _ in bounds_of(self.condition)] == [
            True
        ]

    @property
    def needs_all(self) -> bool:
        """Whether every rule has to be seen."""
        if self.extended:
            return False
        total = len(self.members)
        return bounds_of(self.condition) in ((("gte", total),), (("gt", total - 1),), (("eq", total),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole: the last level is the correlation itself. `groups` are the names of its keys.

    `unions` are the inner correlations that hold wherever one of their rules matches, each as the leaves it joins: their
    flags come after those of the leaves and need no window. `heavy` says that the queries hold patterns which need more
    work than Lucene's default.
    """

    index: Index
    groups: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    unions: tuple[tuple[int, ...], ...]
    levels: tuple[Level, ...]
    slots: int
    heavy: bool
    notes: tuple[str, ...]


class _Reader:
    """Walks the correlations from the outermost in; a base rule that two correlations name is a leaf of each."""

    def __init__(self, top: Any, lucene: Any, index: Index) -> None:
        self._top = top
        self._index = index
        self._lucene = lucene
        self._queries: dict[int, str] = {}
        self._groups = tuple(str(name) for name in top.group_by or ())
        self._order: list[Any] = []
        # The rule of each leaf, with the correlation above it and those above that, each with its reference on the way.
        self._leaves: list[tuple[Any, list[tuple[tuple[Any, Any], ...]]]] = []
        self._places: dict[tuple[int, int], int] = {}
        self.notes: dict[str, None] = {}
        self._visit(top, ())

    def _visit(self, correlation: Any, above: tuple[tuple[Any, Any], ...]) -> None:
        if set(correlation.group_by or ()) != set(self._groups):
            raise RefusedError(limit("CORRELATION-NESTED"), str(correlation.title))
        if not correlation.referenced_rules:
            raise RefusedError(limit("CORRELATION-FIELD"), f"{correlation.title}: no rules")
        for reference in correlation.referenced_rules:
            path = (*above, (correlation, reference))
            if not hasattr(reference.rule, "detection"):
                if any(one is reference.rule for one, _ in path):
                    raise RefusedError(limit("CORRELATION-NESTED"), str(correlation.title))
                self._visit(reference.rule, path)
                continue
            at = self._places.setdefault((id(correlation), id(reference.rule)), len(self._leaves))
            if at == len(self._leaves):
                self._leaves.append((reference.rule, []))
            self._leaves[at][1].append(path)
        if all(one is not correlation for one in self._order):
            self._order.append(correlation)
        if len(self._leaves) + len(self._order) > _MOST_LEAVES:
            raise RefusedError(limit("CORRELATION-NESTED"), f"more than {_MOST_LEAVES} rules")

    def plan(self) -> Plan:
        """All of it; raises RefusedError where ES|QL has no column for a key or a value."""
        unions = [one for one in self._order if self._is_union(one)]
        real = [one for one in self._order if not self._is_union(one)]
        self._order = [*unions, *real]
        counting = [one for one in real if one.type.name.startswith("VALUE_")]
        leaves = [self._leaf(rule, paths, counting) for rule, paths in self._leaves]
        only = True
        levels: list[Level] = []
        for correlation in reversed(real):
            levels.insert(0, self._level(correlation, counting, only=only))
            only = only and len(correlation.referenced_rules) == 1
        return Plan(
            index=self._index,
            groups=self._groups,
            leaves=tuple(leaves),
            unions=tuple(tuple(self._joined(one)) for one in unions),
            levels=tuple(levels),
            slots=len(counting),
            heavy=self._lucene.is_heavy,
            notes=tuple(self.notes),
        )

    def _is_union(self, correlation: Any) -> bool:
        """Whether an inner correlation holds at every event of its rules: one is enough, and each is a detection or such."""
        condition = correlation.condition
        return (
            correlation is not self._top
            and correlation.type.name == "EVENT_COUNT"
            and not hasattr(condition, "expression")
            and bounds_of(condition) in ((("gte", 1),), (("gt", 0),))
            and all(hasattr(one.rule, "detection") or self._is_union(one.rule) for one in correlation.referenced_rules)
        )

    def _joined(self, correlation: Any) -> Iterator[int]:
        """The places of the leaves below a union."""
        for reference in correlation.referenced_rules:
            if hasattr(reference.rule, "detection"):
                yield self._places[id(correlation), id(reference.rule)]
            else:
                yield from self._joined(reference.rule)

    def _level(self, correlation: Any, counting: Sequence[Any], *, only: bool) -> Level:
        condition = correlation.condition
        given = None if correlation.type.name == "VALUE_MEDIAN" else getattr(condition, "percentile", None)
        return Level(
            kind=correlation.type.name,
            members=tuple(self._place(correlation, reference.rule) for reference in correlation.referenced_rules),
            window=correlation.timespan.seconds * 1000,
            condition=condition,
            references=tuple(str(one.reference) for one in correlation.referenced_rules),
            title=str(correlation.title),
            slot=next((at for at, one in enumerate(counting) if one is correlation), None),
            percentile=50 if given is None else given,
            only=only,
        )

    def _place(self, correlation: Any, rule: Any) -> int:
        inner = next((at for at, one in enumerate(self._order) if one is rule), None)
        return len(self._leaves) + inner if inner is not None else self._places[id(correlation), id(rule)]

    def _leaf(self, rule: Any, paths: Sequence[Sequence[tuple[Any, Any]]], counting: Sequence[Any]) -> Leaf:
        if id(rule) not in self._queries:
            self._queries[id(rule)] = self._lucene.text(rule)
        correlation, reference = paths[0][-1]
        slots = tuple(self._counted(one, paths) for one in counting)
        keys = tuple(self._column(_resolved(correlation, reference, name)) for name in self._groups)
        return Leaf(query=self._queries[id(rule)], keys=keys, slots=slots)

    def _counted(self, correlation: Any, paths: Sequence[Sequence[tuple[Any, Any]]]) -> Slot | None:
        """What a correlation counts in a leaf's events; None if it does not stand above the leaf."""
        references = [reference for path in paths for one, reference in path if one is correlation]
        slots = list(dict.fromkeys(self._slot(correlation, reference) for reference in references))
        if len(slots) > 1:
            raise RefusedError(limit("CORRELATION-FIELD"), f"{correlation.title}: two fields of one rule")
        return slots[0] if slots else None

    def _slot(self, correlation: Any, reference: Any) -> Slot:
        fieldref = getattr(correlation.condition, "fieldref", None)
        names = [fieldref] if isinstance(fieldref, str) else list(fieldref or ())
        numeric = correlation.type.name in _NUMERIC
        if not names or (numeric and len(names) != 1):
            raise RefusedError(limit("CORRELATION-FIELD"), f"{correlation.title}: {', '.join(names) or 'no field'}")
        resolved = [_resolved(correlation, reference, name) for name in names]
        columns = [self._numbers(name) if numeric else self._column(name) for name in resolved]
        return Slot(columns=tuple(columns), numeric=numeric)

    def _column(self, name: str) -> str:
        form = self._index.form(name)
        column = self._index.column(name)
        if form.storage in (Storage.FLATTENED, Storage.TIME) or column is None:
            raise RefusedError(limit("CORRELATION-FIELD"), name)
        if form.storage is Storage.DYNAMIC:
            self.notes[f"{name}: not in the taxonomy; ES|QL answers with an error until an event has had it"] = None
        self.notes.update(dict.fromkeys(form.notes))
        return column

    def _numbers(self, name: str) -> str:
        form = self._index.form(name)
        column = self._column(name)
        if form.number is not None:
            return form.number
        self.notes[f"{name}: no number in the index; equal values of one list count once"] = None
        return column


def read_plan(parsed: Any, lucene: Any, index: Index) -> Plan:
    """The plan of a pySigma correlation; raises RefusedError where ES|QL cannot say it."""
    return _Reader(parsed, lucene, index).plan()


def _resolved(correlation: Any, reference: Any, name: str) -> str:
    """The field that a name of the correlation stands for in a rule's events."""
    found = [
        (str(named.reference), str(field))
        for one in correlation.aliases
        if one.alias == name
        for named, field in one.mapping.items()
    ]
    spellings = (str(reference.reference), str(reference.rule.id), str(reference.rule.name))
    return next((field for spelling in spellings for known, field in found if known == spelling), name)
