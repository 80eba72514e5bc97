"""JSON that others wrote: read without ever raising, whatever the bytes are."""

import json
import math
from dataclasses import dataclass, replace

import orjson

__all__ = ["MAX_DEPTH", "Fault", "compact", "is_fatal", "read_json", "size"]

# Deeper parts of a record are kept as the text of their JSON: no code behind this recurses without a bound.
MAX_DEPTH = 100
_LONGEST_INTEGER = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What was wrong with a text: a stable code and a reason that quotes nothing of the input. A fatal one
    means that there is no value at all.
    """

    code: str
    reason: str
    fatal: bool = False


_TOO_DEEP = Fault(code="too_deep", reason="nested deeper than can be read", fatal=True)


def read_json(data: bytes | str) -> tuple[object, Fault | None]:
    """The value, and what had to be repaired to get it; value None with a fatal fault if there is no value."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            return None, _TOO_DEEP
        return _read_lenient(data)
    except UnicodeEncodeError:
        return _read_lenient(data)
    return _bounded(value, data)


def is_fatal(fault: Fault | None) -> bool:
    """Says whether a fault of `read_json` means that there is no value at all."""
    return fault is not None and fault.fatal


def compact(value: object) -> str:
    """The value as JSON without spaces, text as it is."""
    return orjson.dumps(value).decode()


def size(value: object) -> int:
    """The bytes of the value as JSON without spaces."""
    return len(orjson.dumps(value))


def _read_lenient(data: bytes | str) -> tuple[object, Fault | None]:
    """Reads what peers accept and orjson does not: broken UTF-8, lone surrogates, NaN. A server must not
    be able to hide a message by writing it badly.
    """
    text, fault = _decoded(data)
    try:
        value = json.loads(text, parse_constant=str, parse_int=_integer, parse_float=_number)
        repaired = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return _bounded(orjson.loads(repaired), repaired, fault)
    except RecursionError:
        return None, _TOO_DEEP
    except json.JSONDecodeError as error:
        if "depth limit" in error.msg:
            return None, _TOO_DEEP
        if fault is not None:
            return None, replace(fault, fatal=True)
        return None, Fault(code="not_json", reason=f"{error.msg} at character {error.pos + 1}", fatal=True)


def _decoded(data: bytes | str) -> tuple[str, Fault | None]:
    if isinstance(data, str):
        return data, None
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        fault = Fault(code="not_utf8", reason=f"byte {error.start + 1} is not UTF-8; unreadable bytes are replaced")
        return data.decode("utf-8", "replace"), fault


def _integer(text: str) -> int | float | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else _number(text)


def _number(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _bounded(value: object, data: bytes | str, fault: Fault | None = None) -> tuple[object, Fault | None]:
    opened = data.count("{") + data.count("[") if isinstance(data, str) else data.count(b"{") + data.count(b"[")
    if opened > MAX_DEPTH and _flatten_deep(value):
        fault = Fault(code="deep", reason=f"parts nested deeper than {MAX_DEPTH} levels are kept as text")
    return value, fault


def _flatten_deep(value: object) -> bool:
    """Puts text in place of everything below MAX_DEPTH, in place; says whether there was any."""
    found = False
    stack: list[tuple[object, int]] = [(value, 1)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, dict | list):
            entries = list(node.items() if isinstance(node, dict) else enumerate(node))
            for key, child in entries:
                if not isinstance(child, dict | list):
                    continue
                if depth >= MAX_DEPTH:
                    node[key] = _deep_text(child)
                    found = True
                else:
                    stack.append((child, depth + 1))
    return found


def _deep_text(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "[too deep]"
