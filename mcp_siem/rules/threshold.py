"""The condition of a correlation with several numbers, or with a fraction: pySigma takes one whole number."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.exceptions import SigmaRuleLocation

__all__ = ["OPERATORS", "bounds_of", "correlation_of"]

OPERATORS = ("lt", "lte", "gt", "gte", "eq", "neq")

Bounds = tuple[tuple[str, int | Fraction], ...]


@dataclass
class _Bounded(SigmaCorrelationCondition):  # type: ignore[misc]  # pySigma 1.5 has no types
    """A condition with all that it asks; `op` and `count` are the first of it, rounded down."""

    bounds: Bounds = ()


def bounds_of(condition: Any) -> Bounds:
    """Each operator of a parsed condition with its number; all of them have to hold. A fraction is exact."""
    if isinstance(condition, _Bounded):
        return condition.bounds
    return ((condition.op.name.lower(), condition.count),)


def correlation_of(data: Mapping[str, Any], source: SigmaRuleLocation | None = None) -> SigmaCorrelationRule:
    """A correlation rule as pySigma parses it, its condition with all that it asks."""
    section = data["correlation"]
    condition: Any = section.get("condition") if isinstance(section, dict) else None
    numbers = _numbers(condition) if isinstance(condition, dict) else {}
    if len(numbers) < 2 and all(isinstance(number, int) for number in numbers.values()):  # noqa: PLR2004 - one is pySigma's
        return SigmaCorrelationRule.from_dict(dict(data), source=source)
    (first, number), *_ = numbers.items()
    plain = {key: value for key, value in condition.items() if key not in numbers} | {first: math.floor(number)}
    parsed = SigmaCorrelationRule.from_dict({**data, "correlation": {**section, "condition": plain}}, source=source)
    known: Any = parsed.condition
    parsed.condition = _Bounded(
        op=known.op,
        count=known.count,
        fieldref=known.fieldref,
        percentile=known.percentile,
        source=known.source,
        bounds=tuple(numbers.items()),
    )
    return parsed


def _numbers(condition: Mapping[str, Any]) -> dict[str, int | Fraction]:
    """What is a number under an operator; the rest is pySigma's to refuse."""
    found: dict[str, int | Fraction] = {}
    for operator in OPERATORS:
        number = _number(condition.get(operator))
        if number is not None:
            found[operator] = number
    return found


def _number(value: Any) -> int | Fraction | None:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == math.floor(value) else Fraction(value)
