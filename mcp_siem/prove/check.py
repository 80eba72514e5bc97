"""`check`: everything that can be said about a pack without a SIEM. What is broken is a finding, the rest goes on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from mcp_siem.convert.target import Target
from mcp_siem.errors import ConfigError, Issue, McpSiemError, PackError
from mcp_siem.prove.cases import Bench
from mcp_siem.prove.goldens import compare_goldens, golden_path, golden_text
from mcp_siem.prove.regression import RegressionCase, read_regressions
from mcp_siem.rules.catalogue import catalogue_faults, read_catalogue
from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.files import read_text, sibling_files
from mcp_siem.rules.filters import applies
from mcp_siem.rules.finding import Finding, finding_of
from mcp_siem.rules.fixtures import Fixture, read_fixtures
from mcp_siem.rules.lint.run import lint_rule, orphans
from mcp_siem.rules.lint.subject import Subject
from mcp_siem.rules.manifest import pack_root
from mcp_siem.rules.pack import LoadedPack, default_pack_dir, read_pack
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.rules.yamltext import Document

__all__ = ["CheckReport", "Finding", "check", "check_paths"]

Variables = Mapping[str, Sequence[str] | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `check` found. `rules` counts Sigma rules that alert and were replayed, no native ones; `notes` need no action."""

    rules: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def check(pack: RulePack, *, targets: Sequence[Target] = ()) -> CheckReport:
    """Checks the files that a pack was loaded from, with the variables it was loaded with."""
    files = list(dict.fromkeys(Path(rule.path) for rule in pack))
    return check_paths(files, variables=pack.variables, targets=targets)


def check_paths(
    paths: Sequence[Path] | None, *, variables: Variables | None = None, targets: Sequence[Target] = ()
) -> CheckReport:
    """Lints the rules below the paths (None: the shipped pack), replays their fixtures, compares their goldens.

    Fixtures and goldens run with the example values of pack.toml, `variables` where it has none. Raises PackError only
    if there is no rule file at all.
    """
    loaded = read_pack(paths, variables=variables)
    if not loaded.files:
        raise PackError(loaded.issues)
    examples = {**(variables or {}), **loaded.manifest.example_vars}
    proven = loaded.with_variables(examples) if loaded.manifest.example_vars else loaded.pack
    run = _Run(loaded=loaded, proven=proven)
    findings = [finding_of(issue) for issue in loaded.issues]
    findings += run.rule_findings()
    findings += _catalogue_findings(paths, loaded.pack)
    findings += _golden_findings(run.sound(), targets)
    serious = [finding for finding in findings if finding.severity != "info"]
    notes = [f"{one.path}:{one.line}: {one.message}" for one in findings if one.severity == "info"]
    return CheckReport(
        rules=len(proven.alerting()) - len(proven.native()),
        findings=tuple(sorted(dict.fromkeys(serious), key=lambda one: (one.path, one.line, one.code))),
        notes=(*_off(loaded.pack), *_native(proven), *notes),
    )


def _off(pack: RulePack) -> Iterator[str]:
    return (f"{rule.path}:{rule.line}: {rule.stem} is off: {rule.off}" for rule in pack if rule.off)


def _native(pack: RulePack) -> Iterator[str]:
    said = "is native: only its SIEM runs it, so no case was replayed"
    return (f"{rule.path}:{rule.line}: {rule.stem} {said}" for rule in pack.native())


