"""A condition between Sigma and SPL: what `search` can find, and what only `where` can say.

Every leaf has an exact `where` form that is true or false, never null, whatever the event lacks. Some also have a term
for `search`, which finds at least the same events, and if `exact` no others. A query is then the terms, which use the
index, and one `where` over just the parts that need it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mcp_siem_backends.splunk.spl import eval_field, regex_text

__all__ = [
    "AllOf",
    "AnyOf",
    "Leaf",
    "Negated",
    "Node",
    "Pattern",
    "all_of",
    "any_of",
    "negated",
    "search_terms",
    "where_expr",
    "where_rest",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A regular expression that any value of the field matches; patterns of one field and flags can share a call."""

    field: str
    flags: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One question. `term` is its `search` form (None: there is none), as field and value if it can join an `IN`."""

    where: str | None = None
    pattern: Pattern | None = None
    term: str | None = None
    exact: bool = False
    pair: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """All parts hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Negated:
    """The inner node does not hold."""

    inner: "Node"


Node = Leaf | AllOf | AnyOf | Negated


def all_of(parts: Iterable[Node]) -> Node:
    """The conjunction, flat."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, AllOf) else (part,)))
    return flat[0] if len(flat) == 1 else AllOf(parts=flat)


def any_of(parts: Iterable[Node]) -> Node:
    """The disjunction, flat."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, AnyOf) else (part,)))
    return flat[0] if len(flat) == 1 else AnyOf(parts=flat)


def negated(node: Node) -> Node:
    """The negation; alternatives are parted, so that those which `search` finds exactly are left out there."""
    if isinstance(node, Negated):
        return node.inner
    if isinstance(node, AnyOf):
        parted = [[part for part in node.parts if _is_exact(part) is wanted] for wanted in (True, False)]
        return all_of(Negated(inner=any_of(parts)) for parts in parted if parts)
    return Negated(inner=node)


def _is_exact(node: Node) -> bool:
    match node:
        case Leaf():
            return node.exact
        case Negated():
            return _is_exact(node.inner)
        case _:
            return all(_is_exact(part) for part in node.parts)


def _conjuncts(node: Node) -> Sequence[Node]:
    return node.parts if isinstance(node, AllOf) else (node,)


def search_terms(node: Node) -> list[str]:
    """Terms that together find at least the events of the node; none if nothing narrower than everything is known."""
    return list(dict.fromkeys(term for part in _conjuncts(node) if (term := _search(part)) is not None))


def where_rest(node: Node) -> str | None:
    """What `search_terms` leaves open, as an expression; None if they are exact."""
    rest = [part for part in _conjuncts(node) if not _is_exact(part)]
    return where_expr(all_of(rest)) if rest else None


def _search(node: Node) -> str | None:
    """A term that finds a superset of the node's events. `search` binds OR closer than AND, so all groups are explicit."""
    match node:
        case Leaf():
            return node.term
        case Negated():
            inner = _search(node.inner) if _is_exact(node.inner) else None
            return None if inner is None else f"NOT {inner}"
        case AllOf():
            terms = list(dict.fromkeys(term for part in node.parts if (term := _search(part)) is not None))
            return None if not terms else terms[0] if len(terms) == 1 else f"({' '.join(terms)})"
        case AnyOf():
            found = [term for part in node.parts if (term := _search(part)) is not None]
            return _alternatives(node.parts, found) if found and len(found) == len(node.parts) else None


def _alternatives(parts: Sequence[Node], terms: Sequence[str]) -> str:
    """The terms joined by OR, those of one field as `IN`."""
    groups: dict[str, list[str]] = {}
    for part, term in zip(parts, terms, strict=True):
        pair = part.pair if isinstance(part, Leaf) else None
        key, value = pair or (f"\x00{term}", term)
        groups.setdefault(key, []).append(value)
    found = list(_grouped(groups))
    return found[0] if len(found) == 1 else f"({' OR '.join(found)})"


def _grouped(groups: dict[str, list[str]]) -> Iterator[str]:
    for field, values in groups.items():
        unique = list(dict.fromkeys(values))
        if field.startswith("\x00"):
            yield unique[0]
        else:
            yield f"{field}={unique[0]}" if len(unique) == 1 else f"{field} IN ({', '.join(unique)})"


def where_expr(node: Node) -> str:
    """The node as an expression of `where`, exact."""
    match node:
        case Leaf():
            return node.where if node.where is not None else _matched([node.pattern] if node.pattern else [])
        case Negated():
            return f"NOT {_wrapped(node.inner)}"
        case AllOf():
            return " AND ".join(_wrapped(part) for part in node.parts) or "true()"
        case AnyOf():
            found = list(_merged(node.parts))
            return " OR ".join(found) or "false()"


def _wrapped(node: Node) -> str:
    text = where_expr(node)
    if isinstance(node, AnyOf) and len(list(_merged(node.parts))) == 1:
        return text
    return f"({text})" if isinstance(node, AllOf | AnyOf) else text


def _merged(parts: Sequence[Node]) -> Iterator[str]:
    patterns: dict[tuple[str, str], list[Pattern]] = {}
    others: list[Node] = []
    for part in parts:
        if isinstance(part, Leaf) and part.pattern is not None and part.where is None:
            patterns.setdefault((part.pattern.field, part.pattern.flags), []).append(part.pattern)
        else:
            others.append(part)
    for group in patterns.values():
        yield _matched(group)
    for part in others:
        yield _wrapped(part)


def _matched(patterns: Sequence[Pattern]) -> str:
    """`mvfind` looks at each value of the field and answers null for a missing one, so the test is never null."""
    first = patterns[0]
    bodies = list(dict.fromkeys(pattern.body for pattern in patterns))
    body = bodies[0] if len(bodies) == 1 else f"(?:{'|'.join(_apart(body) for body in bodies)})"
    return f"isnotnull(mvfind({eval_field(first.field)}, {regex_text(first.flags + body)}))"


def _apart(body: str) -> str:
    """A pattern beside others: its alternatives and flags stay its own."""
    return f"(?:{body})" if "|" in body or "(?" in body else body
