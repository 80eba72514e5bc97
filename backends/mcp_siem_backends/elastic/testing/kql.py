"""The part of KQL that a `_find` filter needs: field:value, and, or, not, parentheses, wildcards."""

import fnmatch
import re
from collections.abc import Callable, Mapping

__all__ = ["KqlError", "parse_kql"]

_TOKEN = re.compile(
    r'\s*(?:(?P<open>\()|(?P<close>\))|(?P<quoted>"(?:\\.|[^"\\])*")|(?P<colon>:)|(?P<word>[^\s():"]+))'
)

Test = Callable[[Mapping[str, object]], bool]


class KqlError(ValueError):
    """The filter is not in this part of KQL."""


def parse_kql(text: str) -> Test:
    """A test of a flat document, whose values are scalars or lists."""
    tokens = _tokens(text)
    test = _either(tokens)
    if tokens:
        raise KqlError(f"unexpected {tokens[0][1]!r}")
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise KqlError(f"unexpected {text[place:][:10]!r}")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    return tokens


def _is_word(tokens: list[tuple[str, str]], word: str) -> bool:
    return bool(tokens) and tokens[0][0] == "word" and tokens[0][1].lower() == word


def _either(tokens: list[tuple[str, str]]) -> Test:
    parts = [_both(tokens)]
    while _is_word(tokens, "or"):
        tokens.pop(0)
        parts.append(_both(tokens))
    return lambda document: any(part(document) for part in parts)


def _both(tokens: list[tuple[str, str]]) -> Test:
    parts = [_negated(tokens)]
    while _is_word(tokens, "and"):
        tokens.pop(0)
        parts.append(_negated(tokens))
    return lambda document: all(part(document) for part in parts)


def _negated(tokens: list[tuple[str, str]]) -> Test:
    if _is_word(tokens, "not"):
        tokens.pop(0)
        inner = _negated(tokens)
        return lambda document: not inner(document)
    if tokens and tokens[0][0] == "open":
        tokens.pop(0)
        inner = _either(tokens)
        _expect(tokens, "close")
        return inner
    return _comparison(tokens)


def _comparison(tokens: list[tuple[str, str]]) -> Test:
    field = _expect(tokens, "word")
    _expect(tokens, "colon")
    kind, raw = tokens.pop(0) if tokens else ("end", "")
    if kind == "quoted":
        wanted = re.sub(r"\\(.)", r"\1", raw[1:-1])
        return lambda document: wanted in _values(document, field)
    if kind != "word":
        raise KqlError("a value was expected")
    return lambda document: any(fnmatch.fnmatchcase(value, raw) for value in _values(document, field))


def _expect(tokens: list[tuple[str, str]], kind: str) -> str:
    if not tokens or tokens[0][0] != kind:
        raise KqlError(f"a {kind} was expected")
    return tokens.pop(0)[1]


def _values(document: Mapping[str, object], field: str) -> list[str]:
    value = document.get(field)
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
