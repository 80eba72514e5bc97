"""The engine and the interpreter of SPL over many random pairs, and the interpreter's answer to a given case."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from referee_cases import Answer, Case, Tally, extended, packed
from spl_dialect import UnknownSplError, all_dialects, single_dialects
from spl_judge import engine_matches, row_of, search_matches
from spl_pipeline import Search
from spl_random import ARRAYS, random_event, random_rule

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem.rules.rule import RulePack
from mcp_siem_backends.splunk.target import SplunkTarget

__all__ = ["EVENTS", "Pairs", "SplJudge", "batches", "random_taxonomy"]

RULES, EVENTS = 100, 12
TWINS = ("mcp.long",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """A random rule and its random events."""

    text: str
    pack: RulePack
    events: tuple[Event, ...]

    def judge(self, tally: Tally, answers: Sequence[set[int]]) -> None:
        """Counts each event: every answer, a set of places, is to be the engine's."""
        matched = engine_matches(self.pack, self.events)
        for place, event in enumerate(self.events):
            expected = place in matched
            agreed = all((place in found) is expected for found in answers)
            case = Case(yaml=self.text, events=(event.data,), expected=expected, arrays=tuple(ARRAYS), twins=TWINS)
            tally.compare(case, found=expected if agreed else not expected)


def random_taxonomy() -> Taxonomy:
    """Ours, with the arrays and the twin of the random rules."""
    return extended(load_taxonomy(default_pack_dir()), ARRAYS, TWINS)


def batches(seed: str, number: int, taxonomy: Taxonomy) -> list[Pairs]:
    """Random rules, each with its own random events."""
    choices = [random.Random(f"spl {seed} {number} {at}") for at in range(RULES)]
    texts = [random_rule(choose, f"{number} {at}") for at, choose in enumerate(choices)]
    packs = [replace(pack, taxonomy=taxonomy) for pack in packed(texts)]
    events = [tuple(Event(data=random_event(choose), time=0) for _ in range(EVENTS)) for choose in choices]
    return [Pairs(text=text, pack=pack, events=some) for text, pack, some in zip(texts, packs, events, strict=True)]


class SplJudge:
    """What Splunk's documentation says, under each of its readings."""

    name = "splunk"

    def __init__(self) -> None:
        self._taxonomy = random_taxonomy()

    def tally(self, pairs: int, seed: str) -> Tally:
        """Random rules over random events until so many pairs are judged."""
        tally, number = Tally(pairs), 0
        while tally.left:
            for pair in batches(seed, number, self._taxonomy):
                self._compare(tally, pair)
            number += 1
        return tally

    def _compare(self, tally: Tally, pair: Pairs) -> None:
        answer = SplunkTarget(self._taxonomy).query(next(iter(pair.pack)))
        if isinstance(answer, Refusal):
            tally.refuse(len(pair.events))
            return
        rows = [row_of(event, self._taxonomy, place) for place, event in enumerate(pair.events)]
        try:
            answers = [search_matches(answer.text, rows, dialect) for dialect in single_dialects()]
        except UnknownSplError:
            tally.refuse(len(pair.events))
            return
        pair.judge(tally, answers)

    def answer(self, case: Case) -> Answer:
        """What the searches of the case's rules find among its events, under every reading."""
        pack = case.pack()
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
