"""A value that another of the list already covers can never decide anything, and hides what the list is about."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from sigma.types import SigmaString

from mcp_siem.rules.lint.subject import Check, Fault, Item, Subject

__all__ = ["CHECK"]

_COVERS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda wide, narrow: wide in narrow,
    "startswith": lambda wide, narrow: narrow.startswith(wide),
    "endswith": lambda wide, narrow: narrow.endswith(wide),
}
_OTHER_MEANING = frozenset(
    {"all", "cased", "re", "base64", "base64offset", "wide", "utf16", "utf16be", "windash", "expand"}
)
_MOST_VALUES = 500


def _run(subject: Subject) -> Iterator[Fault]:
    for item in subject.items():
        yield from _star_faults(item)
        how = next((modifier for modifier in item.modifiers if modifier in _COVERS), None)
        if how and not _OTHER_MEANING & set(item.modifiers) and len(item.values) <= _MOST_VALUES:
            yield from _covered(item, _COVERS[how])


def _star_faults(item: Item) -> Iterator[Fault]:
    if "re" in item.modifiers:
        return
    for index, value in enumerate(item.values):
        if not isinstance(value, str) or "**" not in value.replace("\\*", ""):
            continue
        yield Fault(at=(*item.at, index), message=f"'**' in '{value}' says no more than '*'", hint="write one '*'")


def _covered(item: Item, covers: Callable[[str, str], bool]) -> Iterator[Fault]:
    literals = [_literal(value) for value in item.values]
    for index, narrow in enumerate(literals):
        if narrow is None:
            continue
        wide = next((other for other in _others(literals, index) if other != narrow and covers(other, narrow)), None)
        if wide is not None:
            message = f"'{item.values[index]}' can never decide: '{wide}' of the same list covers it"
            yield Fault(at=(*item.at, index), message=message, hint="remove it, or make the wider value narrower")


def _others(literals: Sequence[str | None], index: int) -> Iterator[str]:
    return (other for place, other in enumerate(literals) if place != index and other is not None)


def _literal(value: object) -> str | None:
    """The value in lower case if it has no wildcard."""
    if not isinstance(value, str):
        return None
    parts = SigmaString(value).s
    return parts[0].lower() if len(parts) == 1 and isinstance(parts[0], str) else None


CHECK = Check(code="MS104", says="every value can decide", severity="warning", run=_run)
