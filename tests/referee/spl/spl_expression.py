"""Expressions of `where` and `eval`, read from the published description of eval's operators and functions.

Search Reference, "eval": texts in double quotes, field names in single quotes, `.` joins texts. Search Manual, "Boolean
expressions": in `where`, NOT, then AND, then OR. Search Reference, "Evaluation functions": each function below names its
page. Regular expressions are PCRE; RE2 stands in for it and refuses what it cannot say.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import re2
from spl_dialect import Dialect, UnknownSplError
from spl_rows import Row, number_text

Value = object  # None, bool, float, str, or a tuple of str
Expr = Callable[[Row], Value]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<field>'[^']+')|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"""
    r"""|(?P<op><=|>=|==|!=|[=<>+\-*/.%])|(?P<mark>[(),])|(?P<name>[A-Za-z_][A-Za-z0-9_]*))"""
)


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
            raise UnknownSplError(f"eval cannot read {text[at : at + 60]!r}")
        found.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def number_of(value: Value) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, tuple):
        raise UnknownSplError("a number of a multivalue field")
    return float(value) if re.fullmatch(r"\s*-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*", str(value)) else None


def text_of(value: Value) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        raise UnknownSplError("a text of a multivalue field")
    if isinstance(value, bool):
        raise UnknownSplError("a text of a truth value")
    return number_text(value) if isinstance(value, int | float) else str(value)


def many(value: Value) -> tuple[str, ...] | None:
    if value is None:
        return None
    return value if isinstance(value, tuple) else (str(text_of(value)),)


