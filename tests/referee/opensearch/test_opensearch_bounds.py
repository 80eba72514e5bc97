"""Where a search meets a limit it says so: never a silence."""

import random
from pathlib import Path

import pytest
from opensearch_engine import OpenSearch, SearchFailedError, shipped

from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time, parse_time
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem.rules.rule import RulePack
from mcp_siem_backends.opensearch.target import OpenSearchTarget

TAXONOMY = load_taxonomy(default_pack_dir())
BASE = "title: B\nname: base\nlogsource: {product: mcp}\nstatus: test\ndetection:\n  s: {gen_ai.tool.name: x}\n  condition: s\n"
COUNTED = (
    "---\ntitle: C\nid: 0b6d7a52-6a2e-4f0e-9d5c-0000000000ff\nstatus: test\nlevel: high\ncorrelation:\n"
    "  type: event_count\n  rules: [base]\n  group-by: [user.id]\n  timespan: 10s\n  condition: {gte: 3}\n"
)
SINGLE = "title: S\nid: 0b6d7a52-6a2e-4f0e-9d5c-0000000000fe\nlogsource: {product: mcp}\nstatus: test\ndetection:\n  s: SELECTION\n  condition: s\n"


def _query(path: Path, text: str) -> tuple[RulePack, Query]:
    path.write_text(text, encoding="utf-8")
    pack = load_pack([path])
    (rule,) = pack.alerting()
    query = OpenSearchTarget(TAXONOMY).query(rule)
    assert isinstance(query, Query), query
    return pack, query


def _events(number: int) -> list[Event]:
    choose = random.Random(number)
    times = sorted(1_700_000_000_000_000 + choose.randrange(100_000_000) for _ in range(number))
    return [
        Event(
            data={"gen_ai.tool.name": "x", "user.id": choose.choice("ab"), "@timestamp": format_time(time)}, time=time
        )
        for time in times
    ]


def test_too_many_events_for_a_correlation_are_an_error(opensearch: OpenSearch, tmp_path: Path) -> None:
    _, query = _query(tmp_path / "rule.yml", BASE + COUNTED)
    opensearch.load(TAXONOMY, [event.data for event in _events(20)])
    few = query.text.replace('"most": 100000', '"most": 19')
    assert few != query.text
    with pytest.raises(SearchFailedError, match="more than 19 events"):
        opensearch.search(few)
    assert opensearch.search(query.text)["aggregations"]["correlation"]["value"]["events"] == 20


def test_a_correlation_sees_all_shards(opensearch: OpenSearch, tmp_path: Path) -> None:
    pack, query = _query(tmp_path / "rule.yml", BASE + COUNTED)
    events = _events(200)
    opensearch.load(TAXONOMY, [event.data for event in events], shards=4)
    wanted = {(alert.group or {}).get("user.id"): alert.time for alert in replay(Engine(pack, every=True), events)}
    rows = opensearch.search(query.text)["aggregations"]["correlation"]["value"]["alerts"]
    assert {row["group"]["user.id"]: parse_time(row["times"][-1]) for row in rows} == wanted


def test_an_alert_says_who_did_what_where(opensearch: OpenSearch, tmp_path: Path) -> None:
    _, query = _query(tmp_path / "rule.yml", BASE + COUNTED)
    data = {"mcp.principal": "kim", "mcp.server.name": "files", "mcp.argument.value": ["/etc/passwd", "x" * 900]}
    opensearch.load(TAXONOMY, [{**event.data, "user.id": "a", **data} for event in _events(3)])
    text = query.text.replace('"timespan": 10000000', '"timespan": 1000000000')
    (row,) = opensearch.search(text)["aggregations"]["correlation"]["value"]["alerts"]
    assert row["context"]["mcp.principal"] == ["kim"]
    assert row["context"]["gen_ai.tool.name"] == ["x"]
    assert row["context"]["mcp.argument.value"] == ["/etc/passwd", "x" * 200]
    assert row["first_seen"] < row["times"][0]


@pytest.mark.parametrize(
    "selection", ["{mcp.request.text|endswith: end}", "{mcp.request.text|re: 'x{3}END$'}", "[yEND]"]
)
def test_no_text_is_too_long(opensearch: OpenSearch, tmp_path: Path, selection: str) -> None:
    _, query = _query(tmp_path / "rule.yml", SINGLE.replace("SELECTION", selection))
    events = [{"mcp.request.text": "x" * 200_000 + "END"}, {"mcp.request.text": "x" * 200_000 + "yEND"}, {}]
    opensearch.load(TAXONOMY, [shipped(event, TAXONOMY) for event in events])
    assert opensearch.found(query.text) == {"[yEND]": [1], "{mcp.request.text|endswith: end}": [0, 1]}.get(
        selection, [0]
    )


@pytest.mark.parametrize("value", ["x", "\xdf", "\u0390", "\u0130", "\u20ac", "\U0001f600", "\ufb03"])
def test_no_event_is_rejected_for_its_length(opensearch: OpenSearch, value: str) -> None:
    opensearch.load(
        TAXONOMY, [{"gen_ai.tool.name": value * 40_000, "nobody.said": value * 5_461, "source.ip": value * 99}]
    )


def test_a_pattern_that_is_too_much_for_lucene_is_walked(opensearch: OpenSearch, tmp_path: Path) -> None:
    _, query = _query(
        tmp_path / "rule.yml", SINGLE.replace("SELECTION", "{user.id|re: '(a.{0,40}b[^c]{0,40}|d){1,5}e$'}")
    )
    assert "derived" in query.text
    values = ["aXbYe", "e", "de", "a" * 50 + "be", "aXb" + "Y" * 41 + "e", "dddde", "d" * 9 + "ef"]
    opensearch.load(TAXONOMY, [{"user.id": value} for value in values])
    assert opensearch.found(query.text) == [0, 2, 3, 5]
