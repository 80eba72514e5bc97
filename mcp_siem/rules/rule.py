"""A rule and a pack of rules, as text: pySigma rewrites its objects in place, so each use parses afresh."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mcp_siem.events.taxonomy import Taxonomy

__all__ = ["Kind", "LogSource", "ReadText", "Rule", "RulePack", "spelled"]

Kind = Literal["detection", "correlation", "filter", "native"]


def spelled(text: str) -> str:
    """The text with bytes of a file name that are not UTF-8 as escapes: nothing but a path can hold them."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """A Sigma logsource; an absent part matches anything."""

    category: str | None = None
    product: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadText:
    """YAML and the documents that it says; they are shared, so whoever changes one copies it first."""

    text: str
    documents: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One Sigma document.

    `kind` native: no Sigma, but a query for each SIEM (rules/native.py), which no engine of ours runs.
    `text` is self-contained YAML: the documents this rule refers to (base rules, filters that apply) and
    then its own, so that a target needs nothing else. `digest` is SHA-256, hex, of what `text` means: neither
    formatting nor comments change it, values of `[vars]` do. `path` and `line` say where its document starts,
    `places` where its parts stand; `read` spares those who want the documents of `text` to read it. `alerts` is False for a base rule of a correlation without
    `generate`. `off` says why a rule does not run (an unset `[vars]` entry), else None.
    """

    id: str
    name: str | None
    stem: str
    title: str
    level: str
    status: str
    kind: Kind
    tags: tuple[str, ...]
    logsource: LogSource | None
    text: str
    digest: str
    path: str
    line: int
    alerts: bool = True
    off: str | None = None
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict, compare=False, repr=False)
    read: ReadText | None = field(default=None, compare=False, repr=False)

    def sibling(self, suffix: str) -> Path:
        """The file beside the rule that is called as its stem, and the suffix."""
        own = Path(self.path).stem
        return Path(self.path).with_name(f"{self.stem.replace(spelled(own), own, 1)}{suffix}")

    def place(self, name: str) -> tuple[str, int]:
        """Path and line of a part of the rule (a name of `rules/places.py`), else of its key, else of the rule."""
        key, _, _ = name.partition(": ")
        return self.places.get(name) or self.places.get(key) or (self.path, self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """All rules that were loaded together; built whole or not at all; iterates in stem order."""

    name: str
    version: str
    rules: tuple[Rule, ...]
    taxonomy: Taxonomy
    digest: str
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def alerting(self) -> tuple[Rule, ...]:
        """Rules that alert and are on, in stem order: what is counted, converted and deployed."""
        return tuple(rule for rule in self.rules if rule.alerts and rule.off is None and rule.kind != "filter")

    def native(self) -> tuple[Rule, ...]:
        """Those of them that only a SIEM can run."""
        return tuple(rule for rule in self.alerting() if rule.kind == "native")
