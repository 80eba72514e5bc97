from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mcp_siem.sources.healthrows import (
    CHECKS,
    AlertVolume,
    Canary,
    Clock,
    Coverage,
    Heartbeat,
    Integrity,
    Latency,
    Observation,
    Parse,
    Payload,
    Sequence,
    Source,
    Volume,
    health_row,
)

Read = Callable[[str], Any]

_SOURCE = Source(name="tap", host="h")
_SEEN: tuple[Observation, ...] = (
    Heartbeat(last_event_age_s=0),
    Sequence(seq_gap=0),
    Volume(volume_5m=0, baseline_5m=50.0),
    Coverage(process_seen=False, protocol_events=0),
    Payload(payload_capture="on"),
    Integrity(intact=True),
    Latency(lag_s=0.5),
    Clock(skew_s=-1.5),
    Canary(canary_id="c", canary_sent=True, alert_seen=False),
    AlertVolume(alerts_24h=0, alerts_baseline_7d=1.5),
    Parse(parse_failures=0),
)


def test_each_check_has_an_observation() -> None:
    assert {type(one) for one in _SEEN} == set(CHECKS.values())


@pytest.mark.parametrize("seen", _SEEN, ids=lambda one: type(one).__name__)
def test_a_row_is_read_as_it_was_made(lines: Read, seen: Observation) -> None:
    row = health_row(_SOURCE, seen)
    log = lines("health")
    assert log.read(orjson.dumps({"@timestamp": "2026-08-20T10:00:00Z", **row})) == [row]
    assert log.issues == []


@pytest.mark.parametrize(
    "seen", [one for one in _SEEN if not isinstance(one, Integrity | Payload)], ids=lambda one: type(one).__name__
)
def test_a_row_without_what_was_seen_is_no_event(lines: Read, seen: Observation) -> None:
    row = health_row(_SOURCE, seen)
    kept = {"event.dataset", "mcp.health.check", "mcp.health.source", "mcp.health.expected"}
    log = lines("health")
    assert log.read(orjson.dumps({name: value for name, value in row.items() if name in kept})) == []
    assert log.codes == ["not_health_row"]


def test_no_verdict_is_made_up(lines: Read) -> None:
    assert "mcp.health.result" not in health_row(_SOURCE, Heartbeat(last_event_age_s=10**9))
    assert health_row(_SOURCE, Heartbeat(last_event_age_s=1), result="warn")["mcp.health.result"] == "warn"
    assert health_row(_SOURCE, Integrity(intact=False))["mcp.health.result"] == "fail"
    log = lines("health")
    assert log.read({"event.dataset": "mcp.health", "mcp.health.check": "integrity", "mcp.health.source": "a"}) == []


def test_what_follows_from_an_observation_is_derived_anew(lines: Read) -> None:
    forged = {**health_row(_SOURCE, Clock(skew_s=-400.0)), "mcp.health.skew_abs_s": 0.0}
    [told] = lines("health").read(forged)
    assert told["mcp.health.skew_abs_s"] == 400.0
    forged = {**health_row(_SOURCE, Volume(volume_5m=1, baseline_5m=100.0)), "mcp.health.ratio": 1.0}
    [told] = lines("health").read(forged)
    assert told["mcp.health.ratio"] == 0.01


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"mcp.health.check": "heartbeat"}, "names its source"),
        ({"mcp.health.check": "pulse", "mcp.health.source": "a"}, "one of the checks"),
        (
            {"mcp.health.check": "heartbeat", "mcp.health.source": "a", "mcp.health.last_event_age_s": "long"},
            "last_event_age_s",
        ),
    ],
)
def test_what_is_missing_is_said(lines: Read, row: dict[str, object], said: str) -> None:
    log = lines("health")
    assert log.read(row) == []
    assert said in log.issues[0].reason
