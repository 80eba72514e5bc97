"""Parts of a query in Lucene, and of one that also needs the query DSL: how they join, and how the whole is written. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from mcp_siem_backends.elastic.lucene import escape_name, group

__all__ = ["Clause", "any_of", "document", "joined", "negated", "scripted", "term"]

Document = dict[str, object]


class Clause(str):  # noqa: SLOT000 - a few live at a time
    """A part of a query. `joined` is the operator at its top ("AND", "OR", "NOT"), empty if it stands alone.

    `parts` are what the operator joins. `term` is the field and value of a part that is nothing else, so that values
    of one field can be listed. `dsl` is a part that only the query DSL can say; then the text only names it.
    """

    joined: str
    parts: tuple["Clause", ...]
    term: tuple[str, str] | None
    dsl: Mapping[str, object] | None

    def __new__(
        cls,
        text: str,
        joined: str = "",
        parts: Sequence["Clause"] = (),
        *,
        term: tuple[str, str] | None = None,
        dsl: Mapping[str, object] | None = None,
    ) -> Self:
        """A clause with its operator."""
        made = super().__new__(cls, text)
        made.joined = joined
        made.parts = tuple(parts)
        made.term = term
        made.dsl = dsl
        return made

    @property
    def is_lucene(self) -> bool:
        """Whether the text says all of it."""
        return self.dsl is None and all(part.is_lucene for part in self.parts)

    def under(self, operator: str) -> str:
        """The clause as an argument of an operator.

        Lucene has no precedence: it reads `a OR NOT b` as "a and never b", and `a AND b OR c` as "a and b".
        """
        return f"({self})" if self.joined and (operator, self.joined) != ("AND", "NOT") else str(self)


def term(name: str, value: str) -> Clause:
    """One value of a field, already in Lucene's syntax."""
    return Clause(f"{escape_name(name)}:{value}", term=(name, value))


def scripted(query: Mapping[str, object]) -> Clause:
    """A part in the query DSL."""
    return Clause(json.dumps(query, sort_keys=True), dsl=query)


def negated(clause: Clause) -> Clause:
    """The clause does not hold."""
    return clause.parts[0] if clause.joined == "NOT" else Clause(f"NOT {clause.under('NOT')}", "NOT", [clause])


def joined(operator: str, clauses: Iterable[Clause]) -> Clause:
    """The clauses under one operator, flat and each once."""
    flat = (part for clause in clauses for part in (clause.parts if clause.joined == operator else (clause,)))
    listed = list(dict.fromkeys(flat))
    if len(listed) == 1:
        return listed[0]
    return Clause(f" {operator} ".join(clause.under(operator) for clause in listed), operator, listed)


def any_of(clauses: Iterable[Clause]) -> Clause:
    """Any of the clauses; values of one field stand together, at the place of the first."""
    flat = joined("OR", clauses)
    listed = flat.parts if flat.joined == "OR" else (flat,)
    values: dict[str, list[str]] = {}
    for clause in listed:
        if clause.term is not None:
            values.setdefault(clause.term[0], []).append(clause.term[1])
    return joined(
        "OR",
        (clause if clause.term is None else _listed(clause.term[0], values[clause.term[0]]) for clause in listed),
    )


def _listed(name: str, values: Sequence[str]) -> Clause:
    return term(name, values[0]) if len(values) == 1 else Clause(f"{escape_name(name)}:{group(values)}")


def document(clause: Clause) -> Document:
    """The clause as a query of the DSL: what Lucene says stays Lucene, in as few pieces as there can be."""
    if clause.is_lucene:
        return {"query_string": {"query": str(clause), "analyze_wildcard": True}}
    if clause.dsl is not None:
        return dict(clause.dsl)
    if clause.joined == "NOT":
        return {"bool": {"must_not": [document(clause.parts[0])]}}
    plain = [part for part in clause.parts if part.is_lucene]
    pieces = [joined(clause.joined, plain)] if plain else []
    written = [document(part) for part in (*pieces, *(part for part in clause.parts if not part.is_lucene))]
    if clause.joined == "AND":
        return {"bool": {"filter": written}}
    return {"bool": {"should": written, "minimum_should_match": 1}}
