from collections.abc import Callable
from typing import Any

import pytest

from mcp_siem.sources.siemaudit import days_of
from mcp_siem.sources.splunkconf import cron_seconds

Read = Callable[[str], Any]


def _rest(path: str, verb: str = "PUT", body: str | None = None) -> dict[str, object]:
    head = {
        "type": "audit",
        "timestamp": "2026-08-20T12:00:00,000+0200",
        "event.action": "authentication_success",
        "user.name": "m",
    }
    return {**head, "url.path": path, "request.method": verb, **({"request.body": body} if body else {})}


def _config(file: str, stanza: str, *properties: tuple[str, str, str], action: str = "update") -> dict[str, object]:
    changed = [{"name": name, "old_value": old, "new_value": new} for name, old, new in properties]
    data = {
        "path": f"/opt/splunk/etc/apps/a/local/{file}.conf",
        "action": action,
        "changes": [{"stanza": stanza, "properties": changed}],
    }
    return {"datetime": "08-20-2026 12:00:00.000 +0200", "component": "ConfigChange", "data": data}


@pytest.mark.parametrize(
    ("age", "days"),
    [
        ("30d", 30.0),
        ("12h", 0.5),
        ("1440m", 1.0),
        ("86400s", 1.0),
        (7, 7.0),
        ("0ms", 0.0),
        ("1 d", 1.0),
        ("1 e", None),
        ("x", None),
        (True, None),
        ("9" * 99, None),
    ],
)
def test_an_age_is_days(age: object, days: float | None) -> None:
    assert days_of(age) == days


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        ("* * * * *", 60),
        ("*/5 * * * *", 300),
        ("3-59/5 * * * *", 300),
        ("0 * * * *", 3_600),
        ("0 2,14 * * *", 43_200),
        ("0 2 * * *", 86_400),
        ("0 2 * * 1-5", 120_960),
        ("0 2 * * sun", 604_800),
        ("0 2 1 * *", 2_678_400),
        ("0 2 * *", None),
        ("61 * * * *", None),
        ("*/0 * * * *", None),
        ("a * * * *", None),
        ("-1 * * * *", None),
        ("* " * 500, None),
    ],
)
def test_a_schedule_is_the_mean_time_between_its_runs(schedule: str, seconds: int | None) -> None:
    assert cron_seconds(schedule) == seconds


def test_a_retention_is_shortened_against_what_this_log_told_last(lines: Read) -> None:
    log = lines("kibana_audit")
    body = '{"policy":{"phases":{"delete":{"min_age":"%s"}}}}'
    told = log.read(*(_rest("/_ilm/policy/mcp", body=body % age) for age in ("30d", "30d", "29d", "x", "90d")))
    assert [one.get("mcp.siem_audit.retention_shortened") for one in told] == [None, False, True, None, False]


@pytest.mark.parametrize(
    ("body", "drops"),
    [
        ('{"processors":[{"drop":{}}]}', True),
        ('{"processors":[{"set":{"field":"drop"}}]}', False),
        (
            '{"processors":[{"set":{"field":"a","value":"drop"}},{"foreach":{"processor":{"drop":{"if":"true"}}}}]}',
            True,
        ),
        ('{"processors":[],"on_failure":[{"drop":{}}]}', True),
        ('{"description":"drop","processors":[]}', False),
        ('{"processors":[' + '{"set":{}},' * 2_000 + '{"drop":{}}]}', True),
        ("not json", False),
    ],
)
def test_a_pipeline_that_drops_is_seen_however_deep(lines: Read, body: str, drops: bool) -> None:  # noqa: FBT001
    [told] = lines("kibana_audit").read(_rest("/_ingest/pipeline/logs-mcp", body=body))
    assert told["mcp.siem_audit.drops_events"] is drops


@pytest.mark.parametrize(
    ("path", "verb", "action", "name"),
    [
        ("/_ilm/policy/mcp", "DELETE", "lifecycle_delete", "mcp"),
        ("/_ingest/pipeline/a%2Fmcp?if_version=1", "DELETE", "pipeline_delete", "a/mcp"),
        ("/_data_stream/logs-mcp/_lifecycle", "DELETE", "lifecycle_delete", "logs-mcp"),
        ("/_ilm/policy/mcp", "GET", "authentication_success", None),
        ("/_ilm/policy", "PUT", "authentication_success", None),
        ("/logs-mcp/_search", "POST", "authentication_success", None),
    ],
)
def test_a_request_is_named_by_verb_and_path(lines: Read, path: str, verb: str, action: str, name: str | None) -> None:
    [told] = lines("kibana_audit").read(_rest(path, verb))
    assert (told["event.action"], told.get("mcp.siem_audit.object_name")) == (action, name)


