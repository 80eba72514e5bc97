"""The engine, with every scanner, and the oracle give the verdicts of every vector."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import oracle
import pytest
from generate import FILE, lines
from mcp_siem_engine import answer
from run import judged, vectors

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.pack import load_pack

Vector = Mapping[str, Any]
_ALL = [(f"{file}: {vector['name']}", vector) for file, vector in vectors()]
_NAMES = [name for name, _ in _ALL]
# What the specification has and we refuse with a located error, never read otherwise: docs/engine.md.
_GAPS: frozenset[str] = frozenset()


@pytest.fixture(params=["hyperscan", "re2"])
def scanner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scanner in turn: without the module of Hyperscan the engine takes RE2."""
    if request.param == "re2":
        monkeypatch.setitem(sys.modules, "hyperscan", None)
    else:
        pytest.importorskip("hyperscan", reason="an optional accelerator")


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("name", range(0, len(_ALL), 40))
def test_the_engine_gives_the_verdicts_of_the_vectors(name: int) -> None:
    for told, vector in _ALL[name : name + 40]:
        outcome = judged(vector, answer(vector))
        assert outcome == ("refused" if told in _GAPS else "right"), (told, answer(vector), vector["expected"])


@pytest.mark.usefixtures("scanner")
def test_all_rules_in_one_engine_give_the_same_verdicts(tmp_path: Path) -> None:
    alone = [(name, one) for name, one in _ALL if _stands_alone(name, one)]
    file = tmp_path / "rules.yml"
    file.write_text(
        "---\n".join(one["rules"].replace("title: R\n", f"title: {name!r}\n") for name, one in alone), "utf-8"
    )
    engine = Engine(replace(load_pack([file]), taxonomy=Taxonomy(fields={}, datasets={})))
    for name, one in alone:
        for event, expected in zip(one["events"], one["expected"], strict=True):
            held = {found.rule.title for found in engine.held(Event(data=event))}
            assert (name in held) is bool(expected), (name, event)
    assert len(alone) > 350
    assert not engine.failures


def _stands_alone(name: str, vector: Vector) -> bool:
    single = not name.startswith(("collections", "generated")) and "correlation:" not in vector["rules"]
    return single and vector["expected"] != "refused" and "vars" not in vector and name not in _GAPS


@pytest.mark.parametrize("first", range(0, len(_ALL), 100))
def test_the_oracle_reads_the_specification_as_the_vectors_do(first: int) -> None:
    for name, vector in _ALL[first : first + 100]:
        if vector["expected"] != "refused":  # it judges sound rules only
            assert oracle.verdicts(vector["rules"], vector["events"], vector.get("vars")) == vector["expected"], name


def test_every_vector_has_its_own_name_a_source_and_a_verdict_for_each_event() -> None:
    assert max(Counter(_NAMES).values()) == 1
    assert len(_ALL) > 500
    for name, vector in _ALL:
        keys = {"name", "spec", "rules", "events", "expected"}
        assert keys <= vector.keys() <= keys | {"vars", "settled", "note", "generated"}, name
        area, _, section = vector["spec"].partition(": ")
        assert area in {"rules", "modifiers", "correlation", "filters", "generated"}, name
        assert section, name
        assert vector["expected"] == "refused" or len(vector["expected"]) == len(vector["events"]), name
        assert json.loads(json.dumps(vector)) == vector


def test_every_vector_that_is_judged_both_fires_and_rests() -> None:
    quiet = [name for name, one in _ALL if one["expected"] != "refused" and not any(one["expected"])]
    always = [name for name, one in _ALL if one["expected"] != "refused" and all(one["expected"])]
    assert len(quiet) < 20, quiet
    assert len(always) < 20, always


def test_every_modifier_and_correlation_type_has_vectors() -> None:
    text = "\n".join(vector["rules"] for _, vector in _ALL)
    for modifier in [
        "all",
        "base64",
        "base64offset",
        "cased",
        "cidr",
        "contains",
        "day",
        "endswith",
        "exists",
        "expand",
        "fieldref",
        "gt",
        "gte",
        "hour",
        "i",
        "lt",
        "lte",
        "m",
        "minute",
        "month",
        "neq",
        "re",
        "s",
        "startswith",
        "utf16",
        "utf16be",
        "utf16le",
        "week",
        "wide",
        "windash",
        "year",
    ]:
        assert f"|{modifier}" in text, modifier
    for kind in [
        "event_count",
        "value_count",
        "temporal",
        "temporal_ordered",
        "value_sum",
        "value_avg",
        "value_percentile",
        "value_median",
    ]:
        assert text.count(f"type: {kind}\n") >= 4, kind


def test_the_generated_vectors_are_what_the_generator_writes() -> None:
    assert FILE.read_text(encoding="utf-8").splitlines() == list(lines())
