"""A text of Sigma documents: which rules stand in it, after collections, filters and placeholders."""

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

Data = Mapping[str, object]
Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Known:
    """A rule of a text. `alerts` is False for what only a correlation uses; `body` is its own section."""

    title: str
    spellings: frozenset[str]
    kind: str
    alerts: bool
    data: Data
    filters: tuple[Data, ...] = ()

    @property
    def body(self) -> Data:
        body = self.data[self.kind]
        assert isinstance(body, Mapping)
        return body


def rules_of(text: str, values: Values) -> list[Known]:
    """Every detection and correlation of the text, in its order."""
    documents = list(_resolved(list(yaml.safe_load_all(text))))
    filters = [one for one in documents if "filter" in one]
    others = [one for one in documents if "filter" not in one]
    silent = _silent(others)
    return [
        Known(
            title=str(one["title"]),
            spellings=_spellings(one),
            kind="correlation" if "correlation" in one else "detection",
            alerts=str(one["title"]) not in silent,
            data=_filled(one, values),
            filters=tuple(_filled(sieve, values) for sieve in filters if _meant(sieve, one)),
        )
        for one in others
    ]


def _resolved(documents: Sequence[dict[str, object]]) -> Iterator[dict[str, object]]:
    """`action: global` gives to those that follow, `repeat` changes the one before, `reset` ends the giving."""
    shared: dict[str, object] = {}
    before: dict[str, object] = {}
    for document in documents:
        own = {key: value for key, value in document.items() if key != "action"}
        action = document.get("action")
        if action == "global":
            shared = before = own
        elif action == "reset":
            shared = {}
        elif action == "repeat":
            before = _merged(before, own)
            yield before
        elif "correlation" in own or "filter" in own:
            yield own
        else:
            before = _merged(own, shared)
            yield before


def _merged(base: Data, over: Data) -> dict[str, object]:
    merged = dict(copy.deepcopy(dict(base)))
    for key, value in over.items():
        held = merged.get(key)
        merged[key] = _merged(held if isinstance(held, dict) else {}, value) if isinstance(value, dict) else value
    return merged


def _spellings(data: Data) -> frozenset[str]:
    return frozenset(str(data[key]) for key in ("id", "name") if data.get(key))


def _silent(documents: Sequence[Data]) -> set[str]:
    """The titles of rules that a correlation uses, unless one that uses them says `generate`."""
    used: set[str] = set()
    kept: set[str] = set()
    for document in documents:
        body = document.get("correlation")
        if isinstance(body, Mapping):
            names = set(listed(body["rules"]))
            found = {str(other["title"]) for other in documents if _spellings(other) & names}
            (kept if body.get("generate") or document.get("generate") else used).update(found)
    return used - kept


def listed(value: object) -> list[str]:
    """A text, or a list of them, as a list."""
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _meant(sieve: Data, rule: Data) -> bool:
    if "correlation" in rule:
        return False
    wanted, has = sieve.get("logsource") or {}, rule.get("logsource") or {}
    assert isinstance(wanted, Mapping)
    assert isinstance(has, Mapping)
    if any(wanted[key] != has.get(key) for key in ("category", "product", "service") if wanted.get(key)):
        return False
    body = sieve["filter"]
    assert isinstance(body, Mapping)
    names = listed(body["rules"])
    return names in ([], ["any"]) or bool(_spellings(rule) & set(names))


def _filled(node: Data, values: Values) -> dict[str, object]:
    """Every `|expand` replaced by the values of its placeholders."""
    found: dict[str, object] = {}
    for key, value in node.items():
        field, *words = str(key).split("|")
        if "expand" in words:
            name = "|".join([field, *(word for word in words if word != "expand")])
            found[name] = [
                form for one in (value if isinstance(value, list) else [value]) for form in _forms(one, values)
            ]
        elif isinstance(value, Mapping):
            found[key] = _filled(value, values)
        elif isinstance(value, list):
            found[key] = [_filled(one, values) if isinstance(one, Mapping) else one for one in value]
        else:
            found[key] = value
    return found


def _forms(text: object, values: Values) -> Iterator[object]:
    if not isinstance(text, str):
        yield text
        return
    parts = re.split(r"(?<!\\)%([^%\s]+)%", text)
    choices = [values[part] if at % 2 else [part.replace("\\%", "%")] for at, part in enumerate(parts)]
    yield from ("".join(chosen) for chosen in itertools.product(*choices))
