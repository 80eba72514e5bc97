"""The engine and a real OpenSearch over many random pairs, and OpenSearch's answer to a given case."""

from collections.abc import Callable

from opensearch_engine import OpenSearch, SearchFailedError, shipped
from referee_cases import Answer, Case, Tally
from referee_rules import Batch, batch

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.events.time import format_time
from mcp_siem_backends.opensearch.target import OpenSearchTarget

__all__ = ["OpenSearchJudge"]


class OpenSearchJudge:
    """A server whose indices of the referee we may delete."""

    name = "opensearch"

    def __init__(self, url: str) -> None:
        self._server = OpenSearch(url)

    def tally(self, pairs: int, seed: str) -> Tally:
        """Random rules over random events until so many pairs are judged."""
        tally, number = Tally(pairs), 0
        while tally.left:
            self._compare(tally, batch(seed, number))
            number += 1
        self._server.forget()
        return tally

    def _compare(self, tally: Tally, some: Batch) -> None:
        taxonomy = some.taxonomy(arrays=False)
        self._server.load(taxonomy, [shipped(event, taxonomy) for event in some.events], first=some.mapped)
        for at, pack in enumerate(some.packs):
            answer = OpenSearchTarget(taxonomy).query(next(iter(pack)))
            if isinstance(answer, Refusal):
                tally.refuse(len(some.events), answer.code)
            else:
                some.judge(tally, at, answer.notes, self._finder(answer))

    def _finder(self, query: Query) -> Callable[[int], bool | None]:
        """A search that cannot run has no clear answer for any event."""
        try:
            found = set(self._server.found(query.text))
        except SearchFailedError:
            return lambda _: None
        return found.__contains__

    def answer(self, case: Case) -> Answer:
        """What the searches of the case's rules find among its events."""
        pack = case.pack(arrays=False)
        target = OpenSearchTarget(pack.taxonomy)
        answers = [target.query(rule) for rule in pack.alerting()]
        try:
            self._server.load(pack.taxonomy, [_sent(event, pack.taxonomy) for event in case.read()], first=case.mapped)
            fired = any(self._finds(answer) for answer in answers if isinstance(answer, Query))
        except AssertionError as fault:
            return Answer(verdict="missed", reason=f"OpenSearch refused it: {fault}")
        refused = [f"{answer.code}: {answer.reason}" for answer in answers if isinstance(answer, Refusal)]
        if refused and not fired:
            return Answer(verdict="refused", reason="; ".join(refused))
        notes = [note for answer in answers if isinstance(answer, Query) for note in answer.notes]
        return Answer(verdict="fired" if fired else "missed", reason="; ".join(notes))

    def _finds(self, query: Query) -> bool:
        answer = self._server.search(query.text)
        if "aggregations" in answer:
            return bool(answer["aggregations"]["correlation"]["value"]["alerts"])
        return bool(answer["hits"]["hits"])


def _sent(event: Event, taxonomy: Taxonomy) -> dict[str, object]:
    """The event as it is shipped."""
    flat = shipped(event.flat(), taxonomy)
    return flat if event.time is None else {**flat, "@timestamp": format_time(event.time)}