class _Run:
    """One check of a loaded pack. `proven` is the same pack with example values, for what is replayed."""

    def __init__(self, *, loaded: LoadedPack, proven: RulePack) -> None:
        self._loaded = loaded
        self._proven = proven
        self._by_id = {rule.id: rule for rule in proven}
        self._reached = _reached(loaded.documents)
        self._documents = loaded.documents
        self._bench = Bench(proven)

    def rule_findings(self) -> list[Finding]:
        findings: list[Finding] = []
        for rule in self._loaded.pack:
            fixtures, broken = read_fixtures(rule) if rule.alerts else ((), ())
            findings += [finding_of(issue) for issue in broken]
            findings += lint_rule(self._subject(rule, fixtures))
            findings += self._proofs(self._by_id[rule.id], fixtures)
            findings += self._regressions(self._by_id[rule.id])
        findings += self._orphans()
        return findings

    def _orphans(self) -> Iterator[Finding]:
        """Siblings of no rule. A rule that is broken, or not loaded this time, keeps its own."""
        siblings, others = sibling_files(self._loaded.files)
        stems = {rule.sibling("") for rule in self._loaded.pack if rule.alerts}
        kept = {Path(issue.path).with_suffix("") for issue in self._loaded.issues}
        return orphans(siblings, stems | kept | {other.with_suffix("") for other in others})

    def sound(self) -> RulePack:
        """The rules whose queries can be compared: those that the engine takes."""
        return RulePack(
            name=self._proven.name,
            version=self._proven.version,
            rules=tuple(rule for rule in self._proven if self._bench.takes((*self._bases(rule), rule))),
            taxonomy=self._proven.taxonomy,
            digest=self._proven.digest,
            variables=self._proven.variables,
        )

    def _subject(self, rule: Rule, fixtures: tuple[Fixture, ...]) -> Subject:
        return Subject(
            rule=rule,
            document=self._documents[rule.id],
            bases=self._bases(rule),
            fixtures=fixtures,
            taxonomy=self._loaded.pack.taxonomy,
            reached=self._reached.get(rule.id, 0),
        )

    def _bases(self, rule: Rule) -> tuple[Rule, ...]:
        """The rules that stand before a correlation's own document in its text."""
        if rule.kind != "correlation":
            return ()
        ids = [str(UUID(str(document["id"]))) for document in documents_of(rule)]
        return tuple(base for one in ids[:-1] if (base := self._by_id.get(one)) and base.kind != "filter")

    def _proofs(self, rule: Rule, fixtures: Sequence[Fixture]) -> Iterator[Finding]:
        if rule.kind == "filter" or rule.off:
            return
        bases = self._bases(rule)
        yield from (finding_of(issue) for issue in self._bench.refused.get(rule.id, ()))
        yield from self._bench.try_cases(rule, bases, fixtures)

    def _regressions(self, rule: Rule) -> Iterator[Finding]:
        """The cases that SigmaHQ's conventions keep for a rule, in a folder of their own."""
        found = read_regressions(rule, self._documents[rule.id])
        yield from found.findings
        bases = self._bases(rule)
        if rule.kind == "filter" or rule.off or not self._bench.takes((*bases, rule)):
            return
        for case in found.cases:
            wrong = list(self._bench.try_cases(rule, bases, [case.fixture]))
            yield from wrong
            if not wrong and rule.kind == "detection" and case.matches:
                yield from _count_findings(case, self._bench.matches(rule, case.fixture))


def _count_findings(case: RegressionCase, matches: int) -> Iterator[Finding]:
    """A sample that the rule matches another number of times than its info.yml says."""
    if matches != case.matches:
        message = f"matches {matches} of {len(case.fixture.events)} events, match_count says {case.matches}"
        hint = "correct match_count in info.yml, or the rule"
        yield Finding(
            code="MS309", severity="warning", path=case.fixture.path, line=case.fixture.line, message=message, hint=hint
        )


def _catalogue_findings(paths: Sequence[Path] | None, pack: RulePack) -> Iterator[Finding]:
    """What the catalogue of a pack and its rules say differently; of a part of a pack nothing can be said."""
    root = pack_root(paths[0]) if paths else default_pack_dir()
    if paths and {root.resolve(), root.resolve() / "rules"}.isdisjoint(path.resolve() for path in paths):
        return
    try:
        catalogue = read_catalogue(root)
    except ConfigError as error:
        path, _, line = (error.source or str(root)).rpartition(":")
        place = (path, int(line)) if path and line.isdigit() else (error.source or str(root), 1)
        issue = Issue(code="MS216", message=error.message, path=place[0], line=place[1], hint=error.hint)
        yield finding_of(issue)
        return
    if catalogue is not None:
        yield from (finding_of(issue) for issue in catalogue_faults(catalogue, pack))


def _reached(documents: Mapping[str, Document]) -> dict[str, int]:
    """How many rules each filter applies to, by the filter's id."""
    parts = {key: document.data for key, document in documents.items() if isinstance(document.data, dict)}
    sieves = {key: data for key, data in parts.items() if "filter" in data}
    return {key: sum(applies(sieve, data) for data in parts.values()) for key, sieve in sieves.items()}


def _golden_findings(pack: RulePack, targets: Sequence[Target]) -> Iterator[Finding]:
    """The goldens that are there and differ. That the shipped pack has them all is a test of its own."""
    for rule in pack.alerting():
        for target in targets:
            path = golden_path(rule, target.name)
            held = _held(path)
            if held is None:
                continue
            try:
                text = golden_text(path, target.query(rule))
            except McpSiemError as error:
                issue = Issue(code="MS903", message=error.message, path=rule.path, line=rule.line, hint=error.hint)
                yield finding_of(issue)
            else:
                yield from compare_goldens({path: text}, {path: held})


def _held(path: Path) -> str | None:
    text, issue = read_text(path)
    return None if issue else text
