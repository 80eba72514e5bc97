import json

import pytest

from mcp_siem.engine.alert import Evidence
from mcp_siem.prove.corpus import Corpus, Unit
from mcp_siem.prove.limits import parse_limits, standings
from mcp_siem.prove.measure import Flag, Judged, Measured
from mcp_siem.report.measure import MeasureReport, render_measure
from mcp_siem.report.terminal import Style


def _judged(ref: str, label: str, *levels: str, twin: str | None = None) -> Judged:
    evidence = (Evidence(field="mcp.request.text", value="a|<b>\x1b[31m"),)
    flags = tuple(Flag(stem=f"rule_{level}", level=level, ref=f"{ref}/0", evidence=evidence) for level in levels)
    return Judged(unit=Unit(kind="call", ref=ref, label=label, about="tool {}"), flags=flags, twin=twin)


@pytest.fixture
def report() -> MeasureReport:
    judged = (
        _judged("f:1", "benign"),
        _judged("f:2", "benign", "high", "low"),
        _judged("f:3", "malicious", "critical"),
        _judged("f:4", "malicious", "low"),
        _judged("f:5", "malicious", twin="f:1"),
        _judged("f:6", "malicious"),
    )
    corpus = Corpus(name="f", shape="calls", units=[one.unit for one in judged], stretches=[])
    measured = (Measured(corpus=corpus, judged=judged, events=6),)
    stand = standings(parse_limits(["malicious=10%"]), measured, "medium")
    return MeasureReport(measured=measured, standings=stand, level="medium", rules=3, off=["rule_off"])


def test_text_names_offences_with_evidence_and_misses_with_reasons(report: MeasureReport) -> None:
    text = render_measure(report, "text", Style(color=False))
    assert "benign: 1 of 2 calls flagged at medium and above; by highest level: 1 high" in text
    assert "malicious: 1 of 4 caught (25.00 %), 1 undetectable" in text
    assert "f:2: high rule_high at f:2/0: mcp.request.text=a|<b>\\u{1b}[31m [tool {}]" in text
    assert "f:4: malicious: seen below medium: rule_low (low)" in text
    assert "f:5: malicious: undetectable: equal to the benign call at f:1 to the byte" in text
    assert "f:6: malicious: no rule holds" in text
    assert "limit calls: 1 of 2 flagged (50.00 %), at most 1 %: broken" in text
    assert "limit malicious: 1 of 3 caught (33.33 %), at least 10 %: kept" in text
    assert "limit definitions: 0 of 0 flagged (-), at most 1 %: not measured" in text


def test_json_holds_all_of_it(report: MeasureReport) -> None:
    said = json.loads(render_measure(report, "json", Style(color=False)))
    (corpus,) = said["corpora"]
    assert said["off"] == ["rule_off"]
    assert corpus["benign"]["flagged"] == 1
    assert corpus["classes"] == [
        {"label": "malicious", "class": "", "units": 4, "caught": 1, "missed": 2, "undetectable": 1}
    ]
    assert corpus["false_positives"][0]["alerts"][0]["evidence"][0]["field"] == "mcp.request.text"
    assert [one["ref"] for one in corpus["missed"]] == ["f:4", "f:5", "f:6"]
    assert [one["ref"] for one in corpus["caught"]] == ["f:3"]
    assert {one["rule"]: (one["caught"], one["false_positives"]) for one in said["by_rule"]} == {
        "rule_critical": ({"f": 1}, {}),
        "rule_high": ({}, {"f": 1}),
        "rule_low": ({"f": 1}, {"f": 1}),
    }
    assert [one["name"] for one in said["limits"] if not one["kept"]] == ["calls"]


def test_markdown_keeps_hostile_text_inside_its_cell(report: MeasureReport) -> None:
    page = render_measure(report, "markdown", Style(color=False))
    (row,) = [line for line in page.splitlines() if line.startswith("| f:2 |")]
    assert "a\\|&lt;b&gt;\\u{1b}[31m" in row
    assert row.count(" | ") == 1
    assert "| calls | 1 of 2 flagged (50.00 %), at most 1 % | **no** |" in page
