"""Which source can feed which rule: worked out from what the samples of a source hold and what a rule needs.

A source feeds a rule if it has events of the rule's logsource, and among them every field that one way of holding needs. It
says nothing of values, so it errs to the side of the source.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mcp_siem.engine.compile import compile_correlation, compile_detection
from mcp_siem.engine.nodes import And, Exists, FieldRef, FieldTest, Named, Node, Or
from mcp_siem.errors import PackError
from mcp_siem.events.event import flatten
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.files import read_text
from mcp_siem.rules.finding import Finding
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.sources.jsontext import read_json

__all__ = ["Feeding", "Sample", "feed_findings", "feeding", "needs_of", "read_samples"]

_MOST_WAYS = 200
_DATASET = "event.dataset"
_EVENTS = "*.events.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the samples of a source hold: the fields of its events by dataset."""

    source: str
    fields: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """A rule with the sources that feed it, and what the others lack: fields, or nothing of its logsource (None).

    `together` says that no source feeds all parts of a correlation, but each part has one.
    """

    rule: Rule
    sources: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...] | None]
    together: tuple[str, ...] = ()

    @property
    def fed(self) -> bool:
        """Says whether the rule can ever hold on what the sources give."""
        return bool(self.sources or self.together)


def read_samples(root: Path) -> tuple[Sample, ...]:
    """The samples below `sources/` of a pack, by name of the source; broken ones are another test's business."""
    folders = sorted(folder for folder in (root / "sources").glob("*") if folder.is_dir())
    return tuple(sample for folder in folders if (sample := _sample(folder)).fields)


def _sample(folder: Path) -> Sample:
    found: dict[str, set[str]] = {}
    for file in sorted(folder.glob(_EVENTS)):
        text, _ = read_text(file)
        for line in text.split("\n"):
            event, fault = read_json(line.encode()) if line.strip() else (None, None)
            if fault is None and isinstance(event, dict):
                flat = flatten(event)
                found.setdefault(str(flat.get(_DATASET, "")), set()).update(flat)
    return Sample(source=folder.name, fields={name: frozenset(fields) for name, fields in found.items()})


def feeding(pack: RulePack, samples: Sequence[Sample]) -> Iterator[Feeding]:
    """Every rule that alerts and is on, with its sources, in the order of the pack."""
    by_id = {rule.id: rule for rule in pack}
    feeds = _Feeds(by_id, pack.taxonomy, samples)
    for rule in pack.alerting():
        try:
            yield feeds.of(rule)
        except PackError:
            continue  # it has no meaning in the engine: a finding of its own


