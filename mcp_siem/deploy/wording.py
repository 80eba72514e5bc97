"""Differences of two specs, field by field, in words that are safe to print on a terminal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Difference", "differences", "printable"]

_WINDOW = 60
_LEAD = 20
_DEPTH = 4
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One owned field whose value on the SIEM is not the rule's: its top-level name, and the two values in words."""

    field: str
    says: str


def differences(actual: str, wanted: str) -> tuple[Difference, ...]:
    """Every field in which two specs differ, sorted by field; never fails, whatever the texts hold."""
    return tuple(
        Difference(field=printable(path[0]), says=_sentence(path, left, right))
        for path, left, right in _walk((), _fields(actual), _fields(wanted))
    )


def printable(text: str) -> str:
    """The text with control, bidi and other unprintable characters escaped: a SIEM's answer may be hostile."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _fields(spec: str) -> Mapping[str, object]:
    try:
        parsed = json.loads(spec)
    except (ValueError, RecursionError):
        parsed = spec
    return parsed if isinstance(parsed, dict) else {"spec": parsed}


def _walk(
    path: tuple[str, ...], left: Mapping[str, object], right: Mapping[str, object]
) -> list[tuple[tuple[str, ...], object, object]]:
    found: list[tuple[tuple[str, ...], object, object]] = []
    for key in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(key, _ABSENT), right.get(key, _ABSENT)
        if _same(mine, theirs):
            continue
        here = (*path, key)
        if isinstance(mine, dict) and isinstance(theirs, dict) and len(here) < _DEPTH:
            found.extend(_walk(here, mine, theirs))
        else:
            found.append((here, mine, theirs))
    return found


def _same(left: object, right: object) -> bool:
    if left is _ABSENT or right is _ABSENT:
        return left is right
    return _canonical(left) == _canonical(right)  # 1 and true are equal in Python, and not in JSON


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _sentence(path: tuple[str, ...], actual: object, wanted: object) -> str:
    name = printable(".".join(path))
    if actual is _ABSENT:
        return f"{name}: missing on the SIEM, the rule has {_short(wanted)}"
    if wanted is _ABSENT:
        return f"{name}: the SIEM has {_short(actual)}, the rule has none"
    if isinstance(actual, list) and isinstance(wanted, list):
        return f"{name}: {_lists(actual, wanted)}"
    start = _first_difference(actual, wanted)
    return f"{name}: the SIEM has {_short(actual, start)}, the rule has {_short(wanted, start)}"


def _lists(actual: list[object], wanted: list[object]) -> str:
    have, want = [_canonical(item) for item in actual], [_canonical(item) for item in wanted]
    more = [item for item in have if item not in want]
    less = [item for item in want if item not in have]
    parts = []
    if more:
        parts.append(f"the SIEM has {_joined(more)}, which the rule has not")
    if less:
        parts.append(f"the SIEM lacks {_joined(less)}")
    return "; ".join(parts) if parts else "the same values in another order or number"


def _joined(items: list[str]) -> str:
    return _cut(printable(", ".join(items)), 0)


def _first_difference(left: object, right: object) -> int:
    if not (isinstance(left, str) and isinstance(right, str)):
        return 0
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return min(len(left), len(right))


def _short(value: object, start: int = 0) -> str:
    if isinstance(value, str):
        return f'"{_cut(printable(value), start)}"'
    return _cut(printable(_canonical(value)), 0)


def _cut(text: str, start: int) -> str:
    if len(text) <= _WINDOW:
        return text
    begin = max(0, min(start - _LEAD, len(text) - _WINDOW))
    end = begin + _WINDOW
    return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")
