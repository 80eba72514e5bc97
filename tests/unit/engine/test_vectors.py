import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

_VECTORS = [
    json.loads(line)
    for file in sorted((Path(__file__).parent / "vectors").glob("*.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("vector", _VECTORS, ids=[vector["name"] for vector in _VECTORS])
def test_vector_gives_the_verdict_that_sigma_asks_for(
    vector: dict[str, object], pack_of: Callable[..., RulePack]
) -> None:
    engine = Engine(pack_of(vector["yaml"]))
    assert bool(engine.feed(Event(data=vector["event"]))) is vector["expected"]
    assert not engine.failures


def test_all_vectors_of_the_conformance_set_are_here() -> None:
    conformance = Path(__file__).parent / "vectors" / "sigma_semantics_vectors.jsonl"
    assert len(conformance.read_text(encoding="utf-8").splitlines()) == 52