class _Feeds:
    def __init__(self, by_id: Mapping[str, Rule], taxonomy: Taxonomy, samples: Sequence[Sample]) -> None:
        self._by_id, self._taxonomy, self._samples = by_id, taxonomy, samples
        self._known: dict[tuple[str, frozenset[str]], Feeding] = {}

    def of(self, rule: Rule, more: frozenset[str] = frozenset()) -> Feeding:
        """The sources of a rule whose events must hold these fields too."""
        key = (rule.id, more)
        if key not in self._known:
            self._known[key] = self._joined(rule, more) if rule.kind == "correlation" else self._single(rule, more)
        return self._known[key]

    def _single(self, rule: Rule, more: frozenset[str]) -> Feeding:
        ways = [way | more for way in needs_of(compile_detection(rule, self._taxonomy).node)]
        lacks = {sample.source: self._lacks(rule, ways, sample) for sample in self._samples}
        return Feeding(
            rule=rule,
            sources=tuple(name for name, lack in lacks.items() if lack == ()),
            missing={name: lack for name, lack in lacks.items() if lack != ()},
        )

    def _joined(self, rule: Rule, more: frozenset[str]) -> Feeding:
        """What feeds all parts; a count over several rules needs only one of them, an order needs all."""
        one = compile_correlation(rule)
        parts = [
            self.of(self._by_id[member.rule_id], more | frozenset((*member.group_fields, *member.counted_fields)))
            for member in one.members
            if member.rule_id in self._by_id
        ]
        every = one.type.startswith("temporal")
        names = [sample.source for sample in self._samples]
        held = [name for name in names if (all if every else any)(name in part.sources for part in parts)]
        missing = {name: self._worst(parts, name) for name in names if name not in held}
        apart = every and all(part.fed for part in parts) and not held
        together = {name for part in parts for name in (*part.sources, *part.together)} if apart else set()
        return Feeding(rule=rule, sources=tuple(held), missing=missing, together=tuple(sorted(together)))

    @staticmethod
    def _worst(parts: Sequence[Feeding], name: str) -> tuple[str, ...] | None:
        lacks = [part.missing[name] for part in parts if name in part.missing]
        if any(lack is None for lack in lacks):
            return None
        return tuple(sorted({field for lack in lacks for field in lack or ()}))

    def _lacks(self, rule: Rule, ways: Sequence[frozenset[str]], sample: Sample) -> tuple[str, ...] | None:
        """The fewest fields that the source lacks for one way; () if none, None if nothing of the logsource is there."""
        source = rule.logsource
        has: set[str] = set()
        for dataset, fields in sample.fields.items():
            if source is None or self._taxonomy.matches(
                dataset, category=source.category, product=source.product, service=source.service
            ):
                has |= fields
        if not has:
            return None
        lacking: list[list[str]] = [sorted(name for name in way if not self._holds(name, has)) for way in ways]
        _, least = min(((len(names), names) for names in lacking), default=(0, []))
        return tuple(least)

    def _holds(self, name: str, has: set[str]) -> bool:
        """A twin is there if its original is; an object if anything of it is."""
        source = self._taxonomy.twin_source(name) or name
        return source in has or name in has or any(one.startswith(f"{source}.") for one in has)


def needs_of(node: Node) -> Sequence[frozenset[str]]:
    """The sets of fields of which one must be there whole for the condition to hold; what holds by absence needs none."""
    return _least(_ways(node))


def _ways(node: Node) -> Sequence[frozenset[str]]:  # noqa: PLR0911 - one return per kind of node
    match node:
        case Named():
            return _ways(node.inner)
        case Or():
            return _least([way for part in node.parts for way in _ways(part)])
        case And():
            found: Sequence[frozenset[str]] = [frozenset()]
            for part in node.parts:
                found = _least([one | other for one in found for other in _ways(part)])
            return found
        case FieldTest():
            return [frozenset({node.name})]
        case Exists() if node.wanted:
            return [frozenset({node.name})]
        case FieldRef():
            return [frozenset({node.name, node.other})]
        case _:
            return [frozenset()]


def _least(ways: Sequence[frozenset[str]]) -> Sequence[frozenset[str]]:
    """The sets that hold no other, the smallest first; beyond a limit the largest are left out."""
    kept: list[frozenset[str]] = []
    for way in sorted(set(ways), key=lambda one: (len(one), sorted(one))):
        if not any(one <= way for one in kept):
            kept.append(way)
    return list(islice(kept, _MOST_WAYS))


def feed_findings(fed: Sequence[Feeding]) -> Iterator[Finding]:
    """The rules of our taxonomy that no source can feed: they would be silent for ever."""
    for one in fed:
        if one.fed or not _is_ours(one.rule):
            continue
        near = [(name, lack) for name, lack in one.missing.items() if lack is not None]
        name, lack = min(near, key=lambda pair: (len(pair[1]), pair[0]), default=("", ()))
        said = f"; {name} comes nearest and lacks {', '.join(lack)}" if name else "; none has events of its logsource"
        yield Finding(
            code="MS320",
            severity="error",
            path=one.rule.path,
            line=one.rule.line,
            message=f"{one.rule.stem}: no source can feed it{said}",
            hint="use fields that a source has, or add a sample that has them: mcp-siem sources RULE",
        )


def _is_ours(rule: Rule) -> bool:
    documents = documents_of(rule)
    return any(document.get("taxonomy") == "mcp" for document in documents)
