"""Expressions of `where` and `eval`, read from the published description of eval's operators and functions.

Search Reference, "eval": texts in double quotes, field names in single quotes, `.` joins texts. Search Manual, "Boolean
expressions": in `where`, NOT, then AND, then OR. spl_functions.py has the functions.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from spl_dialect import Dialect, UnknownSplError
from spl_functions import FUNCTIONS, Value, many, number_of, text_of, truth_of
from spl_rows import Row

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
            return lambda row: None if (held := truth_of(inner(row))) is None else not held
        return self.comparison()

    def _either(self, values: list[Value]) -> Value:
        held = [truth_of(value) for value in values]
        return True if True in held else None if None in held else False

    def _both(self, values: list[Value]) -> Value:
        held = [truth_of(value) for value in values]
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
                kept += [value] if truth_of(found) is True else []
            elif found is not None:
                kept.append(str(text_of(found)))
        return None if not kept else kept[0] if len(kept) == 1 else tuple(kept)

    return run


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
