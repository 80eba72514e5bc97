"""The whole road of the rules on endpoints, web servers, the SIEM and its health: raw line, normaliser, engine, alert."""

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pytest

from mcp_siem.engine.alert import Alert
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.events.time import format_time
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.rules.rule import RulePack
from mcp_siem.sources.healthrows import Heartbeat, Source, health_row
from mcp_siem.stream.read import read_events
from mcp_siem.testing import START

SOURCES = Path(__file__).resolve().parents[2] / "sigma_rules" / "sources"
AUDITD = "auditd/audit_constructed.raw.log"
DEFEND = "endpoint/ecs_constructed.raw.jsonl"
ENDPOINT = "endpoint/attacks_constructed.raw.jsonl"
SYSMON = "endpoint/sysmon_constructed.raw.jsonl"
WAZUH = "endpoint/wazuh_constructed.raw.jsonl"
COMBINED = "web/combined_constructed.raw.log"
IIS = "web/iis_constructed.raw.log"
JSON = "web/json_constructed.raw.jsonl"
WEB = "web/attacks_constructed.raw.log"
KIBANA = "kibana_audit/kibana_constructed.raw.jsonl"
SEARCH = "kibana_audit/elasticsearch_constructed.raw.jsonl"
TRAIL = "splunk_audit/audittrail_constructed.raw.log"
CONFIG = "splunk_audit/configtracker_constructed.raw.jsonl"
TRAIL_2 = "splunk_audit/structured_constructed.raw.jsonl"
HEALTH = "health/rows.raw.jsonl"

# Per rule the lines that it alerts on, at least one of each source that can feed it.
ROADS: dict[str, tuple[str, ...]] = {
    "mcp_auth_http_endpoint_scan": (f"{WEB}:1",),
    "mcp_auth_http_inspector_command_weblog": (f"{WEB}:6", f"{COMBINED}:1"),
    "mcp_auth_http_unsafe_approval_mode": (f"{ENDPOINT}:12",),
    "mcp_endpoint_client_config_command": (f"{WAZUH}:1",),
    "mcp_endpoint_client_config_written": (
        *(
            f"{AUDITD}:15",
            f"{AUDITD}:25",
            f"{ENDPOINT}:9",
            f"{DEFEND}:1",
            f"{DEFEND}:5/1",
            f"{SYSMON}:4",
            f"{SYSMON}:12",
            f"{WAZUH}:2",
        ),
    ),
    "mcp_endpoint_container_escape": (f"{ENDPOINT}:1", f"{DEFEND}:3"),
    "mcp_endpoint_credential_store_read": (f"{AUDITD}:11", f"{ENDPOINT}:18", f"{DEFEND}:6", f"{SYSMON}:11"),
    "mcp_endpoint_known_bad_package": (f"{ENDPOINT}:2", f"{ENDPOINT}:3", f"{ENDPOINT}:4"),
    "mcp_endpoint_many_client_configs": (f"{ENDPOINT}:9", f"{ENDPOINT}:10", f"{ENDPOINT}:11"),
    "mcp_endpoint_server_listens_everywhere": (f"{ENDPOINT}:5",),
    "mcp_endpoint_suspicious_child": (f"{AUDITD}:6", f"{ENDPOINT}:6", f"{ENDPOINT}:7", f"{DEFEND}:2", f"{SYSMON}:2"),
    "mcp_endpoint_symlink_out_of_root": (f"{AUDITD}:41", f"{ENDPOINT}:8"),
    "mcp_monitoring_health_audit_log_deleted": (f"{AUDITD}:20", f"{ENDPOINT}:19", f"{SYSMON}:7", f"{WAZUH}:3"),
    "mcp_monitoring_health_audit_rule_removed": (f"{AUDITD}:36", f"{ENDPOINT}:17", f"{SYSMON}:10"),
    "mcp_monitoring_health_canary_not_alerted": (f"{HEALTH}:15",),
    "mcp_monitoring_health_clock_skew": (f"{HEALTH}:13", f"{HEALTH}:14"),
    "mcp_monitoring_health_collector_stopped": (f"{AUDITD}:40", f"{ENDPOINT}:14", f"{ENDPOINT}:15"),
    "mcp_monitoring_health_data_removed": (
        *(f"{SEARCH}:{line}" for line in (1, 2, 5, 6, 7, 9, 10)),
        *(f"{TRAIL}:{line}" for line in (1, 2)),
        *(f"{CONFIG}:{line}" for line in ("5/0", "5/1", "5/2", "6", "7")),
        f"{TRAIL_2}:3",
    ),
    "mcp_monitoring_health_ingest_lag": (f"{HEALTH}:12",),
    "mcp_monitoring_health_integrity_failed": (f"{HEALTH}:10",),
    "mcp_monitoring_health_log_egress_blocked": (f"{ENDPOINT}:16",),
    "mcp_monitoring_health_many_rules_weakened": (f"{KIBANA}:4", f"{CONFIG}:2/1"),
    "mcp_monitoring_health_no_alerts": (f"{HEALTH}:17",),
    "mcp_monitoring_health_payload_capture_off": (f"{HEALTH}:8",),
    "mcp_monitoring_health_rule_weakened": (
        *(f"{KIBANA}:{line}" for line in (2, 3, 4, 6)),
        *(f"{CONFIG}:{line}" for line in ("1", "2/0", "2/1", "3", "4")),
        *(f"{TRAIL_2}:{line}" for line in (1, 2, 4)),
    ),
    "mcp_monitoring_health_sequence_gap": (f"{HEALTH}:4",),
    "mcp_monitoring_health_server_without_telemetry": (f"{HEALTH}:7",),
    "mcp_monitoring_health_source_silent": (f"{HEALTH}:2",),
    "mcp_monitoring_health_telemetry_disabled": (f"{ENDPOINT}:13",),
    "mcp_monitoring_health_telemetry_setting_changed": (f"{WAZUH}:2",),
    "mcp_monitoring_health_volume_collapse": (f"{HEALTH}:5",),
    "mcp_protocol_session_id_in_url_weblog": (f"{WEB}:7", f"{COMBINED}:4", f"{IIS}:6", f"{JSON}:1", f"{JSON}:2"),
}
# What only looks like it.
QUIET = (
    *(f"{ENDPOINT}:{line}" for line in (20, 21, 22, 23)),
    *(f"{WEB}:{line}" for line in (8, 9, 10)),
    *(f"{KIBANA}:{line}" for line in (1, 5, 7, 8)),
    *(f"{SEARCH}:{line}" for line in (3, 4, 8)),
    *(f"{TRAIL}:{line}" for line in (3, 4, 5)),
    f"{CONFIG}:8",
    *(f"{HEALTH}:{line}" for line in (1, 3, 6, 9, 11, 16, 18)),
)
CATEGORIES = {"process_creation", "file_event", "file_access", "file_change", "file_delete", "file_rename", "webserver"}
SERVICES = {"health", "siem_audit"}

