"""Sessions with real servers: which rules alert in which attack, and that ordinary work is left alone. Reads examples/ only.

How they were made, and in which versions: examples/README.md.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.engine.alert import Alert
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.rules.rule import RulePack
from mcp_siem.stream.read import read_events

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BENIGN = EXAMPLES / "captured_sessions_benign.jsonl"
ATTACKS = EXAMPLES / "captured_sessions_attacks.jsonl"
SERIOUS = {"medium", "high", "critical"}
MANY_CALLS = 20

FOUND: dict[str, set[str]] = {
    "auth_guess": {
        "mcp_auth_http_failed_logins",
        "mcp_auth_http_failures_then_success",
    },
    "desktop_commander_attack": {
        "mcp_arguments_download_and_execute",
        "mcp_arguments_environment_dump",
        "mcp_arguments_persistence_path",
        "mcp_arguments_write_then_execute",
        "mcp_exfiltration_secrets_drop_host",
    },
    "everything_probe": {
        "mcp_arguments_cloud_metadata",
        "mcp_arguments_environment_dump",
        "mcp_arguments_path_traversal",
        "mcp_arguments_sensitive_file_read",
        "mcp_exfiltration_secrets_in_result",
        "mcp_monitoring_health_log_level_raised",
        "mcp_monitoring_health_log_suppression_before_action",
        "mcp_protocol_session_oversized_message",
        "mcp_protocol_session_unknown_method_probing",
        "mcp_protocol_session_unknown_tool_probing",
    },
    "fetch_exfiltration": {
        "mcp_exfiltration_secrets_drop_host",
        "mcp_exfiltration_secrets_in_argument",
        "mcp_exfiltration_secrets_in_result",
    },
    "fetch_ssrf_2025.4.7": {
        "mcp_arguments_cloud_metadata",
        "mcp_arguments_internal_url",
        "mcp_arguments_path_traversal",
        "mcp_arguments_sensitive_file_read",
        "mcp_exfiltration_secrets_in_result",
    },
    "fetch_ssrf_2026.10.24": {
        "mcp_arguments_cloud_metadata",
        "mcp_arguments_internal_url",
        "mcp_arguments_path_traversal",
        "mcp_arguments_sensitive_file_read",
    },
    "figma_attack_0.13.2": {
        "mcp_arguments_path_traversal",
        "mcp_arguments_shell_command_chain",
    },
    "figma_attack_0.6.0": {
        "mcp_arguments_path_traversal",
        "mcp_arguments_shell_command_chain",
    },
    "fs_home_theft": {
        "mcp_arguments_persistence_path",
        "mcp_arguments_sensitive_file_read",
        "mcp_arguments_server_registration",
        "mcp_exfiltration_secrets_in_result",
    },
    "fs_symlink_2025.3.28": {
        "mcp_arguments_path_traversal",
        "mcp_arguments_root_escape",
    },
    "fs_symlink_2026.8.31": {
        "mcp_arguments_path_traversal",
        "mcp_arguments_repeated_access_denied",
    },
    "git_attack_2025.7.1": {
        "mcp_arguments_option_injection",
        "mcp_arguments_path_traversal",
        "mcp_arguments_root_escape",
    },
    "git_attack_2025.9.25": {
        "mcp_arguments_option_injection",
        "mcp_arguments_path_traversal",
        "mcp_arguments_root_escape",
    },
    "git_attack_2026.10.19": {
        "mcp_arguments_option_injection",
        "mcp_arguments_path_traversal",
    },
    "hostile_ask": {
        "mcp_protocol_session_undocumented_method",
        "mcp_results_memory_server_asks_for_secret",
    },
    "hostile_change": {
        "mcp_tool_inventory_changed_then_called",
        "mcp_tool_inventory_definition_changed",
        "mcp_tool_inventory_secret_read_or_concealment",
    },
    "hostile_definitions": {
        "mcp_tool_inventory_exfiltration_parameter",
        "mcp_tool_inventory_hidden_characters",
        "mcp_tool_inventory_instruction_block",
        "mcp_tool_inventory_read_only_label_contradicted",
        "mcp_tool_inventory_schema_instruction",
        "mcp_tool_inventory_secret_read_or_concealment",
        "mcp_tool_inventory_server_instructions",
    },
    "hostile_forge": {
        "mcp_protocol_session_forged_response",
    },
    "hostile_results": {
        "mcp_results_memory_authority_message",
        "mcp_results_memory_hidden_text",
        "mcp_results_memory_injection_phrase",
        "mcp_results_memory_link_exfiltration",
        "mcp_results_memory_orders_tool_call",
        "mcp_results_memory_words_to_model",
    },
    "http_dns_rebinding": {
        "mcp_arguments_environment_dump",
        "mcp_auth_http_dns_rebinding",
    },
    "http_flood": {
        "mcp_abuse_call_rate_burst",
    },
    "http_read_then_send": {
        "mcp_exfiltration_secrets_in_argument",
        "mcp_exfiltration_secrets_in_result",
        "mcp_exfiltration_secrets_read_then_send",
    },
    "http_session_guess": set(),
    "inspector_command": {
        "mcp_auth_http_dns_rebinding",
        "mcp_auth_http_inspector_command",
    },
    "kubernetes_attack": {
        "mcp_arguments_redirected_endpoint",
        "mcp_arguments_shell_command_chain",
    },
    "memory_attack": {
        "mcp_abuse_destructive_bulk",
        "mcp_abuse_identical_call_loop",
        "mcp_abuse_irreversible_action_after_injection",
        "mcp_results_memory_authority_message",
        "mcp_results_memory_injection_phrase",
        "mcp_results_memory_poisoning_write",
        "mcp_results_memory_words_to_model",
    },
    "oauth_hostile_metadata": {
        "mcp_auth_http_hostile_oauth_metadata",
    },
    "oauth_hostile_scheme": {
        "mcp_auth_http_hostile_oauth_metadata",
    },
    "sqlite_injection": {
        "mcp_arguments_sql_injection",
    },
    "sse_session_in_url": {
        "mcp_arguments_environment_dump",
        "mcp_protocol_session_id_in_url",
        "mcp_protocol_session_shared_handle",
    },
    "stateless_header_mismatch": {
        "mcp_protocol_session_header_mismatch",
    },
}

Play = Callable[[Path], tuple[list[Event], list[Alert]]]


def _scenarios(path: Path) -> dict[str, list[str]]:
    """The lines of each scenario: each was a run of its own."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        found.setdefault(json.loads(line)["scenario"], []).append(line)
    return found


