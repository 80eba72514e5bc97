"""How much work a pattern is for an engine that makes a deterministic automaton of it first, as Lucene does. Pure.

Lucene gives up after a fixed amount of work, and then the query that holds the pattern fails each time it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mcp_siem.convert.pattern import Alt, Anchor, Chars, Node, Ranges, Repeat, Seq

__all__ = ["Automaton", "automaton", "effort"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Automaton:
    """Glushkov's automaton of a pattern: `sets` says which characters each place takes, `follow` which places come next.

    Sets of places are bits of a number. A text fits if its first character is taken at one of `first`, each next one at
    a place that follows, and the last one at one of `last`; the empty text if `empty`.
    """

    sets: tuple[Ranges, ...]
    follow: tuple[int, ...]
    first: int
    last: int
    empty: bool


@dataclass(slots=True)
class _Part:
    """A piece of the pattern: which characters can come first and last in it, and whether it can be empty."""

    first: int
    last: int
    empty: bool


class _Positions:
    """Glushkov's automaton: every character of the pattern is a position, sets of positions are bits of a number."""

    def __init__(self, most: int) -> None:
        self.sets: list[Ranges] = []
        self.follow: list[int] = []
        self._most = most

    def part(self, node: Node) -> _Part:
        match node:
            case Chars(ranges=ranges):
                return self._position(ranges)
            case Seq(items=items):
                return self._sequence(self.part(item) for item in items)
            case Alt(options=options):
                return self._choice(options)
            case Repeat(item=item, least=least, most=most):
                return self._repeated(item, least, most)
            case Anchor():
                return _Part(first=0, last=0, empty=True)

    def _position(self, ranges: Ranges) -> _Part:
        if len(self.sets) >= self._most:
            raise OverflowError
        self.sets.append(ranges)
        self.follow.append(0)
        bit = 1 << (len(self.sets) - 1)
        return _Part(first=bit, last=bit, empty=False)

    def _sequence(self, parts: Iterator[_Part]) -> _Part:
        whole = _Part(first=0, last=0, empty=True)
        for part in parts:
            self._link(whole.last, part.first)
            whole = _Part(
                first=whole.first | part.first if whole.empty else whole.first,
                last=whole.last | part.last if part.empty else part.last,
                empty=whole.empty and part.empty,
            )
        return whole

    def _choice(self, options: tuple[Node, ...]) -> _Part:
        whole = _Part(first=0, last=0, empty=False)
        for head, rests in _grouped(options):
            part = self.part(head if rests is None else Seq((head, Alt(rests))))
            whole = _Part(first=whole.first | part.first, last=whole.last | part.last, empty=whole.empty or part.empty)
        return whole

    def _repeated(self, item: Node, least: int, most: int | None) -> _Part:
        if most is None:
            parts = [self.part(item) for _ in range(max(least, 1))]
            self._link(parts[-1].last, parts[-1].first)
            parts[-1].empty = parts[-1].empty or least == 0
            return self._sequence(iter(parts))
        return self._sequence(self._counted(item, least, most))

    def _counted(self, item: Node, least: int, most: int) -> Iterator[_Part]:
        for count in range(most):
            part = self.part(item)
            part.empty = part.empty or count >= least
            yield part

    def _link(self, before: int, after: int) -> None:
        for at in _bits(before):
            self.follow[at] |= after


@lru_cache(maxsize=2_000)
def effort(node: Node, *, enough: int) -> int:
    """The work for the pattern or for the costliest part of it, since each is made deterministic for itself.

    Work is the sum of the sizes of all states of the deterministic automaton; it is counted up to `enough`.
    """
    worst = _work(node, enough=enough)
    waiting = list(_pieces(node))
    while waiting and worst < enough:
        part = waiting.pop()
        if _repeats(part):
            worst = max(worst, _work(part, enough=enough))
            waiting.extend(_pieces(part))
    return worst


def automaton(node: Node, *, most: int) -> Automaton | None:
    """The automaton of a pattern without anchors; None if it has more places than `most`."""
    positions = _Positions(most)
    try:
        whole = positions.part(node)
    except OverflowError:
        return None
    return Automaton(
        sets=tuple(positions.sets),
        follow=tuple(positions.follow),
        first=whole.first,
        last=whole.last,
        empty=whole.empty,
    )


def _pieces(node: Node) -> tuple[Node, ...]:
    match node:
        case Seq(items=parts) | Alt(options=parts):
            return parts
        case Repeat(item=item):
            return (item,)
        case Chars() | Anchor():
            return ()


def _repeats(node: Node) -> bool:
    """Whether anything but one character may be there or not; without, a part is no more work than its length."""
    match node:
        case Repeat(item=Chars()):
            return False
        case Repeat():
            return True
        case _:
            return any(isinstance(part, Repeat) or _repeats(part) for part in _pieces(node))


def _work(node: Node, *, enough: int) -> int:
    positions = _Positions(enough)
    try:
        whole = positions.part(node)
    except OverflowError:
        return enough
    symbols = _symbols(positions.sets)
    after = _After(positions.follow)
    # A state counts when it is found, so that hopeless patterns are known before most of their states are left.
    spent = whole.first.bit_count()
    seen = {whole.first}
    waiting = [whole.first]
    while waiting and spent < enough:
        reachable = waiting.pop()
        new = {after[taken] for taken in {reachable & symbol for symbol in symbols}} - seen
        seen |= new
        spent += sum(map(int.bit_count, new))
        waiting.extend(new)
    return min(spent, enough)


class _After(dict[int, int]):
    """What can follow a set of positions; worked out once for each set.

    Most positions are followed by the next one, some by themselves; the others are few kinds, so that nothing here goes
    from position to position.
    """

    def __init__(self, follow: list[int]) -> None:
        super().__init__()
        self._next = self._same = 0
        self._other: dict[int, int] = {}
        for at, after in enumerate(follow):
            bit = 1 << at
            self._next |= bit if after & (bit << 1) else 0
            self._same |= after & bit
            if other := after & ~(bit | bit << 1):
                self._other[other] = self._other.get(other, 0) | bit

    def __missing__(self, taken: int) -> int:
        found = (taken & self._next) << 1 | taken & self._same
        for after, positions in self._other.items():
            if taken & positions:
                found |= after
        self[taken] = found
        return found


def _grouped(options: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...] | None]]:
    """The options with common beginnings written once, as Lucene does before it joins a choice to the rest."""
    rows = [option.items if isinstance(option, Seq) else (option,) for option in options]
    groups: dict[Node | None, list[tuple[Node, ...]]] = {}
    for row in rows:
        groups.setdefault(row[0] if row else None, []).append(row)
    for head, members in groups.items():
        if head is None or len(members) == 1:
            yield Seq(members[0]), None
        else:
            yield head, tuple(Seq(member[1:]) for member in members)


def _symbols(sets: list[Ranges]) -> set[int]:
    """For each kind of character that the pattern tells apart, the positions that take it."""
    edges: dict[int, int] = {}
    for at, ranges in enumerate(sets):
        for low, high in ranges:
            edges[low] = edges.get(low, 0) ^ (1 << at)
            edges[high + 1] = edges.get(high + 1, 0) ^ (1 << at)
    current = 0
    out = set()
    for point in sorted(edges):
        current ^= edges[point]
        out.add(current)
    return out - {0}


def _bits(number: int) -> Iterator[int]:
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low
