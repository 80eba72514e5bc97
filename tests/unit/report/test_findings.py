import json
from xml.etree import ElementTree as ET

import pytest

from mcp_siem.prove.check import CheckReport
from mcp_siem.report.findings import FINDING_FORMATS, render_findings
from mcp_siem.report.terminal import Style
from mcp_siem.rules.finding import Finding

HOSTILE = "bad\x1b[2J,name:<x>&%0A"
REPORT = CheckReport(
    rules=3,
    findings=(
        Finding(
            code="MS001",
            severity="error",
            path=f"rules/{HOSTILE}.yml",
            line=7,
            message=f"is {HOSTILE}\nsecond",
            hint="mend it",
        ),
        Finding(code="MS002", severity="warning", path="rules/b.yml", line=1, message="is weak", hint=None),
    ),
    notes=("a rule is off",),
)
CLEAN = CheckReport(rules=3, findings=())


def _render(form: str, report: CheckReport = REPORT) -> str:
    return render_findings(report, form, Style(color=False))


@pytest.mark.parametrize("form", FINDING_FORMATS)
def test_no_form_lets_an_escape_character_through(form: str) -> None:
    assert "\x1b" not in _render(form)


def test_json_has_the_keys_of_format_1() -> None:
    document = json.loads(_render("json"))
    assert list(document) == ["format", "rules", "findings"]
    assert document["rules"] == 3
    assert list(document["findings"][0]) == ["code", "severity", "path", "line", "message", "hint"]


def test_text_gives_place_severity_code_and_next_step() -> None:
    assert "rules/b.yml:1: warning MS002 is weak" in _render("text")
    assert "next: mend it" in _render("text")
    assert _render("text", CLEAN) == "3 rules checked: nothing to report\n"


def test_sarif_names_each_result_with_its_place() -> None:
    run = json.loads(_render("sarif"))["runs"][0]
    assert [result["ruleId"] for result in run["results"]] == ["MS001", "MS002"]
    assert run["results"][1]["level"] == "warning"
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 7


def test_junit_is_well_formed_and_counts_failures() -> None:
    suite = ET.fromstring(_render("junit"))  # noqa: S314 - our own output
    assert suite.get("failures") == "2"
    assert len(suite.findall("testcase")) == int(str(suite.get("tests"))) == 3


def test_github_commands_stand_on_one_line_each() -> None:
    lines = _render("github").splitlines()
    assert len(lines) == 2
    assert lines[1] == "::warning file=rules/b.yml,line=1,title=MS002::is weak"
