"""`measure`: labelled corpora through the engine: what was caught, what was missed, what was flagged for nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.engine.correlate import Correlator
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.hit import Hit, sort_key
from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.prove.corpus import Corpus, Stretch, Unit
from mcp_siem.rules.rule import RulePack
from mcp_siem.sources.port import Complete
from mcp_siem.sources.table import source_named

__all__ = ["LEVELS", "Flag", "Judged", "Measured", "measure"]

LEVELS = ("informational", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """An alert on a unit: the rule, where, and which values made it hold."""

    stem: str
    level: str
    ref: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A unit with the alerts on it. `twin` is the benign unit that says the same to the byte: nobody can tell them apart."""

    unit: Unit
    flags: tuple[Flag, ...]
    twin: str | None = None

    @property
    def level(self) -> str | None:
        """The highest level of an alert on it."""
        return max((flag.level for flag in self.flags), key=LEVELS.index, default=None)

    def at(self, level: str) -> tuple[Flag, ...]:
        """The alerts at this level or above."""
        least = LEVELS.index(level)
        return tuple(flag for flag in self.flags if LEVELS.index(flag.level) >= least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A corpus with its verdicts. `events` is how many events its records became."""

    corpus: Corpus
    judged: tuple[Judged, ...]
    events: int

    @property
    def benign(self) -> Sequence[Judged]:
        """The units on which nothing should alert."""
        return [one for one in self.judged if one.unit.benign]

    @property
    def attacks(self) -> Sequence[Judged]:
        """The others."""
        return [one for one in self.judged if not one.unit.benign]

    def by_class(self) -> Mapping[tuple[str, str], Sequence[Judged]]:
        """The attacks by label and class, in the order of the corpus."""
        found: dict[tuple[str, str], list[Judged]] = {}
        for one in self.attacks:
            name = "" if one.unit.name == one.unit.label else one.unit.name
            found.setdefault((one.unit.label, name), []).append(one)
        return found


def measure(pack: RulePack, corpora: Iterable[Corpus], *, deriver: Complete) -> tuple[Measured, ...]:
    """Replays each stretch of each corpus from an empty memory, and gives every alert to the unit that completed it."""
    bench = _Bench(pack, deriver)
    held = list(corpora)
    ran = [(corpus, *bench.run(corpus)) for corpus in held]
    twins: dict[bytes | None, str] = {
        unit.said: unit.ref for corpus in held for unit in corpus.units if unit.benign and unit.said
    }
    return tuple(
        Measured(corpus=corpus, judged=tuple(_judged(corpus, flags, twins)), events=events)
        for corpus, flags, events in ran
    )


def _judged(corpus: Corpus, flags: Mapping[int, list[Flag]], twins: Mapping[bytes | None, str]) -> Iterator[Judged]:
    for unit in corpus.units:
        twin = None if unit.benign or unit.said is None else twins.get(unit.said)
        yield Judged(unit=unit, flags=tuple(dict.fromkeys(flags.get(id(unit), ()))), twin=twin)


@dataclass(slots=True)
class _Bench:
    """One engine for all stretches; what correlations saw in one does not count in the next."""

    pack: RulePack
    deriver: Complete
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Engine(self.pack)

    def run(self, corpus: Corpus) -> tuple[dict[int, list[Flag]], int]:
        flags: dict[int, list[Flag]] = {}
        count: Counter[str] = Counter()
        for stretch in corpus.stretches:
            for alert in self._alerts(stretch, count):
                ref = alert.events[-1].raw_ref if alert.events else None
                unit = stretch.unit_of(ref)
                if unit is not None:
                    flags.setdefault(id(unit), []).append(
                        Flag(stem=alert.stem, level=alert.level, ref=ref or unit.ref, evidence=alert.evidence)
                    )
        return flags, count["events"]

    def _alerts(self, stretch: Stretch, count: Counter[str]) -> Iterator[Alert]:
        hits: list[Hit] = []
        for event in self._events(stretch):
            count["events"] += 1
            alerts, found = self.engine.match(event)
            yield from alerts
            hits += found
        if hits:
            correlator = Correlator(self.engine.correlations, every=False)
            for hit in sorted(hits, key=sort_key):
                yield from correlator.feed(hit)

    def _events(self, stretch: Stretch) -> Iterator[Event]:
        session = source_named(stretch.source).open(self.deriver, KnownItems())
        for record in stretch.records:
            yield from (one for one in session.feed(record) if isinstance(one, Event))
        yield from (one for one in session.finish() if isinstance(one, Event))
