import json
from pathlib import Path
from typing import Any

import pytest

from mcp_siem.convert.notes import Note
from mcp_siem.convert.target import Action, Change, Marker, Query, Refusal, Remote
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.opensearch import BACKEND

ID = "0b6d7a52-6a2e-4f0e-9d5c-0000000000ff"
BASE = "title: B\nname: base\nlogsource: {product: mcp}\nstatus: test\ndetection:\n  s: {gen_ai.tool.name: x}\n  condition: s\n"
HEAD = f"title: C\nid: {ID}\nstatus: test\nlevel: high\ndescription: What it sees.\n"
MARKER = Marker(applied="d", pack="p", tool="t")
TARGET = BACKEND.target()


def _rule(tmp_path: Path, correlation: str) -> Rule:
    (tmp_path / "rule.yml").write_text(f"{BASE}---\n{HEAD}correlation:\n{correlation}", encoding="utf-8")
    return next(rule for rule in load_pack([tmp_path]) if rule.id == ID)


def _counted(condition: str, *, kind: str = "event_count", keys: str = "user.id") -> str:
    return f"  type: {kind}\n  rules: [base]\n  group-by: [{keys}]\n  timespan: 5m\n  condition: {condition}\n"


def _change(action: Action, after: str | None) -> Change:
    return Change(address=f"opensearch:{ID}", title="C", action=action, before=None, after=after)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[str, Query]:
    rule = _rule(tmp_path, _counted("{gte: 3}"))
    query = TARGET.query(rule)
    assert isinstance(query, Query)
    return TARGET.resource(query, rule).spec, query


def test_a_stored_query_says_what_to_run_over_which_span(stored: tuple[str, Query]) -> None:
    spec: dict[str, Any] = json.loads(stored[0])
    assert spec["search"] == stored[1].text
    assert (spec["index"], spec["interval_seconds"], spec["lookback_seconds"]) == ("logs-mcp.*", 300, 1500)
    assert spec["answer"] == "aggregations.correlation.value.alerts"


def test_what_was_written_reads_as_what_was_meant(stored: tuple[str, Query]) -> None:
    (step,) = TARGET.steps(_change(Action.CREATE, stored[0]), None, MARKER)
    assert step.document is not None
    read = TARGET.parse({**step.document, "_id": ID, "_seq_no": 4, "_primary_term": 1})
    assert (read.address, read.marker, read.spec) == (f"opensearch:{ID}", MARKER, stored[0])


def test_a_write_carries_the_version_it_replaces_and_what_analysts_wrote(stored: tuple[str, Query]) -> None:
    theirs = {"_id": ID, "_seq_no": 4, "_primary_term": 1, "enabled": False, "team": "soc", "level": "low"}
    (step,) = TARGET.steps(_change(Action.UPDATE, stored[0]), TARGET.parse(theirs), MARKER)
    assert step.document is not None
    kept = {name: step.document[name] for name in theirs}
    assert kept == {**theirs, "level": "high"}


def test_a_document_of_somebody_else_has_no_marker() -> None:
    for document in ({}, {"mcp_siem": "x"}, {"_id": 7, "tags": object()}):
        remote = TARGET.parse(document)
        assert isinstance(remote, Remote)
        assert remote.marker is None


def test_a_count_of_newest_events_has_no_note_but_its_bound(stored: tuple[str, Query]) -> None:
    assert [note.bound.code for note in stored[1].notes if isinstance(note, Note)] == ["OPENSEARCH-EVENTS"]


def test_notes_say_where_the_order_of_an_instant_matters(tmp_path: Path) -> None:
    query = TARGET.query(_rule(tmp_path, _counted("{lt: 3}")))
    assert isinstance(query, Query)
    assert [note.bound.code for note in query.notes if isinstance(note, Note)] == [
        "OPENSEARCH-INSTANT",
        "OPENSEARCH-EVENTS",
    ]


def test_base_rules_are_told_apart_by_the_score(tmp_path: Path) -> None:
    other = BASE.replace("title: B\nname: base", "title: D\nname: other")
    text = f"{other}---\n{BASE}---\n{HEAD}correlation:\n  type: temporal\n  rules: [base, other]\n  timespan: 5m\n"
    (tmp_path / "rule.yml").write_text(text, encoding="utf-8")
    query = TARGET.query(next(rule for rule in load_pack([tmp_path]) if rule.id == ID))
    assert isinstance(query, Query)
    should = json.loads(query.text)["query"]["bool"]["should"]
    assert [one["constant_score"]["boost"] for one in should] == [1, 2]


def test_every_refusal_and_every_reservation_is_listed() -> None:
    codes = [one.code for one in (*TARGET.limits(), *TARGET.bounds())]  # type: ignore[attr-defined]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("OPENSEARCH-") for code in codes)


def test_a_sum_of_two_fields_has_no_meaning(tmp_path: Path) -> None:
    rule = _rule(tmp_path, _counted("{gte: 3, field: [a, b]}", kind="value_sum"))
    refusal = TARGET.query(rule)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "OPENSEARCH-CORRELATION-CONDITION"
