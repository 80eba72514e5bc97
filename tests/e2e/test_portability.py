"""`convert --report` and `check --target` as a user runs them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

RULE = """title: {stem}
id: 5f3c2d6e-1b7a-4c0e-9a43-0d1c5b6a7e{number}
status: test
level: high
logsource:
    product: mcp
detection:
    selection:
        {item}
    condition: selection
"""
RULES = {"good": "gen_ai.tool.name: run", "hard": "'|re': foo.*bar", "unset": "gen_ai.tool.name|expand: '%sites%'"}


@pytest.fixture
def rules(tmp_path: Path) -> str:
    for number, (stem, item) in enumerate(RULES.items(), 10):
        (tmp_path / f"{stem}.yml").write_text(RULE.format(stem=stem, number=number, item=item), "utf-8")
    return str(tmp_path)


def test_a_report_is_no_finding_and_names_every_rule_on_every_target_asked_for(run: Run, rules: str) -> None:
    done = run("convert", "--report", "--rules", rules, "--target", "splunk", "--target", "elastic", "--format", "json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    found = {(one["stem"], one["target"]): one["verdict"] for one in document["rules"]}
    assert set(found) == {(stem, target) for stem in RULES for target in ("splunk", "elastic")}
    assert (found["good", "splunk"], found["hard", "splunk"], found["unset", "splunk"]) == ("exact", "refused", "off")
    refused = next(one for one in document["rules"] if (one["stem"], one["target"]) == ("hard", "splunk"))
    assert refused["reasons"][0]["code"] == "SPLUNK-KEYWORD-REGEX"
    assert refused["reasons"][0]["hint"]


def test_a_report_without_a_target_is_about_all_of_them(run: Run, rules: str) -> None:
    text = run("convert", "--report", "--rules", rules).stdout
    assert "good splunk exact\n" in text
    assert "good elastic exact" in text


def test_a_report_is_sarif_too(run: Run, rules: str) -> None:
    done = run("convert", "--report", "--rules", rules, "--target", "splunk", "--format", "sarif")
    results = json.loads(done.stdout)["runs"][0]["results"]
    assert [(one["ruleId"], one["level"]) for one in results] == [
        ("SPLUNK-EXACT", "none"), ("SPLUNK-KEYWORD-REGEX", "error"), ("OFF", "note"),
    ]  # fmt: skip


def test_a_refused_rule_is_a_finding_of_check_with_this_target_alone(run: Run, rules: str) -> None:
    without = run("check", rules, "--format", "json")
    assert "SPLUNK-" not in without.stdout
    done = run("check", rules, "--target", "splunk", "--format", "json")
    assert done.returncode == 10
    found = [one for one in json.loads(done.stdout)["findings"] if one["code"].startswith("SPLUNK-")]
    assert [(one["code"], one["severity"], Path(one["path"]).name) for one in found] == [
        ("SPLUNK-KEYWORD-REGEX", "error", "hard.yml")
    ]
    sarif = run("check", rules, "--target", "splunk", "--format", "sarif")
    assert sarif.returncode == 0
    assert "SPLUNK-KEYWORD-REGEX" in sarif.stdout


def test_a_rule_that_is_off_has_an_entry_without_a_query(run: Run, rules: str) -> None:
    done = run("convert", "--rules", rules, "--target", "splunk", "--format", "json")
    entries = {one["stem"]: one for one in json.loads(done.stdout)}
    assert list(entries) == ["good", "hard", "unset"]
    assert entries["good"]["off"] is None
    assert "sites" in entries["unset"]["off"]
    assert (entries["unset"]["text"], entries["unset"]["refused"]["code"]) == (None, "OFF")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "sarif", "--target", "splunk"),
        ("--report", "--format", "conf"),
        ("--format", "conf", "--target", "splunk", "--target", "elastic"),
        ("--report", "--target", "nothing"),
        (),
    ],
)
def test_what_makes_no_sense_together_is_a_usage_error(run: Run, rules: str, arguments: tuple[str, ...]) -> None:
    done = run("convert", "--rules", rules, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
