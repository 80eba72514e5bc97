"""Random rules on random events: the engine against an evaluator that reads the rule's own dictionary, naively."""

import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_siem.engine import compiled
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.match import EventView
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.rule import LogSource, Rule, RulePack

_TAXONOMY = Taxonomy(fields={}, datasets={})
_ID = "00000000-0000-4000-8000-000000000001"
_FIELDS = ("a", "b", "a.b", "b.c.d")


def _leaves(node: object) -> Iterator[object]:
    if isinstance(node, list):
        for item in node:
            yield from _leaves(item)
    else:
        yield node


def _nodes(node: object, names: tuple[str, ...]) -> Iterator[object]:
    """Every node that the names lead to, joined by dots in any way."""
    if not names:
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _nodes(item, names)
    elif isinstance(node, dict):
        for length in range(1, len(names) + 1):
            head = ".".join(names[:length])
            if head in node:
                yield from _nodes(node[head], names[length:])


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return None
    return float(value)


def _pattern(text: str, *, left: str, right: str) -> str:
    """A Sigma string as a Python regular expression, character by character."""
    out, rest = [], list(text)
    while rest:
        char = rest.pop(0)
        if char == "\\" and rest and rest[0] in "*?\\":
            out.append(re.escape(rest.pop(0)))
        else:
            out.append({"*": ".*", "?": "."}.get(char, re.escape(char)))
    return left + "".join(out) + right


def _passes(words: list[str], wanted: object, value: object) -> bool:
    """One value of the event against one value of the rule."""
    text, number = _text(value), _number(value)
    if "re" in words:
        flags = re.IGNORECASE if "i" in words else 0
        return text is not None and re.search(str(wanted), text, flags) is not None
    for word in ("lt", "lte", "gt", "gte"):
        if word in words:
            order = {"lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__"}[word]
            return number is not None and getattr(number, order)(float(wanted)) is True
    if isinstance(wanted, bool):
        return text is not None and text.casefold() == str(wanted).lower()
    if isinstance(wanted, int | float):
        return number == wanted
    if not isinstance(value, str) and number is not None and _number(wanted) == number and not set(words) & _INSIDE:
        return True
    left = ".*" if {"contains", "endswith"} & set(words) else ""
    right = ".*" if {"contains", "startswith"} & set(words) else ""
    fold = str if "cased" in words else str.casefold
    return text is not None and bool(
        re.fullmatch(_pattern(fold(str(wanted)), left=left, right=right), fold(text), re.DOTALL)
    )


_INSIDE = {"contains", "startswith", "endswith"}


def _item(key: str, wanted: object, event: Mapping[str, object]) -> bool:
    name, *words = key.split("|")
    nodes = list(_nodes(event, tuple(name.split("."))))
    values = [leaf for node in nodes for leaf in _leaves(node)]

    def one(single: object) -> bool:
        if "exists" in words:
            return bool(nodes) is single
        if single is None:
            return all(value is None for value in values)
        return any(value is not None and _passes(words, single, value) for value in values)

    listed = wanted if isinstance(wanted, list) else [wanted]
    held = all(map(one, listed)) if "all" in words else any(map(one, listed))
    return not held if "neq" in words else held


def _selection(selection: object, event: Mapping[str, object]) -> bool:
    if isinstance(selection, list):
        return any(_selection(part, event) for part in selection)
    return all(_item(key, wanted, event) for key, wanted in selection.items())


def _condition(condition: object, selections: Mapping[str, object], event: Mapping[str, object]) -> bool:
    match condition:
        case str():
            return _selection(selections[condition], event)
        case ("not", inner):
            return not _condition(inner, selections, event)
        case ("of", word):
            held = [_selection(selection, event) for selection in selections.values()]
            return all(held) if word == "all" else any(held)
        case (word, left, right):
            held = [_condition(part, selections, event) for part in (left, right)]
            return all(held) if word == "and" else any(held)
    raise AssertionError(condition)


