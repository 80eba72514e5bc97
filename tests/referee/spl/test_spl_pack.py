"""Every case of every rule of the shipped pack: the engine and the emitted search name the same events."""

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest
import yaml
from spl_dialect import single_dialects
from spl_judge import alerts_of, engine_matches, row_of, rows_of, search_matches, search_text
from spl_pipeline import Search

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.rules.fixtures import Fixture, load_fixtures
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.sources.event import EventSession
from mcp_siem.sources.port import Record

PACK = load_pack()
# Cases follow one another by more than any window, so that one engine can take them all.
_APART = 400 * 86_400 * 1_000_000


def _events(fixtures: Sequence[Fixture]) -> list[Event]:
    """The events of the cases as `--source event` reads them."""
    session = EventSession()
    found = [
        item
        for fixture in fixtures
        for event in fixture.events
        for item in session.feed(Record(data=orjson.dumps(event), ref=f"{fixture.path}:{fixture.line}"))
    ]
    assert all(isinstance(item, Event) for item in found)
    return [item for item in found if isinstance(item, Event)]


def _alone(rule: Rule) -> RulePack:
    """The rule and its base rules."""
    rules = tuple(one for one in PACK if one.id == rule.id or one.id in rule.text)
    return RulePack(name="one", version="0", rules=rules, taxonomy=PACK.taxonomy, digest="0")


@pytest.mark.parametrize("rule", [rule for rule in PACK.alerting() if rule.kind == "detection"], ids=lambda r: r.stem)
def test_cases_of_a_rule_mean_the_same_in_spl(rule: Rule) -> None:
    text = search_text(rule, PACK.taxonomy)
    events = _events(load_fixtures(rule))
    want = engine_matches(_alone(rule), events)
    rows = [row_of(event, PACK.taxonomy, place) for place, event in enumerate(events)]
    for dialect in single_dialects():
        assert search_matches(text, rows, dialect) == want, dialect
    assert want, "no case of this rule alerts, so nothing was compared"


@pytest.mark.parametrize("rule", [rule for rule in PACK.alerting() if rule.kind == "correlation"], ids=lambda r: r.stem)
def test_cases_of_a_correlation_mean_the_same_in_spl(rule: Rule) -> None:
    text = search_text(rule, PACK.taxonomy)
    names = _group_names(rule)
    searches = [Search(text, dialect) for dialect in single_dialects()]
    found = 0
    engine = Engine(_alone(rule), every=True)
    for place, fixture in enumerate(load_fixtures(rule)):
        events = [replace(event, time=(event.time or 0) + place * _APART) for event in _events([fixture])]
        rows = [row_of(event, PACK.taxonomy, number) for number, event in enumerate(events)]
        want = alerts_of(engine, events, rule.stem)
        for search in searches:
            assert rows_of(search, rows, names) == want, fixture.case
        found += len(want)
    assert found, "no case of this rule alerts, so nothing was compared"


def _group_names(rule: Rule) -> list[str]:
    document = list(yaml.safe_load_all(rule.text))[-1]
    return list(document["correlation"].get("group-by", []))
