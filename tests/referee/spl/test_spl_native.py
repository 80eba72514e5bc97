"""The native rules as Splunk runs them: what is not there, and what was never there before."""

import orjson
import pytest
from native_cases import EGRESS, HEALTH, NEW_DESTINATIONS, dated
from spl_dialect import Dialect, single_dialects
from spl_judge import row_of
from spl_pipeline import Search
from spl_rows import Row

from mcp_siem.convert.target import Query
from mcp_siem.events.event import Event
from mcp_siem.rules.pack import load_pack
from mcp_siem.sources.event import EventSession
from mcp_siem.sources.port import Record
from mcp_siem_backends.splunk.target import SplunkTarget

PACK = load_pack()
RULES = {rule.stem: rule for rule in PACK.native()}


def _search(stem: str, dialect: Dialect) -> Search:
    query = SplunkTarget(PACK.taxonomy).query(RULES[stem])
    assert isinstance(query, Query), query
    return Search(query.text, dialect)


def _rows(events: list[dict[str, object]]) -> list[Row]:
    found = [one for event in events for one in EventSession().feed(Record(data=orjson.dumps(event), ref="-"))]
    assert all(isinstance(one, Event) for one in found)
    return [row_of(one, PACK.taxonomy, at) for at, one in enumerate(found) if isinstance(one, Event)]


@pytest.mark.parametrize("dialect", list(single_dialects()))
def test_a_prober_is_silent_when_its_last_row_is_old(dialect: Dialect) -> None:
    search = _search("mcp_monitoring_health_prober_silent", dialect)
    assert len(search.run([])) == 1
    assert len(search.run(_rows([dated(11, HEALTH), dated(-30, HEALTH)]))) == 1
    assert search.run(_rows([dated(9, HEALTH)])) == []
    assert len(search.run(_rows([dated(1, {**HEALTH, "event.dataset": "mcp.protocol"})]))) == 1


@pytest.mark.parametrize("dialect", list(single_dialects()))
def test_only_a_destination_that_a_watched_server_never_had_is_new(dialect: Dialect) -> None:
    rows = _search("mcp_endpoint_new_destination", dialect).run(_rows([dated(*one) for one in EGRESS]))
    assert {(row.fields["server"][0], row.fields["destination"][0]) for row in rows} == NEW_DESTINATIONS
    assert len(rows) == len(NEW_DESTINATIONS)
