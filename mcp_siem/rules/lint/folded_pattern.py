r"""A pattern on a folded twin that folding changes: the twin never holds what it looks for.

The engine and the converters fold plain values, and loading a pack refuses those of which nothing is left. They leave regular expressions alone, so these must be written folded:
lower case, plain ASCII for look-alikes, nothing invisible.
"""

import re
from collections.abc import Iterator
from functools import partial
from itertools import groupby

from mcp_siem.events.fold import fold_pattern
from mcp_siem.rules.lint.subject import Check, Fault, Item, Subject

__all__ = ["CHECK", "folded_regex"]

_CODE = (
    r"\\(?:x\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|0[0-7]{0,2}|[1-3][0-7]{2}|[abfnrtv])"
)
_UNICODE_CLASS = r"\\[pP](?:\{[^}]*\}|.)"
_TOKEN = re.compile(
    rf"""(?P<variable>(?!))
       |(?P<keep>{_UNICODE_CLASS}|\\N\{{[^}}]*\}}
          |\(\?P?<[A-Za-z_]\w*>|\(\?P[=>]\w+\)          # a group's name
          |\(\?(?:[=!]|<[=!]))                          # what RE2 refuses; the engine tells
       |\(\?(?P<flags>[a-zA-Z]*(?:-[a-zA-Z]*)?)(?P<end>[:)])
       |(?P<quote>\\Q(?P<quoted>.*?)(?:\\E|\Z))
       |(?P<set>\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\])
       |(?P<times>[*+?]\??|\{{[0-9]+(?:,[0-9]*)?\}}\??)
       |(?P<code>{_CODE})
       |\\(?P<literal>[^A-Za-z0-9])
       |(?P<escape>\\.)
       |(?P<group>[()])
       |(?P<char>.)""",
    re.VERBOSE | re.DOTALL,
)
_WITH_VARIABLES = re.compile(_TOKEN.pattern.replace("(?!)", r"%[^%\s]+%", 1), re.VERBOSE | re.DOTALL)
_MEMBER = re.compile(
    rf"(?P<class>\[:\^?\w+:\]|{_UNICODE_CLASS})|(?P<code>{_CODE})|(?P<escape>\\[A-Za-z])|\\?(?P<char>.)", re.DOTALL
)
_CODES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
# Of a longer range something is always left.
_LONGEST_RANGE = 4096
_TWO = 2
_BLANKS = frozenset({" ", "\\ ", "\\x20", "\\x{20}", "\\u0020", "\\U00000020", "\\040"})

# A piece of a pattern, and how it is spelled folded.
Piece = tuple[str, str]


def folded_regex(pattern: str, *, any_case: bool, variables: bool = False) -> str:
    """The pattern with each literal folded; `any_case` leaves ASCII capitals, which then match all the same.

    Of a set in brackets something must be left; one that the twin holds no member of is folded.
    """
    return "".join(folded for _, folded in _pieces(pattern, any_case=any_case, variables=variables))


def _pieces(pattern: str, *, any_case: bool, variables: bool) -> list[Piece]:
    pieces: list[Piece] = []
    cases = [any_case]
    for token in (_WITH_VARIABLES if variables else _TOKEN).finditer(pattern):
        text = token.group()
        fold = partial(_folded, any_case=cases[-1])
        if token["flags"] is not None:
            case = _case(token["flags"], inherited=cases[-1])
            if token["end"] == ")":
                cases.pop()
            cases.append(case)
        elif text.startswith("(") and not text.startswith("(?P="):
            cases.append(cases[-1])
        elif text == ")" and len(cases) > 1:
            cases.pop()
        pieces += _token_pieces(token, text, fold, any_case=cases[-1])
    return _single_spaced(pieces)


def _case(flags: str, *, inherited: bool) -> bool:
    on, _, off = flags.partition("-")
    return ("i" in on or inherited) and "i" not in off


def _token_pieces(token: re.Match[str], text: str, fold: partial[str], *, any_case: bool) -> list[Piece]:
    if token["quote"] is not None:
        folded = "".join(fold(char) for char in token["quoted"])
        return [(text, text if folded == token["quoted"] else _plain(folded))]
    if token["set"] is not None:
        return [(text, _folded_set(text, any_case=any_case))]
    if token["code"] is not None:
        char = "" if text == "\\b" else _decoded(text)
    else:
        char = token["char"] or token["literal"] or ""
    folded = fold(char)
    return [(text, text if folded == char else _plain(folded))]


def _plain(text: str) -> str:
    return "".join(char if char.isalnum() or char == " " else re.escape(char) for char in text)