def test_kibana_without_names_tells_ids(lines: Read) -> None:
    saved = {
        "kibana": {"saved_object": {"type": "alert", "id": "1-2"}},
        "event": {"action": "rule_disable", "outcome": "odd"},
    }
    [told] = lines("kibana_audit").read({**saved, "user": {"name": "m"}, "@timestamp": "2026-08-20T10:00:00Z"})
    assert (told["mcp.siem_audit.object_name"], told["rule.id"], told.get("rule.name")) == ("1-2", "1-2", None)
    assert (told["event.outcome"], told["user.id"]) == ("unknown", "m")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (_config("savedsearches", "MCP - a", ("disabled", "0", "1")), "saved_search_disable"),
        (_config("savedsearches", "MCP - a", ("disabled", "1", "0")), "saved_search_enable"),
        (_config("savedsearches", "MCP - a", ("enableSched", "1", "0")), "saved_search_disable"),
        (_config("savedsearches", "MCP - a", ("search", "x", "")), "saved_search_delete"),
        (_config("savedsearches", "MCP - a", ("description", "x", "")), "saved_search_update"),
        (_config("savedsearches", "MCP - a", ("search", "", "x"), action="add"), "saved_search_create"),
        (_config("savedsearches", "MCP - a", ("alert_threshold", "5", "50")), "saved_search_threshold_raise"),
        (_config("savedsearches", "MCP - a", ("alert_threshold", "50", "5")), "saved_search_update"),
        (_config("macros", "mcp", ("definition", "a", "b")), "macro_update"),
        (_config("indexes", "mcp", ("homePath", "x", ""), ("coldPath", "y", "")), "index_delete"),
        (_config("inputs", "http://mcp", ("disabled", "0", "true")), "token_disable"),
        (_config("inputs", "http", ("disabled", "0", "1")), "token_disable"),
        (_config("inputs", "monitor:///var/log/mcp", ("disabled", "0", "1")), "input_disable"),
        (_config("web", "settings", ("a", "b", "c")), "web_update"),
    ],
)
def test_a_changed_setting_is_told_by_what_it_does(lines: Read, record: dict[str, object], expected: str) -> None:
    [told] = lines("splunk_audit").read(record)
    assert told["event.action"] == expected


def test_a_secret_setting_is_said_to_have_changed_and_not_repeated(lines: Read) -> None:
    [told] = lines("splunk_audit").read(
        _config("inputs", "http://mcp", ("token", "old-one", "new-one"), ("index", "a", "b"))
    )
    assert told["mcp.siem_audit.change"] == "token: changed\nindex: 'a' -> 'b'"


@pytest.mark.parametrize(
    ("search", "deletes"),
    [
        ("search index=mcp | delete", True),
        ("search index=mcp | DELETE ", True),
        ("search index=mcp | delete | stats count", True),
        ("search index=mcp action=delete", False),
        ('search index=mcp "| delete me"', False),
        ("search index=mcp | deleted", False),
    ],
)
def test_a_search_that_deletes_is_told_from_one_that_looks_for_it(lines: Read, search: str, deletes: bool) -> None:  # noqa: FBT001
    line = f"Audit:[timestamp=08-20-2026 10:00:00.000, user=m, action=search, info=granted , search_id='1', search='{search}', autojoin='1'][n/a]"
    [told] = lines("splunk_audit").read(line.encode())
    assert (told["event.action"] == "index_documents_delete") is deletes


def test_what_is_no_record_of_the_log_is_said(lines: Read) -> None:
    log = lines("splunk_audit")
    assert (
        log.read(b"08-20-2026 INFO Metrics - group=queue", b"", {"component": "ConfigChange"}, {"_raw": "hello"}) == []
    )
    assert log.codes == ["not_audit_record", "other_record"]
