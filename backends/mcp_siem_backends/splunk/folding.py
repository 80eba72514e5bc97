"""A case-insensitive pattern over values as they were written, where one letter may fold to several (`ß` to `ss`).

Sigma compares folded texts. The values of a foreign field are not folded, so a literal stands for every spelling that
folds to it: `ss` also for `ß`, `fi` for the ligature, and beside a `*` also for a letter of which only a part is asked. The
pattern is a graph: its tokens are the edges from one place to the next, a letter that folds to several skips places.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import pairwise

from mcp_siem.convert.casing import multi_folds, single_folds

__all__ = ["Parts", "Spelled", "Wildcard", "Writer", "spelled"]

# More ways than this to spell one stretch of a pattern are not written down; it is then taken as it is written.
_MOST_WAYS = 64


class Wildcard(Enum):
    """A wildcard of a Sigma string, with its spelling as a regular expression under the `s` flag."""

    ONE = "."
    MANY = ".*"


Parts = Sequence[str | Wildcard]
Edges = Mapping[int, Mapping[int, frozenset[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """How a target writes one character in its case forms, any one, any but those that fold to several, and any text."""

    char: Callable[[str], str]
    one: str
    single: str
    many: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """`body` is the pattern without the `*` of an end that is open. `safe` says of each character of the literals, in their
    order, whether every text that is found has it in one of ASCII's two cases. `whole`: no spelling was left out.
    """

    body: str
    open_head: bool
    open_tail: bool
    safe: tuple[bool, ...]
    whole: bool


def spelled(parts: Parts, writer: Writer) -> Spelled:
    """The pattern that finds every text whose folding the parts match."""
    tokens, shown = _tokens(parts)
    edges = _edges(tokens)
    safe = _safe(parts, tokens, edges)
    written = _Written(tokens, shown, edges, writer)
    atoms, whole = written.atoms()
    head = bool(tokens) and tokens[0] is Wildcard.MANY
    tail = bool(tokens) and tokens[-1] is Wildcard.MANY
    inner = atoms[head : len(atoms) - tail]
    return Spelled(body="".join(inner), open_head=head, open_tail=tail, safe=safe, whole=whole)


def _tokens(parts: Parts) -> tuple[list[str | Wildcard], list[str]]:
    """Folded characters and wildcards, `**` as `*` and `*?` as `?*`; beside each the character that it comes from."""
    tokens: list[str | Wildcard] = []
    shown: list[str] = []
    for part in parts:
        if isinstance(part, Wildcard):
            after_many = bool(tokens) and tokens[-1] is Wildcard.MANY
            if part is Wildcard.ONE or not after_many:
                tokens.insert(len(tokens) - (part is Wildcard.ONE and after_many), part)
                shown.append("")
            continue
        for char in part:
            folded = char.casefold()
            tokens.extend(folded)
            shown.extend(char if len(folded) == 1 else one for one in folded)
    return tokens, shown


@cache
def _by_first() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for char, folded in multi_folds().items():
        found[folded[0]].append(char)
    return {first: tuple(chars) for first, chars in found.items()}


@cache
def _by_later() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for char, folded in multi_folds().items():
        for later in dict.fromkeys(folded[1:]):
            found[later].append(char)
    return {later: tuple(chars) for later, chars in found.items()}


def _edges(tokens: Sequence[str | Wildcard]) -> Edges:
    """Letters that fold to several, from the place where they are read to where they end."""
    edges: dict[int, dict[int, set[str]]] = {}
    for place in range(len(tokens)):
        for char in _candidates(tokens, place):
            for end in _read(tokens, place, multi_folds()[char]):
                edges.setdefault(place, {}).setdefault(end, set()).add(char)
    return {place: {end: frozenset(chars) for end, chars in ends.items()} for place, ends in edges.items()}


def _candidates(tokens: Sequence[str | Wildcard], place: int) -> Sequence[str]:
    token = tokens[place]
    if isinstance(token, str):
        return _by_first().get(token, ())
    if token is Wildcard.ONE:
        return tuple(multi_folds())
    follows = tokens[place + 1] if place + 1 < len(tokens) else None
    if follows is Wildcard.ONE:
        return tuple(multi_folds())
    return _by_later().get(follows, ()) if isinstance(follows, str) else ()


def _read(tokens: Sequence[str | Wildcard], place: int, folded: str) -> set[int]:
    """Where reading all of a folding from a place may end; a `*` at the place takes at least its beginning."""
    places = {place if tokens[place] is Wildcard.MANY else place + 1}
    for char in folded[1:]:
        places = _step(tokens, places, char)
    if isinstance(tokens[place], str) and tokens[place] != folded[0]:
        return set()
    return {end for end in places if end != place and not (end - 1 in places and tokens[end - 1] is Wildcard.MANY)}


def _step(tokens: Sequence[str | Wildcard], places: set[int], char: str) -> set[int]:
    reached: set[int] = set()
    for place in _opened(tokens, places):
        token = tokens[place] if place < len(tokens) else None
        if token is Wildcard.MANY:
            reached.add(place)
        elif token is Wildcard.ONE or token == char:
            reached.add(place + 1)
    return reached


def _opened(tokens: Sequence[str | Wildcard], places: set[int]) -> set[int]:
    return places | {place + 1 for place in places if place < len(tokens) and tokens[place] is Wildcard.MANY}


def _safe(parts: Parts, tokens: Sequence[str | Wildcard], edges: Edges) -> tuple[bool, ...]:
    skipped = {place for start, ends in edges.items() for end in ends for place in range(start, end)}
    alone = iter(
        [
            place not in skipped and single_folds(token).isascii()
            for place, token in enumerate(tokens)
            if isinstance(token, str)
        ]
    )
    chars = [char for part in parts if isinstance(part, str) for char in part]
    return tuple(all(tuple(next(alone) for _ in char.casefold())) and char.isascii() for char in chars)


class _Written:
    """The graph as text: what all ways share stands once, choices only where ways part."""

    def __init__(self, tokens: Sequence[str | Wildcard], shown: Sequence[str], edges: Edges, writer: Writer) -> None:
        self._tokens = tokens
        self._shown = shown
        self._edges = edges
        self._writer = writer

    def atoms(self) -> tuple[list[str], bool]:
        """The pieces in a row; False if some stretch has more ways than are written."""
        cuts = self._cuts()
        found: list[str] = []
        whole = True
        for start, end in pairwise(cuts):
            ways = self._ways(start, end)
            if len(ways) > _MOST_WAYS:
                ways, whole = [[self._single(place) for place in range(start, end)]], False
            found += _factored(ways)
        return found, whole

    def _cuts(self) -> list[int]:
        crossed = {place for start, ends in self._edges.items() for end in ends for place in range(start + 1, end)}
        return [place for place in range(len(self._tokens) + 1) if place not in crossed]

    def _ways(self, start: int, end: int) -> list[list[str]]:
        """Every way through a stretch, shortest tails first; one more than the limit if there are too many."""
        tails: dict[int, list[list[str]]] = {end: [[]]}
        for place in range(end - 1, start - 1, -1):
            head = [self._writer.many] if self._tokens[place] is Wildcard.MANY else []
            ways = []
            for after, atom in self._steps(place):
                ways += [[*head, *([atom] if atom else []), *tail] for tail in tails[after]]
            tails[place] = ways[: _MOST_WAYS + 1]
        return tails[start]

    def _steps(self, place: int) -> list[tuple[int, str]]:
        """The next places with what is read on the way; letters that go the same way are one choice."""
        several = dict(self._edges.get(place, {}))
        if self._tokens[place] is Wildcard.MANY:
            steps = [(place + 1, "")]
        else:
            beside = sorted(several.pop(place + 1, ()))
            any_char = len(beside) == len(multi_folds()) and self._tokens[place] is Wildcard.ONE
            single = self._writer.one if any_char else _beside(self._single(place), beside)
            steps = [(place + 1, single)]
        return steps + [(end, _choice(sorted(chars))) for end, chars in sorted(several.items())]

    def _single(self, place: int) -> str:
        token = self._tokens[place]
        if isinstance(token, str):
            return self._writer.char(self._shown[place] if self._shown[place].casefold() == token else token)
        return self._writer.many if token is Wildcard.MANY else self._writer.single


def _beside(single: str, chars: Sequence[str]) -> str:
    if not chars:
        return single
    return f"(?:{_bare(single)}|{'|'.join(chars)})"


def _bare(atom: str) -> str:
    """A choice without its parentheses."""
    return atom[3:-1] if atom.startswith("(?:") and atom.find(")") == len(atom) - 1 else atom


def _choice(chars: Sequence[str]) -> str:
    return chars[0] if len(chars) == 1 else f"(?:{'|'.join(chars)})"


def _factored(ways: list[list[str]]) -> list[str]:
    head: list[str] = []
    while len(ways) > 1 and all(ways) and all(way[0] == ways[0][0] for way in ways):
        head.append(ways[0][0])
        ways = [way[1:] for way in ways]
    tail: list[str] = []
    while len(ways) > 1 and all(ways) and all(way[-1] == ways[0][-1] for way in ways):
        tail.insert(0, ways[0][-1])
        ways = [way[:-1] for way in ways]
    middle = ways[0] if len(ways) == 1 else [f"(?:{'|'.join(_bare(''.join(way)) for way in ways)})"]
    return [*head, *middle, *tail]
