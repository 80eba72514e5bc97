import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from mcp_siem.convert.target import Action, Change, Marker, Query, Resource
from mcp_siem.deploy.plan import make_plan, spec_digest
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.elastic import BACKEND
from mcp_siem_backends.elastic.attack import TECHNIQUES, threat_mapping
from mcp_siem_backends.elastic.payload import OWNED, kibana_ndjson
from mcp_siem_backends.elastic.testing.schemas import CREATE

TARGET = BACKEND.target()
PACK = load_pack()
RULES = {rule.stem: rule for rule in PACK.alerting()}
SINGLE = RULES["mcp_arguments_path_traversal"]
COUNTED = RULES["mcp_auth_http_failed_logins"]
MARKER = Marker(applied="0" * 64, pack="mcp-siem@0.1.0", tool="0.1.0")
ANALYST: Mapping[str, object] = {
    "enabled": True,
    "exceptions_list": [{"id": "1", "list_id": "2", "type": "rule_default", "namespace_type": "single"}],
    "actions": [{"id": "mail"}],
    "alert_suppression": {"group_by": ["mcp.principal"]},
    "meta": {"kibana_siem_app_url": "https://kibana"},
    "building_block_type": "default",
}


def resource_of(rule: Rule) -> Resource:
    query = TARGET.query(rule)
    assert isinstance(query, Query)
    return TARGET.resource(query, rule)


def change_of(action: Action, after: str | None, rule: Rule = SINGLE) -> Change:
    return Change(address=f"elastic:{rule.id}", title=rule.title, action=action, before=None, after=after)


def created(rule: Rule = SINGLE) -> dict[str, object]:
    """The rule as Kibana would hold it after our create: our body and what a server adds."""
    spec = resource_of(rule).spec
    marker = Marker(applied=spec_digest(spec), pack=MARKER.pack, tool=MARKER.tool)
    last = TARGET.steps(change_of(Action.CREATE, spec, rule), None, marker)[-1]
    body = json.loads(json.dumps(last.document))
    for field in body["required_fields"]:
        field["ecs"] = True
    for threat in body["threat"]:
        for technique in threat.get("technique", []):
            technique.setdefault("subtechnique", [])
    return {**body, "rule_id": rule.id, "id": "11111111-1111-4111-8111-111111111111", "revision": 3, "version": 1}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_of_the_pack_is_a_document_that_kibana_takes(rule: Rule) -> None:
    Draft202012Validator(CREATE).validate(created(rule))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_is_written_reads_back_as_what_was_wanted(rule: Rule) -> None:
    remote = TARGET.parse(created(rule))
    wanted = resource_of(rule)
    assert json.loads(remote.spec) == json.loads(wanted.spec)
    assert (remote.address, remote.digest) == (wanted.address, wanted.digest)
    assert remote.marker == Marker(applied=wanted.digest, pack=MARKER.pack, tool=MARKER.tool)
    plan = make_plan([(wanted, rule.title)], [remote], target="elastic", pack_digest="x", tool_version="0.1.0")
    assert [change.action for change in plan.changes] == [Action.NOOP]


def test_a_detection_searches_by_ingest_with_an_overlap() -> None:
    spec = json.loads(resource_of(SINGLE).spec)
    assert (spec["type"], spec["language"], spec["index"]) == ("query", "lucene", ["logs-mcp.*"])
    assert (spec["interval"], spec["from"], spec["to"]) == ("5m", "now-10m", "now")
    assert (spec["timestamp_override"], spec["timestamp_override_fallback_disabled"]) == ("event.ingested", False)
    assert (spec["severity"], spec["risk_score"]) == ("high", 73)


def test_a_correlation_looks_back_over_its_window_too_and_names_no_index() -> None:
    spec = json.loads(resource_of(COUNTED).spec)
    assert (spec["type"], spec["language"], spec["from"]) == ("esql", "esql", "now-15m")
    assert "index" not in spec
    assert "filters" not in spec
    assert "suppresses alerts of the same group" in spec["setup"]


def test_a_new_correlation_suppresses_alerts_of_a_group_and_then_leaves_that_to_analysts() -> None:
    spec = resource_of(COUNTED).spec
    new = TARGET.steps(change_of(Action.CREATE, spec, COUNTED), None, MARKER)[-1].document
    assert new is not None
    duration = {"value": 15, "unit": "m"}
    wanted = {"group_by": ["mcp.principal"], "duration": duration, "missing_fields_strategy": "suppress"}
    assert new["alert_suppression"] == wanted
    held = TARGET.parse({**created(COUNTED), "alert_suppression": None})
    (step,) = TARGET.steps(change_of(Action.UPDATE, spec, COUNTED), held, MARKER)
    assert step.document is not None
    assert "alert_suppression" not in step.document


