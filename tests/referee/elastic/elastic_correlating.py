"""Random correlations over random streams: the engine, asked at every event, and ES|QL hold for the same groups and instants."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from elastic_engine import Elasticsearch, QueryFailedError
from elastic_streams import correlation, stream
from referee_cases import Case, Tally, packed

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.event import Event
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem.rules.rule import RulePack
from mcp_siem_backends.elastic.target import ElasticTarget

__all__ = ["Compared", "compared", "correlation_tally"]

EVENTS = 150
_TIED = 0.3

Held = frozenset[tuple[tuple[str, ...], int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One correlation over one stream: where the engine says it holds, and where the query does; None: it failed."""

    text: str
    events: Sequence[Event]
    wanted: Held
    found: Held | None
    refused: str | None = None

    @property
    def differences(self) -> int:
        """At how many groups and instants they differ."""
        if self.refused:
            return 0
        return len(self.events) if self.found is None else min(len(self.wanted ^ self.found), len(self.events))


def compared(server: Elasticsearch, seed: str, *, events: int = EVENTS) -> Compared:
    """A random correlation over a random stream; the same for the same seed."""
    choose = random.Random(seed)
    tied = choose.random() < _TIED
    text, window = correlation(choose, tied=tied)
    taxonomy = load_taxonomy(default_pack_dir())
    made = stream(choose, taxonomy, window=window, events=events, tied=tied).events
    (pack,) = packed([text])
    rule = next(rule for rule in pack if rule.title == "outer")
    wanted, keys = _wanted(pack, rule.id, made)
    answer = ElasticTarget(taxonomy).query(rule)
    if isinstance(answer, Refusal):
        return Compared(text=text, events=made, wanted=wanted, found=frozenset(), refused=answer.code)
    server.load(taxonomy, [event.data for event in made])
    return Compared(text=text, events=made, wanted=wanted, found=_found(server, answer, keys))


def _wanted(pack: RulePack, rule_id: str, events: Sequence[Event]) -> tuple[Held, list[str]]:
    alerts = [alert for alert in replay(Engine(pack, every=True), events) if alert.rule_id == rule_id]
    keys = list(alerts[0].group or {}) if alerts else []
    held = {(tuple(map(str, (one.group or {}).values())), (one.time or 0) // 1000) for one in alerts}
    return frozenset(held), keys


def _found(server: Elasticsearch, query: Query, keys: list[str]) -> Held | None:
    try:
        return frozenset(server.esql(query.text, keys))
    except QueryFailedError:
        return None


def correlation_tally(server: Elasticsearch, pairs: int, seed: str) -> Tally:
    """Random correlations until so many pairs of a correlation and an event of its stream are judged."""
    tally, number = Tally(pairs), 0
    while tally.left:
        one = compared(server, f"{seed} {number}")
        number += 1
        judged = min(len(one.events), tally.left)
        if one.refused:
            tally.refuse(judged, one.refused)
            continue
        tally.pairs += judged
        tally.differences += min(one.differences, judged)
        if one.differences:
            tally.kept.append(
                Case(yaml=one.text, events=tuple(event.data for event in one.events), expected=bool(one.wanted))
            )
    return tally
