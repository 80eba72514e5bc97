"""Narrow readers of untrusted JSON: the wanted type, or nothing."""

from collections.abc import Mapping

__all__ = ["integer", "items", "mapping", "strings", "text"]

_NONE: Mapping[str, object] = {}


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else _NONE


def items(value: object) -> list[object]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """The value if it is a text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def strings(value: object) -> list[str]:
    """The texts in a list, other elements left out."""
    return [item for item in items(value) if isinstance(item, str)]


def integer(value: object) -> int | None:
    """The value if it is a whole number of 64 bits, or a text of one; booleans are none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:  # noqa: PLR2004 (64 bits)
        return int(value)
    return None
