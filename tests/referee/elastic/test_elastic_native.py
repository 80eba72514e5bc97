"""The native rules on a real Elasticsearch: what is not there, and what was never there before."""

from collections.abc import Sequence

from elastic_engine import Elasticsearch
from native_cases import EGRESS, HEALTH, NEW_DESTINATIONS, dated

from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import load_pack
from mcp_siem_backends.elastic.target import ElasticTarget

PACK = load_pack()
RULES = {rule.stem: rule for rule in PACK.native()}
OTHER = {"event.dataset": "mcp.protocol", "mcp.method.name": "tools/list"}


def _rows(server: Elasticsearch, stem: str, events: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    query = ElasticTarget(PACK.taxonomy).query(RULES[stem])
    assert isinstance(query, Query), query
    assert query.language == "esql"
    server.load(PACK.taxonomy, events)
    return server.rows(query.text)


def test_a_prober_is_silent_when_its_last_row_is_old(server: Elasticsearch) -> None:
    stem = "mcp_monitoring_health_prober_silent"
    assert len(_rows(server, stem, [])) == 1
    assert len(_rows(server, stem, [dated(11, HEALTH), dated(-30, HEALTH), dated(1, OTHER)])) == 1
    assert _rows(server, stem, [dated(9, HEALTH), dated(1, OTHER)]) == []


def test_only_a_destination_that_a_watched_server_never_had_is_new(server: Elasticsearch) -> None:
    rows = _rows(server, "mcp_endpoint_new_destination", [dated(*one) for one in EGRESS])
    assert {(row["server"], row["destination"]) for row in rows} == NEW_DESTINATIONS
    assert len(rows) == len(NEW_DESTINATIONS)
