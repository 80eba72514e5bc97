"""Random rules over random events, and random correlations over random streams: engine and emitted SPL agree.

Seeds are fixed, so a failure is the same everywhere.
"""

import os
import random

import pytest
from spl_dialect import single_dialects
from spl_judge import (
    engine_alerts,
    engine_matches,
    pack_of,
    row_of,
    rule_of,
    search_alerts,
    search_matches,
    small_taxonomy,
)
from spl_random import ARRAYS, random_event, random_rule
from spl_streams import TAXONOMY, differences, random_correlation, random_stream

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.event import Event
from mcp_siem_backends.splunk.target import SplunkTarget

RULES = small_taxonomy(arrays=ARRAYS, twins=["mcp.long"])
EVENTS = 12
DEPTH = int(os.environ.get("MCP_SIEM_TEST_DEPTH", "1"))
"""How many times as many seeds (`make full`)."""


@pytest.mark.parametrize("first", range(0, 240 * DEPTH, 60))
def test_random_rules_find_the_same_events(first: int) -> None:
    hits = 0
    for seed in range(first, first + 60):
        rng = random.Random(seed)
        rule = rule_of(random_rule(rng, seed))
        events = [Event(data=random_event(rng), time=0) for _ in range(EVENTS)]
        want = engine_matches(pack_of([rule], RULES), events)
        query = SplunkTarget(RULES).query(rule)
        assert isinstance(query, Query), (seed, query)
        rows = [row_of(event, RULES, place) for place, event in enumerate(events)]
        for dialect in single_dialects():
            assert search_matches(query.text, rows, dialect) == want, (seed, dialect, rule.text, query.text)
        hits += len(want)
    assert hits > EVENTS


@pytest.mark.parametrize("first", range(0, 80 * DEPTH, 20))
def test_random_correlations_hold_at_the_same_instants_for_the_same_groups(first: int) -> None:
    held = 0
    for seed in range(first, first + 20):
        rng = random.Random(seed)
        case = random_correlation(rng, seed)
        events = random_stream(rng, case)
        want = engine_alerts(pack_of(case.rules, TAXONOMY), events, case.rules[-1].stem)
        answer = SplunkTarget(TAXONOMY).query(case.rules[-1])
        if isinstance(answer, Refusal):
            assert (case.kind, answer.code) == ("chain", "SPLUNK-CORRELATION-NESTED"), (seed, answer)
            continue
        text = answer.text
        rows = [row_of(event, TAXONOMY, place) for place, event in enumerate(events)]
        for dialect in single_dialects():
            got = search_alerts(text, rows, case.names, dialect)
            assert not differences(case, want, got, events), (seed, dialect, text)
        held += len(want)
    assert held
