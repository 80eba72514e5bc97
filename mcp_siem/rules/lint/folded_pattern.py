r"""A pattern on a folded twin that folding changes: the twin never holds what it looks for.

The engine and the converters fold plain values. They leave regular expressions alone, so these must be written folded:
lower case, plain ASCII for look-alikes, nothing invisible.
"""

import re
from collections.abc import Iterator

from sigma.types import SigmaString

from mcp_siem.events.fold import fold_pattern
from mcp_siem.rules.lint.subject import Check, Fault, Item, Subject

__all__ = ["CHECK", "folded_regex"]

_TOKEN = re.compile(
    r"""(?P<keep>\\[pP](?:\{[^}]*\}|.)          # a Unicode class
          |\(\?P?<[A-Za-z_]\w*>|\(\?[a-zA-Z-]*[:)]  # a group's name or flags
          |\\Q.*?\\E)
       |(?P<code>\\(?:x\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}))
       |(?P<escape>\\.)
       |(?P<char>.)""",
    re.VERBOSE | re.DOTALL,
)
_FLAG_I = re.compile(r"\(\?[a-zA-Z]*i")


def folded_regex(pattern: str, *, any_case: bool) -> str:
    """The pattern with each literal character folded; `any_case` leaves ASCII capitals, which then match all the same."""
    return "".join(_folded_token(token, any_case=any_case) for token in _TOKEN.finditer(pattern))


def _folded_token(token: re.Match[str], *, any_case: bool) -> str:
    text = token.group()
    if token.lastgroup in ("keep", "escape"):
        return text
    if token.lastgroup == "code":
        point = int(text.strip("\\xuU{}"), 16)
        char = chr(point) if point <= 0x10FFFF else ""  # noqa: PLR2004 - the end of Unicode
        folded = _folded(char, any_case=any_case)
        return text if folded == char else folded
    return _folded(text, any_case=any_case)


def _folded(char: str, *, any_case: bool) -> str:
    if char.isascii() and char.isprintable():
        return char if any_case else char.lower()
    return " " if char.isspace() else fold_pattern(char)


def _run(subject: Subject) -> Iterator[Fault]:
    for item in subject.items():
        if item.field and subject.taxonomy.twin_source(item.field):
            for index, value in enumerate(item.values):
                if isinstance(value, str):
                    yield from _faults(item, index, value)


def _faults(item: Item, index: int, value: str) -> Iterator[Fault]:
    at = (*item.at, index)
    if "re" in item.modifiers:
        any_case = "i" in item.modifiers or "ignorecase" in item.modifiers or bool(_FLAG_I.search(value))
        better = folded_regex(value, any_case=any_case)
        if better != value:
            message = f"the twin '{item.field}' never holds what this pattern spells"
            yield Fault(at=at, message=message, hint=f"write it folded: {better}")
        return
    literals = [part for part in SigmaString(value).s if isinstance(part, str)]
    if any(literals) and not any(fold_pattern(part) for part in literals):
        message = f"the value '{value.encode('unicode_escape').decode()}' folds to nothing"
        yield Fault(at=at, message=message, hint="match the original field for hidden characters, or their flag")


CHECK = Check(code="MS212", says="patterns on twins are folded", severity="error", run=_run)
