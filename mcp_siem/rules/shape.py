"""The types of a rule's parts, checked before pySigma sees them: it crashes on many that are wrong."""

import math
from collections.abc import Iterator, Mapping

from mcp_siem.errors import Issue
from mcp_siem.rules.native import native_faults
from mcp_siem.rules.yamltext import Document

__all__ = ["shape_issues"]

_RULE_KEYS = frozenset(
    {"title", "logsource", "detection", "correlation", "filter", "native", "condition", "status", "level"}
)
_SCALAR = (str, int, float, bool, type(None))
_MAX_CONDITION = 8192
_MAX_NAME = 200
_TEMPORAL = frozenset({"temporal", "temporal_ordered"})
# What these measure may be a fraction; others count.
_MEASURED = frozenset({"value_sum", "value_avg", "value_percentile", "value_median"})

Path = tuple[str | int, ...]
Fault = tuple[str, str, Path, str]


def shape_issues(document: Document) -> list[Issue]:
    """Every key that is missing or has the wrong type; [] if pySigma can be asked about the rest."""
    data = document.data if isinstance(document.data, dict) else {}
    return [
        Issue(code=code, message=message, path=document.path, line=document.line_of(*where), hint=hint)
        for code, message, where, hint in _faults(data)
    ]


def _faults(data: Mapping[str, object]) -> Iterator[Fault]:
    if not _RULE_KEYS & data.keys():
        yield "MS005", "this is not a Sigma rule", (), "remove the file, or give it title, logsource and detection"
        return
    yield from _header(data)
    if "native" in data:
        yield from native_faults(data["native"])
        return
    if "correlation" in data:
        yield from _correlation(data["correlation"])
        return
    yield from _logsource(data)
    if "filter" in data:
        yield from _detections("filter", data["filter"], frozenset({"rules", "condition"}))
    elif "detection" not in data:
        yield "MS010", "the rule has no detection", (), "add 'detection:' with selections and a condition"
    else:
        yield from _detections("detection", data["detection"], frozenset({"condition"}))


def _header(data: Mapping[str, object]) -> Iterator[Fault]:
    title = data.get("title")
    if title is None:
        yield "MS010", "the rule has no title", (), "add 'title:' with a short text"
    elif not isinstance(title, str) or not title.strip():
        yield "MS011", "the title must be text", ("title",), "put the title in quotes"
    for key in ("id", "name"):
        if not isinstance(data.get(key), str | None):
            yield "MS011", f"the {key} must be text", (key,), f"put the {key} in quotes"


def _logsource(data: Mapping[str, object]) -> Iterator[Fault]:
    hint = "add 'logsource:' with category, product or service"
    logsource = data.get("logsource")
    if logsource is None:
        yield "MS010", "the rule has no logsource", ("logsource",), hint
    elif not isinstance(logsource, dict):
        yield "MS011", "logsource must be a mapping", ("logsource",), hint
    else:
        for key in ("category", "product", "service", "definition"):
            if not isinstance(logsource.get(key), str | None):
                yield "MS011", f"logsource {key} must be text", ("logsource", key), f"put the {key} in quotes"
        if not any(logsource.get(key) for key in ("category", "product", "service")):
            yield "MS010", "the logsource names no category, product or service", ("logsource",), hint


def _detections(section: str, node: object, reserved: frozenset[str]) -> Iterator[Fault]:
    if not isinstance(node, dict):
        yield "MS011", f"{section} must be a mapping", (section,), "write selections and a condition below it"
        return
    yield from _condition(section, node)
    names = [name for name in node if name not in reserved]
    if not names:
        yield "MS010", f"{section} has no selection", (section,), "add a selection with a field and a value"
    for name in names:
        if len(name) > _MAX_NAME:
            hint = "give the selection a short name"
            yield "MS008", f"the name of a selection is longer than {_MAX_NAME} characters", (section, name), hint
        yield from _selection(node[name], (section, name))


def _condition(section: str, node: Mapping[str, object]) -> Iterator[Fault]:
    condition = node.get("condition")
    where = (section, "condition")
    if condition is None:
        yield "MS010", f"{section} has no condition", where, f"add 'condition:' that names a selection of {section}"
        return
    parts = condition if isinstance(condition, list) and condition else [condition]
    for part in parts:
        if not isinstance(part, str) or not part.strip():
            yield "MS011", "the condition must be text", where, "write the condition from selection names, and, or, not"
        elif len(part) > _MAX_CONDITION:
            yield "MS008", f"the condition is longer than {_MAX_CONDITION} characters", where, "use '1 of' and 'all of'"


