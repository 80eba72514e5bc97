"""Random correlations over random streams: the engine and the one search hold for the same groups at the same instants."""

import os
import random
from pathlib import Path
from typing import Any

import pytest
from elastic_streams import correlation, stream
from opensearch_engine import OpenSearch

from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.event import Event
from mcp_siem.events.time import parse_time
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem.rules.rule import RulePack
from mcp_siem_backends.opensearch.target import OpenSearchTarget

TAXONOMY = load_taxonomy(default_pack_dir())
TARGET = OpenSearchTarget(TAXONOMY)
BATCHES = int(os.environ.get("MCP_SIEM_REFEREE_BATCHES", "2"))
WINDOWS = (5_000, 60_000, 600_000)
HELD = set[tuple[tuple[str, ...], int | None]]


def _outer(path: Path, text: str) -> tuple[RulePack, str, Query]:
    path.write_text(text, encoding="utf-8")
    pack = load_pack([path])
    (rule,) = [rule for rule in pack if rule.title == "outer"]
    answer = TARGET.query(rule)
    assert isinstance(answer, Query), answer
    return pack, rule.id, answer


def _engine(pack: RulePack, rule_id: str, events: list[Event], *, every: bool) -> HELD:
    alerts = [alert for alert in replay(Engine(pack, every=every), events) if alert.rule_id == rule_id]
    return {(tuple(str(value) for value in (alert.group or {}).values()), alert.time) for alert in alerts}


def _found(server: OpenSearch, text: str) -> list[dict[str, Any]]:
    value = server.search(text)["aggregations"]["correlation"]["value"]
    assert (value["lost"], value["more"]) == (0, 0)
    rows: list[dict[str, Any]] = value["alerts"]
    assert all(row["more"] == 0 for row in rows)
    return rows


def _held(rows: list[dict[str, Any]], *, every: bool) -> HELD:
    return {
        (tuple(row["group"].values()), parse_time(time))
        for row in rows
        for time in (row["times"] if every else row["times"][:1])
    }


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("tied", [False, True])
def test_random_correlations_hold_for_the_same(
    opensearch: OpenSearch, batch: int, tmp_path: Path, *, tied: bool
) -> None:
    choose = random.Random(f"opensearch {batch} {tied}")
    window = choose.choice(WINDOWS)
    events = list(stream(choose, TAXONOMY, window=window, events=250, tied=tied).events)
    opensearch.load(TAXONOMY, [event.data for event in events])
    held = compared = 0
    while compared < 25:
        text, span = correlation(choose, tied=tied)
        if span != window:
            continue
        compared += 1
        pack, rule_id, query = _outer(tmp_path / "rule.yml", text)
        rows = _found(opensearch, query.text)
        for every in (True, False):
            wanted = _engine(pack, rule_id, events, every=every)
            assert _held(rows, every=every) == wanted, text
        held += bool(wanted)
    assert held > 5
