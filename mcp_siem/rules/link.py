"""Rule documents into rules: ids, who refers to whom, stems, what alerts, what is off, and self-contained text."""

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from mcp_siem.errors import Issue
from mcp_siem.rules.expand import expand, placeholders
from mcp_siem.rules.filters import applies
from mcp_siem.rules.rule import Kind, LogSource, Rule
from mcp_siem.rules.yamltext import Document

__all__ = ["Entry", "entries", "link", "usable"]

_ID_SPACE = uuid.UUID("7b1c6d0e-3c55-5b0a-9f0e-6d63702d7369")
# Sigma leaves both open; a rule that does not say is neither ignored nor trusted.
_LEVEL, _STATUS = "medium", "experimental"

Data = Mapping[str, object]
Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A sound document with its id; `refs` are the rules that a correlation names, as written."""

    document: Document
    data: Data
    id: str
    name: str | None
    kind: Kind
    refs: tuple[str, ...]


def entries(documents: Iterable[Document]) -> list[Entry]:
    """The documents with the ids they have, or one made of what they say, which neither path nor format changes."""
    return [_entry(document, document.data) for document in documents if isinstance(document.data, dict)]


def _entry(document: Document, data: Data) -> Entry:
    kind: Kind = "correlation" if "correlation" in data else "filter" if "filter" in data else "detection"
    given = data.get("id")
    rule_id = str(uuid.UUID(given)) if isinstance(given, str) else str(uuid.uuid5(_ID_SPACE, _canonical([data])))
    name = data.get("name")
    return Entry(
        document=document,
        data={"title": data.get("title"), "id": rule_id, **{k: v for k, v in data.items() if k not in ("title", "id")}},
        id=rule_id,
        name=name if isinstance(name, str) else None,
        kind=kind,
        refs=_refs(data) if kind == "correlation" else (),
    )


def _refs(data: Data) -> tuple[str, ...]:
    node = data["correlation"]
    rules = node.get("rules") if isinstance(node, dict) else None
    if isinstance(rules, str):
        return (rules,)
    if isinstance(rules, list) and rules:
        return tuple(dict.fromkeys(str(rule) for rule in rules))
    condition = node.get("condition") if isinstance(node, dict) else None
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", condition) if isinstance(condition, str) else []
    return tuple(dict.fromkeys(word for word in words if word not in ("and", "or", "not")))


def _canonical(documents: Sequence[Data]) -> str:
    return json.dumps(documents, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _index(found: Sequence[Entry]) -> dict[str, Entry]:
    """Entries by id and by name; the first of two equal ones, the second is an issue."""
    index: dict[str, Entry] = {}
    for entry in found:
        if entry.kind != "filter":
            index.setdefault(entry.id, entry)
            if entry.name:
                index.setdefault(entry.name, entry)
    return index


def _look_up(index: Mapping[str, Entry], ref: str) -> Entry | None:
    try:
        return index.get(str(uuid.UUID(ref)))
    except ValueError:
        return index.get(ref)


def usable(found: Sequence[Entry], broken: Iterable[Document]) -> tuple[list[Entry], list[Issue]]:
    """The entries that can be linked, and why others cannot: one id or name twice, references to nothing or in a circle.

    A rule that refers to a broken one is left out without an issue of its own: the broken one has it.
    """
    sole, issues = _sole(found)
    index = _index(sole)
    known_broken = _called(broken)
    bad: set[str] = set()
    for entry in sole:
        missing = [ref for ref in entry.refs if _look_up(index, ref) is None]
        issues += [_unknown(entry, ref) for ref in missing if ref not in known_broken]
        if missing:
            bad.add(entry.id)
        elif _reaches(entry, entry, index, set()):
            bad.add(entry.id)
            issues.append(_circle(entry))
    bad = _spread(bad, sole, index)
    return [entry for entry in sole if entry.id not in bad], issues


def _sole(found: Sequence[Entry]) -> tuple[list[Entry], list[Issue]]:
    issues: list[Issue] = []
    sole: list[Entry] = []
    first: dict[tuple[str, str], Entry] = {}
    for entry in found:
        named = [(key, value) for key, value in (("id", entry.id), ("name", entry.name)) if value is not None]
        taken = [_twice(key, value, entry, first[key, value]) for key, value in named if (key, value) in first]
        issues += taken[:1]
        if not taken:
            first.update(dict.fromkeys(named, entry))
            sole.append(entry)
    return sole, issues


def _called(documents: Iterable[Document]) -> set[str]:
    """What broken documents are called, as far as they say."""
    parts = [document.data for document in documents if isinstance(document.data, dict)]
    return {str(part[key]) for part in parts for key in ("id", "name") if part.get(key)}


def _spread(unusable: set[str], found: Sequence[Entry], index: Mapping[str, Entry]) -> set[str]:
    grown = {
        entry.id
        for entry in found
        if any((other := _look_up(index, ref)) is not None and other.id in unusable for ref in entry.refs)
    }
    return unusable if grown <= unusable else _spread(unusable | grown, found, index)


def _reaches(entry: Entry, target: Entry, index: Mapping[str, Entry], seen: set[str]) -> bool:
    for ref in entry.refs:
        other = _look_up(index, ref)
        if other is None or other.id in seen:
            continue
        seen.add(other.id)
        if other is target or _reaches(other, target, index, seen):
            return True
    return False


def _twice(key: str, value: str, entry: Entry, other: Entry) -> Issue:
    given = entry.document.data if isinstance(entry.document.data, dict) else {}
    place = f"{other.document.path}:{other.document.line_of(key)}"
    if key == "id" and not given.get("id"):
        message, hint = f"the same rule is at {place}", "remove one of the two"
    else:
        message = f"the {key} {value} is also that of '{other.data.get('title')}' at {place}"
        hint = "give one of the two a new id (uuidgen makes one)" if key == "id" else "rename one of the two"
    line = entry.document.line_of(key)
    return Issue(
        code="MS021" if key == "id" else "MS022", message=message, path=entry.document.path, line=line, hint=hint
    )


def _unknown(entry: Entry, ref: str) -> Issue:
    node = entry.data["correlation"]
    rules = node.get("rules") if isinstance(node, dict) else None
    at = ("rules", rules.index(ref)) if isinstance(rules, list) and ref in rules else ("rules",)
    return Issue(
        code="MS017",
        message=f"the correlation names the rule '{ref}', which is not loaded",
        path=entry.document.path,
        line=entry.document.line_of("correlation", *at),
        hint="correct the id or name, or add the file of that rule with --rules",
    )


def _circle(entry: Entry) -> Issue:
    line = entry.document.line_of("correlation", "rules")
    hint = "remove the reference that leads back to this rule"
    message = "the correlation refers to itself"
    return Issue(code="MS023", message=message, path=entry.document.path, line=line, hint=hint)


def link(found: Sequence[Entry], values: Values) -> list[Rule]:
    """The rules of sound entries without open references, in stem order."""
    return _Linker(found, values).rules()


class _Linker:
    def __init__(self, found: Sequence[Entry], values: Values) -> None:
        self.entries = found
        self.values = values
        self.index = _index(found)
        self.sieves = sorted((entry for entry in found if entry.kind == "filter"), key=lambda entry: entry.id)
        self.unset = {entry.id: sorted(_placeholders(entry.data) - values.keys()) for entry in found}

    def rules(self) -> list[Rule]:
        silent = self._silent()
        stems = _stems(self.entries, silent)
        made = [self._rule(entry, stems[entry.id], alerts=entry.id not in silent) for entry in self.entries]
        return sorted(made, key=lambda rule: (rule.stem, rule.id))

    def _based_on(self, entry: Entry) -> Iterator[Entry]:
        """What an entry refers to, the furthest first, each once."""
        for ref in entry.refs:
            other = _look_up(self.index, ref)
            if other is not None:
                yield from self._based_on(other)
                yield other

    def _silent(self) -> set[str]:
        """Ids that do not alert: filters, and bases of correlations of which none says `generate`."""
        bases: set[str] = set()
        kept: set[str] = set()
        for entry in self.entries:
            node = entry.data.get("correlation")
            generates = isinstance(node, dict) and node.get("generate") is True
            for ref in entry.refs:
                other = _look_up(self.index, ref)
                if other is not None:
                    (kept if generates else bases).add(other.id)
        return (bases - kept) | {entry.id for entry in self.sieves}

    def _rule(self, entry: Entry, stem: str, *, alerts: bool) -> Rule:
        bases = list(dict.fromkeys(base.id for base in self._based_on(entry)))
        chain = [*(self.index[base] for base in bases), entry]
        sieves = [
            sieve
            for sieve in self.sieves
            if not self.unset[sieve.id] and any(applies(sieve.data, part.data) for part in chain)
        ]
        ordered = [*chain[:-1], *sieves, entry]
        documents = [self._filled(part) for part in ordered]
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
            text=_dump(documents),
            digest=hashlib.sha256(_canonical(documents).encode()).hexdigest(),
            path=entry.document.path,
            line=entry.document.line,
            alerts=alerts,
            off=self._off(chain),
        )

    def _filled(self, entry: Entry) -> Data:
        if self.unset[entry.id]:
            return entry.data
        section = "filter" if entry.kind == "filter" else "detection"
        node = entry.data.get(section)
        return {**entry.data, section: expand(node, self.values)} if isinstance(node, dict) else entry.data

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
        for entry in [main, *(entry for entry in group if entry is not main)]:
            stem = Path(path).stem if entry is main else f"{Path(path).stem}.{_slug(entry)}"
            stems[entry.id] = _unused(stem, entry, taken.__contains__)
            taken.add(stems[entry.id])
    return stems


def _slug(entry: Entry) -> str:
    return re.sub(r"[^a-z0-9]+", "_", (entry.name or str(entry.data["title"])).lower()).strip("_")[:60] or entry.id[:8]


def _unused(stem: str, entry: Entry, taken: Callable[[str], bool]) -> str:
    return stem if not taken(stem) else f"{stem}.{entry.id[:8]}"
