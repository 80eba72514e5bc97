"""What a value of an event is to a rule: its text, its number, its address. One definition for the whole engine.

Values are compared by *canonical text*: a string is its own text, `true` and `false` are those words, a whole
number is its digits however the source wrote it (42.0 is `42`), another number is its shortest decimal form.
null, objects and numbers that are none (NaN, infinity) have no text, so no comparison with them ever holds.
"""

import math
from ipaddress import IPv4Address, IPv6Address, ip_address

import re2

__all__ = ["Reading", "addresses_of", "fold_case", "number_of", "text_of"]

# The grammar of a JSON number, leading zeros allowed; longer digits than these are text to every system we meet.
_NUMBER = re2.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
_LONGEST_NUMBER = 400
_LONGEST_ADDRESS = 64


def fold_case(text: str) -> str:
    """The one place that says what case-insensitive means: full Unicode case folding.

    Folding may change the length, so `STRASSE` equals `straße`; a `?` stands for one character of the folded text.
    """
    return text.casefold()


def text_of(value: object) -> str | None:
    """The canonical text of a leaf value; None if it has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, float) and math.isfinite(value):
        return _digits(int(value)) if value.is_integer() else repr(value)
    return None


def _digits(value: int) -> str | None:
    try:
        return str(value)
    except ValueError:  # Python refuses to write integers of more than 4,300 digits, to stay linear
        return None


def number_of(value: object) -> int | float | None:
    """The finite number that a value is, or that its text is a decimal spelling of; bools are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_NUMBER and value.isascii():
        return _parsed_number(value)
    return None


def _parsed_number(text: str) -> int | float | None:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    if found.group(1) is None and found.group(2) is None:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def addresses_of(value: object) -> tuple[IPv4Address | IPv6Address, ...]:
    """The addresses that a text stands for: none, one, or two for IPv4-mapped IPv6 (`::ffff:10.0.0.1`), itself first.

    A dual-stack listener logs IPv4 peers in the mapped form, so a rule about 10.0.0.0/8 has to see them.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS:
        return ()
    try:
        address = ip_address(value)
    except ValueError:
        return ()
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return (address, address.ipv4_mapped)
    return (address,)


class Reading:
    """One leaf value of an event as predicates read it; each form is made once, and only when asked for."""

    __slots__ = ("_addresses", "_folded", "_utf8", "raw", "text")

    def __init__(self, raw: object) -> None:
        self.raw = raw
        self.text = raw if type(raw) is str else text_of(raw)
        self._folded: str | None = None
        self._utf8: bytes | None = None
        self._addresses: tuple[IPv4Address | IPv6Address, ...] | None = None

    @property
    def folded(self) -> str | None:
        """The text with case folded."""
        if self._folded is None and self.text is not None:
            self._folded = fold_case(self.text)
        return self._folded

    @property
    def utf8(self) -> bytes | None:
        """The text as a regular expression reads it; a lone surrogate, which is no character, becomes `?`."""
        if self._utf8 is None and self.text is not None:
            self._utf8 = self.text.encode("utf-8", "replace")
        return self._utf8

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """The addresses that the value stands for."""
        if self._addresses is None:
            self._addresses = addresses_of(self.raw)
        return self._addresses
