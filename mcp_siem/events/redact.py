"""Secrets out of texts: `[secret:TYPE:HASH]` takes their place, however they were disguised.

HASH is keyed, so that the same secret is recognised in another event and nothing can be looked up.
"""

import hashlib
import hmac
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import re2

from mcp_siem.events.characters import VISIBLE
from mcp_siem.events.decode import substitute
from mcp_siem.events.reveal import reveal, reveal_text
from mcp_siem.events.secret_formats import Candidate, SecretFormat, parse_secret_formats

__all__ = ["Redacted", "Redactor", "parse_secret_formats"]

_HASH_DIGITS = 16
_PLACEHOLDER = re.compile(r"\[secret:([a-z][a-z0-9_]{0,39}):([0-9a-f]{16})\]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# ASCII text without any of these says nothing but what it shows; shorter runs of Base64 hold no secret.
_DISGUISE = re2.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|%[0-9A-Fa-f]{2}|&(?:#[0-9Xx]|[A-Za-z][A-Za-z0-9]{1,31};)|[A-Za-z0-9+/_-]{20,}"
)
# What a serialiser may put into a secret: it is the same secret without.
_SERIALISED = re.compile(r"\\+[nrt]|\s")
_SHORTEST_SECRET = 6
_LONGEST_MEMBER = 1000
_QUOTED = re.compile(r'[\s"\\]')
# Each round takes at least one disguised secret out; what is left after so many was made to be endless.
_ROUNDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A text without secrets, and what was there: (type, hash), each once, in order."""

    text: str
    found: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    start: int
    end: int
    type: str
    hash: str

    @property
    def placeholder(self) -> str:
        return f"[secret:{self.type}:{self.hash}]"


class Redactor:
    """Takes secrets of the given formats out of texts; `key` makes the hashes ours."""

    def __init__(self, formats: Sequence[SecretFormat], key: bytes) -> None:
        self._formats = tuple(formats)
        self._key = key
        words = sorted({keyword for known in self._formats for keyword in known.keywords} | {"[secret:"})
        self._hint = re2.compile("(?i)" + "|".join(map(re.escape, words)))

    def digest(self, secret: str) -> str:
        """The keyed hash of a text: the same for one secret however it was serialised."""
        raw = _SERIALISED.sub("", secret).translate(VISIBLE).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, raw, hashlib.sha256).hexdigest()[:_HASH_DIGITS]

    def redact(self, text: str) -> Redacted:
        """The text with a placeholder for each secret; what is already redacted stays as it is."""
        is_ascii = text.isascii()
        # RE2 and every JSON writer refuse half a surrogate pair.
        text = text if is_ascii else _SURROGATE.sub("\ufffd", text)
        if len(text) < _SHORTEST_SECRET:
            return Redacted(text=text)
        spans = self._spans(text) if self._hint.search(text) else []
        text = _replaced(text, spans)
        if not is_ascii or _DISGUISE.search(text):
            text, hidden = self._unmasked(text)
            spans += hidden
        return Redacted(text=text, found=tuple(dict.fromkeys((span.type, span.hash) for span in spans)))

    def redact_member(self, name: str, text: str) -> Redacted:
        """The same for the value of a member `name`: `password` makes a secret of what alone is any word."""
        redacted = self.redact(text)
        if redacted.found or len(text) > _LONGEST_MEMBER or not self._hint.search(name):
            return redacted
        head = f'"{_QUOTED.sub("_", name)}": "'
        inside = self.redact(f'{head}{text}"')
        whole = inside.text.startswith(head) and inside.text.endswith('"')
        return Redacted(text=inside.text[len(head) : -1], found=inside.found) if whole else redacted

    def _unmasked(self, text: str) -> tuple[str, list[_Span]]:
        """Takes out, with its encoded run, each secret that shows only once the disguise is off."""
        every: list[_Span] = []
        for base64 in (False, True):
            for _ in range(_ROUNDS):
                hidden = self._hidden(text, base64=base64)
                if not hidden:
                    break
                every += hidden
                text = _replaced(text, _merged(hidden))
            else:
                return "".join(dict.fromkeys(span.placeholder for span in every)), every
        return text, every

    def _hidden(self, text: str, *, base64: bool) -> list[_Span]:
        """The secrets that the revealed text shows, each with the span of the original that says it."""
        shown = reveal_text(text, base64=base64)
        if shown == text or not self._hint.search(shown):
            return []
        revealed = reveal(text, base64=base64)
        hidden = []
        for span in self._spans(revealed.text):
            if revealed.text[span.start : span.end] != span.placeholder:
                start, end = revealed.origin(span.start, span.end)
                hidden.append(replace(span, start=start, end=end))
        return hidden

    def _spans(self, text: str) -> list[_Span]:
        """Every secret and placeholder in the text, in order, none overlapping another."""
        taken = [_Span(start=m.start(), end=m.end(), type=m[1], hash=m[2]) for m in _PLACEHOLDER.finditer(text)]
        lower = text.lower()
        for known in self._formats:
            if any(keyword in lower for keyword in known.keywords):
                taken = sorted([*taken, *self._of_format(known, text, taken)], key=lambda span: span.start)
        return taken

    def _of_format(self, known: SecretFormat, text: str, taken: Sequence[_Span]) -> Iterator[_Span]:
        """The secrets of one format that touch none of those taken, which stand in order."""
        ends = [span.end for span in taken]
        for match in known.pattern.finditer(text):
            start, end = match.span(known.group)
            after = bisect_right(ends, start)
            if after < len(taken) and taken[after].start < end:
                continue
            candidate = Candidate(text=text, start=match.start(), secret_start=start, secret_end=end)
            if known.accepts(candidate):
                yield _Span(start=start, end=end, type=known.type, hash=self.digest(candidate.secret))


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """Spans in order without overlap: several secrets in one encoded run leave one placeholder, of the first."""
    merged: list[_Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = replace(last, end=max(last.end, span.end))
        else:
            merged.append(span)
    return merged


def _replaced(text: str, spans: Iterable[_Span]) -> str:
    return substitute(text, ((span.start, span.end, span.placeholder) for span in spans))
