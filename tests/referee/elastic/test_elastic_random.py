"""Random detections over hostile events: the engine and the emitted Lucene find the same.

MCP_SIEM_REFEREE_BATCHES makes the run longer; each batch is 30 rules over 120 events.
"""

import os
import random
from pathlib import Path

import elastic_random
import pytest
import yaml
from elastic_engine import Elasticsearch, shipped

from mcp_siem.convert.anchors import whole_text
from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.regex import RegexUnsupportedError, parse_regex
from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem_backends.elastic.bounds import manageable
from mcp_siem_backends.elastic.lucene import regex_text
from mcp_siem_backends.elastic.target import ElasticTarget

TAXONOMY = load_taxonomy(default_pack_dir())
TARGET = ElasticTarget(TAXONOMY)
BATCHES = int(os.environ.get("MCP_SIEM_REFEREE_BATCHES", "2"))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_detections_find_the_same_events(server: Elasticsearch, batch: int, tmp_path: Path) -> None:
    choose = random.Random(20261124 + batch)
    events = [elastic_random.event(choose) for _ in range(120)]
    server.load(TAXONOMY, [shipped(event, TAXONOMY) for event in events], first={"n": 1})
    compared = 0
    for number in range(30):
        rule = elastic_random.rule(choose, number)
        path = tmp_path / "rule.yml"
        path.write_text(yaml.safe_dump(rule, allow_unicode=True), encoding="utf-8")
        pack = load_pack([path])
        answer = TARGET.query(next(iter(pack)))
        if not isinstance(answer, Query):
            continue
        compared += 1
        clear = [at for at, event in enumerate(events) if elastic_random.comparable(event, answer.notes)]
        engine = Engine(pack)
        wanted = [at for at in clear if engine.match(Event(data=events[at]))[0]]
        assert [at for at in server.events(answer) if at in clear] == wanted, (rule["detection"], answer.text)
    assert compared > 20


def test_no_pattern_that_we_emit_is_given_up_on(server: Elasticsearch) -> None:
    """A pattern that needs too much work becomes a query that finds nothing, without an error."""
    choose = random.Random(7)
    server.load(TAXONOMY, [{"gen_ai.tool.name": "x"}])
    emitted = 0
    for _ in range(200 * BATCHES):
        try:
            parts = manageable(whole_text(parse_regex(elastic_random.pattern(choose))), "x")
        except (RegexUnsupportedError, RefusedError):
            continue
        for part in parts:
            emitted += 1
            made = server.rewritten(f"gen_ai.tool.name.exact:{regex_text(part)}")
            assert "too_complex" not in made, made
    assert emitted > 100


def test_the_guard_is_needed(server: Elasticsearch) -> None:
    """Pins what Elasticsearch does, so that a version that no longer does it is noticed."""
    server.load(TAXONOMY, [{"gen_ai.tool.name": "ab"}])
    assert server.lucene("gen_ai.tool.name.exact:/.*a.{0,20}b.*/") == []
    assert server.lucene("gen_ai.tool.name.exact:/.*a(.?){20}b.*/") == [0]
