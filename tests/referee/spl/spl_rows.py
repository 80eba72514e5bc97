"""Events as Splunk extracts them: one JSON object each, as we ship it over HEC.

Knowledge Manager Manual, "Automatic key-value field extraction" (KV_MODE=json): each scalar is a field named by its
path, an array the multivalue field `path{}`; every value is text. What we ship has no nulls, shortest numbers, arrays
just where the taxonomy says so, and the folded twins.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Values = tuple[str, ...]


@dataclass(slots=True)
class Row:
    """One event or result: multivalue texts by field name. A field without values is absent."""

    fields: dict[str, Values]
    time: float = 0.0
    mark: object = None
    extra: dict[str, object] = field(default_factory=dict)

    def copy(self) -> "Row":
        return Row(fields=dict(self.fields), time=self.time, mark=self.mark)


def number_text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e16 else repr(value)


def scalar_text(value: object) -> str | None:
    if value is None or isinstance(value, Mapping):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else str(value)


def shipped_row(flat: Mapping[str, object], arrays: Iterable[str], *, time: float = 0.0, mark: object = None) -> Row:
    """The row of an event with flat dotted keys."""
    wanted = set(arrays)
    fields: dict[str, Values] = {}
    for name, value in flat.items():
        is_list = isinstance(value, list | tuple) or name in wanted
        items = value if isinstance(value, list | tuple) else [value]
        texts = tuple(text for item in items if (text := scalar_text(item)) is not None)
        if texts:
            fields[f"{name}{{}}" if is_list else name] = texts
    raw = json.dumps({k: v for k, v in flat.items() if v is not None}, ensure_ascii=False)
    fields |= {"_raw": (raw,), "_time": (repr(time),), "_indextime": (number_text(time + 1),)}
    fields |= {"index": ("mcp",), "sourcetype": ("mcp:normalized",)}
    return Row(fields=fields, time=time, mark=mark)


def extracted_row(event: object, *, sourcetype: str, mark: object = None) -> Row:
    """Any JSON as Splunk extracts it: objects open with a dot, arrays with `{}`, each scalar a value of its path."""
    fields: dict[str, Values] = {}
    for path, value in _scalars(event, ""):
        text = scalar_text(value)
        if text is not None:
            fields[path] = (*fields.get(path, ()), text)
    fields |= {"_raw": (json.dumps(event, ensure_ascii=False),), "_time": ("0.0",), "_indextime": ("1",)}
    fields |= {"index": ("mcp",), "sourcetype": (sourcetype,)}
    return Row(fields=fields, mark=mark)


def _scalars(value: object, path: str) -> Iterable[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _scalars(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner, f"{path}{{}}")
    else:
        yield path, value
