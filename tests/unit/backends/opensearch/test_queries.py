"""What stands in the query DSL for each form of a field; that it means the rule is shown on the real server."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcp_siem.convert.target import Query, Refusal
from mcp_siem_backends.opensearch.scripts import _spans

Answer = Callable[[str], Query | Refusal]

_DASHES = {
    "bool": {
        "minimum_should_match": 1,
        "should": [{"terms": {"k.exact": [f"{dash}B" for dash in "-/\u2013\u2014\u2015"]}}],
    }
}
NATIVE: list[tuple[str, str, object]] = [
    ("case folds as the index does", "k: Straße", {"term": {"k": {"value": "strasse"}}}),
    ("cased is asked of the exact form", "k|cased: Foo", {"term": {"k.exact": {"value": "Foo"}}}),
    ("cased before another modifier", "k|cased|windash: -B", _DASHES),
    ("wildcards, and literals that look like them", r"k: a\*b*c?", {"wildcard": {"k": {"value": r"a\*b*c?"}}}),
    ("a backslash", r"k|endswith: '\cmd.exe'", {"wildcard": {"k": {"value": r"*\\cmd.exe"}}}),
    ("a list of values", "k: [A, b]", {"bool": {"minimum_should_match": 1, "should": [{"terms": {"k": ["a", "b"]}}]}}),
    ("a long text is spelled in every case", "text|contains: ab", {"regexp": {"text": {"value": ".*[Aa][Bb].*"}}}),
    ("a twin is folded", "text_folded|contains: \uff29gnore", {"wildcard": {"text_folded": {"value": "*ignore*"}}}),
    ("a pattern is searched", "k|re: ^a.b", {"regexp": {"k.exact": {"value": "a[^\n]b.*"}}}),
    ("a boolean is a word", "b: true", {"term": {"b": {"value": "true"}}}),
    ("any value", "k: '*'", {"exists": {"field": "k"}}),
    ("a malformed address is a value", "ip: '*'", {"exists": {"field": "ip.caseless"}}),
    ("a pattern of one text is that text", "text|re: '^a\"b$'", {"term": {"text": {"value": 'a"b'}}}),
]
SCRIPTED = [
    "- word", "- '*a?b*'", "k|fieldref: n", "when|hour: 3", "k|exists: true", "k: null", "labels.team: red", "'@timestamp': x",
    "k|cidr: 10.0.0.0/8", "ip|cidr: '::/0'", "text: ''", "text: a?b", "n|gte: 5", "k|lt: 5", "_id: x", "'a..b': x",
    "labels.team|re: ^r", "k|re: '(a.{0,90}b[^c]{0,90}|d){1,5}e'",
]  # fmt: skip
REFUSED = [
    ("OPENSEARCH-REGEX", "k|re: (?=a)b"),
    ("OPENSEARCH-PATTERN-EFFORT", "k|re: '(a.{0,900}b[^c]{0,90}|d){1,5}e'"),
    ("OPENSEARCH-VALUE", "k|expand: '%nobody%'"),
    ("OPENSEARCH-CONDITION", "a: {k: x}\ncondition: a and 1 of b*"),
    ("OPENSEARCH-PATTERNS", "k|re:\n" + "".join(f"  - '{at}[0-9]{'abc' * 200}'\n" for at in range(180))),
    ("OPENSEARCH-CLAUSES", f"k|contains: [{', '.join(f'v{at}' for at in range(1_100))}]"),
]


def _query(answer: Answer, detection: str) -> dict[str, Any]:
    query = answer(detection)
    assert isinstance(query, Query), query
    assert query.notes == ()
    document: dict[str, Any] = json.loads(query.text)
    return document


@pytest.mark.parametrize(("detection", "expected"), [row[1:] for row in NATIVE], ids=[row[0] for row in NATIVE])
def test_a_question_is_asked_of_the_form_that_decides_it(answer: Answer, detection: str, expected: object) -> None:
    document = _query(answer, detection)
    assert document == {"query": {"bool": {"filter": [expected]}}}


@pytest.mark.parametrize("detection", SCRIPTED)
def test_what_the_index_cannot_tell_is_a_script_over_the_event(answer: Answer, detection: str) -> None:
    document = _query(answer, detection)
    names = [f"mcp_siem_{at + 1}" for at in range(len(document["derived"]))]
    assert sorted(document["derived"]) == sorted(names)
    assert all(f'"{name}": {{"value": true}}' in json.dumps(document["query"]) for name in names)


@pytest.mark.parametrize(("code", "detection"), REFUSED)
def test_what_cannot_mean_the_same_is_refused_by_code(answer: Answer, code: str, detection: str) -> None:
    refusal = answer(detection)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert refusal.hint


def test_a_condition_asks_scripts_last_and_denies_what_it_denies(answer: Answer) -> None:
    document = _query(answer, "a: {labels.team: red, k: x}\nb: {n|exists: true}\ncondition: a and not b")
    inner = document["query"]["bool"]["filter"][0]["bool"]
    assert [list(part) for part in inner["filter"]] == [["term"], ["term"]]
    assert inner["filter"][0] == {"term": {"k": {"value": "x"}}}
    assert len(inner["must_not"]) == 1


def test_more_literals_than_clauses_are_written_with_fewer_trigrams(answer: Answer) -> None:
    words = [f"a long literal number {at} of many" for at in range(60)]
    few = json.dumps(_query(answer, f"text_folded|contains: {words[:20]}"))
    many = json.dumps(_query(answer, f"text_folded|contains: {words}"))
    assert "wildcard" in few
    assert "wildcard" not in many
    assert many.count("regexp") == len(words)


def test_a_text_is_the_same_for_the_same_rule(answer: Answer) -> None:
    assert answer("k: [b, a, b]") == answer("k: [b, a, b]")


def test_a_set_of_places_is_written_as_spans() -> None:
    assert _spans(0) == []
    assert _spans(0b1011) == [0, 2, 3, 4]
    assert _spans(0b110 << 300) == [301, 303]