def _decoded(code: str) -> str:
    """The character of an escape by number, or by one letter."""
    body = code[1:]
    if body in _CODES:
        return _CODES[body]
    point = int(body, 8) if body[0].isdigit() else int(body[1:].strip("{}"), 16)
    return chr(point) if point <= 0x10FFFF else ""  # noqa: PLR2004 - the end of Unicode


def _folded(char: str, *, any_case: bool) -> str:
    if char.isascii() and char.isprintable():
        return char if any_case else char.lower()
    return " " if char.isspace() else fold_pattern(char)


def _folded_set(text: str, *, any_case: bool) -> str:
    """The set as it is if folding leaves anything in it and it names no look-alike, else what its members fold to."""
    if text.startswith("[^"):
        return text
    chars: list[str] = []
    alike = False
    for first, last in _members(text[1:-1]):
        if not first or ord(last) - ord(first) >= _LONGEST_RANGE:
            return text
        chars += map(chr, range(ord(first), ord(last) + 1))
        alike |= first == last and not first.isascii() and _folded(first, any_case=any_case) != first
    folded = [_folded(char, any_case=any_case) for char in chars]
    if not alike and any(one == char for one, char in zip(folded, chars, strict=True)):
        return text
    left = sorted({char for one in folded for char in one})
    return f"[{_ranges(left)}]" if left else ""


def _members(body: str) -> Iterator[tuple[str, str]]:
    """First and last character of each member; empty texts for a class, which always has something left."""
    found = list(_MEMBER.finditer(body))
    at = 0
    while at < len(found):
        member = found[at]
        if member["class"] or member["escape"]:
            yield "", ""
            at += 1
            continue
        first = last = _decoded(member["code"]) if member["code"] else member["char"]
        at += 1
        if at + 1 < len(found) and found[at].group() == "-" and (found[at + 1]["code"] or found[at + 1]["char"]):
            last = _decoded(found[at + 1]["code"]) if found[at + 1]["code"] else found[at + 1]["char"]
            at += 2
        if first and last and first <= last:
            yield first, last


def _ranges(chars: list[str]) -> str:
    out = ""
    for _, run in groupby(enumerate(chars), key=lambda one: ord(one[1]) - one[0]):
        letters = [char for _, char in run]
        ends = [re.escape(letters[0]), re.escape(letters[-1])]
        out += "-".join(ends) if len(letters) > _TWO else "".join(map(re.escape, letters))
    return out.replace("\\ ", " ")


def _single_spaced(pieces: list[Piece]) -> list[Piece]:
    """The pieces with each run of blanks that asks for two or more made one: the twin has single ones."""
    out: list[Piece] = []
    run: list[Piece] = []
    for piece in [*pieces, ("", "")]:
        if piece[1] in _BLANKS or (run and _least(piece[1]) is not None):
            run.append(piece)
            continue
        asked = _asked([folded for _, folded in run])
        out += [("".join(text for text, _ in run), " ")] if asked >= _TWO else run
        out.append(piece)
        run = []
    return out


def _asked(run: list[str]) -> int:
    """How many blanks a run of blanks and their repetitions asks for."""
    counts: list[int] = []
    for folded in run:
        least = _least(folded)
        if least is None:
            counts.append(1)
        else:
            counts[-1] *= least
    return sum(counts)


def _least(text: str) -> int | None:
    """The least number of times that a repetition asks for; None if the text is none."""
    if text.startswith(("*", "?")):
        return 0
    if text.startswith("+"):
        return 1
    found = re.match(r"\{([0-9]{1,4})[0-9]*(?:,[0-9]*)?\}", text)
    return int(found[1]) if found else None


def _run(subject: Subject) -> Iterator[Fault]:
    for item in subject.items():
        if item.field and subject.taxonomy.twin_source(item.field):
            for index, value in enumerate(item.values):
                if isinstance(value, str) and "re" in item.modifiers:
                    yield from _faults(item, (*item.at, index), value)


def _faults(item: Item, at: tuple[str | int, ...], pattern: str) -> Iterator[Fault]:
    any_case = not {"i", "ignorecase"}.isdisjoint(item.modifiers)
    pieces = _pieces(pattern, any_case=any_case, variables="expand" in item.modifiers)
    changed = [(text, folded) for text, folded in pieces if text != folded]
    if changed:
        first = changed[0][0].encode("unicode_escape").decode() if not changed[0][0].isprintable() else changed[0][0]
        message = f"the twin '{item.field}' never holds '{first}', which this pattern spells"
        hint = f"write it folded: {''.join(folded for _, folded in pieces)}"
        if not all(folded for _, folded in changed):
            hint = "match the original field for hidden characters, or their flag"
        yield Fault(at=at, message=message, hint=hint)


CHECK = Check(code="MS212", says="patterns on twins are folded", severity="error", run=_run, ours=False)
