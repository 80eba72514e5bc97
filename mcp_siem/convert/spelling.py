"""Every way to write a case-folded literal, as a pattern: for fields that the index keeps as they were written. Pure."""

from collections.abc import Sequence

from mcp_siem.convert.casing import multi_folds, single_folds
from mcp_siem.convert.pattern import Chars, Node, Seq, alt, ranges_of, seq

__all__ = ["spelled"]

# A run of letters that ligatures can stand for in more ways than this keeps the first of them.
_MOST_SPELLINGS = 64

Folds = Sequence[tuple[str, str]]


def spelled(text: str, *, open_left: bool, open_right: bool) -> Node:
    """All spellings of a folded text; at an open end, a character may stand for it that folds to more than is asked."""
    folds = [(char, folded) for char, folded in multi_folds().items() if folded in text]
    options = [_ended(text, folds, open_right=open_right)]
    if open_left:
        options += [seq([chars, _ended(rest, folds, open_right=open_right)]) for chars, rest in _cuts(text, at=0)]
    if open_left and open_right and (around := [char for char, folded in multi_folds().items() if text in folded]):
        options.append(_set(around))
    return _factored(options)


def _ended(text: str, folds: Folds, *, open_right: bool) -> Node:
    options = [_ways(text, folds)]
    if open_right:
        options += [seq([_ways(rest, folds), chars]) for chars, rest in _cuts(text, at=-1)]
    return _factored(options)


def _cuts(text: str, *, at: int) -> list[tuple[Node, str]]:
    """Characters whose folding only begins inside the text (or ends in it, at 0), with what remains of the text."""
    found: dict[str, list[str]] = {}
    for char, folded in multi_folds().items():
        for size in range(1, min(len(folded), len(text) + 1)):
            if at == 0 and text.startswith(folded[-size:]):
                found.setdefault(text[size:], []).append(char)
            elif at == -1 and text.endswith(folded[:size]):
                found.setdefault(text[:-size], []).append(char)
    return [(_set(chars), rest) for rest, chars in found.items()]


def _ways(text: str, folds: Folds) -> Node:
    """Sets for single characters, and local choices where one character may stand for several."""
    nodes: list[Node] = []
    at = 0
    for start, end in _runs(text, folds):
        nodes.extend(_one(char) for char in text[at:start])
        nodes.append(alt(_spellings(text[start:end], folds)))
        at = end
    nodes.extend(_one(char) for char in text[at:])
    return seq(nodes)


def _runs(text: str, folds: Folds) -> list[tuple[int, int]]:
    """The stretches of the text that one character can stand for, overlapping ones joined."""
    spans = [
        (start, start + len(folded))
        for folded in {folded for _, folded in folds}
        for start in range(len(text))
        if text.startswith(folded, start)
    ]
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _spellings(run: str, folds: Folds) -> list[Node]:
    """Every way to cut a run into single characters and foldings of several, single characters first."""
    ways: list[list[list[Node]]] = [[[]]]
    for end in range(1, len(run) + 1):
        found = [[*way, _one(run[end - 1])] for way in ways[end - 1]]
        for folded in sorted({folded for _, folded in folds}):
            if run.endswith(folded, 0, end):
                joined = _set([char for char, other in folds if other == folded])
                found.extend([*way, joined] for way in ways[end - len(folded)])
        ways.append(found[:_MOST_SPELLINGS])
    return [seq(way) for way in ways[-1]]


def _factored(options: Sequence[Node]) -> Node:
    """A choice whose common beginning and end are written once."""
    rows = [list(option.items) if isinstance(option, Seq) else [option] for option in options]
    head: list[Node] = []
    while len(rows) > 1 and all(rows) and all(row[0] == rows[0][0] for row in rows):
        head.append(rows[0][0])
        rows = [row[1:] for row in rows]
    tail: list[Node] = []
    while len(rows) > 1 and all(rows) and all(row[-1] == rows[0][-1] for row in rows):
        tail.insert(0, rows[0][-1])
        rows = [row[:-1] for row in rows]
    return seq([*head, alt(seq(row) for row in rows), *tail])


def _one(char: str) -> Node:
    return _set(list(single_folds(char) or char))


def _set(chars: Sequence[str]) -> Node:
    return Chars(ranges_of((ord(char), ord(char)) for char in chars))
