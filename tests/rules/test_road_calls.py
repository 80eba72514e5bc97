"""The whole road: a raw record of a host, a gateway or an instrumented server raises the alert of its rule."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.rules.rule import RulePack
from mcp_siem.sources.port import Record
from mcp_siem.sources.table import detect

_OTEL = "otel/attacks_constructed.raw.jsonl"
_HOOKS = "claude_code/attacks_constructed.raw.jsonl"
_FASTMCP = "fastmcp/attacks_constructed.raw.jsonl"
_CALLS = (
    "mcp_arguments_cloud_metadata",
    "mcp_arguments_download_and_execute",
    "mcp_arguments_environment_dump",
    "mcp_arguments_internal_url",
    "mcp_arguments_interpreter_os_access",
    "mcp_arguments_option_injection",
    "mcp_arguments_path_traversal",
    "mcp_arguments_persistence_path",
    "mcp_arguments_sensitive_file_read",
    "mcp_arguments_shell_command_chain",
    "mcp_arguments_sql_injection",
    "mcp_exfiltration_secrets_drop_host",
    "mcp_protocol_session_unknown_tool_probing",
)
_ROADS = (
    *((stem, sample) for sample in (_OTEL, _HOOKS, _FASTMCP) for stem in _CALLS),
    ("mcp_abuse_destructive_bulk", _OTEL),
    ("mcp_abuse_destructive_bulk", _HOOKS),
    ("mcp_abuse_identical_call_loop", _OTEL),
    ("mcp_results_memory_injection_phrase", _OTEL),
    ("mcp_results_memory_injection_phrase", _HOOKS),
    ("mcp_exfiltration_secrets_in_argument", _OTEL),
    ("mcp_exfiltration_secrets_in_result", _OTEL),
    ("mcp_auth_http_approval_fatigue", "claude_code/decisions_constructed.raw.jsonl"),
    ("mcp_auth_http_privilege_escalation", "claude_code/decisions_constructed.raw.jsonl"),
    ("mcp_auth_http_privilege_escalation", "codex/otlp_constructed.raw.jsonl"),
    ("mcp_auth_http_privilege_escalation", "gemini_cli/flat_constructed.raw.jsonl"),
    ("mcp_auth_http_failed_logins", "contextforge/attacks_constructed.raw.jsonl"),
    ("mcp_monitoring_health_guard_failed_open", "contextforge/attacks_constructed.raw.jsonl"),
    ("mcp_monitoring_health_guard_failed_open", "docker_gateway/undecided_constructed.raw.jsonl"),
    ("mcp_monitoring_health_undecided_calls", "docker_gateway/undecided_constructed.raw.jsonl"),
)


def _events(sample: str) -> Iterator[Event]:
    lines = Path("sigma_rules/sources", sample).read_bytes().splitlines()
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"no secret"))
    session = detect(lines[:50]).open(deriver, KnownItems())
    for number, line in enumerate(lines, 1):
        told = session.feed(Record(data=line, ref=f"{sample}:{number}"))
        yield from (item for item in told if isinstance(item, Event))
    yield from (item for item in session.finish() if isinstance(item, Event))


@pytest.fixture(scope="module")
def alerts(pack: RulePack) -> dict[str, set[str]]:
    """Which rules alert on which sample; of the pack what the samples are for, and what that needs."""
    files = {rule.path for rule in pack if rule.stem in dict(_ROADS)}
    engines = {
        sample: Engine(replace(pack, rules=tuple(one for one in pack if one.path in files))) for _, sample in _ROADS
    }
    found: dict[str, set[str]] = {}
    for sample, engine in engines.items():
        events = sorted(_events(sample), key=lambda event: event.time or 0)
        found[sample] = {alert.stem for alert in replay(engine, events)}
    return found


@pytest.mark.parametrize(("stem", "sample"), _ROADS, ids=lambda value: value.partition(".")[0])
def test_a_raw_record_raises_the_alert(stem: str, sample: str, alerts: dict[str, set[str]]) -> None:
    assert stem in alerts[sample]
