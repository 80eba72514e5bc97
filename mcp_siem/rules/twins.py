"""Patterns on a folded twin of which folding leaves nothing: they would match whatever is there, so no pack has them."""

from collections.abc import Iterator, Mapping, Sequence

from sigma.types import SigmaString

from mcp_siem.errors import Issue
from mcp_siem.events.fold import fold_pattern
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.expand import expand, placeholders
from mcp_siem.rules.yamltext import Document

__all__ = ["twin_issues"]

Keys = tuple[str | int, ...]
Values = Mapping[str, Sequence[str]]

_HINT = "match the original field for hidden characters, or their flag"
_HINT_OF_VARIABLE = "correct the value in [vars] of mcp-siem.toml"
_SECTIONS = ("detection", "filter")
# What such a modifier leaves of a value is never nothing.
_ENCODING = frozenset({"base64", "base64offset", "wide", "utf16", "utf16le", "utf16be"})


def twin_issues(document: Document, taxonomy: Taxonomy, values: Values) -> Iterator[Issue]:
    """Every value of a sound document, with the variables that are set in it, that a twin cannot be asked for."""
    data = document.data if isinstance(document.data, dict) else {}
    for section in _SECTIONS:
        for at, key, value in _items(data.get(section), (section,)):
            field, *modifiers = key.split("|")
            if taxonomy.twin_source(field) is None or not _ENCODING.isdisjoint(modifiers):
                continue
            told = _of_variables if "re" in modifiers else _of_values
            yield from told(document, at, key, value, values)


def _items(node: object, at: Keys) -> Iterator[tuple[Keys, str, object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, dict) or (
                isinstance(value, list) and any(isinstance(one, dict | list) for one in value)
            ):
                yield from _items(value, (*at, key))
            else:
                yield (*at, key), key, value
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _items(item, (*at, index))


def _of_values(document: Document, at: Keys, key: str, value: object, values: Values) -> Iterator[Issue]:
    if placeholders({key: value}) - values.keys():
        return
    expanded = expand({key: value}, values)
    for made in expanded.values() if isinstance(expanded, dict) else ():
        for text in made if isinstance(made, list) else [made]:
            if isinstance(text, str) and _is_nothing(text):
                place = (*at, value.index(text)) if isinstance(value, list) and text in value else at
                yield _issue(document, place, f"the value '{_spelled(text)}' folds to nothing", _HINT)


def _of_variables(document: Document, at: Keys, key: str, value: object, values: Values) -> Iterator[Issue]:
    """In a regular expression a variable's value alone must not vanish; what the rule spells is a matter of the lint."""
    for name in sorted(placeholders({key: value}) & values.keys()):
        for text in values[name]:
            if _is_nothing(text):
                message = f"the value '{_spelled(text)}' of the variable '{name}' folds to nothing"
                yield _issue(document, at, message, _HINT_OF_VARIABLE)


def _is_nothing(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return False
    literals = [part for part in SigmaString(text).s if isinstance(part, str)]
    return any(literals) and not any(fold_pattern(part) for part in literals)


def _spelled(text: str) -> str:
    return text.encode("unicode_escape").decode()


def _issue(document: Document, at: Keys, message: str, hint: str) -> Issue:
    return Issue(code="MS212", message=message, path=document.path, line=document.line_of(*at), hint=hint)
