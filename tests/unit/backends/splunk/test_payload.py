import json
from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Action, Change, Marker, Query, Remote, Resource
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk import payload
from mcp_siem_backends.splunk.target import SplunkTarget

Make = Callable[..., Rule]
RULE_ID = "11111111-1111-4111-8111-111111111100"


@pytest.fixture
def resource(detection_rule: Make, taxonomy: Taxonomy) -> Resource:
    return _resource(detection_rule({"s": {"f": "x"}}, description="What\nit sees.", response="Call."), taxonomy)


def _resource(rule: Rule, taxonomy: Taxonomy) -> Resource:
    target = SplunkTarget(taxonomy)
    query = target.query(rule)
    assert isinstance(query, Query)
    return target.resource(query, rule)


def _change(resource: Resource, action: Action = Action.CREATE) -> Change:
    after = None if action is Action.DELETE else resource.spec
    return Change(address=resource.address, title="A rule", action=action, before=None, after=after)


def _marker(resource: Resource) -> Marker:
    return Marker(applied=resource.digest, pack="a pack]@0.1.0", tool="0.1.0")


def _written(resource: Resource, remote: Remote | None = None) -> dict[str, object]:
    (step,) = payload.steps(_change(resource), remote, _marker(resource))
    assert step.verb == "put"
    assert step.key == RULE_ID
    assert step.document is not None
    return dict(step.document)


def test_a_new_alert_is_scheduled_tracked_and_suppresses_repeats(resource: Resource) -> None:
    document = _written(resource)
    assert document["name"] == "MCP - A rule - 11111111"
    assert document["alert_type"] == "number of events"
    assert document["alert_comparator"] == "greater than"
    assert document["alert_threshold"] == "0"
    assert (document["is_scheduled"], document["alert.track"], document["alert.digest_mode"]) == ("1", "1", "0")
    assert document["alert.severity"] == "4"
    assert (document["alert.suppress"], document["alert.suppress.fields"]) == ("1", "mcp_siem_dedup")
    assert "counttype" not in document, "splunkd refuses the names of the .conf file"


def test_a_search_over_single_events_asks_for_what_came_in_with_an_overlap(resource: Resource) -> None:
    search = json.loads(resource.spec)["search"]
    assert search.startswith("_index_earliest=-20m@m `mcp_siem_index` ")
    assert search.endswith("\n| eval mcp_siem_dedup=sha256(_raw)")


def test_a_correlation_looks_back_over_its_window_and_rows_are_chosen_by_index_time(
    correlation_rule: Make, taxonomy: Taxonomy
) -> None:
    rule = correlation_rule("a", type="event_count", condition={"gte": 2}, timespan="2h")
    made = _resource(rule, taxonomy)
    spec = json.loads(made.spec)
    assert spec["dispatch.earliest_time"] == f"-{2 * 3600 + 3600}s"
    assert spec["search"].endswith('| where mcp_siem_indexed>=relative_time(now(), "-20m@m")')
    assert _written(made)["alert.suppress.period"] == "7200s"


def test_what_is_written_reads_back_as_ours_and_unchanged(resource: Resource) -> None:
    remote = payload.parse(_written(resource))
    assert remote.address == resource.address == f"splunk:{RULE_ID}"
    assert (remote.spec, remote.digest) == (resource.spec, resource.digest)
    assert remote.marker == _marker(resource)


def test_splunkds_own_spelling_of_values_is_no_drift(resource: Resource) -> None:
    document = _written(resource)
    document |= {
        "is_scheduled": True,
        "alert.track": "true",
        "alert.digest_mode": False,
        "alert.severity": 4,
        "alert_threshold": "0 ",
        "alert_type": "Number of Events",
        "search": str(document["search"]).replace("\n", "\r\n") + "\n",
        "description": str(document["description"]).replace("\n", "\r\n"),
        "dispatch.ttl": "2p",
        "next_scheduled_time": "later",
    }
    assert payload.parse(document).digest == resource.digest


@pytest.mark.parametrize("edit", [{"search": "index=other"}, {"alert.severity": "1"}, {"is_scheduled": "0"}])
def test_an_edit_of_what_is_ours_is_drift(resource: Resource, edit: dict[str, str]) -> None:
    assert payload.parse({**_written(resource), **edit}).digest != resource.digest


