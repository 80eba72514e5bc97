"""Takes apart, once, what hides text in plain sight: HTML entities, URL escapes, Base64 runs. Linear, never raises."""

import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from html.entities import html5

from mcp_siem.events.memo import Memo

__all__ = ["RUN", "RUN_SYMBOL", "SHORTEST_BASE64", "STEPS", "SYMBOLS", "Piece", "decode_once", "substitute"]

# start and end in the text before a step, and what takes that place
Piece = tuple[int, int, str]

SHORTEST_BASE64 = 16
SYMBOLS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
# ASCII as a map of what is and what is no symbol of Base64: a run is found in it by a search for bytes.
RUN_SYMBOL = b"A"
RUN = RUN_SYMBOL * SHORTEST_BASE64
_MAP = bytes(RUN_SYMBOL[0] if byte in SYMBOLS else ord(" ") for byte in range(256))
_MAP_OF_SEGMENTS = bytes(ord(" ") if byte == ord("/") else kind for byte, kind in enumerate(_MAP))
# A run of Base64, or the lines of one as MIME and PEM wrap it, and perhaps its short last line. Before it an escape of
# serialised JSON may stand, whose letter is none of the run.
_BASE64_RUN = re.compile(
    r"(?:\\[nrtbf])?"
    rf"((?:(?:[A-Za-z0-9+/]{{4}}){{15,19}}(?:\s|\\[nr]){{1,2}})*[A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}={{0,2}})"
    r"((?:\s|\\[nr]){1,2}[A-Za-z0-9+/]{2,15}={0,2}(?![A-Za-z0-9+/_-]))?"
)
_FULL_LINE = re.compile(r"(?:^|\s|\\[nr])(?:[A-Za-z0-9+/]{4}){15,19}$")
_WORD = re.compile(r"[A-Z]?[a-z]+")
_LONG_SEGMENT = re.compile(rf"(?<=/)[A-Za-z0-9+_-]{{{SHORTEST_BASE64},}}")
_ESCAPED_BREAK = re.compile(r"\\[nr]")
_SHORTEST_LINE = 60
# The first byte is none that goes on in UTF-8 (10xxxxxx) nor one above all of it (111110xx and more).
_NO_FIRST_SYMBOL = frozenset("ghijklmnopqrstuv+/-_")
_ZERO_SYMBOL = frozenset("ABCD")
_ESCAPE_LETTERS = frozenset({"\\n", "\\r", "\\t", "\\b", "\\f"})
_LINE = re.compile(rf"(?:\\[nrtbf])?([A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}={{0,2}})")
_ENTITY = re.compile(r"(&(?:#0{0,32}[0-9]{1,7};?|#[xX]0{0,32}[0-9A-Fa-f]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};))")
_NAMED = {f"&{name}": text for name, text in html5.items() if name.endswith(";")}
_ESCAPES = re.compile(r"((?:%[0-9A-Fa-f]{2})+)")
_BYTES = [chr(byte) if byte < 0x80 else f"%{byte:02x}" for byte in range(256)]  # noqa: PLR2004 - the end of ASCII
# ASCII, what goes on and what leads in UTF-8
_KINDS_OF_BYTE = b"a" * 0x80 + b"c" * 0x40 + b"l" * 0x40
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n\v\f"
_CHARACTERS = range(1, 0x110000)
_SURROGATES = range(0xD800, 0xE000)
_PRINTABLE_SHARE = 0.9


def decode_once(text: str, *, base64: bool = True) -> str:
    """The text with HTML entities, then URL escapes, then Base64 runs replaced by what they say; one pass each."""
    if "&" in text:
        # A split by a pattern that is one group gives the text and what to replace by turns.
        parts = _ENTITY.split(text)
        if "&#" in text:
            parts[1::2] = [_NUMBERED[part] if part[1] == "#" else _NAMED.get(part, part) for part in parts[1::2]]
        else:
            parts[1::2] = map(_NAMED.get, parts[1::2], parts[1::2])
        text = "".join(parts)
    if "%" in text:
        parts = _ESCAPES.split(text)
        parts[1::2] = map(_ESCAPED.__getitem__, parts[1::2])
        text = "".join(parts)
    return substitute(text, _base64_pieces(text)) if base64 else text


def substitute(text: str, pieces: Iterable[Piece]) -> str:
    """The text with each piece, given in order, in its place."""
    out: list[str] = []
    done = 0
    for start, end, instead in pieces:
        out += (text[done:start], instead)
        done = end
    return "".join((*out, text[done:])) if out else text


def _entity(text: str) -> str:
    if text[1] != "#":
        return _NAMED.get(text, text)
    digits = text[2:].rstrip(";")
    code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    return chr(code) if code in _CHARACTERS and code not in _SURROGATES else text


def _escapes(text: str) -> str:
    raw = bytes.fromhex(text.replace("%", ""))
    said = _utf8(raw)
    # A stray byte must not shield the rest: ASCII is decoded, other bytes stay escaped.
    return "".join(map(_BYTES.__getitem__, raw)) if said is None else said


def _utf8(raw: bytes) -> str | None:
    """The text of the bytes, None if they are none. An exception for each hostile run would cost ten times as much."""
    kinds = raw.translate(_KINDS_OF_BYTE)
    if b"ac" in kinds or b"la" in kinds or kinds.startswith(b"c"):
        return None
    text = raw.decode("utf-8", "ignore")
    return text if text.encode() == raw else None


