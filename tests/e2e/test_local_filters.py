"""Site knowledge: a filter in the user's own directory, and variables, in every verb that runs or converts rules."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RULE = "mcp_arguments_sensitive_file_read"
FILTER = f"""\
title: The backup server reads keys
id: 3d0c6a0e-9a5f-4a55-9c0e-5b7b8f6d2a10
logsource: {{product: mcp, service: protocol}}
filter:
    rules: [{RULE}]
    selection: {{mcp.server.name: zyxsite}}
    condition: not selection
"""
EXPANDED = """\
title: A call to one of the names of this site
id: 3d0c6a0e-9a5f-4a55-9c0e-5b7b8f6d2a11
name: site_names
status: test
description: A rule that needs what a site knows.
taxonomy: mcp
logsource: {product: mcp, service: protocol}
detection:
    selection: {gen_ai.tool.name|expand: '%site_names%'}
    condition: selection
level: high
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "backup.yml").write_text(FILTER, encoding="utf-8")
    return tmp_path / "own"


def _calls(tmp_path: Path) -> str:
    rows = [
        {"tool": "read_file", "arguments": {"path": "/home/a/.ssh/id_rsa"}, "server": server, "label": "benign"}
        for server in ("zyxsite", "other")
    ]
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return str(file)


def test_a_filter_of_ones_own_holds_in_measure(run: Run, own: Path, tmp_path: Path) -> None:
    done = run(
        "measure", _calls(tmp_path), "--rules", str(ROOT / "sigma_rules"), "--rules", str(own), "--format", "json"
    )
    flagged = json.loads(done.stdout)["corpora"][0]["false_positives"]
    assert [one["ref"].rpartition(":")[2] for one in flagged if one["alerts"][0]["rule"] == RULE] == ["2"]


def test_a_filter_of_ones_own_holds_in_replay(run: Run, own: Path) -> None:
    events = [
        {
            "@timestamp": "2026-01-01T00:00:00Z",
            "event.dataset": "mcp.protocol",
            "mcp.method.name": "tools/call",
            "gen_ai.tool.name": "read_file",
            "mcp.server.name": server,
            "mcp.argument.path": ["/home/a/.ssh/id_rsa"],
        }
        for server in ("zyxsite", "other")
    ]
    stdin = "".join(f"{json.dumps(event)}\n" for event in events).encode()
    arguments = ("--rules", str(ROOT / "sigma_rules"), "--rules", str(own), "--format", "jsonl", "-q")
    alerts = [json.loads(line) for line in run("replay", "-", *arguments, stdin=stdin).stdout.splitlines()]
    assert ["zyxsite" in json.dumps(one) for one in alerts if one["rule"]["stem"] == RULE] == [False]


@pytest.mark.parametrize("target", ["elastic", "splunk", "opensearch"])
def test_a_filter_of_ones_own_is_in_the_query_of_every_target(run: Run, own: Path, target: str) -> None:
    rules = ROOT / "sigma_rules" / "rules" / "arguments" / f"{RULE}.yml"
    without = run("convert", "--target", target, "--rules", str(rules)).stdout
    filtered = run("convert", "--target", target, "--rules", str(rules), "--rules", str(own)).stdout
    assert "zyxsite" not in without
    assert "zyxsite" in filtered


def test_a_rule_whose_variable_is_unset_is_off_and_every_verb_says_so(run: Run, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "site_names.yml").write_text(EXPANDED, encoding="utf-8")
    (rules / "always.yml").write_text(
        EXPANDED.replace("0f2a11", "0f2a12")
        .replace("2a11", "2a12")
        .replace("name: site_names", "name: always")
        .replace("|expand: '%site_names%'", ": x"),
        encoding="utf-8",
    )
    for verb in (("check",), ("convert", "--target", "elastic"), ("list",), ("measure", _calls(tmp_path))):
        done = run(*verb, "--rules", str(rules))
        assert "site_names" in done.stdout + done.stderr, verb
        assert "needs [vars] site_names in mcp-siem.toml" in done.stdout + done.stderr, verb
