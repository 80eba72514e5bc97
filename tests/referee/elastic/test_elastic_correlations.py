"""Random correlations over random streams: the engine, asked at every event, and ES|QL hold for the same groups and instants."""

import os
import random
from pathlib import Path

import pytest
from elastic_engine import Elasticsearch, shipped

from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem_backends.elastic.target import ElasticTarget

TAXONOMY = load_taxonomy(default_pack_dir())
TARGET = ElasticTarget(TAXONOMY)
BATCHES = int(os.environ.get("MCP_SIEM_REFEREE_BATCHES", "2"))
START = 1_700_000_000_000
BASES = "---\n".join(
    f"title: {name}\nid: 00000000-0000-4000-8000-00000000000{at}\nname: base_{name}\nlogsource: {{product: mcp}}\n"
    f"level: low\nstatus: test\ndetection:\n  sel: {{event.action: {name}}}\n  condition: sel\n"
    for at, name in enumerate("abc")
)
HEAD = "---\ntitle: C\nid: 00000000-0000-4000-8000-0000000000ff\nstatus: test\nlevel: high\ncorrelation:\n"
EXACT = [
    "type: event_count\n  rules: [base_a]\n  group-by: [user.id]\n  timespan: 1m\n  condition: {gte: 3}",
    "type: event_count\n  rules: [base_a, base_b]\n  group-by: [user.id, host.name]\n  timespan: 5m\n  condition: {gt: 2}",
    "type: event_count\n  rules: [base_a]\n  timespan: 10s\n  condition: {gte: 4}",
    "type: value_count\n  rules: [base_a]\n  group-by: [user.id]\n  timespan: 1m\n  condition: {gte: 3, field: gen_ai.tool.name}",
    "type: value_count\n  rules: [base_a, base_c]\n  group-by: [host.name]\n  timespan: 10s\n  condition: {gt: 2, field: gen_ai.tool.name}",
    "type: temporal\n  rules: [base_a, base_b]\n  group-by: [user.id]\n  timespan: 10s",
    "type: temporal\n  rules: [base_a, base_b, base_c]\n  group-by: [user.id]\n  timespan: 10s\n  condition: {gte: 2}",
]
NOT_IN_ONE_INSTANT = [
    "type: event_count\n  rules: [base_a]\n  group-by: [user.id]\n  timespan: 1m\n  condition: {lt: 3}",
    "type: event_count\n  rules: [base_a]\n  group-by: [user.id]\n  timespan: 10s\n  condition: {eq: 2}",
    "type: temporal\n  rules: [base_a, base_b]\n  group-by: [user.id]\n  timespan: 10s\n  condition: base_a and not base_b",
    "type: temporal_ordered\n  rules: [base_a, base_b]\n  group-by: [user.id]\n  timespan: 1m",
    "type: temporal_ordered\n  rules: [base_a, base_b, base_c]\n  group-by: [user.id]\n  timespan: 1m",
]


def _events(choose: random.Random, *, tied: bool) -> list[Event]:
    """A stream of 400 events; `tied` ones share their instants, and some match two rules at once."""
    span = choose.choice([60_000, 600_000, 3_600_000])
    instants = sorted(choose.sample(range(span), 400))
    events = []
    for instant in instants:
        data: dict[str, object] = {"event.action": choose.choice(["a", "b", "c", "A", ["a", "b"]])}
        if choose.random() < 0.95:
            user = choose.choice(["u1", "U1", "u|3", "\xfc"])
            data["user.id"] = user if choose.random() < 0.9 else [user, "u1"]
        if choose.random() < 0.9:
            data["host.name"] = choose.choice(["h1", "H1", "h|2"])
            data["gen_ai.tool.name"] = choose.choice(["t1", "t2", "T1", "t|3", "", "x" * 150, ["t1", "t4"]])
        time = (START + (instant // 1000 * 1000 if tied else instant)) * 1000
        events.append(Event(data={**shipped(data, TAXONOMY), "@timestamp": format_time(time)}, time=time))
    return events


def _both(
    server: Elasticsearch, text: str, events: list[Event], path: Path
) -> tuple[set[tuple[tuple[str, ...], int]], set[tuple[tuple[str, ...], int]]]:
    path.write_text(f"{BASES}{HEAD}  {text}\n", encoding="utf-8")
    pack = load_pack([path])
    (rule,) = [rule for rule in pack if rule.kind == "correlation"]
    answer = TARGET.query(rule)
    assert isinstance(answer, Query), answer
    alerts = [alert for alert in replay(Engine(pack, every=True), events) if alert.rule_id == rule.id]
    keys = list(alerts[0].group or {}) if alerts else []
    wanted = {
        (tuple(str(value) for value in (alert.group or {}).values()), (alert.time or 0) // 1000) for alert in alerts
    }
    return server.esql(answer.text, keys), wanted


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("tied", [False, True])
def test_random_correlations_hold_for_the_same(
    server: Elasticsearch, batch: int, tmp_path: Path, *, tied: bool
) -> None:
    events = _events(random.Random(batch * 2 + tied), tied=tied)
    server.load(TAXONOMY, [event.data for event in events])
    held = 0
    for text in [*EXACT, *([] if tied else NOT_IN_ONE_INSTANT)]:
        found, wanted = _both(server, text, events, tmp_path / "rule.yml")
        assert found == wanted, text
        held += bool(wanted)
    assert held > len(EXACT) // 2


@pytest.mark.parametrize("batch", range(BATCHES))
def test_an_order_within_one_instant_is_never_missed(server: Elasticsearch, batch: int, tmp_path: Path) -> None:
    events = _events(random.Random(batch), tied=True)
    server.load(TAXONOMY, [event.data for event in events])
    for text in NOT_IN_ONE_INSTANT[3:]:
        found, wanted = _both(server, text, events, tmp_path / "rule.yml")
        assert found >= wanted, text
