"""Every case of every rule of the shipped pack: the engine and the emitted search name the same events."""

from collections.abc import Sequence

import orjson
import pytest
import yaml
from spl_dialect import single_dialects
from spl_judge import engine_alerts, engine_matches, row_of, search_alerts, search_matches, search_text

from mcp_siem.events.event import Event
from mcp_siem.rules.fixtures import Fixture, load_fixtures
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.sources.event import EventSession
from mcp_siem.sources.port import Record

PACK = load_pack()


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


@pytest.mark.parametrize("rule", PACK.alerting(), ids=lambda rule: rule.stem)
def test_cases_of_the_pack_mean_the_same_in_spl(rule: Rule) -> None:
    text = search_text(rule, PACK.taxonomy)
    fixtures = load_fixtures(rule)
    alone = _alone(rule)
    batches = [_events([fixture]) for fixture in fixtures] if rule.kind == "correlation" else [_events(fixtures)]
    found = 0
    for events in batches:
        rows = [row_of(event, PACK.taxonomy, place) for place, event in enumerate(events)]
        for dialect in single_dialects():
            if rule.kind == "correlation":
                want = engine_alerts(alone, events, rule.stem)
                names = _group_names(rule)
                assert search_alerts(text, rows, names, dialect) == want, (rule.stem, dialect)
                found += len(want)
            else:
                matched = engine_matches(alone, events)
                assert search_matches(text, rows, dialect) == matched, (rule.stem, dialect)
                found += len(matched)
    assert found, "no case of this rule alerts, so nothing was compared"


def _group_names(rule: Rule) -> list[str]:
    document = list(yaml.safe_load_all(rule.text))[-1]
    return list(document["correlation"].get("group-by", []))
