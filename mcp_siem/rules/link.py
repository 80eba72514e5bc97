"""Entries into rules: stems, what alerts, what is off, and self-contained text."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

from mcp_siem.rules.entries import Data, Entry, bases_of, canonical, index_of, look_up
from mcp_siem.rules.expand import IsTwin, expand, placeholders
from mcp_siem.rules.filters import applies
from mcp_siem.rules.places import places_of
from mcp_siem.rules.rule import LogSource, ReadText, Rule, spelled

__all__ = ["link"]

# Sigma leaves both open; a rule that does not say is neither ignored nor trusted.
_LEVEL, _STATUS = "medium", "experimental"

Values = Mapping[str, Sequence[str]]


def link(found: Sequence[Entry], values: Values, is_twin: IsTwin) -> list[Rule]:
    """The rules of sound entries without open references, in stem order."""
    return _Linker(found, values, is_twin).rules()


class _Linker:
    def __init__(self, found: Sequence[Entry], values: Values, is_twin: IsTwin) -> None:
        self.entries = found
        self.is_twin = is_twin
        self.values = values
        self.index = index_of(found)
        self.sieves = sorted((entry for entry in found if entry.kind == "filter"), key=lambda entry: entry.id)
        self.unset = {entry.id: sorted(_placeholders(entry.data) - values.keys()) for entry in found}

    def rules(self) -> list[Rule]:
        silent = self._silent()
        stems = _stems(self.entries, silent)
        made = [self._rule(entry, stems[entry.id], alerts=entry.id not in silent) for entry in self.entries]
        return sorted(made, key=lambda rule: (rule.stem, rule.id))

    def _silent(self) -> set[str]:
        """Ids that do not alert: filters, and bases of correlations of which none says `generate`."""
        bases: set[str] = set()
        kept: set[str] = set()
        for entry in self.entries:
            node = entry.data.get("correlation")
            generates = isinstance(node, dict) and node.get("generate") is True
            for ref in entry.refs:
                other = look_up(self.index, ref)
                if other is not None:
                    (kept if generates else bases).add(other.id)
        return (bases - kept) | {entry.id for entry in self.sieves}

    def _rule(self, entry: Entry, stem: str, *, alerts: bool) -> Rule:
        chain = [*bases_of(entry, self.index), entry]
        sieves = [
            sieve
            for sieve in self.sieves
            if entry.kind != "native"
            and not self.unset[sieve.id]
            and any(applies(sieve.data, part.data) for part in chain)
        ]
        ordered = [*chain[:-1], *sieves, entry]
        documents = [self._filled(part) for part in ordered]
        text = _dump(documents)
        return Rule(
            id=entry.id,
            name=entry.name,
            stem=stem,
            title=str(entry.data["title"]),
            level=str(entry.data.get("level") or _LEVEL).lower(),
            status=str(entry.data.get("status") or _STATUS).lower(),
            kind=entry.kind,
            tags=_tags(entry.data),
            logsource=_logsource(entry.data),
            text=text,
            digest=hashlib.sha256(canonical(documents).encode()).hexdigest(),
            path=entry.document.path,
            line=entry.document.line,
            alerts=alerts,
            off=self._off(chain),
            places=places_of([part.document for part in (entry, *sieves)]),
            read=ReadText(text=text, documents=tuple(documents)),
        )

    def _filled(self, entry: Entry) -> Data:
        if self.unset[entry.id]:
            return entry.data
        section = "filter" if entry.kind == "filter" else "detection"
        node = entry.data.get(section)
        return (
            {**entry.data, section: expand(node, self.values, self.is_twin)} if isinstance(node, dict) else entry.data
        )

    def _off(self, chain: Sequence[Entry]) -> str | None:
        *bases, own = chain
        if self.unset[own.id]:
            names = ", ".join(self.unset[own.id])
            return f"needs [vars] {names} in mcp-siem.toml"
        for base in bases:
            if self.unset[base.id]:
                names = ", ".join(self.unset[base.id])
                return f"its base rule '{base.data['title']}' needs [vars] {names} in mcp-siem.toml"
        return None


def _placeholders(data: Data) -> set[str]:
    return placeholders(data.get("detection")) | placeholders(data.get("filter"))


def _tags(data: Data) -> tuple[str, ...]:
    tags = data.get("tags")
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()


def _logsource(data: Data) -> LogSource | None:
    node = data.get("logsource")
    if not isinstance(node, dict):
        return None

    def part(key: str) -> str | None:
        return str(node[key]) if node.get(key) else None

    return LogSource(category=part("category"), product=part("product"), service=part("service"))


class _Dumper(yaml.CSafeDumper):
    """Writes values out where they stand: no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _dump(documents: Sequence[Data]) -> str:
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _stems(found: Sequence[Entry], silent: set[str]) -> dict[str, str]:
    """The stem of each rule: its file's name for the last rule of the file that alerts, else with its own name behind."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    by_file: dict[str, list[Entry]] = {}
    for entry in found:
        by_file.setdefault(entry.document.path, []).append(entry)
    for path in sorted(by_file):
        group = by_file[path]
        main = next((entry for entry in reversed(group) if entry.id not in silent), group[-1])
        own = spelled(Path(path).stem)
        for entry in [main, *(entry for entry in group if entry is not main)]:
            stem = own if entry is main else f"{own}.{_slug(entry)}"
            stems[entry.id] = _unused(stem, entry, taken.__contains__)
            taken.add(stems[entry.id])
    return stems


def _slug(entry: Entry) -> str:
    return re.sub(r"[^a-z0-9]+", "_", (entry.name or str(entry.data["title"])).lower()).strip("_")[:60] or entry.id[:8]


def _unused(stem: str, entry: Entry, taken: Callable[[str], bool]) -> str:
    return stem if not taken(stem) else f"{stem}.{entry.id[:8]}"
