"""Each check finds what it is for, at its line, and says nothing of the rule that is right."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.prove.check import check_paths
from mcp_siem.rules.lint.folded_pattern import folded_regex
from mcp_siem.rules.lint.table import CHECKS

RULE = """\
title: A shell was called as a tool
id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
name: mcp_family_rule
status: experimental
description: An agent called a tool that is a shell, so whatever it was told now runs on this machine.
references:
    - https://example.org/
author: someone
date: 2026-01-01
tags:
    - attack.execution
    - attack.t1059
    - owasp-mcp.mcp05
    - mcp-ttp.command-injection.shell-execution
taxonomy: mcp
logsource:
    product: mcp
    service: protocol
detection:
    selection:
        gen_ai.tool.name|contains:
            - bash
            - zsh
        mcp.request.text_folded|re: '\\bcat [/~]'
    condition: selection
fields:
    - mcp.principal
falsepositives:
    - Coding agents
known_gaps:
    - Shells under another name
response: Ask who runs the server.
level: high
"""
MATCH = '{"gen_ai.tool.name":"bash","mcp.request.text":"cat /etc/passwd"}\n'
MISS = '{"gen_ai.tool.name":"bash","mcp.request.text":"ls"}\n' * 2
EVADE = '{"_case":"known gap: another name","gen_ai.tool.name":"sh4","mcp.request.text":"cat /etc/passwd"}\n' * 3
CORRELATION = """\
---
title: Shells were called again and again
id: 6a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
taxonomy: mcp
correlation:
    type: event_count
    rules: mcp_family_rule
    group-by:
        - mcp.session.id
    timespan: 5m
    condition:
        gte: 5
