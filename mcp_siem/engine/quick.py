"""The same question asked faster: lists of values of one field become one test, cheap parts are asked first.

Parts of a condition have no effects, so their order is free; any element that passes any test is what OR means.
Nothing here may change a verdict: the tests compare every answer with that of the tree as the rule spells it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcp_siem.engine.nodes import And, FieldTest, Keyword, Named, Node, Not, Or
from mcp_siem.engine.predicates import Contains, Equals, Glob, Prefix, Regex, Segments, Suffix, Test
from mcp_siem.engine.regex import RegexError, compile_any, compile_glob
from mcp_siem.engine.values import Reading

__all__ = ["joined"]

# What asking costs, roughly, in units of one comparison.
_COSTS: dict[type, int] = {Contains: 3, Segments: 4, Glob: 15, Regex: 15}
_KEYWORD_COST = 50


def joined(node: Node) -> Node:
    """The same question as one tree of fewer, ordered parts; their spelling in the rule is lost."""
    match node:
        case Named():
            return joined(node.inner)
        case Not():
            return Not(inner=joined(node.inner))
        case And():
            return And(parts=_cheap_first(map(joined, node.parts)))
        case Or():
            return _joined_or(node)
        case _:
            return node


def _joined_or(node: Or) -> Node:
    tests: dict[str, list[Test]] = {}
    others: list[Node] = []
    for part in _alternatives(node):
        if isinstance(part, FieldTest):
            tests.setdefault(part.name, []).append(part.test)
        else:
            others.append(joined(part))
    fields = [FieldTest(name=name, test=_any_of(found)) for name, found in tests.items()]
    parts = _cheap_first([*fields, *others])
    return parts[0] if len(parts) == 1 else Or(parts=parts)


def _alternatives(node: Node) -> list[Node]:
    """The parts of nested ORs, names left out."""
    match node:
        case Named():
            return _alternatives(node.inner)
        case Or():
            return [one for part in node.parts for one in _alternatives(part)]
        case _:
            return [node]


def _any_of(tests: Sequence[Test]) -> Test:
    found = [*_literal_lists(tests), *_joined_patterns([one for one in tests if isinstance(one, Regex)])]
    for cased in (False, True):
        found += _joined_globs([one for one in tests if isinstance(one, Glob) and one.cased is cased])
    found += [one for one in tests if not _in_a_list(one) and not isinstance(one, Regex | Glob)]
    return found[0] if len(found) == 1 else AnyOf(tests=tuple(sorted(found, key=_test_cost)))


def _in_a_list(test: Test) -> bool:
    return isinstance(test, Prefix | Suffix | Contains) or (isinstance(test, Equals) and test.number is None)


def _literal_lists(tests: Sequence[Test]) -> list[Test]:
    lists: list[Test] = []
    for cased in (False, True):
        equal = [one for one in tests if isinstance(one, Equals) and one.number is None and one.cased is cased]
        starts = [one for one in tests if isinstance(one, Prefix) and one.cased is cased]
        ends = [one for one in tests if isinstance(one, Suffix) and one.cased is cased]
        inside = [one for one in tests if isinstance(one, Contains) and one.cased is cased]
        if equal or starts or ends or inside:
            literals = Literals(
                equal=frozenset(one.literal for one in equal),
                starts=tuple(one.literal for one in starts),
                ends=tuple(one.literal for one in ends),
                inside=tuple(one.literal for one in inside),
                cased=cased,
            )
            lists.append(literals)
    return lists


def _joined_patterns(patterns: Sequence[Regex]) -> list[Test]:
    """Patterns as alternatives of one; if that is too large for RE2, as they are."""
    if len(patterns) < 2:  # noqa: PLR2004 - one is not to be joined
        return list(patterns)
    try:
        compiled = compile_any([(one.pattern, one.flags) for one in patterns])
    except RegexError:
        return list(patterns)
    return [Regex(pattern="|".join(one.pattern for one in patterns), compiled=compiled)]


def _joined_globs(globs: Sequence[Glob]) -> list[Test]:
    if len(globs) < 2:  # noqa: PLR2004 - one is not to be joined
        return list(globs)
    try:
        compiled = compile_glob(*(one.parts for one in globs))
    except RegexError:
        return list(globs)
    return [Glob(parts=(), cased=globs[0].cased, compiled=compiled)]


def _cheap_first(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(sorted(nodes, key=_cost))


def _cost(node: Node) -> int:
    match node:
        case And() | Or():
            return sum(map(_cost, node.parts))
        case Not():
            return _cost(node.inner)
        case FieldTest():
            return _test_cost(node.test)
        case Keyword():
            return _KEYWORD_COST
        case _:
            return 1


def _test_cost(test: Test) -> int:
    if isinstance(test, AnyOf):
        return sum(map(_test_cost, test.tests))
    if isinstance(test, Literals):
        return 1 + len(test.inside)
    return _COSTS.get(type(test), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Literals:
    """Literals that the text may equal, start with, end with or contain; any of them."""

    equal: frozenset[str]
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    inside: tuple[str, ...]
    cased: bool

    def holds(self, reading: Reading) -> bool:
        """Says whether any literal fits."""
        text = reading.text if self.cased else reading.folded
        if text is None:
            return False
        if text in self.equal or text.startswith(self.starts) or text.endswith(self.ends):
            return True
        for literal in self.inside:  # noqa: SIM110 - a generator costs more than the test
            if literal in text:
                return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """Any of several tests of one value."""

    tests: tuple[Test, ...]

    def holds(self, reading: Reading) -> bool:
        """Says whether any test holds."""
        for test in self.tests:  # noqa: SIM110 - a generator costs more than the test
            if test.holds(reading):
                return True
        return False
