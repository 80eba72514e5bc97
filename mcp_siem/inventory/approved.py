"""The approved list as a file that lies beside the code: TOML or JSON, in a stable order, read with located faults."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_siem.errors import ConfigError
from mcp_siem.events.time import format_time, parse_time
from mcp_siem.events.toml import read_toml
from mcp_siem.inventory.server import identity

__all__ = ["Approval", "ApprovedServer", "parse_approved", "render_approved"]

_FORMAT = 1
_STATUSES = ("approved", "blocked")
_KINDS = ("tool", "prompt", "resource", "resource_template", "server")
_HASH = re.compile(r"[0-9a-f]{64}")
_BARE = re.compile(r'[\x00-\x1f\x7f-\x9f"\\\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One approved definition."""

    kind: str
    name: str
    hash: str
    by: str | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedServer:
    """One server with what was decided: approved, blocked, or of it some definitions alone."""

    name: str
    launch: str
    status: str | None
    package: str | None = None
    by: str | None = None
    at: int | None = None
    definitions: tuple[Approval, ...] = ()


def render_approved(servers: Sequence[ApprovedServer], form: str) -> str:
    """The list as `toml` or `json`; the same list is the same text."""
    if form == "json":
        document = {"format": _FORMAT, "server": [_document(one) for one in servers]}
        return json.dumps(document, ensure_ascii=True, indent=2) + "\n"
    lines = [f"format = {_FORMAT}"]
    for one in servers:
        told = _document(one)
        lines += ["", "[[server]]", *_pairs(told)]
        for definition in one.definitions:
            lines += ["", "[[server.definition]]", *_pairs(_approval(definition))]
    return "\n".join([*lines, ""])


def parse_approved(text: str, source: str) -> list[ApprovedServer]:
    """The list again; ConfigError says where it is wrong and what to do."""
    if text.lstrip()[:1] == "{":
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 1)
            hint = "export it again, or fix the JSON at this line"
            raise ConfigError(f"not valid JSON: {error}", source=f"{source}:{line}", hint=hint) from error
    else:
        document = read_toml(text, source)
    if document.get("format") != _FORMAT:
        hint = f"write format = {_FORMAT}, or update mcp-siem if the list comes from a newer one"
        raise ConfigError("this is no approved list of a known format", source=source, hint=hint)
    listed = document.get("server", [])
    if not isinstance(listed, list):
        raise ConfigError("`server` is not a list", source=source, hint="write each as [[server]]")
    return [_Reader(source, number).server(one) for number, one in enumerate(listed, 1)]


def _document(one: ApprovedServer) -> dict[str, object]:
    told = {
        "name": one.name,
        "launch": one.launch,
        "status": one.status,
        "package": one.package,
        "by": one.by,
        "at": None if one.at is None else format_time(one.at),
        "definition": [_approval(definition) for definition in one.definitions] or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _approval(one: Approval) -> dict[str, object]:
    at = None if one.at is None else format_time(one.at)
    told = {"kind": one.kind, "name": one.name, "hash": one.hash, "by": one.by, "at": at}
    return {name: value for name, value in told.items() if value is not None}


def _pairs(told: Mapping[str, object]) -> Iterator[str]:
    return (f"{name} = {_quoted(value)}" for name, value in told.items() if isinstance(value, str))


def _quoted(text: str) -> str:
    """A basic string of TOML in which nothing hides and nothing ends it."""
    return '"' + _BARE.sub(lambda found: f"\\U{ord(found[0]):08x}", text) + '"'


class _Reader:
    """Reads one server of a list; faults name it by its number."""

    def __init__(self, source: str, number: int) -> None:
        self._source = source
        self._number = number

    def server(self, told: object) -> ApprovedServer:
        if not isinstance(told, dict):
            raise self._fault("is no table", "write each as [[server]]")
        listed = told.get("definition", [])
        if not isinstance(listed, list):
            raise self._fault("`definition` is not a list", "write each as [[server.definition]]")
        return ApprovedServer(
            name=self._text(told, "name"),
            launch=self._text(told, "launch", default=""),
            status=self._choice(told, "status", _STATUSES) if "status" in told else None,
            package=self._text(told, "package", default="") or None,
            by=self._text(told, "by", default="") or None,
            at=self._time(told),
            definitions=tuple(self._definition(one) for one in listed),
        )

    def _definition(self, told: object) -> Approval:
        if not isinstance(told, dict):
            raise self._fault("a definition is no table", "write each as [[server.definition]]")
        digest = self._text(told, "hash")
        if not _HASH.fullmatch(digest):
            raise self._fault("`hash` is no SHA-256", "write its 64 hexadecimal digits")
        return Approval(
            kind=self._choice(told, "kind", _KINDS),
            name=self._text(told, "name"),
            hash=digest,
            by=self._text(told, "by", default="") or None,
            at=self._time(told),
        )

    def _fault(self, message: str, hint: str) -> ConfigError:
        return ConfigError(f"server {self._number}: {message}", source=self._source, hint=hint)

    def _text(self, told: Mapping[str, object], key: str, *, default: str | None = None) -> str:
        value = told.get(key, default)
        if not isinstance(value, str):
            raise self._fault(f"`{key}` is missing or no text", f'write {key} = "..."')
        return identity(value)

    def _choice(self, told: Mapping[str, object], key: str, choices: Sequence[str]) -> str:
        value = self._text(told, key)
        if value not in choices:
            raise self._fault(f"`{key}` is {value!r}", f"write one of: {', '.join(choices)}")
        return value

    def _time(self, told: Mapping[str, object]) -> int | None:
        if "at" not in told:
            return None
        found = parse_time(told["at"]) if isinstance(told["at"], str) else None
        if found is None:
            raise self._fault("`at` is no time", 'write at = "2026-01-31T12:00:00Z"')
        return found
