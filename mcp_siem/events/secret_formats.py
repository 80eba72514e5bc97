"""The shapes of secrets, read from data: a pattern each, with the tests that a pattern cannot make."""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import re2

from mcp_siem.errors import ConfigError
from mcp_siem.events.toml import line_of_key, read_toml

__all__ = ["SecretFormat", "parse_secret_formats"]

_FORMAT = 1
_HINT = "the head of sigma_rules/secrets.toml describes every key of a format"
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_KEYS = {"pattern", "keywords", "entropy", "check", "example"}
# Where a token may start: not inside a word, but right after an escape of JSON, whose last letter looks like one.
_START = r"(?:^|[^A-Za-z0-9]|\\[nrtbf]|\\u[0-9A-Fa-f]{4})"
_PLACEHOLDER = re.compile(
    r"x+|\*+|-+|\.+|(?:your|my|some|the)[_-].*|changeme|change[_-]me|example|placeholder|redacted|hidden|masked|none|null"
    r"|true|false|string|required|optional|undefined|password|passwd|secret|token|api[_-]?key|\$.*|%.*%|todo|dummy"
    r"|str|int|bool|bytes|number|object|include|same-origin",
    re.IGNORECASE | re.DOTALL,
)
# Names that end like a secret's but hold the place in a list, or a part of a vocabulary.
_HARMLESS_NAME = re.compile(
    r"(?:page|progress|next|continuation|continue|sync|delta|cursor|pagination|csrf|xsrf|stop|special|pad|eos|bos|unk|mask"
    r"|cls|sep|start|end|first|last)[_-]?token",
    re.IGNORECASE,
)
_NAME_BEFORE = re.compile(r"[A-Za-z0-9_.-]{0,64}$")
_CODE = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|->|::)[A-Za-z_$][\w$]*)+|[A-Za-z]+://.*|[.~]{0,2}/[\w./-]*|\d[\d.:/TZ_+-]*", re.ASCII
)
_ENVIRONMENT = re.compile(r"[A-Z0-9_]+=")
_LEAST_ENTROPY = 2.2
_LONG_WITHOUT_DIGIT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a pattern found: the text, and where in it the whole match and the secret lie."""

    text: str
    start: int
    secret_start: int
    secret_end: int

    @property
    def secret(self) -> str:
        """The part that would be replaced."""
        return self.text[self.secret_start : self.secret_end]

    @property
    def following(self) -> str:
        """The character after it; empty at the end."""
        return self.text[self.secret_end : self.secret_end + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFormat:
    """One type of secret. `accepts` says whether a candidate is one, where the pattern alone cannot."""

    type: str
    pattern: "re2._Regexp[str]"
    group: int
    keywords: tuple[str, ...]
    entropy: float
    check: str | None
    example: str

    def accepts(self, candidate: Candidate) -> bool:
        """True unless the entropy is too low or the format's own check refuses."""
        if self.entropy and _entropy(candidate.secret) < self.entropy:
            return False
        return self.check is None or _CHECKS[self.check](candidate)


def parse_secret_formats(text: str, source: str) -> tuple[SecretFormat, ...]:
    """Reads secrets.toml in its order; raises ConfigError with `source:line` and the reason."""
    document = read_toml(text, source)
    if document.keys() != {"format", "secrets"} or document["format"] != _FORMAT or document["format"] is True:
        raise ConfigError(f"needs format = {_FORMAT} and [secrets], nothing else", source=f"{source}:1", hint=_HINT)
    secrets = document["secrets"]
    if not isinstance(secrets, dict):
        raise ConfigError("[secrets] must hold a table for each type", source=f"{source}:1", hint=_HINT)
    return tuple(_parse_format(name, entry, text, source) for name, entry in secrets.items())


def _parse_format(name: str, entry: object, text: str, source: str) -> SecretFormat:
    place = f"{source}:{line_of_key(text, name, table='secrets')}"
    fault = "must be a table" if not isinstance(entry, Mapping) else _fault(name, entry)
    if fault or not isinstance(entry, Mapping):
        raise ConfigError(f"secret {name!r}: {fault}", source=place, hint=_HINT)
    pattern = entry["pattern"]
    try:
        compiled = _compiled(pattern if "(?P<secret>" in pattern else f"{_START}(?P<secret>{pattern})")
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ConfigError(f"secret {name!r}: pattern is no RE2: {reason}", source=place, hint=_HINT) from error
    return SecretFormat(
        type=name,
        pattern=compiled,
        group=compiled.groupindex["secret"],
        keywords=tuple(keyword.lower() for keyword in entry["keywords"]),
        entropy=float(entry.get("entropy", 0)),
        check=entry.get("check"),
        example="".join(entry["example"]),
    )


def _compiled(pattern: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _fault(name: str, entry: Mapping[str, object]) -> str | None:
    if not _TYPE.fullmatch(name):
        return "the type must be lower case letters, digits and _"
    if unknown := sorted(entry.keys() - _KEYS):
        return f"unknown key {unknown[0]!r}"
    return _fault_of_texts(entry) or _fault_of_tests(entry)


def _fault_of_texts(entry: Mapping[str, object]) -> str | None:
    if not isinstance(entry.get("pattern"), str) or not entry["pattern"]:
        return "'pattern' must be a text that is not empty"
    for key in ("keywords", "example"):
        value = entry.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(part, str) and part for part in value):
            return f"{key!r} must be a list of texts that are not empty"
    return None


def _fault_of_tests(entry: Mapping[str, object]) -> str | None:
    entropy = entry.get("entropy", 0)
    if isinstance(entropy, bool) or not isinstance(entropy, int | float) or not entropy >= 0:
        return "'entropy' must be a number that is not negative"
    if entry.get("check") is not None and entry["check"] not in _CHECKS:
        return f"'check' must be one of {', '.join(_CHECKS)}"
    return None


def _entropy(text: str) -> float:
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())


def _has_digit(candidate: Candidate) -> bool:
    return any(char.isdigit() for char in candidate.secret)


def _is_basic_pair(candidate: Candidate) -> bool:
    symbols = candidate.secret.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        pair = base64.b64decode(symbols + "=" * (-len(symbols) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return ":" in pair and pair.isprintable()


def _is_real(candidate: Candidate) -> bool:
    return not _PLACEHOLDER.fullmatch(candidate.secret)


def _is_assigned(candidate: Candidate) -> bool:
    """A value of an assignment: sure in an environment, likely with digits or in quotes, never code or a type name."""
    secret = candidate.secret
    name = _name_of(candidate)
    if not _is_real(candidate) or _HARMLESS_NAME.search(name) or candidate.following in {"(", "["}:
        return False
    quoted = candidate.text[candidate.secret_start - 1] in "\"'"
    if _CODE.fullmatch(secret) and not (quoted and not secret.isascii()):
        return False
    if _ENVIRONMENT.fullmatch(name):
        return True
    if quoted and "pass" in name.lower():
        return True
    if _has_digit(candidate):
        return _entropy(secret) >= _LEAST_ENTROPY and not secret.isdigit()
    mixed = secret != secret.lower() and secret != secret.upper()
    return quoted and mixed and len(secret) >= _LONG_WITHOUT_DIGIT


def _name_of(candidate: Candidate) -> str:
    head = candidate.text[max(0, candidate.start - 64) : candidate.start]
    before = _NAME_BEFORE.search(head)
    return (before[0] if before else "") + candidate.text[candidate.start : candidate.secret_start]


_CHECKS: Mapping[str, Callable[[Candidate], bool]] = {
    "digit": _has_digit,
    "basic": _is_basic_pair,
    "real": _is_real,
    "assigned": _is_assigned,
}
