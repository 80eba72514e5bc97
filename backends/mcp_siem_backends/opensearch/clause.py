"""Parts of a query: how they join, and how the whole is written as the body of a search. Pure.

What the query DSL cannot say is a script over the event itself. It stands in the body as a derived field that is true
or false, and the query asks for that field: scripts of queries see indexed values only.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.pattern import Node
from mcp_siem_backends.opensearch.trigrams import sparing, trigrams

__all__ = [
    "MOST_CLAUSES",
    "All",
    "Any",
    "Clause",
    "Derived",
    "Document",
    "Long",
    "Native",
    "Not",
    "Scripted",
    "affordable",
    "all_of",
    "any_of",
    "body",
    "exists",
    "leaves",
    "native",
    "negated",
    "never",
    "term",
    "written",
]  # fmt: skip

Document = dict[str, object]

# Of a pattern that starts or ends with a literal, one more each.
_ANCHORS = 2
_MOST_TRIGRAMS = 12


@dataclass(frozen=True, slots=True)
class Native:
    """A leaf of the query DSL, as canonical JSON. `term` is the field and value of one that asks for nothing else."""

    text: str
    term: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Long:
    """A pattern for a whole text of a field of type wildcard; `wildcard` if it can be written so."""

    field: str
    pattern: Node
    wildcard: str | None = None


@dataclass(frozen=True, slots=True)
class Scripted:
    """A Painless script over the event, with its parameters as canonical JSON."""

    source: str
    params: str


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold."""

    parts: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Clause"


Clause = Native | Long | Scripted | All | Any | Not

# OpenSearch counts to 1,024 (indices.query.bool.max_clause_count); what is added around a rule needs a few itself.
MOST_CLAUSES = 1_000


def negated(clause: Clause) -> Clause:
    """The clause does not hold."""
    return clause.part if isinstance(clause, Not) else Not(clause)


def all_of(clauses: Iterable[Clause]) -> Clause:
    """All of the clauses, flat and each once."""
    return _joined(All, clauses)


def any_of(clauses: Iterable[Clause]) -> Clause:
    """Any of the clauses, flat and each once."""
    return _joined(Any, clauses)


def _joined(kind: type[All | Any], clauses: Iterable[Clause]) -> Clause:
    flat = (
        part for one in clauses for part in (one.parts if isinstance(one, All | Any) and type(one) is kind else (one,))
    )
    listed = tuple(dict.fromkeys(flat))
    return listed[0] if len(listed) == 1 else kind(listed)


def leaves(clause: Clause) -> Iterator[Native | Long | Scripted]:
    """What the clause joins."""
    match clause:
        case All(parts=parts) | Any(parts=parts):
            for part in parts:
                yield from leaves(part)
        case Not(part=part):
            yield from leaves(part)
        case _:
            yield clause


def affordable(clauses: Sequence[Clause]) -> int | None:
    """How many trigrams each pattern may have so that a search of these clauses can run; None: all, -1: too many clauses."""
    found = [leaf for clause in clauses for leaf in leaves(clause)]
    costs = [trigrams(leaf.pattern) + _ANCHORS for leaf in found if isinstance(leaf, Long)]
    left = MOST_CLAUSES - (len(found) - len(costs))
    if sum(costs) <= left:
        return None
    return next(
        (most for most in range(_MOST_TRIGRAMS, -1, -1) if sum(min(cost, most + 1) for cost in costs) <= left), -1
    )


class Derived:
    """What the clauses of one search share: its derived fields, named in order, and the trigrams that a pattern may have.

    A script that comes twice is one field.
    """

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self._names: dict[Scripted, str] = {}
        self.trigrams = affordable(clauses)

    def name(self, script: Scripted) -> str:
        """The field of a script."""
        return self._names.setdefault(script, f"mcp_siem_{len(self._names) + 1}")

    def fields(self) -> Document:
        """All of them, as a search defines them."""
        return {
            name: {
                "type": "boolean",
                "script": {"lang": "painless", "source": one.source, "params": json.loads(one.params)},
            }
            for one, name in self._names.items()
        }


def body(clause: Clause) -> Document:
    """The search for what the clause says."""
    derived = Derived([clause])
    query = {"bool": {"filter": [written(clause, derived)]}}
    fields = derived.fields()
    return {"query": query, **({"derived": fields} if fields else {})}


def written(clause: Clause, derived: Derived) -> Document:
    """The clause in the query DSL."""
    match clause:
        case Native(text=text):
            return dict(json.loads(text))
        case Long():
            return _long(clause, derived)
        case Scripted():
            return {"term": {derived.name(clause): {"value": True}}}
        case Not(part=part):
            return {"bool": {"must_not": [written(part, derived)]}}
        case All(parts=parts):
            return {"bool": dict(_all(parts, derived))}
        case Any(parts=parts):
            return {"bool": {"should": list(_any(parts, derived)), "minimum_should_match": 1}}
        case _:
            assert_never(clause)


def _long(clause: Long, derived: Derived) -> Document:
    if clause.wildcard is not None and derived.trigrams is None:
        return {"wildcard": {clause.field: {"value": clause.wildcard}}}
    pattern = sparing(clause.pattern, derived.trigrams)
    return {"regexp": {clause.field: {"value": lucene_regexp(pattern)}}}


def _all(parts: Sequence[Clause], derived: Derived) -> Iterator[tuple[str, object]]:
    """What holds, then what does not: scripts are asked last, of events that the index has not ruled out."""
    held = sorted((part for part in parts if not isinstance(part, Not)), key=lambda part: isinstance(part, Scripted))
    refused = [part.part for part in parts if isinstance(part, Not)]
    if held:
        yield "filter", [written(part, derived) for part in held]
    if refused:
        yield "must_not", [written(part, derived) for part in refused]


def _any(parts: Sequence[Clause], derived: Derived) -> Iterator[Document]:
    """The parts; values of one field stand together, at the place of the first."""
    values: dict[str, list[str]] = {}
    for part in parts:
        if isinstance(part, Native) and part.term is not None:
            values.setdefault(part.term[0], []).append(part.term[1])
    for part in parts:
        if not isinstance(part, Native) or part.term is None or len(values[part.term[0]]) == 1:
            yield written(part, derived)
        elif values[part.term[0]][0] == part.term[1]:
            yield {"terms": {part.term[0]: values[part.term[0]]}}


def native(kind: str, field: str, value: Mapping[str, object]) -> Native:
    """A leaf of the query DSL on one field."""
    return Native(json.dumps({kind: {field: value}}, sort_keys=True))


def term(field: str, value: str) -> Native:
    """The field holds exactly that."""
    return Native(json.dumps({"term": {field: {"value": value}}}, sort_keys=True), (field, value))


def exists(field: str) -> Native:
    """The index holds a value of the field."""
    return Native(json.dumps({"exists": {"field": field}}))


def never() -> Native:
    """Nothing."""
    return Native(json.dumps({"match_none": {}}))