def _selection(node: object, where: Path) -> Iterator[Fault]:
    if node is None or node in ([], {}):
        yield "MS010", f"selection '{where[-1]}' is empty", where, "give it a field and a value"
    elif isinstance(node, dict):
        for key, value in node.items():
            if not _is_value(value):
                hint = "give one value or a list of values"
                yield "MS011", f"field '{key}' needs a value or a list of values", (*where, key), hint
    elif isinstance(node, list):
        for index, item in enumerate(node):
            if isinstance(item, dict | list):
                yield from _selection(item, (*where, index))


def _is_value(value: object) -> bool:
    return isinstance(value, _SCALAR) or (isinstance(value, list) and all(isinstance(item, _SCALAR) for item in value))


def _correlation(node: object) -> Iterator[Fault]:
    if not isinstance(node, dict):
        yield (
            "MS011",
            "correlation must be a mapping",
            ("correlation",),
            "write type, rules, timespan and condition below it",
        )
        return
    if not isinstance(node.get("type"), str):
        hint = "use event_count, value_count, temporal or temporal_ordered"
        yield "MS019", "the correlation has no type", ("correlation", "type"), hint
    yield from _texts(node, "rules", "give the ids or names of rules")
    yield from _texts(node, "group-by", "give one field or a list of fields")
    if "timespan" not in node:
        yield "MS018", "the correlation has no timespan", ("correlation",), "add 'timespan: 5m'"
    yield from _threshold(node.get("condition"), str(node.get("type")).lower())
    yield from _aliases(node.get("aliases"))


def _texts(node: Mapping[str, object], key: str, hint: str) -> Iterator[Fault]:
    value = node.get(key)
    items = value if isinstance(value, list) else [value]
    if value is not None and not (items and all(isinstance(item, str) and item for item in items)):
        yield "MS011", f"correlation {key} must be text or a list of texts", ("correlation", key), hint


def _threshold(condition: object, kind: str) -> Iterator[Fault]:
    temporal = kind in _TEMPORAL
    where = ("correlation", "condition")
    if condition is None and not temporal:
        yield (
            "MS020",
            "the correlation has no condition",
            ("correlation",),
            "add 'condition:' with for example 'gte: 5'",
        )
    elif not isinstance(condition, dict | None) and not (temporal and isinstance(condition, str)):
        yield "MS011", "the correlation condition must be a mapping", where, "write for example 'gte: 5' below it"
    elif isinstance(condition, str) and len(condition) > _MAX_CONDITION:
        yield "MS008", f"the condition is longer than {_MAX_CONDITION} characters", where, "split the correlation"
    for key, value in condition.items() if isinstance(condition, dict) else ():
        if key == "field":
            fields = value if isinstance(value, list) and value else [value]
            if not all(isinstance(field, str) for field in fields):
                yield "MS011", "the field of a correlation condition must be text", (*where, key), "name one field"
        elif not _is_number(value, whole=key == "percentile" or kind not in _MEASURED):
            what = "a whole number" if kind not in _MEASURED or key == "percentile" else "a number"
            yield "MS020", f"'{key}' needs {what}", (*where, key), "write for example 'gte: 5'"


def _is_number(value: object, *, whole: bool) -> bool:
    """Says whether it can be one; of a text pySigma will say so."""
    if isinstance(value, float):
        return math.isfinite(value) and (not whole or value.is_integer())
    return isinstance(value, int | str) and not isinstance(value, bool)


def _aliases(aliases: object) -> Iterator[Fault]:
    if not isinstance(aliases, dict | None):
        yield (
            "MS011",
            "correlation aliases must be a mapping",
            ("correlation", "aliases"),
            "map alias to rule and field",
        )
    for alias, fields in aliases.items() if isinstance(aliases, dict) else ():
        if not isinstance(fields, dict) or not all(isinstance(field, str) for field in fields.values()):
            hint = "map each rule's name to the field that it uses"
            yield "MS011", f"alias '{alias}' must map rules to fields", ("correlation", "aliases", alias), hint
