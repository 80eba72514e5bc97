"""The engine: a pack of rules, compiled once, asked about one event after another."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.engine.compile import Detection, compile_correlation, compile_detection
from mcp_siem.engine.correlate import Correlator
from mcp_siem.engine.correlation import Correlation
from mcp_siem.engine.fast import DATASET, Judge
from mcp_siem.engine.formula import Verdict
from mcp_siem.engine.hit import Hit, HitStore, MemoryStore, compact
from mcp_siem.engine.match import EventView, evidence, twins_of
from mcp_siem.engine.sight import Sights
from mcp_siem.engine.state import broken, decode_state, digest_of, encode_state
from mcp_siem.errors import Issue, McpSiemError, PackError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import Rule, RulePack

__all__ = ["Engine", "replay"]

T = TypeVar("T")

_log = logging.getLogger(__name__)
# What a report says about who did it; an alert of a correlation keeps only these of its events, and what it counts.
_CONTEXT_FIELDS = ("mcp.server.name", "gen_ai.tool.name", "mcp.method.name", "mcp.principal", "mcp.client.name")


class Engine:
    """Rules against events. `detections` are its single-event rules, `correlations` the others, `taxonomy` tells fields.

    `failures` counts, per rule, the events on which asking it failed; it should stay empty. Raises
    PackError with every part of every rule that has no meaning here. `every` asks for an alert at each event at which
    a correlation holds, not only where it becomes true.
    """

    def __init__(self, pack: RulePack, *, every: bool = False) -> None:
        self.taxonomy = pack.taxonomy
        self.detections, self.correlations = _compile(pack)
        self._correlator = Correlator(self.correlations, every=every)
        bases = [one.rule for one in self.detections if one.rule.id in self._correlator.bases]
        self._digest = digest_of(self.correlations, bases)
        read = {name for one in self.detections for name in one.fields}.union(self._correlator.fields)
        self._twins = twins_of(read, pack.taxonomy)
        self._judge = Judge(self.detections, self._twins, route=pack.taxonomy.route, fits=self._fits)
        self._sights = Sights(
            self._judge.bits,
            self._twins,
            bases=self._correlator.bases,
            keys=self._correlator.fields,
            context=_CONTEXT_FIELDS,
        )
        self._routes: dict[str, tuple[Detection, ...]] = {}
        self._order = 0
        self.failures: Counter[str] = Counter()

    @property
    def dropped(self) -> int:
        """How many events left a correlation's window early because it held too much."""
        return self._correlator.dropped

    def match(self, event: Event, verdict: Verdict[Detection] | None = None) -> tuple[list[Alert], list[Hit]]:
        """The alerts of single-event rules, and what correlations have to know of this event (one hit, or none).

        Who has the `verdict` on this event already gives it, and the event is not judged again.
        """
        self._order += 1
        verdict = self.verdict(event) if verdict is None else verdict
        if verdict is None:
            return self._matched_by_itself(event, self._holding_by_itself(event))
        if not verdict.held:
            return [], []
        try:
            sight = self._sights.of(verdict)
            found = sight.read(event.data)
        except Exception:  # noqa: BLE001 - one value must not end the watch: each rule is asked by itself
            _log.warning("reading the evidence of all rules at once failed on %s", event.raw_ref, exc_info=True)
            found = None
        if found is None:
            return self._matched_by_itself(event, verdict.held)
        alerts = []
        if sight.alerting:
            alerts = [_alert(rule, event, evidence) for rule, evidence in sight.alerts(found)]
        if not sight.bases:
            return alerts, []
        time = self._time(event, sight.bases)
        return alerts, [Hit.light(sight.bases, time, self._order, found, event.raw_ref, sight.pairs)]

    def _matched_by_itself(self, event: Event, held: Sequence[Detection]) -> tuple[list[Alert], list[Hit]]:
        """The same for an event whose evidence has to be looked for."""
        view = EventView(event, self._twins)
        alerts: list[Alert] = []
        fed: dict[str, tuple[Evidence, ...]] = {}
        for detection in held:
            found = self._ask(detection, _evidence, view)
            if found is None:
                continue
            rule = detection.rule
            if rule.alerts:
                alerts.append(_alert(rule, event, found))
            if rule.id in self._correlator.bases:
                fed[rule.id] = found
        return alerts, [self._hit(event, view, fed)] if fed else []

    def correlate(self, hit: Hit) -> list[Alert]:
        """The alerts of correlations that this hit completes. Hits come in order of time, then of input."""
        return self._correlator.feed(hit)

    def feed(self, event: Event) -> list[Alert]:
        """All alerts at this event; events come in order of time."""
        alerts, hits = self.match(event)
        for hit in hits:
            alerts += self.correlate(hit)
        return alerts

    def state(self) -> bytes:
        """All that correlations hold, as bytes: an engine of the same rules that restores them goes on as this one.

        Costs a few microseconds for each event in a window; the engine is not changed by it.
        """
        return encode_state({"order": self._order, **self._correlator.dump()}, self._digest)

    def restore(self, data: bytes) -> None:
        """Goes on from the `state` of an engine with the same correlations, in place of what this one holds.

        Raises McpSiemError for bytes that are none, or of other correlations, and then changes nothing.
        """
        document = decode_state(data, self._digest)
        try:
            order = int(document["order"])
            self._correlator.load(document)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise broken("its content is not what was written") from error
        self._order = order

    def held(self, event: Event) -> Sequence[Detection]:
        """The single-event rules that hold for the event, without evidence, in the order of the pack."""
        verdict = self.verdict(event)
        return self._holding_by_itself(event) if verdict is None else verdict.held

    def verdict(self, event: Event) -> Verdict[Detection] | None:
        """The verdict on the event, whose `held` are the single-event rules that hold; None if judging it failed."""
        try:
            return self._judge.judged(event)
        except McpSiemError:
            raise
        except Exception:  # noqa: BLE001 - one value must not end the watch: each rule is asked by itself
            _log.warning("judging all rules at once failed on %s", event.raw_ref, exc_info=True)
            return None

    def _holding_by_itself(self, event: Event) -> Sequence[Detection]:
        view = EventView(event, self._twins)
        return [one for one in self._routed(event) if self._ask(one, _holds, view)]

    def _ask(self, detection: Detection, ask: Callable[[Detection, EventView], T], view: EventView) -> T | None:
        try:
            return ask(detection, view)
        except McpSiemError:
            raise
        except Exception:  # noqa: BLE001 - one rule that fails on one event must not end the watch over all others
            self.failures[detection.rule.id] += 1
            _log.warning("rule %s failed on %s", detection.rule.stem, view.event.raw_ref, exc_info=True)
            return None

    def _routed(self, event: Event) -> tuple[Detection, ...]:
        """The rules whose logsource fits the event's dataset; all of them if it names none, or several."""
        named = [value for value in event.values(DATASET) if isinstance(value, str)]
        if len(named) != 1:
            return self.detections
        route = self.taxonomy.route(named[0])
        if route is None:
            return self.detections
        routed = self._routes.get(route)
        if routed is None:
            routed = tuple(one for one in self.detections if self._fits(one, route))
            self._routes[route] = routed
        return routed

    def _fits(self, detection: Detection, dataset: str) -> bool:
        source = detection.rule.logsource
        if source is None:
            return True
        return self.taxonomy.matches(dataset, category=source.category, product=source.product, service=source.service)

    def _hit(self, event: Event, view: EventView, held: Mapping[str, tuple[Evidence, ...]]) -> Hit:
        fields = {
            name: tuple(compact(reading.raw) for reading in view.readings(name) if reading.text is not None)
            for name in {*self._correlator.fields, *_CONTEXT_FIELDS}
        }
        pairs = tuple((one.field, one.value) for found in held.values() for one in found)
        time, order = self._time(event, held), self._order
        kept = {name: values for name, values in fields.items() if values}
        return Hit.light(frozenset(held), time, order, kept, event.raw_ref, pairs)

    def _time(self, event: Event, rule_ids: Collection[str]) -> int:
        if event.time is None:
            stems = sorted(one.rule.stem for one in self.detections if one.rule.id in rule_ids)
            raise UsageError(
                f"the event has no time, and {', '.join(stems)} feeds a correlation, which needs one",
                source=event.raw_ref,
                hint="give the event an @timestamp, or leave the correlation rules out with --rules",
            )
        return event.time


