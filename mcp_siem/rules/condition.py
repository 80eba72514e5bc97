"""The words of a Sigma condition: which selections it names, and what pySigma would read otherwise than it is meant."""

import difflib
import fnmatch
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["ConditionFault", "condition_faults", "named_selections", "readable", "rewritten"]

_WORD = re.compile(r"[A-Za-z0-9_*-]+")
_OPERATORS = frozenset({"and", "or", "not"})
_QUANTIFIERS = frozenset({"1", "any", "all"})
# pySigma makes a backtracking regular expression of a pattern: stars multiply its time.
_MOST_STARS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFault:
    """What is wrong with a condition: a code, words, and what to do next."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    """One operand: `text` is a selection, or a pattern if `quantifier` says how many of it."""

    text: str
    start: int
    end: int
    quantifier: str | None = None


def _names(condition: str) -> Iterator[_Name]:
    words = list(_WORD.finditer(condition))
    index = 0
    while index < len(words):
        word = words[index]
        follows = words[index + 1].group() if index + 1 < len(words) else ""
        if word.group() in _QUANTIFIERS and follows == "of" and index + 2 < len(words):
            last = words[index + 2]
            yield _Name(text=last.group(), start=word.start(), end=last.end(), quantifier=word.group())
            index += 3
        else:
            if word.group() not in _OPERATORS:
                yield _Name(text=word.group(), start=word.start(), end=word.end())
            index += 1


def _matching(pattern: str, selections: Iterable[str]) -> list[str]:
    """The selections that a pattern stands for; as in pySigma, `_x` is meant only by a pattern that starts so."""
    wanted = "*" if pattern == "them" else pattern
    hidden = pattern.startswith("_")
    return [name for name in selections if fnmatch.fnmatchcase(name, wanted) and (hidden or not name.startswith("_"))]


def named_selections(condition: str, selections: Iterable[str]) -> set[str]:
    """The selections that a condition uses, by name or by pattern."""
    known = list(selections)
    used: set[str] = set()
    for name in _names(condition):
        used.update(_matching(name.text, known) if name.quantifier else {name.text} & set(known))
    return used


def condition_faults(condition: str, selections: Iterable[str]) -> Iterator[ConditionFault]:
    """What the condition names that is not there, or that pySigma would read otherwise."""
    known = list(selections)
    if "|" in condition:
        hint = "move the aggregation into a correlation rule (event_count, value_count)"
        yield ConditionFault(code="MS015", message="aggregations after '|' are no longer part of Sigma", hint=hint)
        return
    for name in _names(condition):
        if name.text.count("*") > _MOST_STARS:
            message = f"the pattern '{name.text[:40]}' has more than {_MOST_STARS} stars"
            yield ConditionFault(code="MS015", message=message, hint="name the selections, or a pattern with one star")
        elif name.quantifier and not _matching(name.text, known):
            message = f"the condition asks for '{name.quantifier} of {name.text}', and no selection is called so"
            yield ConditionFault(code="MS016", message=message, hint=_meant(name.text, known))
        elif not name.quantifier:
            yield from _name_faults(name.text, known)


def _name_faults(name: str, known: list[str]) -> Iterator[ConditionFault]:
    if name in known:
        return
    if name.lower() in _OPERATORS:
        hint = f"write '{name.lower()}'"
        yield ConditionFault(code="MS015", message=f"'{name}' must be in lower case", hint=hint)
    else:
        message = f"the condition names the selection '{name}', which is not there"
        yield ConditionFault(code="MS016", message=message, hint=_meant(name, known))


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"the selections are: {', '.join(sorted(known)[:8])}"


def readable(conditions: Sequence[str], selections: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The conditions without names that begin with `not`, and the second name of each such selection.

    pySigma reads `notepad` as `not epad`. A second name changes nothing: no pattern means it that does not mean the first.
    """
    known = set(selections)
    operands = [name for condition in conditions for name in _names(condition)]
    patterns = [name.text for name in operands if name.quantifier]
    others: dict[str, str] = {}
    for name in operands:
        if not name.quantifier and name.text.startswith("not") and name.text in known and name.text not in others:
            taken = {*known, *others.values()}
            others[name.text] = next(
                other
                for number in itertools.count()
                for other in (f"_named{number}_{name.text}", f"named{number}_{name.text}")
                if other not in taken
                and all(_matching(one, [name.text]) for one in patterns if _matching(one, [other]))
            )
    if not others:
        return list(conditions), others
    return [rewritten(one, lambda name, many: _renamed(name, many, others)) for one in conditions], others


def _renamed(name: str, quantifier: str | None, others: Mapping[str, str]) -> str:
    return f"{quantifier} of {name}" if quantifier else others.get(name, name)


def rewritten(condition: str, change: Callable[[str, str | None], str]) -> str:
    """The condition with each operand replaced by `change(name, quantifier)`."""
    out: list[str] = []
    at = 0
    for name in _names(condition):
        out += [condition[at : name.start], change(name.text, name.quantifier)]
        at = name.end
    return "".join([*out, condition[at:]])
