import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.prove.check import CheckReport, check_paths

ID = "5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11"
INFO = "regression_data/rules/win/a_rule/info.yml"
SAMPLE = f"regression_data/rules/win/a_rule/{ID}"
RULE = f"""\
title: A rule
id: {ID}
logsource: {{product: windows, category: process_creation}}
detection:
    selection:
        Image|endswith: '\\rundll32.exe'
        Provider_Name: Microsoft-Windows-Sysmon
    condition: selection
regression_tests_path: {INFO}
"""
Check = Callable[..., CheckReport]


def _info(**test: object) -> str:
    listed = {"name": "Positive", "type": "evtx", "provider": "x", "match_count": 1, "path": f"{SAMPLE}.evtx", **test}
    tests = [{key: value for key, value in listed.items() if value is not None}]
    info = {"id": "x", "rule_metadata": [{"id": ID, "title": "A rule"}], "regression_tests_info": tests}
    return json.dumps(info)


def _listed(tests: object) -> str:
    return json.dumps({"rule_metadata": [{"id": ID}], "regression_tests_info": tests})


def _event(image: str = "C:\\Windows\\rundll32.exe") -> str:
    system = {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "{1}"}},
        "EventID": 1,
        "TimeCreated": {"#attributes": {"SystemTime": "2026-01-01T00:00:00.1234567Z"}},
    }
    event = {"Event": {"#attributes": {"xmlns": "x"}, "System": system, "EventData": {"Image": image}}}
    return json.dumps(event, indent=2)


@pytest.fixture
def tried(tmp_path: Path) -> Check:
    """Checks the rule in a repository with these files of regression data."""

    def check(files: dict[str, str], rule: str = RULE) -> CheckReport:
        for name, text in {"rules/win/a_rule.yml": rule, **files}.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return check_paths([tmp_path / "rules"])

    return check


def _codes(report: CheckReport) -> list[str]:
    return [one.code for one in report.findings if one.code.startswith("MS3")]


def _notes(report: CheckReport) -> list[str]:
    return [note for note in report.notes if "regression" in note or "parser" in note]


def test_the_json_beside_an_event_log_is_tried_and_said_to_stand_for_it(tried: Check) -> None:
    report = tried({INFO: _info(), f"{SAMPLE}.json": _event()})
    assert _codes(report) == []
    (note,) = _notes(report)
    assert f"{ID}.evtx needs a parser: {ID}.json beside it was read" in note


def test_a_sample_that_the_rule_does_not_match_is_a_finding(tried: Check) -> None:
    report = tried({INFO: _info(), f"{SAMPLE}.json": _event("C:\\notepad.exe")})
    assert _codes(report) == ["MS302"]
    (finding,) = [one for one in report.findings if one.code == "MS302"]
    assert finding.path.endswith(f"{ID}.json")
    assert "(Positive)" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "\n".join([_event(), _event("x"), _event()]),
        "".join(json.dumps(json.loads(one)) + "\n" for one in (_event(), _event("x"), _event())),
        f"[{_event()}, {_event('x')}, {_event()}]",
        f"\ufeff{_event()}\r\n{_event('x')}\n\n{_event()}\n",
    ],
    ids=["objects", "lines", "array", "marked"],
)
def test_events_stand_one_after_another_a_line_each_or_in_an_array(tried: Check, text: str) -> None:
    assert _codes(tried({INFO: _info(match_count=2), f"{SAMPLE}.json": text})) == []
    assert _codes(tried({INFO: _info(match_count=3), f"{SAMPLE}.json": text})) == ["MS309"]
    assert _codes(tried({INFO: _info(match_count=None), f"{SAMPLE}.json": text})) == []


def test_a_match_count_of_none_at_all_is_a_near_miss(tried: Check) -> None:
    assert _codes(tried({INFO: _info(match_count=0), f"{SAMPLE}.json": _event("x")})) == []
    assert _codes(tried({INFO: _info(match_count=0), f"{SAMPLE}.json": _event()})) == ["MS303"]


