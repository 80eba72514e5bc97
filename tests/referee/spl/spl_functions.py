"""Functions of eval, each as its page of the Search Reference describes it ("Evaluation functions").

"Comparison and conditional": case, cidrmatch, coalesce, if, match. "Informational": isnull, isnotnull. "Conversion":
tonumber. "Mathematical": floor. "Statistical eval functions": max, min, sum, which take multivalue fields and ignore what
does not exist or is no number. "Multivalue": mvappend, mvcount, mvdedup, mvfind, mvindex, mvrange, mvzip, split. "Text":
len, lower, replace, substr. "Date and time": strftime. Regular expressions are PCRE; RE2 stands in for it and refuses
what it cannot say.
"""

import ipaddress
import math
import re
import time
from collections.abc import Callable
from functools import cache

import re2
from spl_dialect import UnknownSplError
from spl_rows import number_text

Value = object  # None, bool, float, str, or a tuple of str


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


def truth_of(value: Value) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise UnknownSplError(f"{value!r} is no truth value")


# RE2 has no look-behind; of this one it has an equal.
_LOOK_BEHIND = r"(?:\A|(?<=\x0a))"


@cache
def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.replace(_LOOK_BEHIND, "(?m:^)"), options)
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
    return next((values[at + 1] for at in range(0, len(values), 2) if truth_of(values[at]) is True), None)


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


def _numbers(values: list[Value]) -> list[float]:
    """Statistical eval functions: each numeric value of each argument."""
    texts = [text for value in values for text in many(value) or ()]
    return [number for text in texts if (number := number_of(text)) is not None]


def _of_numbers(function: Callable[[list[float]], float]) -> Callable[[list[Value]], Value]:
    def run(values: list[Value]) -> Value:
        found = _numbers(values)
        if any(number_of(text) is None for value in values for text in many(value) or ()):
            raise UnknownSplError("max, min or sum of a text")
        return function(found) if found else None

    return run


def _mvrange(values: list[Value]) -> Value:
    """mvrange: from the start up to, without, the end, a step of 1 if none is given."""
    start, end = (int(number_of(value) or 0) for value in values)
    found = tuple(str(number) for number in range(start, end))
    return None if not found else found[0] if len(found) == 1 else found


def _mvzip(values: list[Value]) -> Value:
    """mvzip: the first of one with the first of the other and so on, joined by the delimiter."""
    pairs = zip(many(values[0]) or (), many(values[1]) or (), strict=True)
    found = tuple(f"{one}{text_of(values[2])}{other}" for one, other in pairs)
    return None if not found else found[0] if len(found) == 1 else found


def _mvindex(values: list[Value]) -> Value:
    found, at = many(values[0]) or (), int(number_of(values[1]) or 0)
    return found[at] if at < len(found) else None


def _relative_time(values: list[Value]) -> Value:
    """Date and Time functions, relative_time: an offset such as `-10m`; nothing else is read here."""
    time, found = number_of(values[0]), re.fullmatch(r"([+-])([0-9]+)([smhd])", str(values[1]))
    if found is None:
        raise UnknownSplError(f"relative_time {values[1]}")
    seconds = int(found[2]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[3]]
    return None if time is None else time + (seconds if found[1] == "+" else -seconds)


FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    "case": _case,
    "cidrmatch": _cidrmatch,
    "coalesce": lambda values: next((value for value in values if value is not None), None),
    "floor": lambda values: None if (number := number_of(values[0])) is None else float(math.floor(number)),
    "false": lambda _: False,
    "if": lambda values: values[1] if truth_of(values[0]) is True else values[2],
    "isnotnull": lambda values: values[0] is not None,
    "isnull": lambda values: values[0] is None,
    "len": lambda values: None if (text := text_of(values[0])) is None else float(len(text)),
    "lower": lambda values: None if (text := text_of(values[0])) is None else text.lower(),
    "match": _match,
    "max": _of_numbers(max),
    "min": _of_numbers(min),
    "mvappend": _mvappend,
    "mvcount": lambda values: None if (found := many(values[0])) is None else float(len(found)),
    "mvdedup": _mvdedup,
    "mvfind": _mvfind,
    "mvindex": _mvindex,
    "mvrange": _mvrange,
    "mvzip": _mvzip,
    "now": lambda _: float(int(time.time())),
    "null": lambda _: None,
    "relative_time": _relative_time,
    "replace": _replace,
    "split": _split,
    "strftime": _strftime,
    "substr": _substr,
    "sum": _of_numbers(sum),
    "tonumber": lambda values: number_of(values[0]),
    "true": lambda _: True,
}
