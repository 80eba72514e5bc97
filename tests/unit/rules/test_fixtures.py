from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.errors import PackError
from mcp_siem.rules.fixtures import load_fixtures, read_fixtures
from mcp_siem.rules.rule import RulePack

Load = Callable[..., RulePack]


def _beside(pack: RulePack, kind: str, text: str) -> Path:
    rule = pack.alerting()[0]
    file = Path(rule.path).with_name(f"{rule.stem}.{kind}.jsonl")
    file.write_text(text, encoding="utf-8")
    return file


def test_cases_come_in_the_order_of_match_miss_and_evade(load: Load, rule_text: str) -> None:
    pack = load(a_rule=rule_text)
    _beside(
        pack, "evade", '{"_case":"Known gap: spelled backwards","tool":"nur"}\n{"_case":"caught: case","tool":"RUN"}\n'
    )
    _beside(pack, "miss", '\n{"tool":"walk"}\n')
    _beside(pack, "match", '[{"_case":"twice","tool":"run"},{"tool":"run"}]')
    fixtures = load_fixtures(pack.rules[0])
    assert [(one.kind, one.verdict, one.case, one.alerts, one.line) for one in fixtures] == [
        ("match", None, "twice", True, 1),
        ("miss", None, None, False, 2),
        ("evade", "known gap", "Known gap: spelled backwards", False, 1),
        ("evade", "caught", "caught: case", True, 2),
    ]
    assert fixtures[0].events == ({"tool": "run"}, {"tool": "run"})


@pytest.mark.parametrize(
    ("kind", "line", "says"),
    [
        ("match", '{"a":', "JSON"),
        ("match", '{"a": NaN}', "JSON"),
        ("match", "[]", "array of events"),
        ("match", "7", "array of events"),
        ("match", '[{"a": 1}, 2]', "array of events"),
        ("miss", '{"_case": 7}', "must be text"),
        ("miss", '[{"a": 1}, {"_case": "late"}]', "first event"),
        ("evade", '{"a": 1}', "verdict"),
        ("evade", '{"_case": "probably caught"}', "verdict"),
    ],
)
def test_a_broken_case_is_located_and_the_others_are_read(
    load: Load, rule_text: str, kind: str, line: str, says: str
) -> None:
    pack = load(a_rule=rule_text)
    file = _beside(pack, kind, f'{{"_case":"caught: x","tool":"run"}}\n{line}\n')
    fixtures, (issue,) = read_fixtures(pack.rules[0])
    assert len(fixtures) == 1
    assert (issue.code, issue.path, issue.line) == ("MS301", str(file), 2)
    assert says in issue.message
    assert issue.hint
    with pytest.raises(PackError):
        load_fixtures(pack.rules[0])


def test_a_correlation_needs_the_time_of_each_event(load: Load, rule_text: str) -> None:
    correlation = "title: C\ncorrelation: {type: event_count, rules: a_rule, timespan: 1m, condition: {gte: 2}}\n"
    pack = load(many=f"{rule_text}---\n{correlation}")
    _beside(pack, "match", '[{"@timestamp":"2026-01-01T00:00:00Z"},{"tool":"run"}]\n[{"@timestamp":0},{"time":1}]\n')
    fixtures, (issue,) = read_fixtures(pack.alerting()[0])
    assert len(fixtures) == 1
    assert issue.message.startswith("event 2")


def test_bytes_that_are_no_text_are_named(load: Load, rule_text: str) -> None:
    pack = load(a_rule=rule_text)
    file = _beside(pack, "match", "")
    file.write_bytes(b'{"a": 1}\n{"a": "\xff"}\n')
    _, (issue,) = read_fixtures(pack.rules[0])
    assert (issue.code, issue.line) == ("MS002", 2)