def _utf16(raw: bytes) -> str | None:
    text = raw.decode("utf-16-le", "ignore")
    return text if text.encode("utf-16-le") == raw else None


_NUMBERED = Memo(_entity)
_ESCAPED = Memo(_escapes)


def _base64_pieces(text: str) -> Iterator[Piece]:
    symbols = text.encode("ascii", "replace")
    kinds = symbols.translate(_MAP)
    start = kinds.find(RUN)
    segments = symbols.translate(_MAP_OF_SEGMENTS) if start >= 0 else b""
    while start >= 0:
        end = kinds.find(b" ", start)
        end = len(kinds) if end < 0 else end
        last = _end_alone(text, start, end)
        if last:
            start += end - start > SHORTEST_BASE64 and text[start - 1 : start + 1] in _ESCAPE_LETTERS
            found = None if _is_no_text(text[start : start + 3]) else base64_text(text[start:last])
            if found is not None:
                yield start, last, found
            elif segments.find(RUN, start, end) >= 0:
                yield from _segment(text, start, last)
        else:
            match = _run_at(text, start)
            yield from _pieces_of_run(text, match)
            end = match.end()
        start = kinds.find(RUN, end)


def _end_alone(text: str, start: int, end: int) -> int:
    """The end with its padding of a run that no other line can belong to; 0 if one may."""
    if end - start >= _SHORTEST_LINE:
        return 0
    end += text.startswith("=", end) + text.startswith("==", end)
    return 0 if "\\" in text[end : end + 2] else end


def _is_no_text(head: str) -> bool:
    """Says by the first three symbols of a run that its first byte begins no UTF-8, and its second is no zero of UTF-16.

    This is cheap, and true of every absolute path.
    """
    return head[0] in _NO_FIRST_SYMBOL and head[2] not in _ZERO_SYMBOL


def _run_at(text: str, start: int) -> re.Match[str]:
    """The match of the run whose first symbol stands at `start`; that may be the letter of an escape."""
    match = (text[start - 1 : start] == "\\" and _BASE64_RUN.match(text, start - 1)) or _BASE64_RUN.match(text, start)
    assert match  # noqa: S101 - `start` begins a run of symbols
    return match


def _pieces_of_run(text: str, match: re.Match[str]) -> Iterator[Piece]:
    start, end = match.span(1)
    tail = match[2] or ""
    whole = tail and not _WORD.fullmatch(tail.lstrip()) and _FULL_LINE.search(match[1])
    found = base64_text(match[1] + tail) if whole else None
    if found is not None:
        yield start, match.end(), found
        return
    found = base64_text(match[1])
    if found is not None:
        yield start, end, found
    elif end - start >= _SHORTEST_LINE + SHORTEST_BASE64:
        yield from _line_by_line(text, start, end)
    elif "/" in match[1]:
        yield from _segment(text, start, end)


def _line_by_line(text: str, start: int, end: int) -> Iterator[Piece]:
    """Reads each line for itself: a full one may have stood before what is no Base64 at all."""
    for line in _LINE.finditer(text, start, end):
        first, last = line.span(1)
        found = base64_text(line[1]) if last - first < end - start else None
        if found is not None:
            yield first, last, found
        else:
            yield from _segment(text, first, last)


def _segment(text: str, start: int, end: int) -> Iterator[Piece]:
    """A path before a run belongs to its alphabet as well: `/tmp/aWdub3Jl...`."""
    segment = _LONG_SEGMENT.search(text, start, end)
    found = base64_text(text[segment.start() : end]) if segment else None
    if segment and found is not None:
        yield segment.start(), end, found


def base64_text(run: str) -> str | None:
    """The text that a Base64 run (standard or URL alphabet, padded or not) encodes, or None if it is no readable text."""
    if "\\" in run:
        run = _ESCAPED_BREAK.sub("", run)
    try:
        symbols = run.encode("ascii").translate(_URL_SAFE, _BLANKS).rstrip(b"=")
    except UnicodeEncodeError:
        return None
    symbols = symbols[: len(symbols) - (len(symbols) % 4 == 1)]
    if len(symbols) < SHORTEST_BASE64 - 2:
        return None
    try:
        raw = binascii.a2b_base64(symbols + b"=" * (-len(symbols) % 4), strict_mode=True)
    except ValueError:
        return None
    return _readable(raw)


def _readable(raw: bytes) -> str | None:
    # PowerShell's -EncodedCommand is UTF-16: every second byte of ASCII text is zero.
    is_utf16 = raw[1] == 0 and raw.count(b"\0") * 3 > len(raw)
    text = _utf16(raw[: len(raw) - len(raw) % 2]) if is_utf16 else _utf8(raw)
    if text is None:
        return None
    if text.isprintable():
        return text
    printable = sum(map(str.isprintable, text)) + text.count("\n") + text.count("\t") + text.count("\r")
    return text if printable >= _PRINTABLE_SHARE * len(text) else None


def _pieces(pattern: re.Pattern[str], meaning: Callable[[str], str]) -> Callable[[str], Iterator[Piece]]:
    def of(text: str) -> Iterator[Piece]:
        for match in pattern.finditer(text):
            instead = meaning(match[0])
            if instead != match[0]:
                yield match.start(), match.end(), instead

    return of


# The steps of decode_once one by one, each as the pieces it replaces: for whoever needs the way back.
STEPS = (_pieces(_ENTITY, _entity), _pieces(_ESCAPES, _escapes), _base64_pieces)
