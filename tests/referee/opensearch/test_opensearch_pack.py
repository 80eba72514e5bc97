"""The shipped rules over all events of all their cases: the engine and the emitted search find the same."""

from collections.abc import Iterator

import orjson
import pytest
from opensearch_engine import OpenSearch, shipped

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time, parse_time
from mcp_siem.rules.fixtures import load_fixtures
from mcp_siem.rules.pack import load_pack, read_pack
from mcp_siem.rules.rule import Rule
from mcp_siem.sources.event import EventSession
from mcp_siem.sources.port import Record
from mcp_siem_backends.opensearch.target import OpenSearchTarget

PACK = load_pack(variables=read_pack().manifest.example_vars)
TARGET = OpenSearchTarget(PACK.taxonomy)
DAY = 86_400_000_000
# Its patterns fill the heap of a node: the rule says so among its known gaps.
REFUSED = {"mcp_results_memory_words_to_model"}
SINGLE = [rule for rule in PACK.alerting() if rule.kind == "detection"]
CORRELATIONS = [rule for rule in PACK.alerting() if rule.kind == "correlation"]


def _read(rule: Rule) -> Iterator[Event]:
    """The events of all cases of a rule as they are shipped, each case a day after the one before."""
    session = EventSession()
    for case, fixture in enumerate(load_fixtures(rule)):
        for event in fixture.events:
            for item in session.feed(Record(data=orjson.dumps(event), ref="-")):
                assert isinstance(item, Event)
                yield _shipped(item, case * DAY)


def _shipped(event: Event, later: int) -> Event:
    data = shipped(event.flat(), PACK.taxonomy)
    if event.time is None:
        return Event(data=data)
    time = event.time + later
    return Event(data={**data, "@timestamp": format_time(time)}, time=time)


def test_every_detection_finds_the_same_events_among_all_cases(opensearch: OpenSearch) -> None:
    events = [event for rule in PACK.alerting() for event in _read(rule)]
    opensearch.load(PACK.taxonomy, [event.data for event in events])
    engine = Engine(PACK)
    matched: dict[str, list[int]] = {rule.id: [] for rule in SINGLE}
    for at, event in enumerate(events):
        for alert in engine.match(event)[0]:
            matched[alert.rule_id].append(at)
    assert len(events) > 300
    for rule in SINGLE:
        answer = TARGET.query(rule)
        if rule.stem in REFUSED:
            assert isinstance(answer, Refusal)
            continue
        assert isinstance(answer, Query), answer
        assert opensearch.found(answer.text) == matched[rule.id], rule.stem
        assert matched[rule.id], rule.stem


@pytest.mark.parametrize("rule", CORRELATIONS, ids=lambda rule: rule.stem)
def test_every_correlation_holds_for_the_same_groups_and_instants(opensearch: OpenSearch, rule: Rule) -> None:
    answer = TARGET.query(rule)
    assert isinstance(answer, Query), answer
    events = list(_read(rule))
    opensearch.load(PACK.taxonomy, [event.data for event in events])
    wanted = {
        (tuple(str(value) for value in (alert.group or {}).values()), alert.time)
        for alert in replay(Engine(PACK, every=True), events)
        if alert.rule_id == rule.id
    }
    assert wanted
    rows = opensearch.search(answer.text)["aggregations"]["correlation"]["value"]["alerts"]
    assert {(tuple(row["group"].values()), parse_time(time)) for row in rows for time in row["times"]} == wanted
