"""The port of a SIEM's pure half: rule to query, query to document and back, the steps of a change."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mcp_siem.rules.rule import Rule

__all__ = ["Action", "Change", "Marker", "Query", "Refusal", "Remote", "Resource", "Step", "Target", "spec_digest"]


def spec_digest(text: str) -> str:
    """SHA-256 of a query or a spec, hex: the digest of `Query`, `Resource`, `Remote` and the marker."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A rule in a target's language. `digest` is SHA-256 of `text`, hex. `notes` say where it is approximate."""

    rule_id: str
    stem: str
    target: str
    language: str
    text: str
    digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A rule that cannot mean the same on a target: a stable code, why, and what to change."""

    rule_id: str
    stem: str
    target: str
    code: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What should stand on the SIEM: `address` is `<target>:<rule uuid>`, `spec` canonical JSON of the fields we own."""

    address: str
    spec: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What we wrote on the SIEM's own object to find it again: the digest we applied, by which pack and tool."""

    applied: str
    pack: str
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One object read from the SIEM. `marker` is None for an object that is not ours.

    `spec` holds the owned fields as read, canonical JSON, comparable with `Resource.spec`; `digest` is over it.
    `document` is the whole object as the API returned it.
    """

    address: str
    marker: Marker | None
    spec: str
    digest: str
    document: Mapping[str, object]


class Action(StrEnum):
    """What a change does to one address."""

    NOOP = "noop"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One address of a plan. `before` and `after` are specs (canonical JSON) or None; `drifted` names owned
    fields that somebody changed on the SIEM since we applied; `reasons` say it in words. `seen` is the actual
    digest the plan was made from (None: no object), so that a write can tell what moved since.
    """

    address: str
    title: str
    action: Action
    before: str | None
    after: str | None
    reasons: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    seen: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One idempotent write: `verb` is put or delete, `document` the full body to write (None for delete)."""

    verb: str
    key: str
    document: Mapping[str, object] | None
    says: str


class Target(Protocol):
    """The pure half of a backend; no I/O, same input same bytes."""

    name: str

    def query(self, rule: Rule) -> Query | Refusal:
        """The rule in this target's language, or why it cannot mean the same there."""
        ...

    def resource(self, query: Query, rule: Rule) -> Resource:
        """The SIEM object that runs the query."""
        ...

    def parse(self, document: Mapping[str, object]) -> Remote:
        """Reads one API object; never raises on an object that is not ours."""
        ...

    def steps(self, change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
        """The idempotent writes that carry out a change, in order, analyst-owned fields carried through."""
        ...
