"""A detection against an event: fields, selections and conditions, as the Sigma specification 2.1 says them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from oracle_values import (
    ANY,
    TIME_PARTS,
    Pattern,
    base64_forms,
    encoded,
    fits,
    found_by_regex,
    in_network,
    number_of,
    parsed,
    text_of,
    time_part,
    with_dashes,
)

Data = Mapping[str, object]
_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
    "gt": lambda value, limit: value > limit,
    "gte": lambda value, limit: value >= limit,
}
_WIDE = ("wide", "utf16le", "utf16be", "utf16")


def nodes_at(node: object, names: Sequence[str]) -> Iterator[object]:
    """Every node that a dotted name leads to, nested or flat, through arrays."""
    if not names:
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from nodes_at(item, names)
    elif isinstance(node, Mapping):
        for length in range(1, len(names) + 1):
            key = ".".join(names[:length])
            if key in node:
                yield from nodes_at(node[key], names[length:])


def opened(node: object) -> Iterator[object]:
    """The elements of an array, of arrays in it, or the value itself."""
    if isinstance(node, list):
        for item in node:
            yield from opened(item)
    else:
        yield node


def values_of(event: Data, field: str) -> list[object]:
    """All values of a field."""
    return [value for node in nodes_at(event, field.split(".")) for value in opened(node)]


def every_value(node: object) -> Iterator[object]:
    """All values of an event, whatever their field."""
    if isinstance(node, Mapping):
        for child in node.values():
            yield from every_value(child)
    elif isinstance(node, list):
        for child in node:
            yield from every_value(child)
    else:
        yield node


def detected(detection: Data, event: Data) -> bool:
    """Says whether any of the conditions of a detection section holds for the event."""
    conditions = detection["condition"]
    selections = {name: body for name, body in detection.items() if name != "condition"}
    listed = conditions if isinstance(conditions, list) else [conditions]
    return any(_Condition(str(one), selections, event).holds() for one in listed)


class _Condition:
    """Reads a condition from left to right: `or` binds least, then `and`, then `not`."""

    def __init__(self, text: str, selections: Data, event: Data) -> None:
        self._words = re.findall(r"[()]|[^\s()]+", text)
        self._selections, self._event = selections, event

    def holds(self) -> bool:
        held = self._any()
        if self._words:
            raise ValueError(f"what is {self._words}?")
        return held

    def _any(self) -> bool:
        held = self._all()
        while self._next("or"):
            held = self._all() or held
        return held

    def _all(self) -> bool:
        held = self._one()
        while self._next("and"):
            held = self._one() and held
        return held

    def _one(self) -> bool:
        if self._next("not"):
            return not self._one()
        word = self._words.pop(0)
        if word == "(":
            held = self._any()
            if not self._next(")"):
                raise ValueError(f"a bracket is open before {self._words}")
            return held
        if word in ("1", "any", "all") and self._next("of"):
            held_ones = [selected(body, self._event) for body in self._meant(self._words.pop(0))]
            return all(held_ones) if word == "all" else any(held_ones)
        return selected(self._selections[word], self._event)

    def _next(self, word: str) -> bool:
        found = bool(self._words) and self._words[0] == word
        if found:
            self._words.pop(0)
        return found

    def _meant(self, pattern: str) -> list[object]:
        """The selections of a pattern; names that start with an underscore are left out unless it does too."""
        shape = ".*" if pattern == "them" else ".*".join(map(re.escape, pattern.split("*")))
        hidden = pattern.startswith("_")
        found = [
            body
            for name, body in self._selections.items()
            if re.fullmatch(shape, name) and (hidden or not name.startswith("_"))
        ]
        if not found:
            raise ValueError(f"{pattern} names no selection")
        return found


def selected(body: object, event: Data) -> bool:
    """A map holds if all its entries do, a list of maps if any does; texts in a list, or alone, are keywords."""
    if isinstance(body, Mapping):
        return all(_entry(key, wanted, event) for key, wanted in body.items())
    if isinstance(body, list):
        return any(selected(one, event) for one in body)
    return _entry("", body, event)


def _entry(key: str, wanted: object, event: Data) -> bool:
    """`field|modifiers: value`, or `|modifiers: value` for keywords."""
    field, *words = key.split("|")
    listed = wanted if isinstance(wanted, list) else [wanted]
    held = [_held(field, words, one, event) for one in listed] if listed else [_held(field, words, None, event)]
    answer = all(held) if "all" in words else any(held)
    return not answer if "neq" in words else answer


def _held(field: str, words: Sequence[str], wanted: object, event: Data) -> bool:
    if not field:
        return any(_keyword(words, wanted, value) for value in every_value(event) if value is not None)
    nodes = list(nodes_at(event, field.split(".")))
    values = [value for node in nodes for value in opened(node)]
    if "exists" in words:
        return bool(nodes) is wanted
    if wanted is None:
        return all(value is None for value in values)
    if "fieldref" in words:
        others = values_of(event, str(wanted))
        return any(_refers(words, one, other) for one in values for other in others)
    return any(value is not None and passes(words, wanted, value) for value in values)


def _keyword(words: Sequence[str], wanted: object, value: object) -> bool:
    """A keyword stands anywhere in a value."""
    if isinstance(wanted, bool | int | float) and not set(words) & {*_ORDERS, *TIME_PARTS}:
        text, part = text_of(value), text_of(wanted)
        return text is not None and part is not None and part.casefold() in text.casefold()
    if "re" in words or "cidr" in words or set(words) & {*_ORDERS, *TIME_PARTS}:
        return passes(words, wanted, value)
    return passes(["contains", *words], wanted, value)


def _refers(words: Sequence[str], one: object, other: object) -> bool:
    mine, its = text_of(one), text_of(other)
    if mine is None or its is None:
        return False
    mine, its = mine.casefold(), its.casefold()
    starts, ends = "startswith" in words, "endswith" in words
    if "contains" in words or (starts and ends):
        return its in mine
    return mine.startswith(its) if starts else mine.endswith(its) if ends else mine == its


def passes(  # noqa: PLR0911 - one return per kind of value
    words: Sequence[str], wanted: object, value: object
) -> bool:
    """One value of the event against one value of the rule."""
    unit = next((word for word in words if word in TIME_PARTS), None)
    order = next((word for word in words if word in _ORDERS), None)
    if unit or order:
        number = time_part(unit, value) if unit else number_of(value)
        limit = number_of(wanted)
        if number is None or limit is None:
            return False
        return _ORDERS[order](number, limit) if order else number == limit
    text = text_of(value)
    if "cidr" in words:
        return in_network(str(wanted), value)
    if text is None:
        return False
    if "re" in words:
        return found_by_regex(str(wanted), words, text)
    if isinstance(wanted, bool):
        return text.casefold() == text_of(wanted)
    if isinstance(wanted, int | float):
        return number_of(value) == wanted
    return _string(words, str(wanted), value, text)


def _string(words: Sequence[str], wanted: str, value: object, text: str) -> bool:
    plain = not set(words) - {"all", "neq", "cased"}
    if plain and not isinstance(value, str) and number_of(wanted) is not None and number_of(wanted) == number_of(value):
        return True  # the text of the rule spells the number of the event
    return any(fits(_placed(form, words), text, cased="cased" in words) for form in _forms(words, parsed(wanted)))


def _forms(words: Sequence[str], pattern: Pattern) -> Iterator[Pattern]:
    """What a value becomes by `windash`, the encodings, or all of them in their order."""
    forms = [pattern]
    for at, word in enumerate(words):
        if word == "windash":
            forms = [new for form in forms for new in with_dashes(form)]
        elif word in ("base64", "base64offset"):
            forms = [
                list(text)
                for form in forms
                for text in base64_forms(encoded(form, words[:at]) or b"", offset=word == "base64offset")
            ]
        elif word in _WIDE and not {"base64", "base64offset"} & set(words):
            forms = [list((encoded(form, [word]) or b"").decode("utf-8", "replace")) for form in forms]
    yield from forms


def _placed(form: Pattern, words: Sequence[str]) -> Pattern:
    before = [ANY] if {"contains", "endswith"} & set(words) else []
    after = [ANY] if {"contains", "startswith"} & set(words) else []
    return [*before, *form, *after]