def replay(engine: Engine, events: Iterable[Event], *, store: HitStore | None = None) -> Iterator[Alert]:
    """Alerts of single events as they come, then those of correlations, over hits sorted exactly by time and input.

    Nothing but light hits is held until the input ends; a `store` that sorts on disk makes memory constant.
    """
    held = MemoryStore() if store is None else store
    for event in events:
        alerts, hits = engine.match(event)
        yield from alerts
        for hit in hits:
            held.add(hit)
    for hit in held.drain():
        yield from engine.correlate(hit)


def _holds(detection: Detection, view: EventView) -> bool:
    return detection.node.holds(view)


def _evidence(detection: Detection, view: EventView) -> tuple[Evidence, ...]:
    return evidence(detection.node, view)


def _alert(rule: Rule, event: Event, found: tuple[Evidence, ...]) -> Alert:
    return Alert(
        rule_id=rule.id,
        stem=rule.stem,
        title=rule.title,
        level=rule.level,
        time=event.time,
        group=None,
        events=(event,),
        evidence=found,
    )


def _compile(pack: RulePack) -> tuple[tuple[Detection, ...], tuple[Correlation, ...]]:
    detections: list[Detection] = []
    correlations: list[Correlation] = []
    issues: list[Issue] = []
    for rule in pack:
        if rule.off is not None or rule.kind in ("filter", "native"):
            continue
        try:
            if rule.kind == "correlation":
                correlations.append(compile_correlation(rule))
            else:
                detections.append(compile_detection(rule, pack.taxonomy))
        except PackError as error:
            issues += error.issues
    if issues:
        raise PackError(sorted(issues, key=lambda issue: (issue.path, issue.line)))
    return tuple(detections), tuple(correlations)
