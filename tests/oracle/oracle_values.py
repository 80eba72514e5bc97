r"""One value of an event against one value of a rule, as the Sigma specification 2.1 says it, in plain Python.

This and its neighbours share no code with `mcp_siem`, know no speed and have no cache: they are read beside the
specification and believed. What they decide where it is silent is what docs/engine.md says.
"""

import base64
import ipaddress
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

DASHES = "-/\u2013\u2014\u2015"
ANY, ONE = object(), object()
"""The wildcards `*` and `?`."""
TIME_PARTS = ("minute", "hour", "day", "week", "month", "year")
_ENCODINGS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16"}

Pattern = list[object]
"""Characters and wildcards."""


def text_of(value: object) -> str | None:
    """How a value is written; null, objects and what is no number (NaN) have no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value == int(value) else repr(value)
    return str(value) if isinstance(value, str | int) else None


def number_of(value: object) -> int | float | None:
    """The number that a value is or that its text spells in decimal."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", value, re.ASCII):
            return None
        value = int(value) if re.fullmatch(r"-?[0-9]+", value, re.ASCII) else float(value)
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def parsed(text: str) -> Pattern:
    r"""A string of a rule: `*` and `?` are wildcards, `\*`, `\?` and `\\` the characters, any other `\` itself."""
    found: Pattern = []
    at = 0
    while at < len(text):
        char, after = text[at], text[at + 1 : at + 2]
        if char == "\\" and after and after in "*?\\":
            found.append(after)
            at += 1
        else:
            found.append({"*": ANY, "?": ONE}.get(char, char))
        at += 1
    return found


def fits(pattern: Pattern, text: str, *, cased: bool) -> bool:
    """Says whether the whole text is as the pattern says: characters one by one, case folded unless `cased`."""
    if not cased:
        pattern = [char for part in pattern for char in (part.casefold() if isinstance(part, str) else [part])]
        text = text.casefold()
    reached = {0}  # how many characters of the text the pattern so far can have taken
    for part in pattern:
        if part is ANY:
            reached = set(range(min(reached), len(text) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(text) and part in (ONE, text[at])}
    return len(text) in reached


def with_dashes(pattern: Pattern) -> Iterator[Pattern]:
    """`windash`: every form of the string with the dashes that start a word changed for one another."""
    spelled = "".join(char if isinstance(char, str) else "*" for char in pattern)
    places = [found.start() for found in re.finditer(rf"\B[{DASHES}]\b", spelled)]
    for chosen in itertools.product(DASHES, repeat=len(places)):
        form = list(pattern)
        for place, dash in zip(places, chosen, strict=True):
            form[place] = dash
        yield form


def encoded(pattern: Pattern, words: Sequence[str]) -> bytes | None:
    """The bytes that `base64` and `base64offset` take: UTF-8, or the UTF-16 that was asked for."""
    text = "".join(char for char in pattern if isinstance(char, str))
    wide = next((word for word in words if word in _ENCODINGS), None)
    if wide is None:
        return text.encode()
    mark = b"\xff\xfe" if wide == "utf16" else b""
    return mark + text.encode("utf-16-le" if wide == "utf16" else _ENCODINGS[wide])


def base64_forms(data: bytes, *, offset: bool) -> list[str]:
    """The Base64 of the bytes; with `offset`, what of it is the same wherever they stand in a longer text."""
    if not offset:
        return [base64.b64encode(data).decode()]
    forms = []
    for before in range(3):
        seen = {
            base64.b64encode(bytes([left]) * before + data + bytes([right]) * after).decode()
            for left, right, after in itertools.product((0, 85, 170, 255), (0, 85, 170, 255), (1, 2, 3))
        }
        first, *others = seen
        start = next(
            at for at in range(len(first)) if all(one[at] == first[at] for one in others) and at * 6 >= before * 8
        )
        end = start
        while end < (before + len(data)) * 8 // 6 and all(one[end] == first[end] for one in others):
            end += 1
        forms.append(first[start:end])
    return forms


def in_network(network: str, value: object) -> bool:
    """`cidr`: the text is an address of the network; an IPv4 address may be written in IPv6."""
    try:
        address = ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    wanted = ipaddress.ip_network(network)
    return any(one is not None and one.version == wanted.version and one in wanted for one in (address, mapped))


def found_by_regex(pattern: str, words: Sequence[str], text: str) -> bool:
    """`re`: found anywhere, `i` without case, `m` with `^` and `$` at every line, `s` with `.` for line breaks too."""
    flags = re.NOFLAG
    for letters, flag in (
        (("i", "ignorecase"), re.IGNORECASE),
        (("m", "multiline"), re.MULTILINE),
        (("s", "dotall"), re.DOTALL),
    ):
        if set(letters) & set(words):
            flags |= flag
    if not flags & re.MULTILINE:
        pattern = re.sub(r"(?<!\\)((?:\\\\)*)\$", r"\1\\Z", pattern)  # Python's own would let a last line break stand
    return re.search(pattern, text, flags) is not None


def time_part(unit: str, value: object) -> int | None:
    """A part of a time, in UTC; a bare number is seconds since 1970, or milli-, micro- or nanoseconds by its size."""
    try:
        if isinstance(value, bool) or value is None:
            return None
        number = number_of(value)
        if number is not None:
            size = abs(number)
            for limit, scale in ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9)):
                if size < limit:
                    moment = datetime.fromtimestamp(number / scale, UTC)
                    break
            else:
                return None
        else:
            moment = datetime.fromisoformat(str(value))
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isocalendar().week if unit == "week" else int(getattr(moment, unit))
