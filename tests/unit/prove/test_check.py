from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.errors import PackError
from mcp_siem.prove.check import CheckReport, check, check_paths
from mcp_siem.rules.pack import load_pack

Check = Callable[..., CheckReport]

RULE = """\
title: A rule
id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
name: a_rule
logsource: {product: any}
detection:
    selection:
        tool|contains: run
    condition: selection
"""
MANY = """\
title: Many
id: 6a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
correlation:
    type: event_count
    rules: a_rule
    group-by: mcp.principal
    timespan: 5m
    condition: {gte: 2}
"""


def at(second: int, tool: str = "run", who: str = "u") -> str:
    return f'{{"@timestamp":"2026-01-01T00:00:{second:02}Z","tool":"{tool}","user.id":"{who}"}}'


@pytest.fixture
def run(tmp_path: Path) -> Check:
    def checked(**files: str) -> CheckReport:
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return check_paths([tmp_path])

    return checked


def _told(report: CheckReport) -> list[tuple[str, str, int]]:
    return [(finding.code, Path(finding.path).name, finding.line) for finding in report.findings]


def test_a_rule_that_does_what_its_cases_say_has_no_finding(run: Check) -> None:
    report = run(
        a_rule__yml=RULE,
        a_rule__match__jsonl='{"tool":"RUN it"}\n{"a":{"b":1},"tool":["walk","run"]}\n[{"tool":"walk"},{"tool":"run"}]\n',
        a_rule__miss__jsonl='{"tool":"walk"}\n{}\n',
        a_rule__evade__jsonl='{"_case":"caught: case","tool":"rUn"}\n{"_case":"known gap: spaced","tool":"r u n"}\n',
    )
    assert (report.rules, report.findings, report.notes) == (1, (), ())


def test_each_case_that_ends_otherwise_is_a_finding_at_its_line(run: Check) -> None:
    report = run(
        a_rule__yml=RULE,
        a_rule__match__jsonl='{"tool":"run"}\n{"_case":"on foot","tool":"walk"}\n',
        a_rule__miss__jsonl='{"tool":"rerun"}\n',
        a_rule__evade__jsonl='{"_case":"caught: spaced","tool":"r u n"}\n{"_case":"known gap: case","tool":"RUN"}\n',
    )
    assert _told(report) == [
        ("MS304", "a_rule.evade.jsonl", 1),
        ("MS305", "a_rule.evade.jsonl", 2),
        ("MS302", "a_rule.match.jsonl", 2),
        ("MS303", "a_rule.miss.jsonl", 1),
    ]
    assert "on foot" in report.findings[2].message
    assert f"explain a_rule {report.findings[2].path}:2" in (report.findings[2].hint or "")
    assert {finding.severity for finding in report.findings} == {"error"}


def test_cases_of_a_correlation_do_not_count_into_one_another(run: Check) -> None:
    report = run(
        many__yml=f"{RULE}---\n{MANY}",
        many__match__jsonl=f"[{at(1)},{at(2)}]\n",
        many__miss__jsonl=f"{at(3)}\n[{at(4)}]\n[{at(1)},{at(2, who='v')}]\n[{at(1)},{at(2, 'walk')}]\n",
    )
    assert (report.rules, _told(report)) == (1, [])


def test_the_caller_is_derived_as_for_any_event(run: Check) -> None:
    host = '{"@timestamp":%d,"tool":"run","host.name":"h","process.pid":7}'
    report = run(many__yml=f"{RULE}---\n{MANY}", many__match__jsonl=f"[{host % 1},{host % 2}]\n")
    assert _told(report) == []


def test_a_case_is_judged_for_its_own_rule_only(run: Check) -> None:
    other = RULE.replace("5a0f", "5b0f").replace("a_rule", "b_rule").replace("run", "walk")
    report = run(a_rule__yml=RULE, b_rule__yml=other, a_rule__miss__jsonl='{"tool":"walk"}\n')
    assert (report.rules, _told(report)) == (2, [])


def test_a_broken_rule_is_a_finding_and_the_rest_goes_on(run: Check) -> None:
    report = run(
        a_rule__yml=RULE,
        a_rule__match__jsonl='{"tool":"walk"}\n',
        b__yml=RULE.replace("contains", "contians"),
        c__yml="title: [\n",
    )
    assert report.rules == 1
    assert _told(report) == [
        ("MS302", "a_rule.match.jsonl", 1),
        ("MS013", "b.yml", 7),
        ("MS001", "c.yml", 1),
    ]


def test_what_the_engine_refuses_is_told_once_at_the_item(run: Check) -> None:
    report = run(many__yml=f"{RULE.replace('tool|contains: run', '''tool|re: '(?=x)' ''')}---\n{MANY}")
    assert _told(report) == [("MS040", "many.yml", 7)]


def test_a_broken_case_is_a_finding(run: Check) -> None:
    report = run(
        many__yml=f"{RULE}---\n{MANY}", many__match__jsonl=f'[{at(1)},{at(2)}]\n[{{"@timestamp":"soon"}}]\n{{\n'
    )
    assert _told(report) == [("MS301", "many.match.jsonl", 2), ("MS301", "many.match.jsonl", 3)]


def test_a_rule_that_is_off_is_a_note_and_its_cases_run_with_the_example_values(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a_rule.yml").write_text(RULE.replace("contains: run", "expand: '%shells%'"))
    match = tmp_path / "rules" / "a_rule.match.jsonl"
    match.write_text('{"tool":"example"}\n')
    (tmp_path / "pack.toml").write_text('name = "p"\n[example_vars]\nshells = ["example"]\n')
    report = check_paths([tmp_path])
    assert (report.rules, report.findings) == (1, ())
    assert "shells" in report.notes[0]
    on = check_paths([tmp_path], variables={"shells": "mine"})
    assert (on.rules, on.findings, on.notes) == (1, (), ())
    match.write_text('{"tool":"mine"}\n')
    assert _told(check_paths([tmp_path])) == [("MS302", "a_rule.match.jsonl", 1)]


def test_a_base_rule_without_generate_is_not_counted(run: Check) -> None:
    assert run(a_rule__yml=RULE, many__yml=MANY).rules == 1
    assert run(many__yml=MANY.replace("    timespan", "    generate: true\n    timespan")).rules == 2


def test_a_loaded_pack_is_checked_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "a_rule.yml").write_text(RULE)
    (tmp_path / "a_rule.miss.jsonl").write_text('{"tool":"run"}\n')
    assert _told(check(load_pack([tmp_path]))) == [("MS303", "a_rule.miss.jsonl", 1)]


def test_nothing_to_check_is_an_error_and_not_a_finding(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(PackError):
            check_paths([path])
    (tmp_path / "a_rule.yml").write_text(RULE)
    report = check_paths([tmp_path, tmp_path / "none"])
    assert [finding.code for finding in report.findings] == ["MS003"]


def test_a_report_is_the_same_whatever_the_order_of_the_paths(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yml").write_text(
            RULE.replace("a_rule", name).replace("5a", f"5{name}").replace("high", "x")
        )
        (tmp_path / f"{name}.miss.jsonl").write_text('{"tool":"run"}\n')
    one = check_paths([tmp_path / "a.yml", tmp_path / "b.yml"])
    assert one == check_paths([tmp_path / "b.yml", tmp_path / "a.yml"])
    assert len(one.findings) == 2
