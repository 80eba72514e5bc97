"""The acceptance of the main road, on the captures, through the installed command."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mcp_siem.events.schema import event_schema
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem.testing import capture_lines

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ("examples/captured_mcp_traffic.jsonl", "examples/captured_mcp_traffic_2026-07-28.jsonl")
SERIOUS = {"medium", "high", "critical"}

Run = Callable[..., subprocess.CompletedProcess[str]]


def _rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]


def _alerts(run: Run, *paths: str) -> list[dict[str, Any]]:
    done = run("replay", *paths, "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _scenario(ref: str) -> str:
    path, _, line = ref.rpartition(":")
    return str(_rows(path)[int(line.split("/")[0]) - 1]["scenario"])


def test_every_malicious_scenario_is_named_by_server_and_rule_and_no_benign_one_is_flagged(run: Run) -> None:
    flagged: dict[str, set[str]] = {}
    for alert in _alerts(run, *CAPTURES):
        if alert["rule"]["level"] in SERIOUS:
            flagged.setdefault(_scenario(alert["events"][0]["ref"]), set()).add(alert["rule"]["stem"])
    labels = {row["scenario"]: row["label"] for path in CAPTURES for row in _rows(path)}
    assert set(flagged) == {name for name, label in labels.items() if label == "malicious"}


def test_at_most_one_percent_of_benign_tool_calls_are_flagged(run: Run, tmp_path: Path) -> None:
    rows = _rows("examples/livemcpbench_benign_toolcalls.jsonl")
    capture = tmp_path / "calls.jsonl"
    capture.write_bytes(b"".join(line + b"\n" for line in capture_lines(rows)))
    flagged = {
        event["ref"]
        for alert in _alerts(run, str(capture))
        if alert["rule"]["level"] in SERIOUS
        for event in alert["events"]
    }
    assert len(rows) == 294
    assert len(flagged) <= len(rows) / 100


def test_labels_of_the_captures_are_never_read(run: Run, tmp_path: Path) -> None:
    swapped = tmp_path / "capture.jsonl"
    with swapped.open("w", encoding="utf-8") as out:
        for row in _rows(CAPTURES[0]):
            kept = {key: value for key, value in row.items() if key not in {"scenario", "label", "technique"}}
            out.write(json.dumps(kept) + "\n")
    plain = [(a["rule"]["stem"], [e["ref"].rsplit(":")[-1] for e in a["events"]]) for a in _alerts(run, CAPTURES[0])]
    blind = [(a["rule"]["stem"], [e["ref"].rsplit(":")[-1] for e in a["events"]]) for a in _alerts(run, str(swapped))]
    assert plain == blind


@pytest.mark.parametrize("capture", CAPTURES)
def test_normalised_events_keep_the_schema_and_come_in_time_order(run: Run, capture: str) -> None:
    done = run("normalise", capture, "--format", "jsonl")
    assert done.returncode == 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    validator = jsonschema.Draft202012Validator(event_schema(load_taxonomy(default_pack_dir())))
    for event in events:
        validator.validate(event)
    times = [event["@timestamp"] for event in events]
    assert times == sorted(times)


def test_normalised_events_replayed_give_the_same_alerts_as_the_capture(run: Run, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text(run("normalise", CAPTURES[0], "--format", "jsonl").stdout, encoding="utf-8")
    direct = sorted((a["rule"]["stem"], a["time"]) for a in _alerts(run, CAPTURES[0]))
    twice = sorted((a["rule"]["stem"], a["time"]) for a in _alerts(run, str(events)))
    assert direct == twice


def test_no_secret_of_the_capture_leaves_the_command(run: Run) -> None:
    secret = "sk-FIXTURE-" + "not-a-real-key-000000000000"
    assert secret in (ROOT / CAPTURES[0]).read_text(encoding="utf-8")
    for arguments in (("normalise", CAPTURES[0], "--format", "jsonl"), ("replay", CAPTURES[0])):
        assert secret not in run(*arguments).stdout