class Parser:
    """Recursive descent, loosest first: OR, AND, NOT, comparison, `+ -` and `.`, `* /`, sign, call."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.rest = tokens(text)
        self.dialect = dialect

    def peek(self) -> Token:
        return self.rest[0] if self.rest else Token("end", "")

    def take(self) -> Token:
        if not self.rest:
            raise UnknownSplError("the expression ends early")
        return self.rest.pop(0)

    def is_next(self, *words: str) -> bool:
        return self.peek().kind in ("op", "mark", "name") and self.peek().text in words

    def expect(self, word: str) -> None:
        if self.take().text != word:
            raise UnknownSplError(f"expected {word}")

    def disjunction(self) -> Expr:
        parts = [self.conjunction()]
        while self.is_next("OR"):
            self.take()
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else lambda row: self._either([part(row) for part in parts])

    def conjunction(self) -> Expr:
        parts = [self.negation()]
        while self.is_next("AND"):
            self.take()
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else lambda row: self._both([part(row) for part in parts])

    def negation(self) -> Expr:
        if self.is_next("NOT"):
            self.take()
            inner = self.negation()
            return lambda row: None if (held := _truth(inner(row))) is None else not held
        return self.comparison()

    def _either(self, values: list[Value]) -> Value:
        held = [_truth(value) for value in values]
        return True if True in held else None if None in held else False

    def _both(self, values: list[Value]) -> Value:
        held = [_truth(value) for value in values]
        return False if False in held else None if None in held else True

    def comparison(self) -> Expr:
        left = self.sum()
        if not self.is_next("=", "==", "!=", "<", "<=", ">", ">="):
            return left
        op = self.take().text
        right = self.sum()
        return lambda row: self._compared(left(row), op, right(row))

    def _compared(self, left: Value, op: str, right: Value) -> Value:
        """Numbers by value if both are, else by letters, case included (Search Reference, "where")."""
        if left is None or right is None:
            return False if self.dialect.null_is_false else None
        if isinstance(left, tuple) or isinstance(right, tuple):
            raise UnknownSplError("comparing a multivalue field")
        one, two = number_of(left), number_of(right)
        if one is None or two is None:
            one, two = str(text_of(left)), str(text_of(right))  # type: ignore[assignment]
        return {
            "=": one == two, "==": one == two, "!=": one != two,
            "<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two,  # type: ignore[operator]
        }[op]  # fmt: skip

    def sum(self) -> Expr:
        left = self.product()
        while self.is_next("+", "-", "."):
            op, right = self.take().text, self.product()
            left = _joined(left, right) if op == "." else _calculated(left, op, right)
        return left

    def product(self) -> Expr:
        left = self.operand()
        while self.is_next("*", "/"):
            op, right = self.take().text, self.operand()
            left = _calculated(left, op, right)
        return left

    def operand(self) -> Expr:  # noqa: PLR0911 - one return for each kind of operand
        token = self.take()
        if token.text == "(":
            inner = self.disjunction()
            self.expect(")")
            return inner
        if token.text == "-":
            inner = self.operand()
            return lambda row: None if (value := number_of(inner(row))) is None else -value
        match token.kind:
            case "number":
                return lambda _: float(token.text)
            case "text":
                text = self._text(token.text)
                return lambda _: text
            case "field":
                return _field(token.text[1:-1])
            case "name" if self.is_next("("):
                return self.call(token.text)
            case "name":
                return _field(token.text)
        raise UnknownSplError(f"eval does not begin with {token.text}")

    def _text(self, quoted: str) -> str:
        """A backslash escapes itself and the quote; before other letters the pages disagree (Dialect)."""
        swap = {"t": "\t", "n": "\n", "r": "\r"} if self.dialect.escapes_whitespace else {}
        return re.sub(
            r"\\(.)", lambda m: m[1] if m[1] in '"\\' else swap.get(m[1], m[0]), quoted[1:-1], flags=re.DOTALL
        )

    def call(self, name: str) -> Expr:
        self.expect("(")
        start = list(self.rest)
        arguments: list[Expr] = []
        while not self.is_next(")"):
            arguments.append(self.disjunction())
            if self.is_next(","):
                self.take()
        taken = start[: len(start) - len(self.rest)]
        self.expect(")")
        if name in ("mvfilter", "mvmap"):
            return _over_values(name, taken, arguments)
        if name not in FUNCTIONS:
            raise UnknownSplError(f"function {name}")
        function = FUNCTIONS[name]
        return lambda row: function([argument(row) for argument in arguments])


def _truth(value: Value) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise UnknownSplError(f"{value!r} is no truth value")


def _field(name: str) -> Expr:
    def read(row: Row) -> Value:
        if name in row.extra:
            return row.extra[name]
        values = row.fields.get(name, ())
        return None if not values else values[0] if len(values) == 1 else values

    return read


def _joined(left: Expr, right: Expr) -> Expr:
    def join(row: Row) -> Value:
        one, two = text_of(left(row)), text_of(right(row))
        return None if one is None or two is None else one + two

    return join


def _calculated(left: Expr, op: str, right: Expr) -> Expr:
    def calculate(row: Row) -> Value:
        one, two = number_of(left(row)), number_of(right(row))
        if one is None or two is None:
            return None
        return {"+": one + two, "-": one - two, "*": one * two, "/": one / two if two else None}[op]

    return calculate


def _over_values(name: str, taken: list[Token], arguments: list[Expr]) -> Expr:
    """Multivalue eval functions: mvfilter keeps values for which the predicate holds and may name one field only;
    mvmap evaluates the expression for each value of its first argument."""
    fields = {token.text.strip("'") for token in taken if token.kind == "field"}
    fields |= {token.text for token, follows in zip(taken, [*taken[1:], Token("end", "")], strict=True)
               if token.kind == "name" and follows.text != "(" and token.text not in ("AND", "OR", "NOT")}  # fmt: skip
    if name == "mvfilter":
        if len(fields) != 1 or len(arguments) != 1:
            raise UnknownSplError(f"mvfilter names {sorted(fields)}")
        over = fields.pop()
    else:
        over = taken[0].text.strip("'")
    read, body = _field(over), arguments[-1]

    def run(row: Row) -> Value:
        values = many(read(row))
        kept: list[str] = []
        for value in values or ():
            inner = row.copy()
            inner.extra = {**row.extra, over: value}
            found = body(inner)
            if name == "mvfilter":
                kept += [value] if _truth(found) is True else []
            elif found is not None:
                kept.append(str(text_of(found)))
        return None if not kept else kept[0] if len(kept) == 1 else tuple(kept)

    return run


@cache
def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise UnknownSplError(f"the regular expression {pattern}: {error}") from error


def regex_found(pattern: Value, text: str) -> bool:
    return _compiled(str(pattern)).search(text) is not None


def _match(values: list[Value]) -> Value:
    text = text_of(values[0])
    return None if text is None else regex_found(values[1], text)


def _mvfind(values: list[Value]) -> Value:
    for place, text in enumerate(many(values[0]) or ()):
        if regex_found(values[1], text):
            return float(place)
    return None


def _cidrmatch(values: list[Value]) -> Value:
    text = text_of(values[1])
    if text is None:
        return None
    network = ipaddress.ip_network(str(values[0]))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _substr(values: list[Value]) -> Value:
    text, start = text_of(values[0]), int(number_of(values[1]) or 0)
    if text is None:
        return None
    if start < 1:
        return None  # no page says; whoever relies on it sees null
    length = len(text) if len(values) < 3 else int(number_of(values[2]) or 0)
    return text[start - 1 : start - 1 + length]


def _split(values: list[Value]) -> Value:
    text, by = text_of(values[0]), text_of(values[1])
    if not by:
        return None  # no page says; whoever relies on it sees null
    parts = None if text is None else tuple(text.split(by))
    return parts if parts is None or len(parts) > 1 else parts[0]


def _strftime(values: list[Value]) -> Value:
    time = number_of(values[0])
    if time is None:
        return None
    return f"{time:.6f}" if values[1] == "%s.%6N" else f"<{time}>"


def _case(values: list[Value]) -> Value:
    return next((values[at + 1] for at in range(0, len(values), 2) if _truth(values[at]) is True), None)


def _mvdedup(values: list[Value]) -> Value:
    found = tuple(dict.fromkeys(many(values[0]) or ()))
    return None if not found else found[0] if len(found) == 1 else found


def _mvappend(values: list[Value]) -> Value:
    """Multivalue eval functions, mvappend: all values of all arguments; what is null brings none."""
    found = tuple(text for value in values for text in many(value) or ())
    return None if not found else found[0] if len(found) == 1 else found


def _replace(values: list[Value]) -> Value:
    text = text_of(values[0])
    return None if text is None else re2.sub(str(values[1]), str(values[2]), text)


def _mvindex(values: list[Value]) -> Value:
    found, at = many(values[0]) or (), int(number_of(values[1]) or 0)
    return found[at] if at < len(found) else None


FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    "case": _case,
    "cidrmatch": _cidrmatch,
    "coalesce": lambda values: next((value for value in values if value is not None), None),
    "false": lambda _: False,
    "if": lambda values: values[1] if _truth(values[0]) is True else values[2],
    "isnotnull": lambda values: values[0] is not None,
    "isnull": lambda values: values[0] is None,
    "len": lambda values: None if (text := text_of(values[0])) is None else float(len(text)),
    "lower": lambda values: None if (text := text_of(values[0])) is None else text.lower(),
    "match": _match,
    "mvappend": _mvappend,
    "mvcount": lambda values: None if (found := many(values[0])) is None else float(len(found)),
    "mvdedup": _mvdedup,
    "mvfind": _mvfind,
    "mvindex": _mvindex,
    "null": lambda _: None,
    "replace": _replace,
    "split": _split,
    "strftime": _strftime,
    "substr": _substr,
    "tonumber": lambda values: number_of(values[0]),
    "true": lambda _: True,
}


def parse_expression(text: str, dialect: Dialect) -> Expr:
    """The whole text as one expression."""
    parser = Parser(text, dialect)
    found = parser.disjunction()
    if parser.rest:
        raise UnknownSplError(f"the expression leaves {parser.rest[:4]}")
    return found


def parse_assignments(text: str, dialect: Dialect) -> list[tuple[str, Expr]]:
    """`name=expression, ...` of eval."""
    parser = Parser(text, dialect)
    found: list[tuple[str, Expr]] = []
    while parser.rest:
        name = parser.take()
        parser.expect("=")
        found.append((name.text.strip("'"), parser.disjunction()))
        if parser.rest:
            parser.expect(",")
    return found