SESSIONS = _scenarios(BENIGN)
RAIDS = _scenarios(ATTACKS)


@pytest.fixture(scope="module")
def play(pack: RulePack) -> Play:
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"a key for one test"))

    def both(path: Path) -> tuple[list[Event], list[Alert]]:
        events = [item for item in read_events([path], deriver=deriver) if isinstance(item, Event)]
        return events, list(replay(Engine(pack), events))

    return both


def _file(folder: Path, lines: list[str]) -> Path:
    path = folder / "session.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _serious(alerts: list[Alert]) -> set[str]:
    return {alert.stem for alert in alerts if alert.level in SERIOUS}


def _calls(lines: list[str]) -> int:
    """How often a tool was called, or something else was asked, in these lines."""
    told = (json.loads(line) for line in lines)
    bodies = [row.get("message") or row["http"]["request"].get("body") or {} for row in told]
    return sum("id" in body and "method" in body for body in bodies if isinstance(body, dict))


def test_each_attack_has_its_row() -> None:
    assert set(RAIDS) == set(FOUND)


@pytest.mark.parametrize("scenario", sorted(RAIDS))
def test_an_attack_is_found_by_just_the_rules_that_are_meant_for_it(play: Play, tmp_path: Path, scenario: str) -> None:
    _, alerts = play(_file(tmp_path, RAIDS[scenario]))
    assert _serious(alerts) == FOUND[scenario]


@pytest.mark.parametrize("scenario", sorted(SESSIONS))
def test_ordinary_work_raises_nothing(play: Play, tmp_path: Path, scenario: str) -> None:
    events, alerts = play(_file(tmp_path, SESSIONS[scenario]))
    assert events
    assert _serious(alerts) == set()


def test_ordinary_sessions_that_ran_at_the_same_time_raise_nothing_together(play: Play) -> None:
    events, alerts = play(BENIGN)
    assert len(events) > len(SESSIONS) * MANY_CALLS
    assert _serious(alerts) == set()


def test_the_sessions_are_long_enough_to_say_something() -> None:
    worked = {
        scenario: _calls(lines) for scenario, lines in SESSIONS.items() if scenario.endswith(("_work", "_stateless"))
    }
    assert len(worked) >= 13
    assert min(worked.values()) >= MANY_CALLS, Counter(worked)


def test_every_alert_names_the_server_and_who_called(play: Play, tmp_path: Path) -> None:
    for scenario, lines in RAIDS.items():
        _, alerts = play(_file(tmp_path, lines))
        for alert in alerts:
            assert any(event.values("mcp.server.name") for event in alert.events), (scenario, alert.stem)
            assert any(event.values("mcp.principal") for event in alert.events), (scenario, alert.stem)