"""


@pytest.fixture
def check_text(tmp_path: Path) -> Callable[[str], list[tuple[str, int]]]:
    def checked(text: str) -> list[tuple[str, int]]:
        file = tmp_path / "mcp_family_rule.yml"
        file.write_text(text, encoding="utf-8")
        for kind, cases in (("match", MATCH), ("miss", MISS), ("evade", EVADE)):
            file.with_name(f"mcp_family_rule.{kind}.jsonl").write_text(cases)
        report = check_paths([file])
        assert all(finding.hint and finding.path.startswith(str(tmp_path)) for finding in report.findings)
        notes = [tuple(note.split(":")[1:2]) for note in report.notes]
        return [(finding.code, finding.line) for finding in report.findings] + [
            ("note", int(note[0])) for note in notes
        ]

    return checked


Check = Callable[[str], list[tuple[str, int]]]


def test_the_rule_that_is_right_has_no_finding(check_text: Check) -> None:
    assert check_text(RULE) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        (
            "    condition: selection\n",
            "    other:\n        gen_ai.tool.name: x\n    condition: selection\n",
            "MS102",
            25,
        ),
        ("            - zsh\n", "            - zsh\n            - ZSH\n", "MS103", 24),
        ("            - zsh\n", "            - zsh\n            - a zsh b\n", "MS104", 24),
        ("            - zsh\n", "            - 'z**h'\n", "MS104", 23),
        ("gen_ai.tool.name|contains:", "gen_ai.tool.nmae|contains:", "MS201", 21),
        ("    - mcp.principal\n", "    - mcp.principle\n", "MS201", 27),
        (
            "    condition: selection\n",
            "        gen_ai.tool.name|fieldref: no.such\n    condition: selection\n",
            "MS201",
            25,
        ),
        ("gen_ai.tool.name|contains:", "mcp.health.check|contains:", "MS202", 21),
        ("service: protocol", "service: telepathy", "MS203", 16),
        ("id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11\n", "", "MS204", 1),
        ("5a0f0b0e-9f5c-4c3e", "5a0f0b0e-9f5c-1c3e", "MS204", 2),
        ("5a0f0b0e-9f5c-4c3e", "5A0F0B0E-9F5C-4C3E", "MS204", 2),
        ("name: mcp_family_rule", "name: other", "MS205", 3),
        ("title: A shell was called as a tool", "title: Shell", "MS206", 1),
        ("called as a tool", "called as a tool.", "MS206", 1),
        ("author: someone\n", "", "MS207", 1),
        ("date: 2026-01-01\n", "", "MS207", 1),
        ("level: high\n", "", "MS207", 1),
        ("status: experimental\n", "", "MS207", 1),
        ("references:\n    - https://example.org/\n", "", "MS207", 1),
        ("falsepositives:\n    - Coding agents\n", "", "MS207", 1),
        (
            "description: An agent called a tool that is a shell, so whatever it was told now runs on this machine.",
            "description: Shell.",
            "MS207",
            5,
        ),
        ("    - attack.t1059\n", "    - attack.t1059\n    - own.tag\n", "MS208", 13),
        ("    - attack.t1059\n", "    - attack.t1059\n    - attack.t1059\n", "MS208", 13),
        ("    - attack.t1059\n", "    - attack.t1059\n    - attack.T1059\n", "MS208", 13),
        ("owasp-mcp.mcp05", "owasp-mcp.mcp11", "MS208", 13),
        ("    - owasp-mcp.mcp05\n", "", "MS208", 10),
        ("    - mcp-ttp.command-injection.shell-execution\n", "", "MS208", 10),
        ("attack.t1059", "attack.t1562.001", "MS209", 12),
        ("    - attack.t1059\n", "", "MS209", 10),
        ("    - attack.execution\n", "", "MS209", 10),
        ("attack.execution", "attack.defense-evasion", "MS209", 11),
        ("known_gaps:\n    - Shells under another name\n", "", "MS210", 1),
        ("    - Shells under another name\n", "    - Shells: under another name\n", "MS210", 31),
        ("response: Ask who runs the server.\n", "", "MS210", 1),
        ("'\\bcat [/~]'", "'\\bCAT [/~]'", "MS212", 24),
        ("'\\bcat [/~]'", "'\\bc\\u200bat'", "MS212", 24),
        ("'\\bcat [/~]'", "'\\bc[\u0430a]t'", "MS212", 24),
        ("_folded|re: '\\bcat [/~]'", '_folded|contains: "\\u200b"', "MS212", 24),
        ("mcp.request.text_folded|re", "mcp.request.text|re", "note", 24),
        ("name|contains:", "name|contains|cased:", "note", 21),
        ("'\\bcat [/~]'", "'(?<!x)cat'", "MS040", 24),
    ],
)
def test_a_check_finds_what_it_is_for_at_its_line(check_text: Check, old: str, new: str, code: str, line: int) -> None:
    assert old in RULE
    found = check_text(RULE.replace(old, new, 1))
    assert (code, line) in found, found
    # MS302 and MS303: a change of the detection may change what the cases do as well.
    assert {one for one, _ in found} <= {code, "MS302", "MS303", "MS305"}, found


def test_a_revoked_technique_may_stay_beside_its_successor(check_text: Check) -> None:
    assert check_text(RULE.replace("attack.t1059", "attack.t1562.001\n    - attack.t1685")) == []


def test_no_correlation_hangs_on_the_session_id(check_text: Check) -> None:
    found = check_text(RULE + CORRELATION)
    assert ("MS214", 41) in found
    assert not [
        code for code, _ in check_text(RULE + CORRELATION.replace("session.id", "principal")) if code == "MS214"
    ]
    alias = "    aliases: {who: {mcp_family_rule: mcp.session.id}}\n    timespan"
    aliased = CORRELATION.replace("- mcp.session.id", "- who").replace("    timespan", alias)
    assert "MS214" in {code for code, _ in check_text(RULE + aliased)}


def test_fields_of_a_correlation_are_those_of_its_base_rules(check_text: Check) -> None:
    for field, code in (("mcp.health.check", "MS202"), ("no.such", "MS201")):
        assert code in {one for one, _ in check_text(RULE + CORRELATION.replace("mcp.session.id", field))}


def test_a_base_rule_that_does_not_alert_need_not_explain_itself(check_text: Check) -> None:
    base = (
        RULE.replace("author: someone\n", "")
        .replace("level: high\n", "")
        .replace("response: Ask who runs the server.\n", "")
    )
    codes = {code for code, line in check_text(base + CORRELATION) if line < 30 and code < "MS3"}
    assert codes <= {"MS205"}


def test_a_filter_that_reaches_no_rule_is_told(tmp_path: Path, rule_text: str) -> None:
    (tmp_path / "a.yml").write_text(rule_text)
    sieve = "title: F\nlogsource: {product: %s}\nfilter:\n    rules: [%s]\n    s: {a: 1}\n    condition: not s\n"
    for product, name, idle in (("mcp", "a_rule", False), ("windows", "a_rule", True), ("mcp", "b_rule", True)):
        (tmp_path / "f.yml").write_text(sieve % (product, name))
        found = [(finding.code, finding.line) for finding in check_paths([tmp_path]).findings]
        assert found == ([("MS105", 4)] if idle else [])


def test_cases_of_no_rule_are_told(tmp_path: Path, rule_text: str) -> None:
    (tmp_path / "a_rule.yml").write_text(rule_text)
    (tmp_path / "b_rule.match.jsonl").write_text("{}\n")
    (tmp_path / "c_rule.splunk.spl").write_text("index=x\n")
    findings = check_paths([tmp_path]).findings
    assert [(Path(finding.path).name, finding.code) for finding in findings] == [
        ("b_rule.match.jsonl", "MS106"),
        ("c_rule.splunk.spl", "MS106"),
    ]


def test_a_rule_that_is_broken_or_not_loaded_keeps_its_cases(tmp_path: Path, rule_text: str) -> None:
    (tmp_path / "a_rule.yml").write_text(rule_text)
    (tmp_path / "b_rule.yml").write_text("title: [\n")
    (tmp_path / "b_rule.match.jsonl").write_text("{}\n")
    assert [finding.code for finding in check_paths([tmp_path]).findings] == ["MS001"]
    assert check_paths([tmp_path / "a_rule.yml"]).findings == ()


def test_our_conventions_are_not_asked_of_foreign_rules(tmp_path: Path, rule_text: str) -> None:
    (tmp_path / "Their-Rule.yml").write_text(rule_text.replace("tool|contains: run", "Any.Field|re|cased: ABC"))
    (tmp_path / "Their-Rule.yml").write_text(rule_text.replace("tool|contains", "Some Field|cased|contains"))
    report = check_paths([tmp_path])
    assert (report.rules, report.findings, report.notes) == (1, (), ())


@pytest.mark.parametrize(
    ("pattern", "any_case", "folded"),
    [
        (r"\bCat\s+[A-Z]{2}\W", False, r"\bcat\s+[a-z]{2}\W"),
        (r"\bCat\s+[A-Z]{2}\W", True, r"\bCat\s+[A-Z]{2}\W"),
        (r"(?P<Name>x)\p{Lu}\PN(?i:y)", False, r"(?P<Name>x)\p{Lu}\PN(?i:y)"),
        (r"\x{41}\x41", False, "aa"),
        (r"a\u200bb", True, "ab"),
        ("ﬁle", True, "file"),
        (r"[\t ]\n\\D", False, r"[\t ] \\d"),
        (r"\S\W\D\B\A\Z\Qab.\E\pL\x2D\b", False, r"\S\W\D\B\A\Z\Qab.\E\pL\x2D\b"),
        (r"\QAb.\E", False, r"ab\."),
        ("[A-Za-z0-9]+[^A-Z][[:upper:]][]A]", False, "[A-Za-z0-9]+[^A-Z][[:upper:]][]A]"),
        (r"[\r\n]x", False, "[ ]x"),
        ("[À-Å]", False, "[a]"),
        ("[À-ÿ][Aa]", False, "[À-ÿ][Aa]"),
        ("[\u0430aB-D]", False, "[a-d]"),
        ("(?i)Foo(?-i:Bar)[A-Z]É", False, "(?i)Foo(?-i:bar)[A-Z]e"),
        ("(?i:Foo)((?i)A)B", False, "(?i:Foo)((?i)A)b"),
        ("a  b", False, "a b"),
        (r"a\x20\ b", False, "a b"),
        ("a + b {2,}c", False, "a b c"),
        ("a  ?b +c * d {0,3} e", False, "a  ?b +c * d {0,3} e"),
        ("x\uff08y\uff0a", False, r"x\(y\*"),
        ("x{2,3}A{1}", False, "x{2,3}a{1}"),
    ],
)
def test_a_pattern_is_folded_character_by_character(pattern: str, *, any_case: bool, folded: str) -> None:
    assert folded_regex(pattern, any_case=any_case) == folded


def test_the_codes_of_checks_are_unique_and_in_their_range() -> None:
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)
    # MS104 is a convention, MS212 a fault of any rule that reads a twin; a code keeps its number.
    other = {"MS104": "MS1", "MS212": "MS2"}
    assert all(
        code.startswith(other.get(code, "MS2" if check.ours else "MS1"))
        for code, check in zip(codes, CHECKS, strict=True)
    )


@pytest.mark.parametrize(
    ("item", "literal", "hint"),
    [
        ("re: 'cat /Etc'", "E", "write it folded: cat /etc"),
        ("re: '\u0441\u0430t'", "\u0441", "write it folded: cat"),
        ("re: 'rm  -rf'", "  ", "write it folded: rm -rf"),
        ("re: 'a\\nb'", "\\n", "write it folded: a b"),
        ('re: "a\\tb"', "\\t", "write it folded: a b"),
        ("re|i: 'É'", "É", "write it folded: e"),
        ("re: 'a\\u200bb'", "\\u200b", "match the original field"),
        ("re|expand: '%Who% A'", "A", "write it folded: %Who% a"),
    ],
)
@pytest.mark.parametrize("taxonomy", ["taxonomy: mcp", ""])
def test_a_pattern_that_its_twin_never_holds_is_told_folded(
    tmp_path: Path, rule_text: str, item: str, literal: str, hint: str, taxonomy: str
) -> None:
    text = rule_text.replace("tool|contains: run", f"mcp.request.text_folded|{item}") + taxonomy
    (tmp_path / "a_rule.yml").write_text(text, encoding="utf-8")
    report = check_paths([tmp_path], variables={"Who": ["me"]})
    [finding] = [one for one in report.findings if one.code == "MS212"]
    assert (finding.line, finding.severity) == (9, "error")
    assert f"never holds '{literal}'" in finding.message
    assert (finding.hint or "").startswith(hint)


@pytest.mark.parametrize(
    "item",
    [
        r"re: '\S\W\D\B\A[A-Za-z]\x2d'",
        "re: '(?i)Cat (?P<Name>x)'",
        "re|i: 'Cat'",
        r"re: 'a[\r\n ]+b\s'",
        "re|expand: '%Who%'",
        "contains: 'Cat  É'",
    ],
)
def test_a_pattern_that_its_twin_can_hold_is_left_alone(tmp_path: Path, rule_text: str, item: str) -> None:
    text = rule_text.replace("tool|contains: run", f"mcp.request.text_folded|{item}")
    (tmp_path / "a_rule.yml").write_text(text, encoding="utf-8")
    assert check_paths([tmp_path], variables={"Who": ["me"]}).findings == ()
