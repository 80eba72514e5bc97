r"""`|expand`: puts the site's values (`[vars]` of mcp-siem.toml) where a rule says `%name%`.

The values become part of the rule's text, so every target sees the same and the digest changes with them. A value is a
Sigma string: `*` and `?` in it are wildcards, `\*` and `\?` literal. In a `|re` value it is literal, less its wildcards,
and folded if the field is a folded twin: plain values are folded by whoever compiles them, regular expressions by none.
`\%` is a percent sign.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from sigma.types import SigmaString, SpecialChars

from mcp_siem.events.fold import fold_pattern

__all__ = ["SOLE", "IsTwin", "expand", "expressible", "placeholders"]

# Modifiers whose values are no strings when `expand` would come after them: such a list cannot stand beside another.
SOLE = frozenset({"cidr", "exists", "fieldref", "gt", "gte", "lt", "lte"})

# An even run of backslashes before the percent sign leaves it a placeholder, an odd one escapes it.
_PLACEHOLDER = re.compile(r"(?<!\\)((?:\\\\)*)%([^%\s]+)%")
_NUMERIC = frozenset({"gt", "gte", "lt", "lte", "minute", "hour", "day", "week", "month", "year"})
_REGEX_SPECIAL = frozenset(r".*+?^$()[]{}|\/-#&~")

Values = Mapping[str, Sequence[str]]
# Says of a field whether it is a folded twin.
IsTwin = Callable[[str], object]


def placeholders(detection: object) -> set[str]:
    """The names of all variables that a detection section asks for."""
    return {
        name
        for _, key, value in _expanding(detection)
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
        for _, name in _PLACEHOLDER.findall(text)
        if key
    }


def _expanding(node: object) -> Iterator[tuple[dict[str, object], str, object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if "expand" in key.split("|")[1:]:
                yield node, key, value
            else:
                yield from _expanding(value)
    elif isinstance(node, list):
        for item in node:
            yield from _expanding(item)


def _no_twin(name: str) -> bool:
    del name
    return False


def expand(detection: object, values: Values, is_twin: IsTwin = _no_twin) -> object:
    """The detection section with every placeholder replaced and `|expand` removed; all names must be in `values`."""
    if isinstance(detection, list):
        return [expand(item, values, is_twin) for item in detection]
    if not isinstance(detection, dict):
        return detection
    out: dict[str, object] = {}
    for key, value in detection.items():
        field, *modifiers = key.split("|")
        if "expand" not in modifiers:
            out[key] = expand(value, values, is_twin)
            continue
        kept = [modifier for modifier in modifiers if modifier != "expand"]
        name = "|".join([field, *kept])
        shown = (_as_folded_regex if is_twin(field) else _as_regex) if "re" in kept else _as_sigma
        made = _expanded(value, values, frozenset(kept), shown)
        if name in detection or name in out:
            # One key holds one list: the other keeps `expand`, which changes nothing where no placeholder is left.
            name, made = f"{name}|expand", _without_placeholders(made)
        out[name] = made
    return out


def _without_placeholders(made: object) -> object:
    if isinstance(made, list):
        return [_without_placeholders(one) for one in made]
    return made.replace("%", "\\%") if isinstance(made, str) else made


def _expanded(value: object, values: Values, modifiers: frozenset[str], shown: Callable[[str], str]) -> object:
    texts = value if isinstance(value, list) else [value]
    out: list[object] = []
    for text in texts:
        if isinstance(text, str):
            out.extend(_typed(made, modifiers) for made in _replaced(text, values, shown))
        else:
            out.append(text)
    return out if len(out) != 1 else out[0]


def _typed(text: str, modifiers: frozenset[str]) -> object:
    if modifiers & _NUMERIC:
        try:
            return int(text)
        except ValueError:
            pass
    return text


def _replaced(text: str, values: Values, shown: Callable[[str], str]) -> Iterator[str]:
    parts = _PLACEHOLDER.split(text)
    literals = [before + escapes for before, escapes in itertools.zip_longest(parts[::3], parts[1::3], fillvalue="")]
    literals = [literal.replace("\\%", "%") for literal in literals]
    names = parts[2::3]
    for chosen in itertools.product(*(values[name] for name in names)):
        made = map(shown, chosen)
        yield "".join(itertools.chain.from_iterable(itertools.zip_longest(literals, made, fillvalue="")))


def _as_sigma(value: str) -> str:
    """The value with its escapes made explicit, so that what follows it in the rule cannot change them."""
    return "".join(
        re.sub(r"[\\*?]", r"\\\g<0>", part) if isinstance(part, str) else ("*" if _many(part) else "?")
        for part in SigmaString(value).s
    )


def _as_folded_regex(value: str) -> str:
    return _as_regex(value, fold_pattern)


def _as_regex(value: str, fold: Callable[[str], str] = str) -> str:
    return "".join(
        "".join(f"\\{char}" if char in _REGEX_SPECIAL else char for char in fold(part))
        if isinstance(part, str)
        else (".*" if _many(part) else ".")
        for part in SigmaString(value).s
    )


def _many(part: object) -> bool:
    return part is SpecialChars.WILDCARD_MULTI


def expressible(detection: object) -> object:
    """The detection with a plausible value in every placeholder, to judge a rule whose variables are not set."""
    names = placeholders(detection)
    dummies = {"cidr": "192.0.2.0/24", "numeric": "1", "": "value"}
    if not isinstance(detection, dict | list):
        return detection
    kinds = {
        name: ("cidr" if "cidr" in key else "numeric" if _NUMERIC & set(key.split("|")) else "")
        for _, key, value in _expanding(detection)
        for name in names
        if f"%{name}%" in str(value)
    }
    return expand(detection, {name: (dummies[kinds.get(name, "")],) for name in names})
