"""Correlations on a real engine: random ones hold where the engine says, and what cannot be answered is an error."""

import os
import random

import pytest
from elastic_correlating import compared
from elastic_engine import Elasticsearch, QueryFailedError, shipped
from elastic_streams import BASES, HEAD, stream
from referee_cases import packed

from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.elastic.esql import LIMIT
from mcp_siem_backends.elastic.target import ElasticTarget

TAXONOMY = load_taxonomy(default_pack_dir())
BATCHES = int(os.environ.get("MCP_SIEM_REFEREE_BATCHES", "2"))
ORDERED = [
    "type: temporal_ordered\n  rules: [base_a, base_b]\n  group-by: [user.id]\n  timespan: 1m",
    "type: temporal_ordered\n  rules: [base_a, base_b, base_c]\n  group-by: [user.id]\n  timespan: 1m",
]
COUNT = "type: event_count\n  rules: [base_a]\n  group-by: [user.id]\n  timespan: 5s\n  condition: {gte: 1}"


def _query(text: str) -> str:
    (pack,) = packed([f"{BASES}{HEAD}  {text}\n"])
    answer = ElasticTarget(TAXONOMY).query(next(rule for rule in pack if rule.kind == "correlation"))
    assert isinstance(answer, Query), answer
    return answer.text


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_correlations_hold_for_the_same(server: Elasticsearch, batch: int) -> None:
    held = 0
    for number in range(12):
        one = compared(server, f"test {batch} {number}", events=120)
        assert one.refused is None
        assert one.found == one.wanted, one.text
        held += bool(one.wanted)
    assert held > 6


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("text", ORDERED)
def test_an_order_within_one_instant_is_never_missed(server: Elasticsearch, batch: int, text: str) -> None:
    choose = random.Random(batch)
    events = stream(choose, TAXONOMY, window=60_000, events=200, tied=True).events
    server.load(TAXONOMY, [event.data for event in events])
    (pack,) = packed([f"{BASES}{HEAD}  {text}\n"])
    rule = next(rule for rule in pack if rule.kind == "correlation")
    alerts = [alert for alert in replay(Engine(pack, every=True), events) if alert.rule_id == rule.id]
    wanted = {(tuple(map(str, (one.group or {}).values())), (one.time or 0) // 1000) for one in alerts}
    assert wanted
    assert server.esql(_query(text), ["user.id"]) >= wanted


def test_an_alert_says_who_did_what_where_and_when(server: Elasticsearch) -> None:
    rows = [
        {
            "event.action": "a",
            "user.id": "ann",
            "mcp.server.name": f"s{at % 2}",
            "gen_ai.tool.name": "t|1",
            "mcp.argument.value": ["x" * 300, "y"],
            "@timestamp": f"2026-11-25T00:00:0{at}.000Z",
        }
        for at in range(3)
    ]
    server.load(TAXONOMY, [shipped(row, TAXONOMY) for row in rows])
    last = server.rows(_query(COUNT.replace("gte: 1", "gte: 3")))[-1]
    assert (last["user.id"], last["events"], last["principals"]) == ("ann", 3, "ann")
    assert (last["servers"], last["tools"]) == (["s0", "s1"], "t/1")
    assert (last["first_seen"], last["last_seen"]) == ("2026-11-25T00:00:00.000Z", "2026-11-25T00:00:02.000Z")
    assert last["arguments"] == "x" * 100
    assert last["event_ids"] == ["0", "1", "2"]


def test_a_result_that_is_cut_is_full(server: Elasticsearch) -> None:
    rows = [
        {"event.action": "a", "user.id": f"u{at}", "@timestamp": "2026-11-25T00:00:00.000Z"} for at in range(LIMIT + 1)
    ]
    server.load(TAXONOMY, rows)
    assert len(server.rows(_query(COUNT))) == LIMIT


def test_a_query_that_needs_too_much_memory_is_an_error(server: Elasticsearch) -> None:
    rows = [{"event.action": "a", "user.id": "u", "@timestamp": f"2026-11-25T00:00:00.{at:03}Z"} for at in range(1_000)]
    server.load(TAXONOMY, rows)
    server.call("PUT", "/_cluster/settings", {"transient": {"indices.breaker.request.limit": "20kb"}})
    try:
        with pytest.raises(QueryFailedError, match="circuit_breaking_exception"):
            server.rows(_query(COUNT))
    finally:
        server.call("PUT", "/_cluster/settings", {"transient": {"indices.breaker.request.limit": None}})
