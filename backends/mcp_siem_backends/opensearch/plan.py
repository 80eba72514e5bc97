"""A pySigma correlation as plain data: what each one counts, of which base rules and inner correlations, by which fields. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_siem.convert.refuse import RefusedError
from mcp_siem.rules.threshold import bounds_of
from mcp_siem_backends.opensearch.limits import limit

__all__ = ["Plan", "read_plan"]

# Bits of a score, a float: each base rule adds a power of two.
_MOST_RULES = 24
_MICROSECONDS = 1_000_000
_HUNDRED = 100
_AND, _OR, _NOT = -1, -2, -3
_COUNTING = ("value_count", "value_sum", "value_avg", "value_percentile", "value_median")
_NUMERIC = _COUNTING[1:]

Run = dict[str, object]


@dataclass(slots=True, kw_only=True)
class Plan:
    """`rules` are the base rules in the order of their bits, `fields` all that is read; `runs` stand inner ones first."""

    rules: list[Any] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def place(self, name: str) -> int:
        """The place of a field among those that are read."""
        if name not in self.fields:
            self.fields.append(name)
        return self.fields.index(name)


def read_plan(parsed: Any) -> Plan:
    """The plan of a correlation and of those it builds on; raises RefusedError."""
    plan = Plan()
    _read(parsed, plan, {}, frozenset())
    for run in plan.runs:
        run["last"] = run is plan.runs[-1]
    return plan


def _read(parsed: Any, plan: Plan, known: dict[int, int], above: frozenset[int]) -> int:
    """Adds the run of a correlation after those it builds on; its place among the runs."""
    if id(parsed) in known:
        return known[id(parsed)]
    references = list(parsed.referenced_rules)
    if not references or id(parsed) in above:
        raise RefusedError(limit("CORRELATION-CONDITION"), str(parsed.title))
    kind = parsed.type.name.lower()
    names = _counted(parsed, kind)
    members = [_member(parsed, one, names, plan, known, above | {id(parsed)}) for one in references]
    groups = [str(name) for name in parsed.group_by or ()]
    run: Run = {
        "type": kind,
        "members": members,
        "group_by": groups,
        "group_fields": [plan.place(name) for name in groups],
        "timespan": parsed.timespan.seconds * _MICROSECONDS,
        "counts": bool(names),
        "numeric": kind in _NUMERIC,
        "place": len(plan.runs),
        **_condition(parsed, kind, [str(one.reference) for one in references]),
    }
    plan.runs.append(run)
    known[id(parsed)] = len(plan.runs) - 1
    return known[id(parsed)]


def _member(
    parsed: Any, reference: Any, names: Sequence[str], plan: Plan, known: dict[int, int], above: frozenset[int]
) -> Run:
    rule = reference.rule
    fields: Run = {
        "groups": [plan.place(_resolved(parsed, reference, str(name))) for name in parsed.group_by or ()],
        "counted": [plan.place(_resolved(parsed, reference, name)) for name in names],
    }
    if not hasattr(rule, "detection"):
        return {**fields, "run": _read(rule, plan, known, above)}
    place = next((at for at, one in enumerate(plan.rules) if one is rule), len(plan.rules))
    if place == len(plan.rules):
        plan.rules.append(rule)
    if len(plan.rules) > _MOST_RULES:
        raise RefusedError(limit("CORRELATION-RULES"), str(parsed.title))
    return {**fields, "bit": place}


def _counted(parsed: Any, kind: str) -> list[str]:
    fieldref = getattr(parsed.condition, "fieldref", None)
    names = [fieldref] if isinstance(fieldref, str) else [str(name) for name in fieldref or ()]
    if kind == "event_count":
        return []
    if (kind in _COUNTING and not names) or (kind in _NUMERIC and len(names) != 1):
        raise RefusedError(limit("CORRELATION-CONDITION"), f"{kind}: {', '.join(names) or 'no field'}")
    return names


def _resolved(parsed: Any, reference: Any, name: str) -> str:
    """The field that a name stands for in the events of a rule; an alias silent about a rule is a plain name."""
    mapping: Mapping[Any, Any] = next((one.mapping for one in parsed.aliases if one.alias == name), {})
    by_rule = {str(one.reference): str(target) for one, target in mapping.items()}
    spellings = (str(reference.reference), str(reference.rule.id), str(reference.rule.name))
    return next((by_rule[spelling] for spelling in spellings if spelling in by_rule), name)


def _condition(parsed: Any, kind: str, references: Sequence[str]) -> Run:
    condition = parsed.condition
    if hasattr(condition, "expression"):
        if kind != "temporal":
            raise RefusedError(limit("CORRELATION-CONDITION"), f"{kind}: {condition.expression}")
        return {"condition": _postfix(condition.parsed, references), "operator": "gte", "number": 0, "percentile": 0}
    percentile = 50 if kind != "value_percentile" or condition.percentile is None else condition.percentile
    if not 0 <= percentile <= _HUNDRED:
        raise RefusedError(limit("CORRELATION-CONDITION"), f"percentile {percentile}")
    (operator, number), *more = bounds_of(condition)
    if more or not isinstance(number, int):
        raise RefusedError(limit("CORRELATION-CONDITION"), f"{kind}: a range or a fraction")
    return {"operator": operator, "number": number, "percentile": percentile}


def _postfix(item: Any, references: Sequence[str]) -> list[int]:
    """An extended condition as places of rules and operators after what they join."""
    if hasattr(item, "reference"):
        return [references.index(str(item.reference))]
    parts = [_postfix(arg, references) for arg in item.args]
    kind = type(item).__name__
    if kind == "CorrelationConditionNOT":
        return [*parts[0], _NOT]
    operator = _AND if kind == "CorrelationConditionAND" else _OR
    return [token for at, part in enumerate(parts) for token in (*part, *([operator] if at else []))]