def test_what_lucene_cannot_say_becomes_filters_beside_the_lucene() -> None:
    section = "  sel: {gen_ai.tool.name: x, user.id|fieldref: user.email}\n  condition: sel\n"
    text = f"title: t\nid: {SINGLE.id}\nlogsource: {{product: mcp}}\ndetection:\n{section}"
    rule = replace(SINGLE, text=text)
    spec = json.loads(resource_of(rule).spec)
    assert (spec["type"], spec["language"], spec["index"]) == ("query", "lucene", ["logs-mcp.*"])
    assert spec["query"].endswith(' AND gen_ai.tool.name:"x"')
    (only,) = spec["filters"]
    assert only["query"]["script"]["script"]["params"]["field"] == "user.id"
    assert (only["meta"]["disabled"], only["meta"]["negate"]) == (False, False)
    Draft202012Validator(CREATE).validate(created(rule))


def test_tags_prose_and_threat_come_from_the_rule() -> None:
    spec = json.loads(resource_of(SINGLE).spec)
    assert {"attack.t1083", "owasp-mcp.mcp05", "atlas.aml.t0053"} <= set(spec["tags"])
    assert spec["note"].startswith("## What to do")
    assert "## What it misses" in spec["note"]
    assert {"name": "mcp.argument.path_folded", "type": "wildcard"} in spec["required_fields"]
    tactics = {threat["tactic"]["name"]: threat for threat in spec["threat"]}
    assert [technique["id"] for technique in tactics["Discovery"]["technique"]] == ["T1083"]


def test_every_technique_of_the_pack_is_known_or_a_legacy_alias() -> None:
    named = {tag.removeprefix("attack.").upper() for rule in PACK for tag in rule.tags if tag.startswith("attack.t1")}
    assert named - set(TECHNIQUES) == {"T1562.001"}


def test_techniques_stand_under_the_tactics_they_serve_and_unknown_ones_nowhere() -> None:
    found = threat_mapping(["attack.credential-access", "attack.execution", "attack.t1552.001", "attack.t9999"])
    assert [threat["tactic"]["id"] for threat in found] == ["TA0002", "TA0006"]  # type: ignore[index]
    assert found[0]["technique"] == []
    (technique,) = found[1]["technique"]  # type: ignore[misc]
    assert (technique["id"], technique["subtechnique"][0]["id"]) == ("T1552", "T1552.001")  # type: ignore[has-type]


def test_a_new_rule_is_written_disabled_then_enabled_with_the_marker() -> None:
    spec = resource_of(SINGLE).spec
    first, second = TARGET.steps(change_of(Action.CREATE, spec), None, MARKER)
    assert first.document is not None
    assert second.document is not None
    assert (first.document["enabled"], second.document["enabled"]) == (False, True)
    assert {"mcp-siem", "mcp-siem:pack=mcp-siem@0.1.0", "mcp-siem:tool=0.1.0"} <= set(second.document["tags"])  # type: ignore[call-overload]


def test_a_create_that_was_interrupted_is_enabled_by_the_next() -> None:
    spec = resource_of(SINGLE).spec
    first, second = TARGET.steps(change_of(Action.CREATE, spec), None, MARKER)
    half = TARGET.parse({**(first.document or {}), "rule_id": SINGLE.id})
    assert half.marker is not None
    assert half.marker.applied == ""
    (resumed,) = TARGET.steps(change_of(Action.UPDATE, spec), half, MARKER)
    assert resumed.document == second.document


def test_a_rule_that_an_analyst_disabled_stays_disabled() -> None:
    remote = TARGET.parse({**created(), "enabled": False, "query": "edited"})
    (step,) = TARGET.steps(change_of(Action.UPDATE, resource_of(SINGLE).spec), remote, MARKER)
    assert step.document is not None
    assert step.document["enabled"] is False


