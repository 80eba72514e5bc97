"""`check --mutate`: a rule with one part changed is another rule, and a case of its file must notice.

Single-event conditions are the engine's own trees, correlations its own windows: nothing is parsed a second time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcp_siem.engine.compile import Detection, compile_correlation, compile_detection
from mcp_siem.engine.correlate import Correlator
from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.hit import Hit, compact, sort_key
from mcp_siem.engine.match import EventView, twins_of
from mcp_siem.errors import McpSiemError
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.prove.correlation_mutants import changed_correlations
from mcp_siem.prove.mutants import Mutant, Trial
from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.fixtures import Fixture, read_fixtures
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.sources.event import events_of

__all__ = ["Mutated", "Survivor", "mutate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A mutant that no case notices. `covered` names the value that makes it the same rule, if one does."""

    mutant: Mutant
    covered: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutated:
    """A rule with the number of its mutants, and those that live."""

    rule: Rule
    mutants: int
    survivors: tuple[Survivor, ...]

    @property
    def noticed(self) -> int:
        """How many mutants a case notices."""
        return self.mutants - len(self.survivors)


def mutate(pack: RulePack) -> Iterator[Mutated]:
    """Every rule of the pack that alerts and has cases, with its mutants. Cases are taken as they are: `check` tries them."""
    by_id = {rule.id: rule for rule in pack}
    for rule in pack.alerting():
        fixtures, _ = read_fixtures(rule)
        if not fixtures:
            continue
        try:
            found = list(_Subject(rule, by_id, pack.taxonomy, fixtures).mutants())
        except McpSiemError:
            continue  # it has no meaning in the engine, or a case cannot be read: findings of their own
        living = tuple(Survivor(mutant=mutant, covered=covered) for mutant, noticed, covered in found if not noticed)
        yield Mutated(rule=rule, mutants=len(found), survivors=living)


Tried = tuple[Mutant, bool, str | None]


class _Subject:
    """One rule with all that it stands on, and its cases."""

    def __init__(self, rule: Rule, by_id: Mapping[str, Rule], taxonomy: Taxonomy, fixtures: Sequence[Fixture]) -> None:
        self._rule, self._taxonomy = rule, taxonomy
        self._expected = [fixture.alerts for fixture in fixtures]
        self._events: list[Event] = []
        self._spans: list[tuple[int, int]] = []
        for fixture in fixtures:
            start = len(self._events)
            read = events_of(list(fixture.events), f"{fixture.path}:{fixture.line}")
            self._events += [one for one in read if isinstance(one, Event)]
            self._spans.append((start, len(self._events)))
        documents = documents_of(rule)
        ids = [str(document.get("id")).lower() for document in documents]
        parts = [by_id[one] for one in ids if one in by_id and by_id[one].kind != "filter"]
        own = [part for part in parts if part.id != rule.id] if rule.kind == "correlation" else []
        self._parts = [*own, rule]

    @cached_property
    def _detections(self) -> list[Detection]:
        return [compile_detection(part, self._taxonomy) for part in self._parts if part.kind == "detection"]

    @cached_property
    def _correlations(self) -> list[Correlation]:
        return [compile_correlation(part) for part in self._parts if part.kind == "correlation"]

    @cached_property
    def _views(self) -> list[EventView]:
        names = {name for one in self._detections for name in one.fields}
        names.update(name for one in self._correlations for name in one.fields)
        twins = twins_of(names, self._taxonomy)
        return [EventView(event, twins) for event in self._events]

    def mutants(self) -> Iterator[Tried]:
        """Each mutant: whether a case notices it, and what covers it."""
        trials = {one.rule.id: Trial(one.node, self._views) for one in self._detections}
        routed = {one.rule.id: self._routed(one) for one in self._detections}
        masks = {key: trial.mask & routed[key] for key, trial in trials.items()}
        for key, trial in trials.items():
            if not self._is_own(key):
                continue
            for mutant, mask, covered in trial.mutants():
                changed = {**masks, key: mask & routed[key]}
                yield self._told(key, mutant), changed != masks and self._notices(changed, self._correlations), covered
        for place, one in enumerate(self._correlations):
            if not self._is_own(one.rule.id):
                continue
            for mutant, other in changed_correlations(one):
                correlations = [*self._correlations[:place], other, *self._correlations[place + 1 :]]
                yield self._told(one.rule.id, mutant), self._notices(masks, correlations), None

    def _is_own(self, rule_id: str) -> bool:
        """Says whether the part is of this rule's file, and no rule with cases of its own."""
        part = next(one for one in self._parts if one.id == rule_id)
        return part.id == self._rule.id or (part.path == self._rule.path and not part.alerts)

    def _told(self, rule_id: str, mutant: Mutant) -> Mutant:
        """The mutant of a base rule, with the name of that rule before it."""
        if rule_id == self._rule.id:
            return self._named(mutant)
        part = next(one for one in self._parts if one.id == rule_id)
        return self._named(Mutant(part=f"{part.name or part.title}, {mutant.part}", change=mutant.change))

    def _named(self, mutant: Mutant) -> Mutant:
        """A rule is called by its name; its id says nothing to a reader."""
        part = mutant.part
        for one in self._parts:
            part = part.replace(one.id, one.name or one.title)
        return Mutant(part=part, change=mutant.change)

    def _routed(self, one: Detection) -> int:
        """The events that the engine would ask the rule about."""
        source = one.rule.logsource
        mask = 0
        for place, event in enumerate(self._events):
            named = [value for value in event.values("event.dataset") if isinstance(value, str)]
            fits = source is None or len(named) != 1
            if not fits and source is not None:
                fits = self._taxonomy.matches(
                    named[0], category=source.category, product=source.product, service=source.service
                )
            mask |= fits << place
        return mask

    def _notices(self, masks: Mapping[str, int], correlations: Sequence[Correlation]) -> bool:
        """Says whether any case ends otherwise than it should."""
        for (start, end), expected in zip(self._spans, self._expected, strict=True):
            if self._rule.kind == "correlation":
                alerts = self._correlates(masks, correlations, range(start, end))
            else:
                alerts = bool(masks[self._rule.id] >> start & ((1 << (end - start)) - 1))
            if alerts != expected:
                return True
        return False

    def _correlates(self, masks: Mapping[str, int], correlations: Sequence[Correlation], places: range) -> bool:
        correlator = Correlator(correlations, every=False)
        hits = [hit for place in places if (hit := self._hit(masks, place, correlator.fields)) is not None]
        return any(
            alert.rule_id == self._rule.id for hit in sorted(hits, key=sort_key) for alert in correlator.feed(hit)
        )

    def _hit(self, masks: Mapping[str, int], place: int, names: Sequence[str]) -> Hit | None:
        held = frozenset(key for key, mask in masks.items() if mask >> place & 1)
        event, view = self._events[place], self._views[place]
        if not held or event.time is None:
            return None
        fields = {name: self._values(view, name) for name in names}
        kept = {key: found for key, found in fields.items() if found}
        return Hit(rule_ids=held, time=event.time, order=place, fields=kept, event=event, evidence=())

    @staticmethod
    def _values(view: EventView, name: str) -> tuple[object, ...]:
        return tuple(compact(reading.raw) for reading in view.readings(name) if reading.text is not None)
