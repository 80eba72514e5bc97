"""The native rules on a real OpenSearch: what is not there, and what was never there before."""

from collections.abc import Sequence
from typing import Any

import pytest
from native_cases import EGRESS, HEALTH, NEW_DESTINATIONS, dated
from opensearch_engine import OpenSearch

from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import load_pack
from mcp_siem_backends.opensearch.target import OpenSearchTarget

PACK = load_pack()
RULES = {rule.stem: rule for rule in PACK.native()}
OTHER = {"event.dataset": "mcp.protocol", "mcp.method.name": "tools/list"}


def _alerts(
    opensearch: OpenSearch, stem: str, events: Sequence[dict[str, object]], shards: int
) -> list[dict[str, Any]]:
    query = OpenSearchTarget(PACK.taxonomy).query(RULES[stem])
    assert isinstance(query, Query), query
    opensearch.load(PACK.taxonomy, events, shards=shards)
    alerts: list[dict[str, Any]] = opensearch.search(query.text)["aggregations"]["correlation"]["value"]["alerts"]
    return alerts


@pytest.mark.parametrize("shards", [1, 3])
def test_a_prober_is_silent_when_its_last_row_is_old(opensearch: OpenSearch, shards: int) -> None:
    stem = "mcp_monitoring_health_prober_silent"
    assert len(_alerts(opensearch, stem, [], shards)) == 1
    assert len(_alerts(opensearch, stem, [dated(11, HEALTH), dated(-30, HEALTH), dated(1, OTHER)], shards)) == 1
    assert _alerts(opensearch, stem, [dated(9, HEALTH), dated(1, OTHER)], shards) == []


@pytest.mark.parametrize("shards", [1, 3])
def test_only_a_destination_that_a_watched_server_never_had_is_new(opensearch: OpenSearch, shards: int) -> None:
    rows = _alerts(opensearch, "mcp_endpoint_new_destination", [dated(*one) for one in EGRESS], shards)
    assert {(row["server"], row["destination"]) for row in rows} == NEW_DESTINATIONS
    assert len(rows) == len(NEW_DESTINATIONS)
