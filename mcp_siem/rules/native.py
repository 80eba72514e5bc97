"""Rules that Sigma cannot say: a query for each SIEM, written by hand, beside the prose and tags of any rule.

A Sigma rule asks about events that are there. That none came, or that this one is the first of its kind in weeks, only
the SIEM can say, which holds them all. Such a rule has `native:` where others have `detection:`; its file ends in .yaml,
so that tools which read every .yml as Sigma leave it alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.rule import Rule

__all__ = ["NativeQuery", "native_faults", "native_query", "native_window"]

Path = tuple[str | int, ...]
Fault = tuple[str, str, Path, str]

_WINDOW = re.compile(r"0*([1-9][0-9]{0,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_QUERY = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeQuery:
    """The query of a rule for one target, as written."""

    language: str
    text: str


def native_query(rule: Rule, target: str) -> NativeQuery | None:
    """What a rule of kind `native` has for a target; None if it has nothing for it."""
    found = _section(rule).get(target)
    if not isinstance(found, Mapping):
        return None
    return NativeQuery(language=str(found["language"]), text=str(found["query"]).strip())


def native_window(rule: Rule) -> int:
    """How far back its queries look, in seconds."""
    return _seconds(_section(rule).get("window")) or 0


def _section(rule: Rule) -> Mapping[str, object]:
    documents = documents_of(rule)
    node = documents[-1].get("native") if documents else None
    return node if isinstance(node, Mapping) else {}


def _seconds(value: object) -> int | None:
    found = _WINDOW.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) * _SECONDS[found[2]] if found else None


def native_faults(node: object) -> Iterator[Fault]:
    """What is missing in a native section, or has the wrong type."""
    if not isinstance(node, dict):
        yield "MS011", "native must be a mapping", ("native",), "write window and a query for each target below it"
        return
    if _seconds(node.get("window")) is None:
        hint = "write how far back the queries look: 'window: 10m'"
        yield "MS018", "native has no window", ("native", "window"), hint
    targets = [name for name in node if name != "window"]
    if not targets:
        hint = "add 'elastic:', 'splunk:' or 'opensearch:' with language and query"
        yield "MS010", "native has no query", ("native",), hint
    for name in targets:
        yield from _query_faults(name, node[name])


def _query_faults(name: str, entry: object) -> Iterator[Fault]:
    where = ("native", name)
    if not isinstance(entry, dict):
        yield "MS011", f"the query for {name} must be a mapping", where, "write language and query below it"
        return
    for key in ("language", "query"):
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            yield "MS011", f"the {key} for {name} must be text", (*where, key), f"add '{key}:' below '{name}:'"
        elif len(value) > _LONGEST_QUERY:
            yield "MS008", f"the {key} for {name} is too long", (*where, key), "split the rule"
