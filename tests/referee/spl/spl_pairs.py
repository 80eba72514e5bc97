"""The engine and the interpreter of SPL over many random pairs, and the interpreter's answer to a given case."""

import random
from collections.abc import Sequence

from referee_cases import Answer, Case, Tally
from referee_rules import Batch, batch
from spl_dialect import UnknownSplError, all_dialects, single_dialects
from spl_judge import engine_alerts, pack_of, row_of, search_alerts, search_matches
from spl_pipeline import Search
from spl_streams import TAXONOMY, Held, differences, random_correlation, random_stream
from spl_streams import Case as Stream

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time
from mcp_siem_backends.splunk.target import SplunkTarget

__all__ = ["SplJudge"]


class SplJudge:
    """What Splunk's documentation says, under each of its readings."""

    name = "splunk"

    def tally(self, pairs: int, seed: str) -> Tally:
        """Random rules over random events until so many pairs are judged."""
        tally, number = Tally(pairs), 0
        while tally.left:
            self._compare(tally, batch(seed, number))
            number += 1
        return tally

    def _compare(self, tally: Tally, some: Batch) -> None:
        taxonomy = some.taxonomy(arrays=True)
        events = [Event(data=event, time=0) for event in some.events]
        rows = [row_of(event, taxonomy, place) for place, event in enumerate(events)]
        for at, pack in enumerate(some.packs):
            answer = SplunkTarget(taxonomy).query(next(iter(pack)))
            if isinstance(answer, Refusal):
                tally.refuse(len(some.events), answer.code)
                continue
            try:
                found = [search_matches(answer.text, rows, dialect) for dialect in single_dialects()]
            except UnknownSplError as fault:
                tally.refuse(len(some.events), f"unknown to the referee: {fault}")
                continue
            some.judge(tally, at, answer.notes, lambda place, found=found: _agreed(place, found))

    def correlations(self, pairs: int, seed: str) -> Tally:
        """Random correlations over random streams, each event of a stream a pair: groups and instants at which they hold."""
        tally, number = Tally(pairs), 0
        while tally.left:
            choose = random.Random(f"{seed} {number}")
            self._correlate(tally, choose, random_correlation(choose, f"{seed} {number}"))
            number += 1
        return tally

    def _correlate(self, tally: Tally, choose: random.Random, some: Stream) -> None:
        events = random_stream(choose, some)[: tally.left]
        answer = SplunkTarget(TAXONOMY).query(some.rules[-1])
        if isinstance(answer, Refusal):
            tally.refuse(len(events), answer.code)
            return
        want = engine_alerts(pack_of(some.rules, TAXONOMY), events, some.rules[-1].stem)
        rows = [row_of(event, TAXONOMY, place) for place, event in enumerate(events)]
        found = [search_alerts(answer.text, rows, some.names, dialect) for dialect in single_dialects()]
        wrong = set[Held]().union(*(differences(some, want, got, events) for got in found))
        tally.pairs += len(events)
        tally.differences += len(wrong)
        if wrong:
            told = tuple({**event.data, "@timestamp": format_time(event.time or 0)} for event in events)
            tally.kept.append(Case(yaml=some.rules[-1].text, events=told, expected=bool(want)))

    def answer(self, case: Case) -> Answer:
        """What the searches of the case's rules find among its events, under every reading."""
        pack = case.pack(arrays=True)
        target = SplunkTarget(pack.taxonomy)
        answers = [target.query(rule) for rule in pack.alerting()]
        rows = [row_of(event, pack.taxonomy, place) for place, event in enumerate(case.read())]
        texts = [answer.text for answer in answers if isinstance(answer, Query)]
        try:
            verdicts = {any(Search(text, dialect).run(rows) for text in texts) for dialect in all_dialects()}
        except UnknownSplError as fault:
            return Answer(verdict="refused", reason=f"the referee does not know this: {fault}")
        refused = [f"{answer.code}: {answer.reason}" for answer in answers if isinstance(answer, Refusal)]
        if refused and True not in verdicts:
            return Answer(verdict="refused", reason="; ".join(refused))
        if len(verdicts) > 1:
            # Right only if every reading gives the same: so it counts as what was not expected.
            verdict = "missed" if case.expected else "fired"
            return Answer(verdict=verdict, reason="Splunk's documentation can be read both ways here")
        notes = [note for answer in answers if isinstance(answer, Query) for note in answer.notes]
        return Answer(verdict="fired" if True in verdicts else "missed", reason="; ".join(notes))


def _agreed(place: int, answers: Sequence[set[object]]) -> bool | None:
    """What all readings say of an event, or None."""
    said = {place in found for found in answers}
    return said.pop() if len(said) == 1 else None
