"""What changed between two definitions, field by field, in lines that a reader can compare."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

__all__ = ["FieldChange", "changed_fields"]

_MOST_LINES = 1_500
_LONGEST_LINE = 160
_SENTENCE = re.compile(r"(?<=[.!?;])(?= )")
_EMPTY = re.compile(r"\n{5,}")
_SPACES = re.compile(r" {9,}|\t{4,}")
_CONTEXT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that differs: lines that begin with `-` are gone, with `+` are new, with a space are the same."""

    field: str
    lines: tuple[str, ...]


def changed_fields(before: bytes | None, after: bytes | None) -> list[FieldChange]:
    """The fields that differ; none if the difference lies in what is not kept."""
    old, new = _read(before), _read(after)
    found = []
    for field in dict.fromkeys([*old, *new]):
        if old.get(field) != new.get(field):
            one, other = _bounded(_lines(old.get(field)), _lines(new.get(field)))
            told = difflib.unified_diff(one, other, lineterm="", n=_CONTEXT)
            lines = [line for line in told if not line.startswith(("---", "+++"))]
            found.append(FieldChange(field=field, lines=tuple(lines)))
    return found


def _read(text: bytes | None) -> Mapping[str, object]:
    if text is None:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"definition": text.decode("utf-8", "backslashreplace")}
    return found if isinstance(found, dict) else {"definition": found}


def _lines(value: object) -> list[str]:
    """A value in short lines: sentences of a text, members of a schema. Long runs of blanks are counted, not shown."""
    if value is None:
        return []
    text = _EMPTY.sub(lambda run: f"\n[{len(run[0]) - 1} empty lines]\n", _text(value))
    text = _SPACES.sub(lambda run: f"[{len(run[0])} blanks]", text)
    shown = [line for part in text.split("\n") for line in _SENTENCE.split(part)]
    return [line[at : at + _LONGEST_LINE] for line in shown for at in range(0, max(len(line), 1), _LONGEST_LINE)]


def _bounded(one: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    """Both from where they begin to differ, and so many lines of them as can be compared."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(same - _CONTEXT, 0)
    return _cut(one[start:]), _cut(other[start:])


def _cut(lines: list[str]) -> list[str]:
    left = len(lines) - _MOST_LINES
    return lines if left <= 0 else [*lines[:_MOST_LINES], f"... and {left} lines more"]


def _text(value: object) -> str:
    if isinstance(value, str):
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
        value = parsed if isinstance(parsed, dict | list) else value
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
