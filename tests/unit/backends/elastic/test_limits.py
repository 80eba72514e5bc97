import json
import re
from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Query, Refusal
from mcp_siem_backends.elastic.limits import LIMITS

Answer = Callable[[str], Query | Refusal]

LONG = "".join(f"{chr(97 + first)}{chr(97 + second)}" for first in range(26) for second in range(26)) * 2
REFUSED = [
    ("ELASTIC-KEYWORDS", "- '*'"),
    ("ELASTIC-REGEX", "k|re: (?=a)b"),
    ("ELASTIC-REGEX", r"k|re: (a)\1"),
    ("ELASTIC-REGEX", r"k|re: (\b|a)+"),
    ("ELASTIC-REGEX-SIZE", f"text|contains: {LONG}"),
    ("ELASTIC-PATTERN-EFFORT", "k|re: '(a.{0,90}b[^c]{0,90}|d){1,5}e'"),
    ("ELASTIC-FLATTENED", "labels|contains: red"),
    ("ELASTIC-REGEX-TYPE", "labels.team|re: ^r"),
    ("ELASTIC-REGEX-TYPE", "'@timestamp|re': ^2026"),
    ("ELASTIC-NUMBER-TYPE", "'@timestamp|gte': 5"),
    ("ELASTIC-CIDR-TYPE", "'@timestamp|cidr': 10.0.0.0/8"),
    ("ELASTIC-FIELD-NAME", "'a*': x"),
    ("ELASTIC-FIELD-NAME", "'a..b': x"),
    ("ELASTIC-FIELD-NAME", "_exists_: x"),
    ("ELASTIC-VALUE", "k|expand: '%nobody%'"),
    ("ELASTIC-CONDITION", "a: {k: x}\ncondition: a and 1 of b*"),
]
SCRIPTED = [
    ("ELASTIC-FIELDREF", "k|fieldref: text"),
    ("ELASTIC-FIELDREF", "n|fieldref|startswith: k"),
    ("ELASTIC-TIMEPART", "when|hour: 3"),
    ("ELASTIC-TIMEPART", "when|hour|gte: 3"),
    ("ELASTIC-TIMEPART", "k|year: 2026"),
    ("ELASTIC-TIMEPART", "'@timestamp|week': 53"),
    ("ELASTIC-TYPED-TEXT", "'@timestamp|startswith': '2026'"),
    ("ELASTIC-CIDR-TYPE", "k|cidr: 2001:db8::/32"),
    ("ELASTIC-CIDR-TYPE", "labels.from|cidr: 10.0.0.0/8"),
    ("ELASTIC-CIDR-MAPPED", "ip|cidr: '::/0'"),
    ("ELASTIC-NUMBER-TYPE", "k|gte: 5"),
    ("ELASTIC-NUMBER-TYPE", "ip|lt: 5"),
    ("ELASTIC-FLATTENED", "labels.team: red"),
    ("ELASTIC-FLATTENED", "labels.team|contains|cased: Re"),
    ("ELASTIC-EMPTY-TEXT", "text: ''"),
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
    ("ELASTIC-CORRELATION-CONDITION", "type: temporal_ordered\n  rules: [a, b]\n  timespan: 5m\n  condition: {gte: 1}"),
    (
        "ELASTIC-CORRELATION-FIELD",
        "type: event_count\n  rules: [a]\n  group-by: [labels.team]\n  timespan: 5m\n  condition: {gte: 5}",
    ),
    (
        "ELASTIC-CORRELATION-FIELD",
        "type: value_count\n  rules: [a]\n  timespan: 5m\n  condition: {gte: 5, field: labels.team}",
    ),
]
NESTED = (
    "title: I\nid: 00000000-0000-4000-8000-0000000000fe\nname: inner\ncorrelation:\n"
    "  type: event_count\n  rules: [a]\n  group-by: [k]\n  timespan: 5m\n  condition: {gte: 5}\n"
)


@pytest.mark.parametrize(("code", "text"), REFUSED)
def test_what_lucene_cannot_say_is_refused(ours: Answer, code: str, text: str) -> None:
    refusal = ours(text)
    assert isinstance(refusal, Refusal), refusal.text
    assert refusal.code == code
    assert LIMITS[code].reason in refusal.reason
    assert refusal.hint == LIMITS[code].hint


