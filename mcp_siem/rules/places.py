"""Where the parts of a rule stand in its file, by the names that the engine has for them.

A rule's text is written anew when it is loaded, so its lines are not those of the file; the places are kept beside it.
"""

from collections.abc import Iterator, Mapping, Sequence

from sigma.modifiers import reverse_modifier_mapping

from mcp_siem.rules.encoding import MODIFIERS
from mcp_siem.rules.yamltext import Document

__all__ = ["CONDITION", "Place", "correlation_key", "places_of", "value_label"]

Place = tuple[str, int]
Keys = tuple[str | int, ...]

# No field has a modifier of such a name.
CONDITION = "detection|condition"
_LONGEST = 200


def value_label(key: str, value: str) -> str:
    """How one value of an item is called: `field|modifiers: value`."""
    return f"{key}: {value}"[:_LONGEST]


def correlation_key(key: str) -> str:
    """How a key of the correlation section is called."""
    return f"correlation|{key}"


def places_of(documents: Sequence[Document]) -> dict[str, Place]:
    """Path and line of every item, value and key that a fault can be about; the first of two that are called the same."""
    places: dict[str, Place] = {}
    for document in documents:
        # A value that was put in for a placeholder is found by its key alone, so those come first.
        for name, keys in sorted(_named(document.data), key=lambda one: "|expand" not in str(one[1][-1])):
            if name not in places:
                places[name] = (document.path, document.line_of(*keys))
    return places


def _named(data: object) -> Iterator[tuple[str, Keys]]:
    for section, node in data.items() if isinstance(data, dict) else ():
        if section == "correlation" and isinstance(node, dict):
            yield from ((correlation_key(key), (section, key)) for key in node)
        elif section in ("detection", "filter") and isinstance(node, dict):
            yield CONDITION, (section, "condition")
            for name, selection in node.items():
                if name != "condition":
                    yield from _items(selection, (section, name))


def _items(node: object, at: Keys) -> Iterator[tuple[str, Keys]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _values(_key(key), value, (*at, key))
    elif isinstance(node, list) and any(isinstance(one, dict | list) for one in node):
        for index, one in enumerate(node):
            yield from _items(one, (*at, index))
    else:
        yield from _values(_key(""), node, at)


def _values(key: str, value: object, at: Keys) -> Iterator[tuple[str, Keys]]:
    """The line is that of the key, as in what pySigma refuses; the value tells apart two items of one key."""
    yield key, at
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield value_label(key, one), at


def _key(key: str) -> str:
    """The key as the engine spells it: one name for each modifier, `expand` carried out."""
    field, *modifiers = key.split("|")
    words = [reverse_modifier_mapping[MODIFIERS[word].__name__] for word in modifiers if word in MODIFIERS]
    return "|".join([field, *(word for word in words if word != "expand")]) or "keywords"
