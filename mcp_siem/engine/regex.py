"""Regular expressions on google-re2: linear in the text, whatever an attacker wrote into it."""

import string
from collections.abc import Sequence
from enum import Enum

import re2

__all__ = ["RegexError", "Wildcard", "compile_glob", "compile_regex", "spelled_for_re2"]

_HEX = frozenset(string.hexdigits)
_WIDTHS = {"u": 4, "U": 8}
_HIGH = range(0xD800, 0xDC00)
_LOW = range(0xDC00, 0xE000)
_PLAIN = frozenset(string.ascii_letters + string.digits + "_")


class Wildcard(Enum):
    """A wildcard of a Sigma string, with its spelling as a regular expression."""

    ONE = "."
    MANY = ".*"


class RegexError(ValueError):
    """RE2 cannot run this pattern; says why."""


def compile_regex(pattern: str, *, flags: str = "") -> re2._Regexp:
    """Compiles a rule's pattern for searching UTF-8 bytes; `flags` are letters of `ims`."""
    prefix = f"(?{flags})" if flags else ""
    return _compiled(prefix + spelled_for_re2(pattern))


def compile_glob(parts: Sequence[str | Wildcard]) -> re2._Regexp:
    """Compiles literals and wildcards to a pattern for the whole text, line breaks included."""
    return _compiled(rf"(?s:\A{_glob(parts)}\z)")


def _glob(parts: Sequence[str | Wildcard]) -> str:
    return "".join(part.value if isinstance(part, Wildcard) else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return "".join(char if char in _PLAIN else f"\\x{{{ord(char):x}}}" for char in text)


def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.encode("utf-8"), options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        raise RegexError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from error
    except UnicodeEncodeError as error:
        raise RegexError("a lone surrogate is no character") from error


def spelled_for_re2(pattern: str) -> str:
    r"""Spells `\uXXXX` and `\UXXXXXXXX`, which pySigma's parser asks for, as `\x{...}`, which RE2 asks for."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern[at] != "\\" or at + 1 == len(pattern):
            out.append(pattern[at])
            at += 1
            continue
        point, length = _code_point(pattern, at)
        if point in _HIGH or point in _LOW:
            raise RegexError("a lone surrogate is no character")
        out.append(pattern[at : at + 2] if point is None else f"\\x{{{point:x}}}")
        at += length
    return "".join(out)


def _code_point(pattern: str, at: int) -> tuple[int | None, int]:
    point, length = _escape(pattern, at)
    if point is not None and point in _HIGH:
        low, more = _escape(pattern, at + length)
        if low is not None and low in _LOW:
            return 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00), length + more
    return point, length


def _escape(pattern: str, at: int) -> tuple[int | None, int]:
    width = _WIDTHS.get(pattern[at + 1 : at + 2], 0) if pattern[at : at + 1] == "\\" else 0
    digits = pattern[at + 2 : at + 2 + width]
    if width and len(digits) == width and _HEX.issuperset(digits):
        return int(digits, 16), 2 + width
    return None, 2
