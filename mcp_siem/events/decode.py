"""Takes apart, once, what hides text in plain sight: HTML entities, URL escapes, Base64 runs. Linear, never raises."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from html.entities import html5

import re2

__all__ = ["SHORTEST_BASE64", "STEPS", "Piece", "base64_text", "decode_once"]

# start and end in the text before a step, and what takes that place
Piece = tuple[int, int, str]

SHORTEST_BASE64 = 16
# A run of Base64, or lines of it as MIME and PEM wrap them: only full lines may be followed by one more. Before it an
# escape of serialised JSON may stand, whose letter is none of the run.
_BASE64_RUN = re.compile(
    r"(\\[nrtbf])?"
    r"((?:[A-Za-z0-9+/]{60,76}(?:\s|\\[nr]){1,2})+[A-Za-z0-9+/]{2,}={0,2}"
    rf"|[A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}={{0,2}})"
)
_HAS_RUN = re2.compile(rf"[A-Za-z0-9+/_-]{{{SHORTEST_BASE64}}}")
_LONG_SEGMENT = re.compile(rf"(?<=/)[A-Za-z0-9+_-]{{{SHORTEST_BASE64},}}")
_BETWEEN_LINES = re.compile(r"\s|\\[nr]")
_ENTITY = re.compile(r"&(?:#0{0,32}([0-9]{1,7});?|#[xX]0{0,32}([0-9A-Fa-f]{1,6});?|([A-Za-z][A-Za-z0-9]{1,31};))")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_URL_SAFE = str.maketrans("-_", "+/")
_CHARACTERS = range(1, 0x110000)
_SURROGATES = range(0xD800, 0xE000)
_PRINTABLE_SHARE = 0.9


def decode_once(text: str, *, base64: bool = True) -> str:
    """The text with HTML entities, then URL escapes, then Base64 runs replaced by what they say; one pass each."""
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    if "%" in text:
        text = _ESCAPES.sub(_escapes, text)
    return _BASE64_RUN.sub(_base64_run, text) if base64 and _HAS_RUN.search(_encodable(text)) else text


def _entity(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return html5.get(name, match[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code in _CHARACTERS and code not in _SURROGATES else match[0]


def _escapes(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("%", ""))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # A stray byte must not shield the rest: ASCII is decoded, other bytes stay escaped.
        return "".join(chr(byte) if chr(byte).isascii() else f"%{byte:02x}" for byte in raw)


def _base64_run(match: re.Match[str]) -> str:
    before, run = match[1] or "", match[2]
    found = base64_text(run)
    if found is not None:
        return before + found
    # A path before the run belongs to its alphabet as well: `/tmp/aWdub3Jl...`
    segment = _LONG_SEGMENT.search(run)
    found = base64_text(run[segment.start() :]) if segment else None
    return match[0] if segment is None or found is None else before + run[: segment.start()] + found


def _encodable(text: str) -> str:
    """RE2 reads UTF-8, which has no half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def base64_text(run: str) -> str | None:
    """The text that a Base64 run (standard or URL alphabet, padded or not) encodes, or None if it is no readable text."""
    symbols = _BETWEEN_LINES.sub("", run).translate(_URL_SAFE).rstrip("=")
    symbols = symbols[: len(symbols) - (len(symbols) % 4 == 1)]
    if len(symbols) < SHORTEST_BASE64 - 2:
        return None
    try:
        raw = b64decode(symbols + "=" * (-len(symbols) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return _readable(raw)


def _readable(raw: bytes) -> str | None:
    # PowerShell's -EncodedCommand is UTF-16: every second byte of ASCII text is zero.
    is_utf16 = raw[1:2] == b"\0" and raw.count(b"\0") * 3 > len(raw)
    try:
        text = raw[: len(raw) - len(raw) % 2].decode("utf-16-le") if is_utf16 else raw.decode()
    except UnicodeDecodeError:
        return None
    printable = sum(map(str.isprintable, text)) + text.count("\n") + text.count("\t") + text.count("\r")
    return text if printable >= _PRINTABLE_SHARE * len(text) else None


def _pieces(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> Callable[[str], Iterator[Piece]]:
    def of(text: str) -> Iterator[Piece]:
        for match in pattern.finditer(text):
            instead = replace(match)
            if instead != match[0]:
                yield match.start(), match.end(), instead

    return of


# The steps of decode_once one by one, each as the pieces it replaces: for whoever needs the way back.
STEPS = (_pieces(_ENTITY, _entity), _pieces(_ESCAPES, _escapes), _pieces(_BASE64_RUN, _base64_run))
