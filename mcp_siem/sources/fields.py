"""Tables that say which field of a record becomes which field of an event, and the readers of their values."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.events.time import format_time, parse_time
from mcp_siem.sources.shape import integer

__all__ = [
    "NOTHING",
    "Take",
    "address",
    "first_time",
    "first_word",
    "fraction",
    "has",
    "moment",
    "number",
    "take",
    "truth",
    "values_at",
    "word",
    "words",
]

NOTHING = frozenset({"", "-", "(null)", "(none)"})
"""What logs write where there is no value."""

# A table reads a record by more than a hundred paths: what each of them looks at must be little, however the record is made.
_MOST_BETWEEN = 16
_MOST_VALUES = 10_000
_MOST = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One field of an event: the paths it is taken from, the first that has a value, and how that value is read."""

    to: str
    paths: tuple[str, ...]
    read: Callable[[object], object | None]


def take(data: Mapping[str, object], table: Sequence[Take]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The fields that the table finds in a record, and those whose values could not be read."""
    fields: dict[str, object] = {}
    wrong: list[str] = []
    for one in table:
        found = [value for path in one.paths for value in _said(data, path)]
        read = next((value for value in map(one.read, found) if value is not None), None)
        if read is not None:
            fields[one.to] = read
        elif found:
            wrong.append(one.to)
    return fields, tuple(wrong)


def word(value: object) -> str | None:
    """A text, or a number as text."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value)


def words(data: Mapping[str, object], path: str) -> list[str]:
    """All texts at a path."""
    return [one for one in map(word, _said(data, path)) if one is not None]


def first_word(data: Mapping[str, object], *paths: str) -> str | None:
    """The first text at the first of the paths that has one."""
    return next((value for path in paths for value in words(data, path)), None)


def first_time(data: Mapping[str, object], *paths: str) -> int | None:
    """The first time that can be read at one of the paths."""
    read = (parse_time(value) for path in paths for value in values_at(data, path))
    return next((one for one in read if one is not None), None)


def values_at(data: Mapping[str, object], path: str) -> Iterator[object]:
    """The values at a dotted path of parsed JSON, nested or flat; of a list the items, of lists on the way the first few."""
    for node in _nodes(data, path):
        if isinstance(node, list):
            yield from node[:_MOST_VALUES]
        else:
            yield node


def has(data: Mapping[str, object], path: str) -> bool:
    """Says whether there is anything at the path."""
    return next(_nodes(data, path), _NOWHERE) is not _NOWHERE


def number(value: object) -> int | None:
    """A whole number, also as text, decimal or hexadecimal with 0x."""
    if isinstance(value, str):
        text = value.strip()
        if text[:2].lower() == "0x" and len(text) <= 18:  # noqa: PLR2004 (64 bits)
            try:
                return integer(int(text, 16))
            except ValueError:
                return None
        return integer(text.replace(",", "")) if "," in text else integer(text)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _MOST else None
    return integer(value)


def fraction(value: object) -> float | int | None:
    """A number, also as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if abs(value) < _MOST else None
    if isinstance(value, str) and value.isascii() and len(value) <= 40:  # noqa: PLR2004 (no number is longer)
        try:
            read = float(value)
        except ValueError:
            return None
        return read if abs(read) < _MOST else None
    return None


def truth(value: object) -> bool | None:
    """Yes or no, as logs spell it."""
    if isinstance(value, bool):
        return value
    return _TRUTHS.get(str(value).strip().lower()) if isinstance(value, str | int) else None


def address(value: object) -> str | None:
    """An IP address, without brackets and port."""
    if not isinstance(value, str) or len(value) > 64:  # noqa: PLR2004 (no address is longer)
        return None
    text = value.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def moment(value: object) -> str | None:
    """A time, in the form that events have it."""
    read = parse_time(value)
    return None if read is None else format_time(read)


def _said(data: Mapping[str, object], path: str) -> Iterator[object]:
    return (one for one in values_at(data, path) if one is not None and not (isinstance(one, str) and one in NOTHING))


def _nodes(data: object, path: str) -> Iterator[object]:
    """What stands at a path: a dotted key and nesting both count, as search engines index them."""
    pending = [(data, path)]
    while pending:
        node, rest = pending.pop()
        if isinstance(node, dict):
            if rest in node:
                yield node[rest]
            cut = rest.rfind(".")
            while cut != -1:
                if rest[:cut] in node:
                    pending.append((node[rest[:cut]], rest[cut + 1 :]))
                cut = rest.rfind(".", 0, cut)
        elif isinstance(node, list):
            pending.extend((item, rest) for item in reversed(node[:_MOST_BETWEEN]) if isinstance(item, dict))


_NOWHERE = object()
_TRUTHS = {
    **dict.fromkeys(("true", "1", "yes", "on", "enabled"), True),
    **dict.fromkeys(("false", "0", "no", "off", "disabled"), False),
}
