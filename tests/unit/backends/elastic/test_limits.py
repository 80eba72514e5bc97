import re
from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Query, Refusal
from mcp_siem_backends.elastic.limits import LIMITS

Answer = Callable[[str], Query | Refusal]

LONG = "".join(f"{chr(97 + first)}{chr(97 + second)}" for first in range(26) for second in range(26)) * 2
REFUSED = [
    ("ELASTIC-KEYWORDS", "- needle\n- other"),
    ("ELASTIC-FIELDREF", "k|fieldref: text"),
    ("ELASTIC-TIMEPART", "when|hour: 3"),
    ("ELASTIC-TIMEPART", "when|hour|gte: 3"),
    ("ELASTIC-TIMEPART", "'@timestamp|startswith': '2026'"),
    ("ELASTIC-REGEX", "k|re: (?=a)b"),
    ("ELASTIC-REGEX", r"k|re: (a)\1"),
    ("ELASTIC-REGEX", r"k|re: (\b|a)+"),
    ("ELASTIC-REGEX-SIZE", f"text|contains: {LONG}"),
    ("ELASTIC-PATTERN-EFFORT", "k|re: '(foo|bar)[^.!?]{0,80}(all|every)[^!?]{0,80}(http|www)'"),
    ("ELASTIC-PATTERN-EFFORT", "k: '*a" + "?" * 40 + "b*'"),
    ("ELASTIC-PATTERN-EFFORT", f"k|contains: {'a' * 600}"),
    ("ELASTIC-CIDR-TYPE", "k|cidr: 2001:db8::/32"),
    ("ELASTIC-CIDR-MAPPED", "ip|cidr: ::/0"),
    ("ELASTIC-NUMBER-TYPE", "k|gte: 5"),
    ("ELASTIC-NUMBER-TYPE", "ip|lt: 5"),
    ("ELASTIC-FLATTENED", "labels.team: red"),
    ("ELASTIC-FLATTENED", "labels|contains: red"),
    ("ELASTIC-FIELD-NAME", "'a*': x"),
    ("ELASTIC-FIELD-NAME", "'a..b': x"),
    ("ELASTIC-FIELD-NAME", "_exists_: x"),
    ("ELASTIC-EMPTY-TEXT", "text: ''"),
    ("ELASTIC-VALUE", "k|expand: '%nobody%'"),
    ("ELASTIC-CONDITION", "a: {k: x}\ncondition: a and 1 of b*"),
]
BASE = """\
title: {name}
id: 00000000-0000-4000-8000-00000000000{at}
name: {name}
logsource: {{category: any}}
detection:
  sel: {{k: {name}}}
  condition: sel
"""
HEAD = "title: C\nid: 00000000-0000-4000-8000-0000000000ff\nlevel: high\ncorrelation:\n"
REFUSED_CORRELATIONS = [
    ("ELASTIC-CORRELATION-TYPE", "type: value_sum\n  rules: [a]\n  timespan: 5m\n  condition: {gte: 5, field: n}"),
    ("ELASTIC-CORRELATION-CONDITION", "type: temporal_ordered\n  rules: [a, b]\n  timespan: 5m\n  condition: {gte: 1}"),
    (
        "ELASTIC-CORRELATION-ALIAS",
        "type: temporal\n  rules: [a, b]\n  group-by: [who]\n  timespan: 5m\n  aliases: {who: {a: k, b: text}}",
    ),
    (
        "ELASTIC-CORRELATION-FIELD",
        "type: event_count\n  rules: [a]\n  group-by: [labels.team]\n  timespan: 5m\n  condition: {gte: 5}",
    ),
    (
        "ELASTIC-CORRELATION-FIELD",
        "type: value_count\n  rules: [a]\n  timespan: 5m\n  condition: {gte: 5, field: [k, n]}",
    ),
]
NESTED = (
    "title: I\nid: 00000000-0000-4000-8000-0000000000fe\nname: inner\ncorrelation:\n"
    "  type: event_count\n  rules: [a]\n  timespan: 5m\n  condition: {gte: 5}\n"
)


@pytest.mark.parametrize(("code", "text"), REFUSED)
def test_what_lucene_cannot_say_is_refused(ours: Answer, code: str, text: str) -> None:
    refusal = ours(text)
    assert isinstance(refusal, Refusal), refusal.text
    assert refusal.code == code
    assert LIMITS[code].reason in refusal.reason
    assert refusal.hint == LIMITS[code].hint


@pytest.mark.parametrize(("code", "text"), REFUSED_CORRELATIONS)
def test_what_esql_cannot_count_exactly_is_refused(answer: Answer, code: str, text: str) -> None:
    bases = [BASE.format(name=name, at=at) for at, name in enumerate("ab")]
    refusal = answer("---\n".join([*bases, f"{HEAD}  {text}\n"]))
    assert isinstance(refusal, Refusal), refusal.text
    assert refusal.code == code


def test_a_correlation_of_correlations_is_refused(answer: Answer) -> None:
    outer = f"{HEAD}  type: event_count\n  rules: [inner]\n  timespan: 5m\n  condition: {{gte: 2}}\n"
    refusal = answer("---\n".join([BASE.format(name="a", at=0), NESTED, outer]))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ELASTIC-CORRELATION-NESTED"


def test_every_limit_has_a_case_here_and_a_code_of_its_own() -> None:
    cases = {code for code, _ in (*REFUSED, *REFUSED_CORRELATIONS)} | {"ELASTIC-CORRELATION-NESTED"}
    assert cases == set(LIMITS)
    assert all(re.fullmatch(r"ELASTIC-[A-Z-]+", code) for code in LIMITS)


def test_a_base_rule_that_cannot_be_said_refuses_its_correlation(answer: Answer) -> None:
    base = BASE.format(name="a", at=0).replace("{k: a}", "{k|fieldref: text}")
    refusal = answer(
        "---\n".join([base, f"{HEAD}  type: event_count\n  rules: [a]\n  timespan: 5m\n  condition: {{gte: 5}}\n"])
    )
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ELASTIC-FIELDREF"
