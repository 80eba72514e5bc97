"""Random detections over plain and hostile events: the engine and the emitted search find the same.

MCP_SIEM_REFEREE_BATCHES makes the run longer; each batch is 50 rules over 40 events.
"""

import os
import random

import elastic_random
from opensearch_engine import OpenSearch
from opensearch_pairs import OpenSearchJudge
from referee_cases import case_line

from mcp_siem.convert.anchors import whole_text
from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.regex import RegexUnsupportedError, parse_regex
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.opensearch.bounds import regexps

BATCHES = int(os.environ.get("MCP_SIEM_REFEREE_BATCHES", "2"))
PAIRS = 2_000


def test_random_detections_find_the_same_events(opensearch_url: str) -> None:
    tally = OpenSearchJudge(opensearch_url).tally(PAIRS * BATCHES, "20261125")
    assert [case_line(case) for case in tally.kept] == []
    assert tally.refused < tally.pairs // 20
    assert tally.aside == 0


def test_no_pattern_that_we_emit_is_refused(opensearch: OpenSearch) -> None:
    """A pattern that needs too much work makes the whole search fail."""
    choose = random.Random(7)
    opensearch.load(load_taxonomy(default_pack_dir()), [{"a": "x"}])
    emitted = 0
    for _ in range(200 * BATCHES):
        try:
            texts = [
                lucene_regexp(one) for one in regexps(whole_text(parse_regex(elastic_random.pattern(choose))), "x")
            ]
        except (RegexUnsupportedError, RefusedError):
            continue
        emitted += len(texts)
        found = opensearch.search('{"query":{"bool":{}}}', query=_any_of("a.exact", texts))
        assert found["_shards"]["failed"] == 0
    assert emitted > 100


def _any_of(field: str, texts: list[str]) -> object:
    return {"bool": {"should": [{"regexp": {field: {"value": text}}} for text in texts]}}
