"""The conformance vectors of Sigma's semantics, through the emitted search, on a real engine: none is refused."""

import json
from pathlib import Path

import pytest
from opensearch_engine import OpenSearch, shipped

from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem_backends.opensearch.target import OpenSearchTarget

TAXONOMY = load_taxonomy(default_pack_dir())
VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "unit/engine/vectors" / "sigma_semantics_vectors.jsonl")
    .read_text("utf-8")
    .splitlines()
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector_means_the_same_on_opensearch(opensearch: OpenSearch, vector: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(str(vector["yaml"]), encoding="utf-8")
    (rule,) = load_pack([path])
    answer = OpenSearchTarget(TAXONOMY).query(rule)
    assert isinstance(answer, Query), answer
    opensearch.load(TAXONOMY, [shipped(vector["event"], TAXONOMY)])  # type: ignore[arg-type]
    assert (opensearch.found(answer.text) == [0]) is vector["expected"], answer.text