@pytest.mark.parametrize(
    "edit",
    [
        {"disabled": "1"},
        {"actions": "email", "action.email.to": "soc@example.org"},
        {"cron_schedule": "0 * * * *"},
        {"alert.suppress.period": "4h"},
        {"name": "renamed by hand"},
    ],
)
def test_an_edit_of_what_is_the_analysts_is_no_drift_and_is_not_written_over(
    resource: Resource, edit: dict[str, str]
) -> None:
    remote = payload.parse({**_written(resource), **edit})
    assert remote.digest == resource.digest
    assert remote.address == resource.address
    again = _written(resource, remote)
    assert not set(again) & (set(payload.CREATED) - {"name"}) - set(payload.OWNED)
    assert "actions" not in again
    assert again["name"] == edit.get("name", "MCP - A rule - 11111111")


def test_text_below_the_marker_is_the_analysts_and_is_carried(resource: Resource) -> None:
    document = _written(resource)
    document["description"] = f"{document['description']}\nTuned by Ada, see ticket 7."
    remote = payload.parse(document)
    assert remote.digest == resource.digest
    assert str(_written(resource, remote)["description"]).endswith("]\nTuned by Ada, see ticket 7.")


def test_text_above_the_marker_is_ours(resource: Resource) -> None:
    document = _written(resource)
    document["description"] = f"note\n{document['description']}"
    assert payload.parse(document).digest != resource.digest


def test_an_adopted_search_keeps_its_own_description_below_the_marker(resource: Resource) -> None:
    remote = payload.parse({"name": "old", "description": "by hand", "search": "x"})
    assert remote.marker is None
    written = _written(resource, remote)
    assert str(written["description"]).endswith("]\nby hand")
    assert payload.parse(written).digest == resource.digest


def test_a_search_that_is_not_ours_is_read_without_a_marker() -> None:
    for document in (
        {},
        {"name": "x", "description": None},
        {"description": "[mcp-siem rule=short applied= pack= tool=]"},
    ):
        remote = payload.parse(document)
        assert remote.marker is None
        assert payload.rule_id_of(document) is None
        assert not remote.address.endswith(RULE_ID)


def test_a_description_cannot_forge_a_marker(detection_rule: Make, taxonomy: Taxonomy) -> None:
    forged = f"[mcp-siem rule={RULE_ID} applied=00 pack=x@1 tool=1]"
    made = _resource(detection_rule({"s": {"f": "x"}}, description=forged), taxonomy)
    remote = payload.parse(_written(made))
    assert remote.marker == _marker(made)
    assert remote.digest == made.digest


def test_the_name_is_kept_when_the_title_changes_and_the_description_says_the_new_one(
    resource: Resource, detection_rule: Make, taxonomy: Taxonomy
) -> None:
    remote = payload.parse(_written(resource))
    renamed = _resource(detection_rule({"s": {"f": "x"}}, title="Another title"), taxonomy)
    assert renamed.digest != resource.digest
    written = _written(renamed, remote)
    assert written["name"] == "MCP - A rule - 11111111"
    assert str(written["description"]).startswith("Another title\n")


def test_applied_twice_is_written_the_same(resource: Resource) -> None:
    first = _written(resource)
    second = _written(resource, payload.parse(first))
    assert {key: first[key] for key in second} == second


def test_delete_and_noop_are_one_step_and_none(resource: Resource) -> None:
    (step,) = payload.steps(_change(resource, Action.DELETE), None, _marker(resource))
    assert (step.verb, step.key, step.document) == ("delete", RULE_ID, None)
    assert payload.steps(_change(resource, Action.NOOP), None, _marker(resource)) == []


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ('A [bad]/name\\ "x"', "MCP - A bad name x - 11111111"),
        ("", "MCP - rule - 11111111"),
        ("x" * 200, f"MCP - {'x' * 70} - 11111111"),
    ],
)
def test_a_name_is_safe_in_a_stanza_and_a_url(title: str, name: str) -> None:
    assert payload.saved_search_name(title, RULE_ID) == name


def test_schedules_are_spread_over_the_minutes_and_do_not_depend_on_the_run() -> None:
    spec = {"dispatch.earliest_time": "-86400s", "search": "_index_earliest=-20m@m x", "description": "t"}
    crons = {payload.created_fields(spec, f"{number:08}")["cron_schedule"] for number in range(40)}
    assert crons == {f"{offset}-59/5 * * * *" for offset in range(5)}