@pytest.mark.parametrize(("code", "text"), SCRIPTED)
def test_what_lucene_cannot_say_is_a_script_and_refused_where_there_is_none(
    ours: Answer, answer: Answer, code: str, text: str
) -> None:
    query = ours(text)
    assert isinstance(query, Query), query
    assert query.language == "dsl"
    assert json.loads(query.text)["script"]["script"]["lang"] == "painless"
    base = BASE.format(name="a", at=0).replace("sel: {k: a}", f"sel: {{{text}}}")
    refusal = answer(
        "---\n".join([base, f"{HEAD}  type: event_count\n  rules: [a]\n  timespan: 5m\n  condition: {{gte: 5}}\n"])
    )
    assert isinstance(refusal, Refusal), refusal.text
    assert refusal.code == code


def test_what_lucene_says_stays_lucene_beside_a_script(ours: Answer) -> None:
    query = ours("a: {k: x, n: 5}\nb: {k|fieldref: text}\nc: {k: y}\ncondition: a and (b or c) and not b")
    assert isinstance(query, Query)
    wanted, either, never = json.loads(query.text)["bool"]["filter"]
    assert wanted == {"query_string": {"query": 'k:"x" AND n:"5"', "analyze_wildcard": True}}
    assert either["bool"]["minimum_should_match"] == 1
    assert either["bool"]["should"][0] == {"query_string": {"query": 'k:"y"', "analyze_wildcard": True}}
    assert never == {"bool": {"must_not": [either["bool"]["should"][1]]}}


HEAVY = [
    "k|re: '(foo|bar)[^.!?]{0,80}(all|every)[^!?]{0,80}(http|www)'",
    "k: '*a" + "?" * 40 + "b*'",
    f"k|contains: {'a' * 900}",
]


@pytest.mark.parametrize("text", HEAVY)
def test_a_pattern_that_lucene_gives_up_on_is_walked_by_a_script_or_given_more_work(ours: Answer, text: str) -> None:
    query = ours(text)
    assert isinstance(query, Query), query
    assert query.language == "dsl"
    assert "max_determinized_states" in query.text or "painless" in query.text


@pytest.mark.parametrize(("code", "text"), REFUSED_CORRELATIONS)
def test_what_esql_cannot_count_exactly_is_refused(answer: Answer, code: str, text: str) -> None:
    bases = [BASE.format(name=name, at=at) for at, name in enumerate("ab")]
    refusal = answer("---\n".join([*bases, f"{HEAD}  {text}\n"]))
    assert isinstance(refusal, Refusal), refusal.text
    assert refusal.code == code


def test_a_correlation_of_correlations_with_other_groups_is_refused(answer: Answer) -> None:
    outer = f"{HEAD}  type: event_count\n  rules: [inner]\n  timespan: 5m\n  condition: {{gte: 2}}\n"
    refusal = answer("---\n".join([BASE.format(name="a", at=0), NESTED, outer]))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ELASTIC-CORRELATION-NESTED"


def test_every_limit_has_a_case_here_and_a_code_of_its_own() -> None:
    cases = {code for code, _ in (*REFUSED, *SCRIPTED, *REFUSED_CORRELATIONS)} | {
        "ELASTIC-CORRELATION-NESTED",
        "ELASTIC-WORDS-NEGATED",  # these two in test_foreign.py
        "ELASTIC-FIELD-TYPE",
    }
    assert cases == set(LIMITS)
    assert all(re.fullmatch(r"ELASTIC-[A-Z-]+", code) for code in LIMITS)


def test_a_base_rule_that_cannot_be_said_refuses_its_correlation(answer: Answer) -> None:
    base = BASE.format(name="a", at=0).replace("{k: a}", "{k|fieldref: text}")
    refusal = answer(
        "---\n".join([base, f"{HEAD}  type: event_count\n  rules: [a]\n  timespan: 5m\n  condition: {{gte: 5}}\n"])
    )
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ELASTIC-FIELDREF"