Alerts = Callable[[str], list[Alert]]


@pytest.fixture(scope="module")
def deriver() -> Deriver:
    return Deriver(Redactor(load_secret_formats(default_pack_dir()), b"a key for one test"))


@pytest.fixture(scope="module")
def alerts(pack: RulePack, deriver: Deriver) -> Alerts:
    """The alerts on a sample; each is replayed once, alone, its source recognised."""
    known: dict[str, list[Alert]] = {}

    def of(file: str) -> list[Alert]:
        if file not in known:
            known[file] = _replayed(pack, [SOURCES / file], deriver)
        return known[file]

    return of


def _replayed(pack: RulePack, paths: Sequence[Path], deriver: Deriver) -> list[Alert]:
    read = [item for item in read_events(list(paths), deriver=deriver) if isinstance(item, Event)]
    return list(replay(Engine(pack), read))


def _places(alert: Alert) -> set[str]:
    return {str(event.raw_ref).removeprefix(f"{SOURCES}/") for event in alert.events}


@pytest.mark.parametrize("stem", sorted(ROADS))
def test_a_rule_alerts_on_each_of_its_raw_lines(stem: str, alerts: Alerts) -> None:
    for place in ROADS[stem]:
        found = {where for alert in alerts(place.partition(":")[0]) if alert.stem == stem for where in _places(alert)}
        assert place in found


def test_what_only_looks_like_it_alerts_nothing(alerts: Alerts) -> None:
    found = {
        (place, alert.stem)
        for file in {one.partition(":")[0] for one in QUIET}
        for alert in alerts(file)
        for place in _places(alert)
    }
    assert sorted(pair for pair in found if pair[0] in QUIET) == []


def test_every_rule_on_these_logsources_has_a_road(pack: RulePack) -> None:
    read = {
        rule.stem
        for rule in pack.rules
        if rule.logsource is not None
        and (rule.logsource.category in CATEGORIES or rule.logsource.service in SERVICES)
        and rule.alerts
        and rule.kind != "native"
    }
    assert read <= set(ROADS)


def test_activity_in_a_gap_is_seen_across_health_rows_and_spans(
    pack: RulePack, deriver: Deriver, tmp_path: Path
) -> None:
    silent = health_row(Source(name="tap-laptop-7", host="laptop-7"), Heartbeat(last_event_age_s=420))
    (tmp_path / "health.jsonl").write_bytes(orjson.dumps({"@timestamp": format_time(START), **silent}) + b"\n")
    (tmp_path / "spans.jsonl").write_bytes(_span("laptop-7", "/home/alice/.ssh/id_rsa", START + 120_000_000) + b"\n")
    stems = {alert.stem for alert in _replayed(pack, [tmp_path], deriver)}
    assert {"mcp_monitoring_health_source_silent", "mcp_monitoring_health_activity_in_gap"} <= stems


def _span(host: str, path: str, at: int) -> bytes:
    said = {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "read_text_file",
        "gen_ai.tool.call.arguments": orjson.dumps({"path": path}).decode(),
        "mcp.server.name": "files",
    }
    span = {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e0002",
        "spanId": "00f067aa0ba90002",
        "name": "tools/call read_text_file",
        "kind": 2,
        "startTimeUnixNano": str(at * 1_000),
        "endTimeUnixNano": str(at * 1_000 + 5_000_000),
        "attributes": _attributes(said),
    }
    spans = {
        "resource": {"attributes": _attributes({"host.name": host})},
        "scopeSpans": [{"scope": {"name": "mcp"}, "spans": [span]}],
    }
    return orjson.dumps({"resourceSpans": [spans]})


def _attributes(said: dict[str, str]) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]
