"""The `search` command, read from its published description and nothing else.

Search Reference, "search": terms are joined by an implied AND; values compare without regard to case; `*` is the only
wildcard; `IN` takes a list; `*` alone is every event; `NOT field=x` finds events that lack the field, `!=` does not; CIDR notation matches
addresses; a field with several values matches if any does. Search Manual, "Boolean expressions": NOT, then OR, then AND.
Search Manual, "Backslashes": a backslash escapes a quote and itself, never an asterisk. Search Manual, "Wildcards": an
asterisk inside a value gives inconsistent results, so such a term is refused here.
"""

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spl_dialect import Dialect, UnknownSplError
from spl_rows import Row

Test = Callable[[Row], bool]

_TOKEN = re.compile(r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<op><=|>=|=|<|>)|(?P<mark>[(),])|(?P<bare>[^\s"=<>(),]+))')
_MODIFIERS = {"_index_earliest", "_index_latest", "earliest", "latest"}
_METADATA = {"index", "sourcetype"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise UnknownSplError(f"search cannot read {text[at:]!r}")
        found.append(
            Token(match.lastgroup, _unescaped(match[0].strip()) if match.lastgroup == "quoted" else match[0].strip())
        )
        at = match.end()
    return found


def _unescaped(quoted: str) -> str:
    inner = quoted[1:-1]
    for follows in re.findall(r"\\(.)", inner):
        if follows not in '"\\':
            raise UnknownSplError(f"no page says what \\{follows} is in a search term")
    return re.sub(r"\\(.)", r"\1", inner)


def parse_search(text: str, macros: Mapping[str, str], dialect: Dialect) -> Test:
    """The first command of a search."""

    def expanded(match: re.Match[str]) -> str:
        if match[1] not in macros:
            raise UnknownSplError(f"macro {match[1]}")
        return macros[match[1]]

    if "[" in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        raise UnknownSplError("subsearch")
    parser = _Parser(tokens(re.sub(r"`([^`\"]+)`", expanded, text)), dialect)
    test = parser.conjunction()
    if parser.rest:
        raise UnknownSplError(f"search leaves {parser.rest}")
    return test


class _Parser:
    """NOT binds closest, then OR, then the implied AND."""

    def __init__(self, found: list[Token], dialect: Dialect) -> None:
        self.rest = found
        self._dialect = dialect

    def _peek(self) -> Token:
        return self.rest[0] if self.rest else Token("end", "")

    def _take(self) -> Token:
        if not self.rest:
            raise UnknownSplError("the search ends early")
        return self.rest.pop(0)

    def conjunction(self) -> Test:
        parts = [self._disjunction()]
        while self.rest and self._peek() != Token("mark", ")"):
            if self._peek() == Token("bare", "AND"):
                self._take()
            parts.append(self._disjunction())
        return lambda row: all(part(row) for part in parts)

    def _disjunction(self) -> Test:
        parts = [self._negation()]
        while self._peek() == Token("bare", "OR"):
            self._take()
            parts.append(self._negation())
        return lambda row: any(part(row) for part in parts)

    def _negation(self) -> Test:
        if self._peek() == Token("bare", "NOT"):
            self._take()
            inner = self._negation()
            return lambda row: not inner(row)
        if self._peek() == Token("mark", "("):
            self._take()
            inner = self.conjunction()
            if self._take() != Token("mark", ")"):
                raise UnknownSplError("unbalanced parentheses")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._take()
        if name == Token("bare", "*") and self._peek().kind != "op":
            return lambda _: True
        follows = self._take() if self.rest else Token("end", "")
        if name.kind not in ("bare", "quoted") or (follows.kind != "op" and follows != Token("bare", "IN")):
            raise UnknownSplError(f"a term without a field: {name.text}")
        if name.text in _MODIFIERS:
            self._take()
            return lambda _: True
        if follows.kind == "op":
            return self._compared(name.text, follows.text, self._take())
        if self._take() != Token("mark", "("):
            raise UnknownSplError("IN without a list")
        tests = [self._compared(name.text, "=", self._take())]
        while self._peek() == Token("mark", ","):
            self._take()
            tests.append(self._compared(name.text, "=", self._take()))
        self._take()
        return lambda row: any(test(row) for test in tests)

    def _compared(self, name: str, op: str, value: Token) -> Test:
        if value.kind not in ("bare", "quoted"):
            raise UnknownSplError(f"no value for {name}")
        fits = self._equal(value.text) if op == "=" else lambda text: _ordered(text, op, value.text)
        return lambda row: any(fits(text) for text in row.fields.get(name, ()))

    def _equal(self, wanted: str) -> Callable[[str], bool]:
        if "*" in wanted.strip("*"):
            raise UnknownSplError(f"a wildcard inside a value: {wanted}")
        if wanted and not wanted.strip("*"):
            return lambda text: bool(text) or self._dialect.star_finds_empty
        if wanted != wanted.strip() or any(ord(char) > 126 or ord(char) < 32 for char in wanted) or wanted == "":
            raise UnknownSplError(f"no page says how {wanted!r} is found")
        network = _network(wanted)
        if network is not None:
            return lambda text: _inside(text, network)
        number = _number(wanted)
        pattern = re.compile(fnmatch.translate(re.sub(r"([\[?])", r"[\1]", wanted)), re.IGNORECASE | re.ASCII)
        return lambda text: bool(pattern.match(text)) or (number is not None and _number(text) == number)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _inside(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text) else None


def _ordered(text: str, op: str, wanted: str) -> bool:
    """Numbers by value, anything else by its letters (Search Reference, "search", comparison expressions)."""
    one, two = _number(text), _number(wanted)
    left, right = (one, two) if one is not None and two is not None else (text, wanted)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]  # type: ignore[operator]
