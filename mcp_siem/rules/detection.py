"""A detection section into pySigma's objects, with exact values: what it would round or encode wrongly is made here.

As `SigmaDetections.from_dict` and all below it, which look their modifiers and numbers up in pySigma alone.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from sigma.conditions import ConditionAND, ConditionOR
from sigma.exceptions import SigmaConditionError, SigmaDetectionError, SigmaModifierError, SigmaRuleLocation
from sigma.modifiers import (
    SigmaContainsModifier,
    SigmaEndswithModifier,
    SigmaRegularExpressionModifier,
    SigmaStartswithModifier,
)
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import SigmaNumber, SigmaString, SigmaType, sigma_type

from mcp_siem.rules.condition import readable
from mcp_siem.rules.encoding import MODIFIERS, Modifier, exact

__all__ = ["detection_of", "detections_of", "item_of"]

Source: TypeAlias = SigmaRuleLocation | None

_PATTERNS = frozenset({SigmaContainsModifier, SigmaStartswithModifier, SigmaEndswithModifier})
_SCALAR = (str, int, float, bool, type(None))


def detections_of(section: Mapping[str, Any], source: Source = None) -> SigmaDetections:
    """The selections and conditions of a detection section."""
    if "condition" not in section:
        raise SigmaConditionError("Sigma rule must contain at least one condition", source=source)
    condition = section["condition"]
    named = {name: detection_of(node, source) for name, node in section.items() if name != "condition"}
    conditions = condition if isinstance(condition, list) else [condition]
    if any("not" in one for one in conditions if isinstance(one, str)) and all(
        isinstance(one, str) for one in conditions
    ):
        conditions, others = readable(conditions, named)
        named.update({other: detection_of(section[name], source) for name, other in others.items()})
    return SigmaDetections(named, conditions, source)


def detection_of(definition: object, source: Source = None) -> SigmaDetection:
    """One selection: a mapping of items joined by AND, values, or a list of selections joined by OR."""
    if isinstance(definition, Mapping):
        items = [item_of(key, value, source) for key, value in definition.items()]
        return SigmaDetection(items, source, ConditionAND)
    if isinstance(definition, _SCALAR):
        return SigmaDetection([item_of(None, definition, source)], source, ConditionAND)
    if not isinstance(definition, list):
        raise SigmaDetectionError(f"Unsupported detection definition type: {type(definition)}", source=source)
    if all(isinstance(one, _SCALAR) for one in definition):
        return SigmaDetection([item_of(None, definition, source)], source, ConditionAND)
    return SigmaDetection([detection_of(one, source) for one in definition], source, ConditionOR)


def item_of(key: str | None, value: object, source: Source = None) -> SigmaDetectionItem:
    """One `field|modifiers: values`, its modifiers applied; keywords have no key."""
    field, *names = (key or "").split("|")
    unknown = [name for name in names if name not in MODIFIERS]
    if unknown:
        raise SigmaModifierError(f"Unknown modifier '{unknown[0]}'", source=source)
    modifiers = [MODIFIERS[name] for name in names]
    plain = value if isinstance(value, list) else [value]
    values = [_value(one, modifiers) for one in plain]
    item = SigmaDetectionItem(field or None, modifiers, values, source=source, auto_modifiers=False)
    # The item keeps the modifiers as pySigma knows them: backends and pipelines ask for those.
    item.modifiers = [exact(modifier) for modifier in modifiers]
    _apply(item, source)
    item.modifiers = modifiers
    return item


def _apply(item: SigmaDetectionItem, source: Source) -> None:
    """Applies the modifiers; the plainest of them, which most items have, without asking each value for its type."""
    if (
        len(item.modifiers) == 1
        and item.modifiers[0] in _PATTERNS
        and all(type(one) is SigmaString for one in item.value)
    ):
        change = item.modifiers[0](item, [], source).modify
        item.value = [change(value) for value in item.value]
    else:
        item.apply_modifiers()


def _value(value: Any, modifiers: list[Modifier]) -> SigmaType:
    if SigmaRegularExpressionModifier in modifiers:
        return SigmaString.from_str(value)
    made = sigma_type(value)
    if isinstance(made, SigmaNumber) and isinstance(value, int):
        # pySigma compares it with its float, and keeps that where the two differ: above 2^53.
        made.number = value
    return made
