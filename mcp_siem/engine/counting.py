"""What of an event its correlations go by: the groups it belongs to, and what it brings to be counted."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice, product
from typing import Any

from mcp_siem.engine.measure import Values
from mcp_siem.engine.values import number_of, text_of
from mcp_siem.engine.window import Key

__all__ = [
    "MAX_GROUPS_PER_EVENT",
    "MAX_VALUES_PER_EVENT",
    "Fields",
    "Place",
    "counted_of",
    "exact",
    "inexact",
    "places_of",
]

MAX_GROUPS_PER_EVENT = 1_000
MAX_VALUES_PER_EVENT = 1_000

Fields = Mapping[str, tuple[object, ...]]
# A group that an event belongs to: its key, and the values that it is made of.
Place = tuple[Key, tuple[object, ...]]


def exact(value: Any) -> int | Fraction:
    """The number as one with which sums are exact in any order."""
    return value if isinstance(value, int) else Fraction(value)


def inexact(value: int | Fraction) -> float:
    """The number that `exact` was asked about."""
    return value if isinstance(value, int) else float(value)


def _texts(values: Iterable[object]) -> dict[str, object]:
    """The values by their text, each once; what has no text is no key."""
    found: dict[str, object] = {}
    for value in values:
        text = text_of(value)
        if text is not None:
            found.setdefault(text, value)
    return found


def places_of(fields: Fields, names: tuple[str, ...]) -> tuple[list[Place], int]:
    """Every combination of the values of these fields, each once; up to a limit, and how many are beyond it."""
    if len(names) == 1:
        values = fields.get(names[0], ())
        if len(values) == 1 and values[0].__class__ is str:
            return [(values, values)], 0  # type: ignore[list-item]
    choices = [_texts(fields.get(name, ())) for name in names]
    total = 1
    for choice in choices:
        total *= len(choice)
    combined = product(*(choice.items() for choice in choices))
    places = [
        (tuple(text for text, _ in one), tuple(value for _, value in one))
        for one in islice(combined, MAX_GROUPS_PER_EVENT)
    ]
    return places, max(0, total - MAX_GROUPS_PER_EVENT)


def counted_of(fields: Fields, names: Sequence[str], *, numeric: bool) -> tuple[Values, int]:
    """What an event brings to be counted: numbers, or different texts; of several fields, every combination."""
    if not names:
        return (), 0
    if (
        len(names) == 1
        and len(values := fields.get(names[0], ())) == 1
        and values[0].__class__ is (int if numeric else str)
    ):
        return values, 0
    if numeric:
        numbers = [number for value in fields.get(names[0], ()) if (number := number_of(value)) is not None]
        return tuple(numbers[:MAX_VALUES_PER_EVENT]), max(0, len(numbers) - MAX_VALUES_PER_EVENT)
    choices = [list(_texts(fields.get(name, ()))) for name in names]
    total = 1
    for choice in choices:
        total *= len(choice)
    combined = product(*choices) if len(names) > 1 else iter(choices[0])
    return tuple(islice(combined, MAX_VALUES_PER_EVENT)), max(0, total - MAX_VALUES_PER_EVENT)
