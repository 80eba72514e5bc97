"""The engine and a real Elasticsearch over many random pairs, and Elasticsearch's answer to a given case."""

import random
from collections.abc import Mapping, Sequence

import elastic_random
import yaml
from elastic_engine import Elasticsearch, QueryFailedError, shipped
from referee_cases import Answer, Case, Tally, packed

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.events.time import format_time
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem.rules.rule import RulePack
from mcp_siem_backends.elastic.target import ElasticTarget
from mcp_siem_backends.elastic.template import INDEX_PATTERN

__all__ = ["ElasticJudge"]

RULES, EVENTS = 100, 40
# What no template knows is typed by the first event that has it.
MAPPED = {"n": 1}


class ElasticJudge:
    """A server whose indices of the referee we may delete."""

    name = "elastic"

    def __init__(self, url: str) -> None:
        self._server = Elasticsearch(url)
        self._taxonomy = load_taxonomy(default_pack_dir())

    def tally(self, pairs: int, seed: str) -> Tally:
        """Random rules over random events until so many pairs are judged."""
        tally, batch = Tally(pairs), 0
        while tally.left:
            choose = random.Random(f"{self.name} {seed} {batch}")
            events = [elastic_random.event(choose) for _ in range(EVENTS)]
            texts = [
                yaml.safe_dump(elastic_random.rule(choose, number), allow_unicode=True, sort_keys=False)
                for number in range(RULES)
            ]
            self._server.load(self._taxonomy, [shipped(event, self._taxonomy) for event in events], first=MAPPED)
            for text, pack in zip(texts, packed(texts), strict=True):
                self._compare(tally, text, pack, events)
            batch += 1
        self._server.forget()
        return tally

    def _compare(self, tally: Tally, text: str, pack: RulePack, events: Sequence[Mapping[str, object]]) -> None:
        answer = ElasticTarget(pack.taxonomy).query(next(iter(pack)))
        if isinstance(answer, Refusal):
            tally.refuse(len(events))
            return
        engine = Engine(pack)
        try:
            found: set[int] | None = set(self._server.lucene(answer.text))
        except QueryFailedError:
            found = None
        for at, event in enumerate(events):
            if not elastic_random.comparable(event, answer.notes):
                tally.aside += 1
                continue
            expected = bool(engine.match(Event(data=event))[0])
            case = Case(yaml=text, events=(event,), expected=expected, mapped=MAPPED)
            # A query that cannot run is wrong about every event.
            tally.compare(case, found=not expected if found is None else at in found)

    def answer(self, case: Case) -> Answer:
        """What the queries of the case's rules find among its events."""
        pack = case.pack()
        target = ElasticTarget(pack.taxonomy)
        answers = [target.query(rule) for rule in pack.alerting()]
        try:
            self._server.load(pack.taxonomy, [_sent(event, pack.taxonomy) for event in case.read()], first=case.mapped)
            fired = any(self._finds(answer) for answer in answers if isinstance(answer, Query))
        except AssertionError as fault:
            return Answer(verdict="missed", reason=f"Elasticsearch refused it: {fault}")
        refused = [f"{answer.code}: {answer.reason}" for answer in answers if isinstance(answer, Refusal)]
        if refused and not fired:
            return Answer(verdict="refused", reason="; ".join(refused))
        notes = [note for answer in answers if isinstance(answer, Query) for note in answer.notes]
        return Answer(verdict="fired" if fired else "missed", reason="; ".join(notes))

    def _finds(self, query: Query) -> bool:
        if query.language != "esql":
            return bool(self._server.lucene(query.text))
        status, answer = self._server.call(
            "POST", "/_query", {"query": query.text.replace(INDEX_PATTERN, "logs-mcp.referee")}
        )
        if status != 200:
            raise QueryFailedError(str(answer))
        return bool(answer["values"])


def _sent(event: Event, taxonomy: Taxonomy) -> dict[str, object]:
    """The event as it is shipped; the index holds milliseconds."""
    flat = shipped(event.flat(), taxonomy)
    return flat if event.time is None else {**flat, "@timestamp": format_time(event.time // 1000 * 1000)}