def _spelled(condition: object) -> str:
    match condition:
        case str():
            return condition
        case ("not", inner):
            return f"not ({_spelled(inner)})"
        case ("of", word):
            return f"{word} of s*"
        case (word, left, right):
            return f"({_spelled(left)}) {word} ({_spelled(right)})"
    raise AssertionError(condition)


_TEXTS = st.text(alphabet="aAbBßsSé1.- \n", max_size=5)
_SCALARS = st.one_of(_TEXTS, st.integers(-2, 12), st.sampled_from([1.0, 1.5, -2.5]), st.booleans(), st.none())
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "d", "c.d"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_EVENTS = st.dictionaries(st.sampled_from(["a", "b", "a.b", "b.c", "b.c.d"]), _VALUES, max_size=4)

_LITERALS = st.text(alphabet="aAbBßsé1*?\\", min_size=1, max_size=4)
_NUMBERS = st.one_of(st.integers(-2, 12), st.sampled_from([1.5, -2.5]))
_REGEXES = st.sampled_from(["^a", "b$", "[ab]+1", "^$", "a|b", "1.?", "s{2}"])


def _entry(words: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[str, object]]:
    several = st.lists(values, min_size=1, max_size=3)
    suffix = st.sampled_from(["", "", "|neq", "|all"]) if "exists" not in words else st.just("")
    key = st.tuples(st.sampled_from(_FIELDS), suffix).map(lambda pair: pair[0] + words + pair[1])
    return st.tuples(key, values | several if "exists" not in words else values)


_STRINGS = [
    "",
    "|cased",
    *("".join(pair) for pair in itertools.product(["|contains", "|startswith", "|endswith"], ["", "|cased"])),
]
_ENTRIES = st.one_of(
    *(_entry(words, _LITERALS) for words in _STRINGS),
    *(_entry(words, _NUMBERS) for words in ("", "|lt", "|lte", "|gt", "|gte")),
    _entry("|re", _REGEXES),
    _entry("|re|i", _REGEXES),
    _entry("", st.booleans()),
    _entry("", st.none()),
    _entry("|exists", st.booleans()),
)
_MAPS = st.lists(_ENTRIES, min_size=1, max_size=3).map(dict)
_SELECTIONS = st.fixed_dictionaries(
    {name: _MAPS | st.lists(_MAPS, min_size=1, max_size=2) for name in ("s1", "s2", "s3")}
)
_CONDITIONS = st.recursive(
    st.sampled_from(["s1", "s2", "s3", ("of", "1"), ("of", "all")]),
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=4,
)


def _pack(selections: Mapping[str, object], condition: str) -> RulePack:
    document = {
        "title": "t",
        "id": _ID,
        "logsource": {"product": "mcp"},
        "detection": {**selections, "condition": condition},
    }
    rule = Rule(
        id=_ID,
        name=None,
        stem="t",
        title="t",
        level="low",
        status="test",
        kind="detection",
        tags=(),
        logsource=LogSource(product="mcp"),
        text=json.dumps(document),
        digest="",
        path="t.yml",
        line=1,
    )
    return RulePack(name="p", version="1", rules=(rule,), taxonomy=_TAXONOMY, digest="")


@settings(max_examples=400 * min(20, int(os.environ.get("MCP_SIEM_TEST_DEPTH", "1"))), deadline=None)
@given(_SELECTIONS, _CONDITIONS, st.lists(_EVENTS, min_size=1, max_size=8))
def test_engine_agrees_with_the_naive_meaning(
    selections: dict[str, object], condition: object, events: list[dict[str, object]]
) -> None:
    engine = Engine(_pack(selections, _spelled(condition)))
    for event in events:
        assert bool(engine.feed(Event(data=event))) is _condition(condition, selections, event), event
        node = engine.detections[0].node
        assert node.holds(EventView(Event(data=event), {})) is _condition(condition, selections, event)
    with patch.object(compiled, "_MET_BEFORE", 1):
        for event in events:
            assert bool(engine.feed(Event(data=event))) is _condition(condition, selections, event), event
    assert not engine.failures
