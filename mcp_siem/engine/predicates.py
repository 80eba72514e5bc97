"""What a rule asks of one value: small frozen objects, free of pySigma.

Sources: Sigma specification 2.1, "Sigma Rules" (values) and "Sigma modifiers" (appendix). Where it is silent, the
docstring says what we decided. null has no text and no number, so no test here holds for it.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol

import re2

from mcp_siem.engine.regex import Wildcard
from mcp_siem.engine.values import Reading, number_of
from mcp_siem.events.time import parse_time

__all__ = [
    "OPERATORS",
    "TIME_PARTS",
    "AnyText",
    "Cidr",
    "Compare",
    "Contains",
    "Equals",
    "Glob",
    "NumberEquals",
    "Prefix",
    "Regex",
    "Segments",
    "Suffix",
    "Test",
    "TimePart",
]

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TIME_PARTS: dict[str, Callable[[datetime], int]] = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day": lambda moment: moment.day,
    "week": lambda moment: moment.isocalendar().week,
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}


class Test(Protocol):
    """A question about one value."""

    def holds(self, reading: Reading) -> bool:
        """Says whether the value answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equals:
    """The text is the literal, case folded unless `cased`; a number equals a literal that spells it (`42`, 42, 42.0).

    An empty literal equals only the empty string.
    """

    literal: str
    cased: bool = False
    number: int | float | None = None

    def holds(self, reading: Reading) -> bool:
        """Says whether the value is the literal."""
        if (reading.text if self.cased else reading.folded) == self.literal:
            return True
        return self.number is not None and not isinstance(reading.raw, str) and number_of(reading.raw) == self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberEquals:
    """The value is this number, or a text that spells it: rule 4624 holds for 4624, 4624.0 and "4624"."""

    number: int | float

    def holds(self, reading: Reading) -> bool:
        """Says whether the value is the number."""
        return number_of(reading.raw) == self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """`startswith`, and `literal*`."""

    literal: str
    cased: bool = False

    def holds(self, reading: Reading) -> bool:
        """Says whether the text starts with the literal."""
        text = reading.text if self.cased else reading.folded
        return text is not None and text.startswith(self.literal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suffix:
    """`endswith`, and `*literal`."""

    literal: str
    cased: bool = False

    def holds(self, reading: Reading) -> bool:
        """Says whether the text ends with the literal."""
        text = reading.text if self.cased else reading.folded
        return text is not None and text.endswith(self.literal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contains:
    """`contains`, and `*literal*`."""

    literal: str
    cased: bool = False

    def holds(self, reading: Reading) -> bool:
        """Says whether the literal stands anywhere in the text."""
        text = reading.text if self.cased else reading.folded
        return text is not None and self.literal in text


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyText:
    """`*`: any text at all, the empty one included, but not null and not a missing field."""

    def holds(self, reading: Reading) -> bool:
        """Says whether the value has a text."""
        return reading.text is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """`head*middle*...*tail`: the segments in this order, without overlap; `*` crosses line breaks.

    Taking the leftmost place for each middle segment is exact: it leaves the most room for the rest.
    """

    head: str
    middle: tuple[str, ...]
    tail: str
    cased: bool = False

    def holds(self, reading: Reading) -> bool:
        """Says whether the segments stand in the text in order."""
        text = reading.text if self.cased else reading.folded
        if text is None or not text.startswith(self.head) or not text.endswith(self.tail):
            return False
        at, end = len(self.head), len(text) - len(self.tail)
        for segment in self.middle:
            at = text.find(segment, at, end)
            if at == -1:
                return False
            at += len(segment)
        return at <= end


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """A string with `?`, which is exactly one character, of the folded text unless `cased`."""

    parts: tuple[str | Wildcard, ...]
    cased: bool = False
    compiled: re2._Regexp = field(repr=False, compare=False)

    def holds(self, reading: Reading) -> bool:
        """Says whether the whole text fits."""
        text = reading.text if self.cased else reading.folded
        return text is not None and self.compiled.search(text.encode("utf-8", "replace")) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regex:
    r"""`re`: the pattern is searched in the text, case-sensitive unless `i`; numbers by their text.

    `^` and `$` are the ends of the text, with `m` of each line; `.` stops at line breaks unless `s`. The dialect is
    RE2's: `\d \w \s \b` are ASCII, `i` folds one character to one character, `$` is the very end.
    """

    pattern: str
    flags: str = ""
    compiled: re2._Regexp = field(repr=False, compare=False)

    def holds(self, reading: Reading) -> bool:
        """Says whether the pattern is found."""
        text = reading.utf8
        return text is not None and self.compiled.search(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cidr:
    """`cidr`: the text is an address of the network; IPv4-mapped IPv6 counts as both; anything else is outside."""

    network: IPv4Network | IPv6Network

    def holds(self, reading: Reading) -> bool:
        """Says whether the value is an address in the network."""
        return any(address in self.network for address in reading.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """`lt lte gt gte` on numbers and texts that spell one; NaN, infinity and everything else is never in order."""

    operator: str
    number: int | float

    def holds(self, reading: Reading) -> bool:
        """Says whether the value stands in that order to the number."""
        value = number_of(reading.raw)
        return value is not None and OPERATORS[self.operator](value, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePart:
    """`minute hour day week month year`: a part, in UTC, of a value that is a time; `week` is the ISO week (1 to 53)."""

    unit: str
    operator: str
    number: int | float

    def holds(self, reading: Reading) -> bool:
        """Says whether that part of the time stands in that order to the number."""
        time = parse_time(reading.raw)
        if time is None:
            return False
        try:
            moment = _EPOCH + timedelta(microseconds=time)
        except OverflowError:  # a number that would be a time before the year 1 or after 9999
            return False
        return OPERATORS[self.operator](TIME_PARTS[self.unit](moment), self.number)
