"""catalogue.yaml: every technique of the threat catalogue, decided; held against the rules that claim to see it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from mcp_siem.errors import ConfigError, Issue
from mcp_siem.rules.files import read_text
from mcp_siem.rules.rule import LogSource, Rule, RulePack
from mcp_siem.rules.yamltext import Document, read_documents

__all__ = [
    "CATALOGUE_FILE",
    "Catalogue",
    "Fidelity",
    "Sighting",
    "Technique",
    "catalogue_faults",
    "read_catalogue",
    "sightings",
    "source_name",
]

Fidelity = Literal["high", "medium", "low", "none"]

CATALOGUE_FILE = "catalogue.yaml"
_TAG = "mcp-ttp."
_FORMAT = 1
_TEXTS = ("id", "name", "category", "severity", "fidelity", "limits")
_HINT = f"the head of sigma_rules/{CATALOGUE_FILE} describes every key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """One technique: how well it is seen, by which rules, from which logsources, and what is not seen."""

    id: str
    name: str
    category: str
    severity: str
    fidelity: Fidelity
    rules: tuple[str, ...]
    logsources: tuple[str, ...]
    limits: str
    line: int

    @property
    def tag(self) -> str:
        """The tag by which rules name it: `mcp-ttp.CATEGORY.SLUG`."""
        return _TAG + self.id.replace("/", ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The techniques in the order of the file, and where their names come from."""

    path: str
    repository: str
    commit: str
    techniques: tuple[Technique, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a pack says of a technique: the rules that carry its tag, and the logsources they read."""

    rules: tuple[str, ...]
    logsources: tuple[str, ...]


def read_catalogue(directory: Path) -> Catalogue | None:
    """The catalogue of a pack, None if it has none; raises ConfigError at the first line that cannot be used."""
    file = directory / CATALOGUE_FILE
    if not file.is_file():
        return None
    text, unreadable = read_text(file)
    if unreadable:
        raise ConfigError(unreadable.message, source=str(file), hint=unreadable.hint)
    documents, faults = read_documents(text, str(file))
    for fault in faults:
        raise ConfigError(fault.message, source=f"{file}:{fault.line}", hint=fault.hint)
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        raise ConfigError("the catalogue is no YAML mapping", source=str(file), hint=_HINT)
    return _catalogue(documents[0], documents[0].data)


def _catalogue(document: Document, data: Mapping[str, Any]) -> Catalogue:
    listed = data.get("ttps")
    if data.get("format") != _FORMAT or not isinstance(listed, list):
        message = f"format must be {_FORMAT} and ttps a list"
        raise ConfigError(message, source=f"{document.path}:{document.line}", hint=_HINT)
    techniques = tuple(_technique(document, at, entry) for at, entry in enumerate(listed))
    return Catalogue(
        path=document.path,
        repository=str(data.get("repository", "")),
        commit=str(data.get("commit", "")),
        techniques=techniques,
    )


def _technique(document: Document, at: int, entry: object) -> Technique:
    line = document.line_of("ttps", at)
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) and entry[key] for key in _TEXTS):
        raise ConfigError(f"a technique needs {', '.join(_TEXTS)}", source=f"{document.path}:{line}", hint=_HINT)
    fidelity = next((one for one in get_args(Fidelity) if one == entry["fidelity"]), None)
    if fidelity is None:
        message = f"fidelity '{entry['fidelity']}' is none of {', '.join(get_args(Fidelity))}"
        raise ConfigError(message, source=f"{document.path}:{document.line_of('ttps', at, 'fidelity')}", hint=_HINT)
    return Technique(
        id=entry["id"],
        name=entry["name"],
        category=entry["category"],
        severity=entry["severity"],
        fidelity=fidelity,
        rules=_texts(entry.get("rules")),
        logsources=_texts(entry.get("logsources")),
        limits=" ".join(entry["limits"].split()),
        line=line,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def sightings(pack: RulePack) -> Mapping[str, Sighting]:
    """Per tag of the catalogue: the alerting rules that carry it, and what they read. Rules that are off count."""
    by_id = {rule.id: rule for rule in pack}
    found: dict[str, list[Rule]] = {}
    for rule in pack:
        if rule.alerts and rule.kind != "filter":
            for tag in rule.tags:
                if tag.startswith(_TAG):
                    found.setdefault(tag, []).append(rule)
    return {tag: _sighting(rules, by_id) for tag, rules in found.items()}


def _sighting(rules: Sequence[Rule], by_id: Mapping[str, Rule]) -> Sighting:
    sources = {source_name(source) for rule in rules for source in _sources(rule, by_id)}
    return Sighting(rules=tuple(sorted(rule.stem for rule in rules)), logsources=tuple(sorted(sources)))


def _sources(rule: Rule, by_id: Mapping[str, Rule]) -> Iterable[LogSource]:
    """The logsource of a rule, or those of the rules that a correlation is built on."""
    if rule.logsource is not None:
        return (rule.logsource,)
    documents, _ = read_documents(rule.text, rule.path)
    ids = [str(document.data.get("id", "")) for document in documents if isinstance(document.data, dict)]
    bases = [by_id[one] for one in ids if one in by_id and one != rule.id]
    return tuple(base.logsource for base in bases if base.logsource is not None)


def source_name(source: LogSource) -> str:
    """A logsource in one word: `mcp/protocol`, `process_creation`."""
    return "/".join(part for part in (source.product, source.category, source.service) if part)


def catalogue_faults(catalogue: Catalogue, pack: RulePack) -> Iterator[Issue]:
    """Where the catalogue and the tags of the rules disagree: nothing may be claimed that no rule does, or done unsaid."""
    seen = sightings(pack)
    by_tag = {technique.tag: technique for technique in catalogue.techniques}
    for rule in pack:
        for tag in rule.tags:
            if tag.startswith(_TAG) and tag not in by_tag:
                yield _unknown(rule, tag)
    for technique in catalogue.techniques:
        yield from _technique_faults(catalogue, technique, seen.get(technique.tag, Sighting(rules=(), logsources=())))


def _unknown(rule: Rule, tag: str) -> Issue:
    message = f"'{tag}' names no technique of the catalogue"
    return Issue(
        code="MS216", message=message, path=rule.path, line=rule.line, hint=f"see {CATALOGUE_FILE} for the ids"
    )


def _technique_faults(catalogue: Catalogue, technique: Technique, seen: Sighting) -> Iterator[Issue]:
    def fault(message: str, hint: str) -> Issue:
        return Issue(code="MS216", message=message, path=catalogue.path, line=technique.line, hint=hint)

    if set(technique.rules) != set(seen.rules):
        apart = ", ".join(sorted(set(technique.rules) ^ set(seen.rules)))
        yield fault(
            f"{technique.id}: the list of rules and their tags differ in {apart}",
            "give the rule the tag, or correct the list: `pytest tests/rules --update-golden` writes it anew",
        )
    elif set(technique.logsources) != set(seen.logsources):
        yield fault(
            f"{technique.id}: its rules read {', '.join(seen.logsources) or 'nothing'}",
            "correct logsources: `pytest tests/rules --update-golden` writes it anew",
        )
    if bool(seen.rules) is (technique.fidelity == "none"):
        says = "is seen by no rule" if not seen.rules else f"is seen by {', '.join(seen.rules)}"
        yield fault(
            f"{technique.id} {says}, and its fidelity is {technique.fidelity}",
            "write a rule, or fidelity none and in limits why telemetry cannot see it",
        )