def test_what_analysts_own_is_carried_through_an_update() -> None:
    held = {**created(), **ANALYST}
    held["tags"] = [*held["tags"], "team:soc", "mcp-siem-lab"]  # type: ignore[misc]
    held["note"] = f"{held['note']}\n\nCall Ann first."
    held["query"] = "edited"
    remote = TARGET.parse(held)
    spec = resource_of(SINGLE).spec
    (step,) = TARGET.steps(change_of(Action.UPDATE, spec), remote, MARKER)
    written = step.document
    assert written is not None
    assert {name: written[name] for name in ANALYST} == dict(ANALYST)
    assert {"team:soc", "mcp-siem-lab", "mcp-siem"} <= set(written["tags"])  # type: ignore[call-overload]
    assert len(set(written["tags"])) == len(written["tags"])  # type: ignore[call-overload,arg-type]
    assert str(written["note"]).endswith("Call Ann first.")
    assert written["query"] == json.loads(spec)["query"]
    again = TARGET.parse({**written, "rule_id": SINGLE.id})
    assert again.digest == spec_digest(spec)


@pytest.mark.parametrize("name", ["query", "severity", "interval", "name", "references", "threat", "filters", "index"])
def test_an_edit_of_what_we_own_is_drift(name: str) -> None:
    edited = {**created(), name: [{"query": {}}] if name in {"filters", "threat"} else ["x"] if name in {"index", "references"} else "x"}  # fmt: skip
    assert name in OWNED
    assert TARGET.parse(edited).digest != resource_of(SINGLE).digest


@pytest.mark.parametrize(
    "edit",
    [
        {"enabled": True},
        {"exceptions_list": [{}]},
        {"actions": [{}]},
        {"alert_suppression": {}},
        {"revision": 9},
        {"updated_by": "ann"},
        {"meta": {}},
    ],
)
def test_an_edit_of_what_we_do_not_own_is_no_drift(edit: Mapping[str, object]) -> None:
    assert TARGET.parse({**created(), **edit}).digest == resource_of(SINGLE).digest


def test_a_change_of_type_writes_the_new_rule_disabled_then_enables_it() -> None:
    held = {**created(), **ANALYST, "type": "query"}
    spec = resource_of(COUNTED).spec
    marker = Marker(applied=spec_digest(spec), pack="p", tool="t")
    steps = TARGET.steps(change_of(Action.UPDATE, spec), TARGET.parse(held), marker)
    assert [step.verb for step in steps] == ["delete", "put", "put"]
    waiting, final = steps[1].document, steps[2].document
    assert waiting is not None
    assert final is not None
    assert (waiting["enabled"], final["enabled"]) == (False, True)
    assert waiting["exceptions_list"] == final["exceptions_list"] == ANALYST["exceptions_list"]
    interrupted = TARGET.parse({**waiting, "rule_id": SINGLE.id})
    assert interrupted.marker is not None
    assert interrupted.marker.applied == ""
    (resumed,) = TARGET.steps(change_of(Action.UPDATE, spec), interrupted, marker)
    assert resumed.document == final


def test_a_deletion_is_one_write_and_nothing_to_do_is_none() -> None:
    remote = TARGET.parse(created())
    (step,) = TARGET.steps(change_of(Action.DELETE, None), remote, MARKER)
    assert (step.verb, step.key, step.document) == ("delete", SINGLE.id, None)
    assert TARGET.steps(change_of(Action.NOOP, resource_of(SINGLE).spec), remote, MARKER) == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"rule_id": "theirs", "tags": ["mcp"], "note": None, "threat": "x", "required_fields": {"a": 1}},
        {"id": 5, "tags": "mcp-siem", "query": {"deep": [1, None]}},
        {"rule_id": "half", "tags": ["mcp-siem"]},
        {"rule_id": "\ud800", "name": "\ud800", "tags": [None, 3, "mcp-siem:applied=x"]},
    ],
)
def test_what_is_not_ours_is_read_without_a_marker(document: Mapping[str, object]) -> None:
    remote = TARGET.parse(document)
    assert remote.marker is None
    assert remote.document == document


def test_the_import_file_holds_one_rule_a_line_that_a_plan_knows_again() -> None:
    resources = [resource_of(SINGLE), resource_of(COUNTED)]
    lines = [json.loads(line) for line in kibana_ndjson(resources).splitlines()]
    assert [line["rule_id"] for line in lines] == [SINGLE.id, COUNTED.id]
    for line, wanted in zip(lines, resources, strict=True):
        assert line["enabled"] is False
        remote = TARGET.parse(line)
        assert remote.digest == wanted.digest
        assert remote.marker is not None
        assert remote.marker.applied == wanted.digest
