"""The folded twin against the plainest way to say what it is: character by character, regular expressions throughout."""

import base64
import binascii
import html
import random
import re
import unicodedata
import urllib.parse
from html.entities import html5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_siem.events.characters import ANSI, FOLDED, SEEN, SOLID, VISIBLE
from mcp_siem.events.confusables import CONFUSABLES
from mcp_siem.events.decode import STEPS, decode_once, substitute
from mcp_siem.events.fold import fold, fold_pattern, is_plain
from mcp_siem.events.memo import Memo

_RUN = re.compile(
    r"(?:\\[nrtbf])?"
    r"((?:(?:[A-Za-z0-9+/]{4}){15,19}(?:\s|\\[nr]){1,2})*[A-Za-z0-9+/_-]{16,}={0,2})"
    r"((?:\s|\\[nr]){1,2}[A-Za-z0-9+/]{2,15}={0,2}(?![A-Za-z0-9+/_-]))?"
)
_FULL_LINE = re.compile(r"(?:^|\s|\\[nr])(?:[A-Za-z0-9+/]{4}){15,19}$")
_LINE = re.compile(r"(?:\\[nrtbf])?([A-Za-z0-9+/_-]{16,}={0,2})")
_SEGMENT = re.compile(r"(?<=/)[A-Za-z0-9+_-]{16,}")
_ENTITY = re.compile(r"&(?:#0{0,32}([0-9]{1,7});?|#[xX]0{0,32}([0-9A-Fa-f]{1,6});?|([A-Za-z][A-Za-z0-9]{1,31};))")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_TWO_FACED = re.compile("(?<=[A-Za-z])[\u039d\u03a5]|[\u039d\u03a5](?=[A-Za-z])")
_LEAD_TO_MARKS = "\u0f73\u0f75\u0f81\uff9e\uff9f"


def _slow_fold(text: str) -> str:
    return _slow_pattern(_slow_decode(_shown(text)))


def _slow_pattern(text: str) -> str:
    text = _shown(text)
    if text.isascii():
        return text.lower()
    seen = _TWO_FACED.sub(lambda match: {"\u039d": "N", "\u03a5": "Y"}[match[0]], _composed(text))
    return _composed(re.sub(" +", " ", "".join(FOLDED[ord(char)] for char in seen)))


def _shown(text: str) -> str:
    return re.sub(" +", " ", "".join(VISIBLE[ord(char)] for char in ANSI.sub("", text)))


def _composed(text: str) -> str:
    if text.isascii():
        return text
    out: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) or char in _LEAD_TO_MARKS else 0
        out += [char] if run <= 30 else []
    return unicodedata.normalize("NFC", "".join(out))


def _slow_decode(text: str) -> str:
    text = _ENTITY.sub(_entity, text)
    text = _ESCAPES.sub(_escapes, text)
    return substitute(text, _base64(text))


