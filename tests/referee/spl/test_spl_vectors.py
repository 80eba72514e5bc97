"""The conformance vectors of Sigma's semantics, through the emitted SPL, under every reading of the documentation."""

import json
from pathlib import Path

import pytest
from spl_dialect import all_dialects
from spl_judge import row_of, rule_of, search_matches, search_text, small_taxonomy

from mcp_siem.events.event import Event

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "unit/engine/vectors" / "sigma_semantics_vectors.jsonl")
    .read_text("utf-8")
    .splitlines()
]
TAXONOMY = small_taxonomy(arrays=["a.list", "a.objs.k"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector_means_the_same_in_spl(vector: dict[str, object]) -> None:
    text = search_text(rule_of(str(vector["yaml"])), TAXONOMY)
    event = Event(data=vector["event"])  # type: ignore[arg-type]
    row = row_of(event, TAXONOMY, 0)
    answers = {bool(search_matches(text, [row], dialect)) for dialect in all_dialects()}
    assert answers == {vector["expected"]}, text
