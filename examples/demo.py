"""The main job, told in its own words: real MCP traffic in, attacks found, rules deployed. Offline.

Everything shown is the output of the `mcp-siem` command on files of this folder. The labels of the captures are
read here to tell the story and to judge it; the product never sees them.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp_siem.testing import capture_lines
from mcp_siem_backends.elastic.testing.kibana import KibanaServer

EXAMPLES = Path(__file__).resolve().parent
ROOT = EXAMPLES.parent
COMMAND = Path(sys.executable).with_name("mcp-siem")
CAPTURES = ("examples/captured_mcp_traffic.jsonl", "examples/captured_mcp_traffic_2026-07-28.jsonl")
BENIGN_CALLS = "examples/livemcpbench_benign_toolcalls.jsonl"
SHOWN_CHANGES = 4
SERIOUS = ("medium", "high", "critical")
RULE = "sigma_rules/rules/monitoring_health/mcp_monitoring_health_log_level_raised.yml"
RULE_ID = "309f9676-3b63-4765-bbe3-3b98028d603e"
KEY = "a-key-of-the-test-server"
MOST_ALERTS_ON_BENIGN_CALLS = 0.01


def main() -> int:
    """Runs the demonstration; returns 1 if an attack was missed or a benign session was flagged."""
    sessions = _sessions()
    alerts = _alerts(CAPTURES)
    _tell_input(sessions)
    missed = _tell_attacks(sessions, alerts)
    flagged = _tell_benign(sessions, alerts)
    _tell_rule()
    _tell_plan()
    if missed or flagged:
        print(f"\nFAILED: missed {missed}, flagged {flagged}")
        return 1
    print("\nEvery attack was found; nothing benign was flagged at medium or above beyond 1 % of calls.")
    return 0


def _title(text: str) -> None:
    print(f"\n== {text}\n")


def _run(*arguments: str, show: bool = True, shown: Sequence[str] = ()) -> str:
    if show:
        print("$ mcp-siem " + " ".join(shown or arguments))
    environ = {"PATH": os.environ.get("PATH", ""), "MCP_SIEM_ELASTIC_API_KEY": KEY}
    command = [COMMAND, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{done.stderr}\nmcp-siem {arguments[0]} ended with {done.returncode}")
    return done.stdout


def _rows(path: str) -> Iterable[dict[str, Any]]:
    return (json.loads(line) for line in (ROOT / path).read_text(encoding="utf-8").splitlines())


def _sessions() -> dict[str, dict[str, Any]]:
    """Per scenario of the captures: its label, technique, server, lines, and where its lines stand."""
    sessions: dict[str, dict[str, Any]] = {}
    for path in CAPTURES:
        for number, row in enumerate(_rows(path), start=1):
            session = sessions.setdefault(
                row["scenario"],
                {"label": row["label"], "technique": row["technique"], "server": row["server"], "refs": set()},
            )
            session["refs"].add(f"{path}:{number}")
    return sessions


def _alerts(paths: Sequence[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _run("replay", *paths, "--format", "jsonl", show=False).splitlines()]


def _meets(session: Mapping[str, Any], alert: Mapping[str, Any]) -> bool:
    return any(_line_of(event["ref"]) in session["refs"] for event in alert["events"])


def _line_of(ref: str) -> str:
    """`FILE:LINE` of a reference that may name an item of a list (`FILE:LINE/INDEX`)."""
    path, _, line = ref.rpartition(":")
    return f"{path}:{line.split('/')[0]}"


def _tell_input(sessions: Mapping[str, Mapping[str, Any]]) -> None:
    _title("What came in: real MCP traffic, captured between a client and released servers")
    for path in CAPTURES:
        print(f"  {path}: {sum(1 for _ in _rows(path))} lines of JSON-RPC")
    benign = sum(session["label"] == "benign" for session in sessions.values())
    print(f"  {len(sessions)} sessions, {len(sessions) - benign} of them attacks, {benign} benign")


def _tell_attacks(sessions: Mapping[str, Mapping[str, Any]], alerts: Sequence[dict[str, Any]]) -> list[str]:
    _title("What was found")
    print("$ mcp-siem replay " + " ".join(CAPTURES) + "\n")
    missed = []
    for name, session in sessions.items():
        if session["label"] == "benign":
            continue
        found = Counter((a["rule"]["level"], a["rule"]["title"]) for a in alerts if _meets(session, a))
        print(f"  {session['server']}  ({session['technique']})")
        for (level, title), count in sorted(
            found.items(), key=lambda item: (-SERIOUS.index(item[0][0]) if item[0][0] in SERIOUS else 1, item[0][1])
        ):
            print(f"    {level:<9} {count:>2} x {title}")
        if not any(level in SERIOUS for level, _ in found):
            missed.append(name)
    example = next(a for a in alerts if a["rule"]["level"] in SERIOUS and a["evidence"])
    print("\n  One of them, as an analyst gets it:\n")
    print(f"    {example['rule']['title']} ({example['rule']['level']}), {example['events'][0]['ref']}")
    for item in example["evidence"][:3]:
        print(f"    {item['field']} = {item['value']}")
    return missed


def _tell_benign(sessions: Mapping[str, Mapping[str, Any]], alerts: Sequence[dict[str, Any]]) -> list[str]:
    _title("What was left alone")
    flagged = []
    serious = [alert for alert in alerts if alert["rule"]["level"] in SERIOUS]
    for name, session in sessions.items():
        if session["label"] == "benign":
            count = sum(_meets(session, alert) for alert in serious)
            print(f"  {session['server']:<28} {name:<44} {count} alerts at medium or above")
            flagged += [name] * bool(count)
    rows = list(_rows(BENIGN_CALLS))
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "calls.jsonl"
        capture.write_bytes(b"".join(line + b"\n" for line in capture_lines(rows)))
        hits = {event["ref"] for a in _alerts([str(capture)]) if a["rule"]["level"] in SERIOUS for event in a["events"]}
    print(
        f"  {len(rows)} benign tool calls of LiveMCPBench on {len({row['server'] for row in rows})} servers: {len(hits)} calls flagged at medium or above"
    )
    return flagged + ["LiveMCPBench"] * (len(hits) > MOST_ALERTS_ON_BENIGN_CALLS * len(rows))


def _tell_rule() -> None:
    _title(f"The rule ({RULE}) and the queries that mean the same")
    text = (ROOT / RULE).read_text(encoding="utf-8")
    print("\n".join("  " + line for line in text[text.index("detection:") : text.index("fields:")].splitlines()))
    for target in ("elastic", "splunk"):
        print()
        print(_run("convert", "--rules", RULE, "--target", target).rstrip())


def _tell_plan() -> None:
    _title("The plan that deploys the pack (a test Kibana that ships with mcp-siem stands in for yours)")
    with KibanaServer(api_keys=[KEY]) as server, tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "mcp-siem.toml"
        settings.write_text(f'[env.demo]\ntarget = "elastic"\nurl = "{server.url}"\n', encoding="utf-8")
        where = ("--env", "demo", "--config", str(settings))
        print(_some(_run("plan", *where, shown=("plan", "--env", "demo"))))
        apply = ("apply", "--yes", *where, "--journal", f"{folder}/journal.jsonl", "--quiet")
        print(_run(*apply, shown=("apply", "--yes", "--env", "demo")))
        print(_run("plan", *where, shown=("plan", "--env", "demo")))
        held = server.rule(RULE_ID)
        if held is None:
            raise SystemExit(f"the rule {RULE_ID} does not stand on the test Kibana")
        held["query"] = f"{held['query']} AND NOT mcp.server.name:*"
        print("Now somebody loosens the rule on the SIEM by hand:\n")
        print(_run("plan", *where, shown=("plan", "--env", "demo")).rstrip())


def _some(text: str) -> str:
    """The text without the middle of a long list."""
    lines = text.splitlines()
    left = len(lines) - SHOWN_CHANGES - 2
    return "\n".join([*lines[: SHOWN_CHANGES + 1], f"  ... {left} more", lines[-1], ""])


if __name__ == "__main__":
    sys.exit(main())