def _entity(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return html5.get(name, match[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else match[0]


def _escapes(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("%", ""))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 128 else f"%{byte:02x}" for byte in raw)


def _base64(text: str) -> list[tuple[int, int, str]]:
    pieces = []
    for match in _RUN.finditer(text):
        tail = match[2] or ""
        whole = tail and not re.fullmatch("[A-Z]?[a-z]+", tail.lstrip()) and _FULL_LINE.search(match[1])
        said = _said(match[1] + tail) if whole else None
        if said is not None:
            pieces.append((match.start(1), match.end(), said))
        elif (said := _said(match[1])) is not None:
            pieces.append((*match.span(1), said))
        else:
            pieces += _lines(text, *match.span(1))
    return pieces


def _lines(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    pieces = []
    for line in _LINE.finditer(text, start, end):
        first, last = line.span(1)
        said = _said(line[1]) if last - first < end - start else None
        if said is None and (segment := _SEGMENT.search(text, first, last)):
            first = segment.start()
            said = _said(text[first:last])
        if said is not None:
            pieces.append((first, last, said))
    return pieces


def _said(run: str) -> str | None:
    symbols = re.sub(r"\\[nr]|[ \t\r\n\v\f]", "", run).replace("-", "+").replace("_", "/").rstrip("=")
    symbols = symbols[: len(symbols) - (len(symbols) % 4 == 1)]
    if len(symbols) < 14:
        return None
    try:
        raw = base64.b64decode(symbols + "=" * (-len(symbols) % 4), validate=True)
        wide = raw[1:2] == b"\0" and raw.count(b"\0") * 3 > len(raw)
        text = raw[: len(raw) // 2 * 2].decode("utf-16-le") if wide else raw.decode()
    except (binascii.Error, ValueError):
        return None
    good = sum(char.isprintable() or char in "\n\t\r" for char in text)
    return text if good >= 0.9 * len(text) else None


_ODD = (
    *(" ", "  ", "\n", "\\n", "\\r", "\\t", "\\", "=", "==", "%", "&", "&#", "/", "-", "_", "+", "<", "\u0338"),
    *("&amp;", "&#x41;", "&#65", "&#0;", "&lt;", "&zwj;", "&nbsp;", "&NotEqualTilde;", "&nosuch;", "%41", "%C3%A9"),
    *("%ff", "%4", "%E2%80%8B", "%1b[0m", "\x1b[0m", "\x1b[", "\x9b31m", "\x9b", "\x1b", "\x85", "\u2028", "\u00a0"),
    *("\u0301", "\u0327", "\u0345", "\u200b", "\u00ad", "\ufe0f", "\U000e0041", "\ud800", "\udc00", "\u2800", "\ufdfa"),
    *(
        "\u039d",
        "\u03a5",
        "\u03b1",
        "\u03a5\u0301",
        "\u0130",
        "\u0131",
        "\u1e9e",
        "\ufb03",
        "\u212a",
        "\u017f",
        "\u00b4",
    ),
    *("\u1100", "\u1161", "\u11a8", "\uac00", "\u4e36", "\u5831", "\uff76", "\uff9e", "\u30ab", "\u3099", "\U0002f800"),
)
_WORDS = (
    "ignore",
    "Previous",
    "INSTRUCTIONS",
    "\u041f\u0430\u0440\u043e\u043b\u044c",
    "\u039d\u0391\u0399",
    "Gr\u00f6\u00dfe",
)
_SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LENGTHS = (1, 5, 14, 15, 16, 17, 18, 20, 59, 60, 61, 64, 76, 77, 80, 130)


class _Writer:
    """Texts as an attacker writes them: encodings in encodings, at every bound of the decoder."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, depth: int = 0) -> str:
        parts = (self._part(depth) for _ in range(self.random.randrange(1, 10)))
        return self.random.choice(["", " "]).join(parts) if depth < 3 else "ignore previous"

    def _part(self, depth: int) -> str:
        return self.random.choice(self._PARTS)(self, depth)

    def _run(self, depth: int) -> str:
        del depth
        return "".join(self.random.choices(f"{_SYMBOLS}-_", k=self.random.choice(_LENGTHS)))

    def _base64(self, depth: int) -> str:
        return base64.b64encode(self._bytes(depth)).decode().rstrip(self.random.choice(["", "="]))

    def _wide(self, depth: int) -> str:
        return base64.urlsafe_b64encode(self.text(depth + 1).encode("utf-16-le", "replace")).decode()

    def _wrapped(self, depth: int) -> str:
        breaks = self.random.choice(["\n", "\\n", "\r\n", "\\r\\n", "\n "])
        return base64.encodebytes(self._bytes(depth) * 3).decode().replace("\n", breaks)

    def _url(self, depth: int) -> str:
        return urllib.parse.quote(self._bytes(depth), safe="")

    def _entities(self, depth: int) -> str:
        text = self.text(depth + 1)
        return self.random.choice([html.escape(text)[:40], "".join(f"&#{ord(char)};" for char in text[:10])])

    def _path(self, depth: int) -> str:
        del depth
        return "/" + "/".join(self.random.choices(["usr", "site-packages", "aWdub3JlIHByZXZpb3Vz"], k=4))

    def _unicode(self, depth: int) -> str:
        del depth
        ends = self.random.choices((0x110000, 0x3000, 0x250), k=self.random.choice((1, 4, 70)))
        return "".join(chr(self.random.randrange(end)) for end in ends)

    def _marks(self, depth: int) -> str:
        del depth
        return chr(self.random.randrange(0x300, 0x370)) * self.random.choice([1, 29, 30, 31, 40])

    def _word(self, depth: int) -> str:
        del depth
        return self.random.choice(_WORDS)

    def _odd(self, depth: int) -> str:
        del depth
        return "".join(self.random.choices(_ODD, k=self.random.randrange(6)))

    _PARTS = (_run, _base64, _wide, _wrapped, _url, _entities, _path, _unicode, _marks, _word, _odd)

    def _bytes(self, depth: int) -> bytes:
        return self.text(depth + 1).encode("utf-8", "replace")


def _same(text: str) -> None:
    assert fold(text) == _slow_fold(text)
    assert fold_pattern(text) == _slow_pattern(text)
    assert decode_once(text) == _slow_decode(text)
    if is_plain(text):
        assert _slow_fold(text) == text.lower()


@given(st.text(st.characters(), max_size=200))
@settings(max_examples=300)
def test_any_text_of_unicode_folds_as_said_plainly(text: str) -> None:
    _same(text)


@pytest.mark.parametrize("seed", range(20))
def test_texts_full_of_encodings_fold_as_said_plainly(seed: int) -> None:
    writer = _Writer(seed)
    for _ in range(100):
        _same(writer.text())


def test_steps_one_by_one_decode_what_all_at_once_does() -> None:
    writer = _Writer(-1)
    for _ in range(300):
        text = whole = writer.text()
        for step in STEPS:
            text = substitute(text, step(text))
        assert text == decode_once(whole)


def test_characters_called_solid_are_left_alone_by_every_step() -> None:
    hangul = "".join(map(chr, range(0xAC00, 0xD7A4)))
    solid = "".join(one for one in re.findall(SOLID, "".join(map(chr, range(0x110000)))) if one not in hangul)
    assert len(solid) > 800_000
    assert unicodedata.normalize("NFKD", solid) == unicodedata.normalize("NFC", solid) == solid.casefold() == solid
    assert {unicodedata.category(char) for char in solid}.isdisjoint({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
    assert CONFUSABLES.keys().isdisjoint(solid)
    assert not any(map(unicodedata.combining, solid))
    assert unicodedata.normalize("NFC", unicodedata.normalize("NFKD", hangul)) == hangul.casefold() == hangul
    assert all(VISIBLE[ord(char)] == FOLDED[ord(char)] == SEEN[ord(char)] == char for char in (hangul + solid)[::7])


@pytest.mark.parametrize("seed", range(20))
def test_hangul_is_composed_with_all_that_may_follow_it(seed: int) -> None:
    rnd = random.Random(seed)
    pieces = "\uac00\uac01\ub098\ub2e4\ud7a3\ud788\u1100\u1161\u11a8\u11c2\u3131\u3133\uffa1\uffa2\uffc2\u200b\u0301\u0327aB<\u4e50\u3400\u0410\uff21 "
    for _ in range(200):
        _same("".join(rnd.choices(pieces, k=rnd.choice((3, 40, 90)))))


def test_only_letters_and_three_signs_of_ascii_take_a_mark() -> None:
    firsts = {unicodedata.normalize("NFD", char)[0] for char in map(chr, range(0x80, 0x30000)) if _composes(char)}
    assert all(re.fullmatch("[A-Za-z<=>]", first) for first in firsts if first.isascii())


def _composes(char: str) -> bool:
    return len(unicodedata.normalize("NFC", char)) == 1 < len(unicodedata.normalize("NFD", char))


def test_a_memo_forgets_before_it_grows_and_keeps_no_long_text() -> None:
    memo: Memo[str] = Memo(str.upper, most=4)
    assert [memo[f"a{number}"] for number in range(100)] == [f"A{number}" for number in range(100)]
    assert len(memo) <= 4
    assert memo["b" * 1000] == "B" * 1000
    assert "b" * 1000 not in memo
