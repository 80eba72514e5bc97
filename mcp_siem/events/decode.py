"""Takes apart, once, what hides text in plain sight: HTML entities, URL escapes, Base64 runs. Linear, never raises."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from html.entities import html5

import re2

__all__ = ["SHORTEST_BASE64", "STEPS", "Piece", "base64_text", "decode_once", "substitute"]

# start and end in the text before a step, and what takes that place
Piece = tuple[int, int, str]

SHORTEST_BASE64 = 16
# A run of Base64, or the lines of one as MIME and PEM wrap it, and perhaps its short last line. Before it an escape of
# serialised JSON may stand, whose letter is none of the run.
_BASE64_RUN = re.compile(
    r"(?:\\[nrtbf])?"
    rf"((?:(?:[A-Za-z0-9+/]{{4}}){{15,19}}(?:\s|\\[nr]){{1,2}})*[A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}={{0,2}})"
    r"((?:\s|\\[nr]){1,2}[A-Za-z0-9+/]{2,15}={0,2}(?![A-Za-z0-9+/_-]))?"
)
_FULL_LINE = re.compile(r"(?:^|\s|\\[nr])(?:[A-Za-z0-9+/]{4}){15,19}$")
_WORD = re.compile(r"[A-Z]?[a-z]+")
_HAS_RUN = re2.compile(rf"[A-Za-z0-9+/_-]{{{SHORTEST_BASE64}}}")
_LONG_SEGMENT = re.compile(rf"(?<=/)[A-Za-z0-9+_-]{{{SHORTEST_BASE64},}}")
_ESCAPED_BREAK = re.compile(r"\\[nr]")
_LINE = re.compile(rf"(?:\\[nrtbf])?([A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}={{0,2}})")
_ENTITY = re.compile(r"&(?:#0{0,32}([0-9]{1,7});?|#[xX]0{0,32}([0-9A-Fa-f]{1,6});?|([A-Za-z][A-Za-z0-9]{1,31};))")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_URL_SAFE = str.maketrans("-_", "+/", " \t\r\n\v\f")
_CHARACTERS = range(1, 0x110000)
_SURROGATES = range(0xD800, 0xE000)
_PRINTABLE_SHARE = 0.9


def decode_once(text: str, *, base64: bool = True) -> str:
    """The text with HTML entities, then URL escapes, then Base64 runs replaced by what they say; one pass each."""
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    if "%" in text:
        text = _ESCAPES.sub(_escapes, text)
    return substitute(text, _base64_pieces(text)) if base64 else text


def substitute(text: str, pieces: Iterable[Piece]) -> str:
    """The text with each piece, given in order, in its place."""
    out: list[str] = []
    done = 0
    for start, end, instead in pieces:
        out += (text[done:start], instead)
        done = end
    return "".join((*out, text[done:])) if out else text


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


def _base64_pieces(text: str) -> Iterator[Piece]:
    if not _HAS_RUN.search(_encodable(text)):
        return
    for match in _BASE64_RUN.finditer(text):
        start, end = match.span(1)
        tail = match[2] or ""
        whole = tail and not _WORD.fullmatch(tail.lstrip()) and _FULL_LINE.search(match[1])
        found = base64_text(match[1] + tail) if whole else None
        if found is not None:
            yield start, match.end(), found
            continue
        found = base64_text(match[1])
        if found is not None:
            yield start, end, found
        else:
            yield from _line_by_line(text, start, end)


def _line_by_line(text: str, start: int, end: int) -> Iterator[Piece]:
    """Reads each line for itself: a full one may have stood before what is no Base64 at all."""
    for line in _LINE.finditer(text, start, end):
        first, last = line.span(1)
        found = base64_text(line[1]) if last - first < end - start else None
        if found is None:
            # A path before the run belongs to its alphabet as well: `/tmp/aWdub3Jl...`
            segment = _LONG_SEGMENT.search(text, first, last)
            first = segment.start() if segment else last
            found = base64_text(text[first:last])
        if found is not None:
            yield first, last, found


def _encodable(text: str) -> str:
    """RE2 reads UTF-8, which has no half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def base64_text(run: str) -> str | None:
    """The text that a Base64 run (standard or URL alphabet, padded or not) encodes, or None if it is no readable text."""
    if "\\" in run:
        run = _ESCAPED_BREAK.sub("", run)
    symbols = run.translate(_URL_SAFE).rstrip("=")
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
STEPS = (_pieces(_ENTITY, _entity), _pieces(_ESCAPES, _escapes), _base64_pieces)
