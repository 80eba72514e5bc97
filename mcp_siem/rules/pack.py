"""Loads a pack: every rule file below the paths, judged and linked, or every reason why not."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mcp_siem
from mcp_siem.errors import ConfigError, Issue, PackError
from mcp_siem.events.secret_formats import SecretFormat, parse_secret_formats
from mcp_siem.events.taxonomy import Taxonomy, parse_taxonomy
from mcp_siem.rules.collection import resolve_actions
from mcp_siem.rules.entries import Entry, entries
from mcp_siem.rules.files import read_text, rule_files
from mcp_siem.rules.judge import document_issues
from mcp_siem.rules.link import link
from mcp_siem.rules.manifest import Manifest, pack_root, read_manifest
from mcp_siem.rules.references import usable
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.rules.twins import twin_issues
from mcp_siem.rules.yamltext import Document, read_documents

__all__ = [
    "LoadedPack",
    "default_pack_dir",
    "load_pack",
    "load_secret_formats",
    "load_taxonomy",
    "read_pack",
]

Variables = Mapping[str, Sequence[str] | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPack:
    """What could be loaded, and what could not."""

    pack: RulePack
    entries: tuple[Entry, ...]
    issues: tuple[Issue, ...]
    files: tuple[Path, ...]
    manifest: Manifest

    @property
    def documents(self) -> Mapping[str, Document]:
        """The documents of the rules, by id."""
        return {entry.id: entry.document for entry in self.entries}

    def with_variables(self, variables: Variables) -> RulePack:
        """The same rules with other values in their placeholders."""
        return _linked(self.manifest, self.entries, self.pack.taxonomy, _values(variables))


def default_pack_dir() -> Path:
    """The shipped pack: inside a wheel, else beside the package in the repository."""
    package = Path(mcp_siem.__file__).parent
    wheel = package / "_pack"
    return wheel if wheel.is_dir() else package.parent / "sigma_rules"


def load_pack(paths: Sequence[Path] | None = None, *, variables: Variables | None = None) -> RulePack:
    """The rules of files and directories (None: the shipped pack); PackError with every issue if one is broken.

    `variables` fill the `%name%` of `|expand`; a rule that needs one which is not there is off.
    """
    loaded = read_pack(paths, variables=variables)
    if loaded.issues:
        raise PackError(loaded.issues)
    return loaded.pack


def read_pack(paths: Sequence[Path] | None = None, *, variables: Variables | None = None) -> LoadedPack:
    """What can be loaded from the paths, whatever else is broken there; for `check`, which reports both."""
    roots = list(paths) if paths else [default_pack_dir()]
    root = pack_root(roots[0])
    manifest, issues = read_manifest(root)
    files, found = rule_files(roots)
    taxonomy = load_taxonomy(root)
    values = _values(variables or {})
    sound, broken, faults = _judged(files, lambda document: twin_issues(document, taxonomy, values))
    kept, unlinked = usable(entries(sound), broken)
    issues += [*found, *faults, *unlinked]
    if not issues and all(entry.kind == "filter" for entry in kept):
        issues.append(_empty(roots[0]))
    return LoadedPack(
        pack=_linked(manifest, kept, taxonomy, values),
        entries=tuple(kept),
        issues=tuple(issues),
        files=tuple(files),
        manifest=manifest,
    )


def _linked(
    manifest: Manifest, kept: Sequence[Entry], taxonomy: Taxonomy, values: Mapping[str, tuple[str, ...]]
) -> RulePack:
    rules = tuple(link(kept, values, taxonomy.twin_source))
    return RulePack(
        name=manifest.name,
        version=manifest.version,
        rules=rules,
        taxonomy=taxonomy,
        digest=_digest(rules),
        variables=values,
    )


def _judged(
    files: Sequence[Path], more: Callable[[Document], Iterable[Issue]]
) -> tuple[list[Document], list[Document], list[Issue]]:
    """The sound and the broken documents of the files, and what is wrong with these; `more` is asked of the sound ones."""
    sound: list[Document] = []
    broken: list[Document] = []
    issues: list[Issue] = []
    for file in files:
        text, unreadable = read_text(file)
        if unreadable:
            issues.append(unreadable)
            continue
        documents, faults = read_documents(text, str(file))
        if not documents and not faults:
            faults.append(_no_rule(file))
        issues += faults
        lines = {issue.line for issue in faults}
        rules, faults = resolve_actions(documents)
        issues += faults
        for document in rules:
            # A value that is not what its author wrote would be judged wrongly; its fault is already told.
            faults = [] if _inside(document, lines) else document_issues(document) or list(more(document))
            issues += faults
            (broken if faults or _inside(document, lines) else sound).append(document)
    return sound, broken, issues


def _inside(document: Document, lines: set[int]) -> bool:
    """Says whether a fault of the YAML lies in the document: its value is not what its author wrote."""
    return any(document.line <= line <= document.end for line in lines)


def _no_rule(file: Path) -> Issue:
    hint = "write a rule into it, or remove the file"
    return Issue(code="MS004", message="the file holds no rule", path=str(file), hint=hint)


def _empty(root: Path) -> Issue:
    hint = "name a file or directory with Sigma rules"
    return Issue(code="MS004", message="the pack holds no rule", path=str(root), hint=hint)


def _values(variables: Variables) -> dict[str, tuple[str, ...]]:
    """The variables that hold something: an empty list or text would turn a rule into one that matches anything."""
    listed = {name: (value,) if isinstance(value, str) else value for name, value in variables.items()}
    filled = {name: tuple(one for one in value if one.strip()) for name, value in listed.items()}
    return {name: value for name, value in filled.items() if value}


def _digest(rules: Sequence[Rule]) -> str:
    parts = sorted(f"{rule.id} {rule.digest}" for rule in rules)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load_taxonomy(directory: Path) -> Taxonomy:
    """The taxonomy beside the rules of a pack, else that of the shipped pack."""
    file = _beside(directory, "taxonomy.toml")
    return _taxonomy(_text(file), str(file))


# Each backend asks for it anew; it is never changed.
_taxonomy = lru_cache(maxsize=4)(parse_taxonomy)


def _beside(directory: Path, name: str) -> Path:
    own = directory / name
    return own if own.is_file() else default_pack_dir() / name


def _text(file: Path) -> str:
    text, issue = read_text(file)
    if issue:
        raise ConfigError(issue.message, source=str(file), hint="reinstall mcp-siem, or restore the file")
    return text


def load_secret_formats(directory: Path) -> tuple[SecretFormat, ...]:
    """The formats of secrets beside the rules of a pack, else those of the shipped pack."""
    file = _beside(directory, "secrets.toml")
    return parse_secret_formats(_text(file), str(file))