def test_json_that_is_no_event_log_is_tried_as_it_is(tried: Check) -> None:
    event = json.dumps({"Image": "a\\rundll32.exe", "Provider_Name": "microsoft-windows-sysmon"})
    report = tried({INFO: _info(type="json", path=f"{SAMPLE}.jsonl"), f"{SAMPLE}.jsonl": event})
    assert _codes(report) == []
    assert _notes(report) == []


def test_a_sample_without_json_is_not_tried_and_that_is_said(tried: Check) -> None:
    report = tried({INFO: _info(path=f"{SAMPLE}.raw"), f"{SAMPLE}.raw": "a line"})
    assert _codes(report) == []
    assert "no JSON is beside it: not tried" in _notes(report)[0]


def test_regression_data_that_was_not_copied_along_is_a_note(tried: Check) -> None:
    report = tried({})
    assert _codes(report) == []
    assert "its regression data is not here" in _notes(report)[0]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x/info.yml", "a/../../x/info.yml", "", "a\\b", "a\0b", "7"])
def test_a_path_that_leads_elsewhere_is_refused(tried: Check, path: str) -> None:
    rule = RULE.replace(INFO, json.dumps(path) if path != "7" else "7")
    assert _codes(tried({}, rule)) == ["MS307"]


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ("[]", "one mapping"),
        (_info(path="../secret.json"), "no '..'"),
        (_info(path=None), "needs a path"),
        (_info(match_count=-1), "whole number"),
        (_info(match_count="1"), "whole number"),
        (_info(match_count=True), "whole number"),
        (_info().replace(ID, "other"), "does not name the rule"),
        (_listed({}), None),
        (_listed(7), "list of tests"),
        (_listed([7]), "needs a path"),
        ('{"rule_metadata": 3}', "does not name the rule"),
    ],
)
def test_an_info_that_is_not_as_agreed_is_a_finding(tried: Check, info: str, words: str | None) -> None:
    report = tried({INFO: info})
    assert _codes(report) == (["MS307"] if words else [])
    assert words is None or words in next(one.message for one in report.findings if one.code == "MS307")


@pytest.mark.parametrize("text", ["", "   \n", "{", "7", '{"a": 1} {', "[" * 5000])
def test_a_sample_that_holds_no_events_is_a_finding(tried: Check, text: str) -> None:
    assert _codes(tried({INFO: _info(), f"{SAMPLE}.json": text})) == ["MS307"]


def test_fields_have_the_names_that_sigma_gives_them(tried: Check) -> None:
    rule = RULE.replace("Image|endswith: '\\rundll32.exe'", "ThreatName: x\n        SubjectUserName: adm").replace(
        "Provider_Name: Microsoft-Windows-Sysmon", "Execution_ProcessID: 7\n        Image: p.exe\n        EventID: 4688"
    )
    event = {
        "Event": {
            "System": {"EventID": {"#text": 4688}, "Execution": {"#attributes": {"ProcessID": 7}}, "Security": None},
            "UserData": {"Cleared": {"#attributes": {"xmlns": "x"}, "SubjectUserName": "adm"}},
            "EventData": {"Threat Name": "x", "NewProcessName": "p.exe", "Data": {"#text": ["a", "b"]}},
        }
    }
    assert _codes(tried({INFO: _info(), f"{SAMPLE}.json": json.dumps(event)}, rule)) == []


def test_the_folder_of_samples_holds_no_rules(tmp_path: Path, tried: Check) -> None:
    tried({INFO: _info(), f"{SAMPLE}.json": _event()})
    report = check_paths([tmp_path])
    assert report.rules == 1
    assert _codes(report) == []


def test_a_correlation_is_tried_over_the_whole_sample(tried: Check) -> None:
    base = RULE.replace(f"regression_tests_path: {INFO}\n", "name: base\n")
    other = "6a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11"
    rule = f"{base}---\ntitle: Many\nid: {other}\ncorrelation: {{type: event_count, rules: base, timespan: 5m, condition: {{gte: 2}}}}\nregression_tests_path: {INFO}\n"
    info = _info(match_count=1).replace(ID, other)
    sample = SAMPLE.replace(ID, other)
    assert _codes(tried({INFO: info, f"{sample}.json": _event() + _event()}, rule)) == []
    assert _codes(tried({INFO: info, f"{sample}.json": _event()}, rule)) == ["MS302"]
