"""Queries for an index of somebody else's mapping, from what `_field_caps` says of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from mcp_siem.cli.main import cli
from mcp_siem.convert.target import Query, Refusal
from mcp_siem.errors import ConfigError
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.elastic.foreign import ForeignIndex
from mcp_siem_backends.elastic.target import ElasticTarget

KINDS = {
    "k": "keyword",
    "text": "text",
    "text.keyword": "keyword",
    "words": "match_only_text",
    "n": "integer",
    "b": "boolean",
    "ip": "ip",
    "when": "date_nanos",
    "@timestamp": "date",
    "labels": "flattened",
    "inner": "nested",
    "inner.k": "keyword",
    "place": "geo_point",
}
CAPS = {
    "indices": [".ds-logs-x-default-2026.11.25-000001", ".ds-logs-x-default-2026.11.24-000002", "other"],
    "fields": {name: {kind: {"type": kind, "searchable": True}} for name, kind in KINDS.items()},
}
CAPS["fields"]["mixed"] = {"keyword": {}, "long": {}}  # type: ignore[index]
Asked = Callable[[str], Rule]


@pytest.fixture
def index(taxonomy: Taxonomy) -> ForeignIndex:
    return ForeignIndex(CAPS, taxonomy)


@pytest.fixture
def target(taxonomy: Taxonomy, index: ForeignIndex) -> ElasticTarget:
    return ElasticTarget(taxonomy, index)


ASKED = [
    ("k: Value", "k:/[Vv][Aa][Ll][Uu][Ee]/", "ignore_above"),
    ("k: '10.0'", 'k:"10.0"', "ignore_above"),
    ("k|cased: Foo", 'k:"Foo"', "if a normalizer"),
    ("k|re: ^foo$", "k:/foo/", "if a normalizer"),
    ("text|contains: 'a b'", "text.keyword:/.*[Aa] [Bb].*/", "ignore_above"),
    ("words|contains: bar", "words:/.*[Bb][Aa][Rr].*/", "words of a text only, matched word by word"),
    ("words: bad bar", "words:/.*[Bb][Aa][Dd].*/ AND words:/.*[Bb][Aa][Rr].*/", "more is found"),
    ("n: 5", 'n:"5"', ""),
    ("n: '5'", 'n:"5"', ""),
    ("n|gte: 5", 'n:["5" TO *]', ""),
    ("b: true", 'b:"true"', ""),
    ("ip: 10.1.2.3", 'ip:"10.1.2.3"', ""),
    ("ip|cidr: 10.0.0.0/8", 'ip:"10.0.0.0/8"', ""),
    ("gone: x", "gone:/[Xx]/", "not in the index"),
    ("text_folded|contains: \uff22D", "text.keyword:/.*[Bb][Dd].*/", "no twin in the index"),
]


@pytest.mark.parametrize(("question", "query", "note"), ASKED)
def test_a_field_is_asked_as_its_type_can_answer(
    target: ElasticTarget, asked: Asked, question: str, query: str, note: str
) -> None:
    answer = target.query(asked(question))
    assert isinstance(answer, Query), answer
    assert answer.language == "lucene"
    assert query in answer.text
    assert note in " ".join(answer.notes)


@pytest.mark.parametrize(
    ("code", "question"),
    [
        ("ELASTIC-FIELD-TYPE", "inner.k: x"),
        ("ELASTIC-FIELD-TYPE", "place: x"),
        ("ELASTIC-FIELD-TYPE", "mixed: x"),
        ("ELASTIC-REGEX-TYPE", "words|re: foo"),
        ("ELASTIC-REGEX-TYPE", "n|re: '5'"),
        ("ELASTIC-WORDS-NEGATED", "a: {words: bad bar}\ncondition: not a"),
        ("ELASTIC-FIELDREF", "words|fieldref: k"),
    ],
)
def test_what_the_mapping_leaves_open_is_refused(target: ElasticTarget, asked: Asked, code: str, question: str) -> None:
    answer = target.query(asked(question))
    assert isinstance(answer, Refusal), answer
    assert answer.code == code


def test_words_of_one_literal_may_be_negated(target: ElasticTarget, asked: Asked) -> None:
    answer = target.query(asked("a: {words|contains: bar}\ncondition: not a"))
    assert isinstance(answer, Query)
    assert answer.text == "NOT words:/.*[Bb][Aa][Rr].*/"


@pytest.mark.parametrize("question", ["n|startswith: '4'", "when|hour: 3", "labels.team: red", "k|cidr: 2001:db8::/32"])
def test_scripts_read_what_types_hold(target: ElasticTarget, asked: Asked, question: str) -> None:
    answer = target.query(asked(question))
    assert isinstance(answer, Query), answer
    assert answer.language == "dsl"


def test_data_streams_are_named_once_and_a_rule_searches_them(
    target: ElasticTarget, index: ForeignIndex, asked: Asked
) -> None:
    assert index.pattern == "logs-x-default,other"
    rule = asked("k: x")
    answer = target.query(rule)
    assert isinstance(answer, Query)
    assert json.loads(target.resource(answer, rule).spec)["index"] == ["logs-x-default", "other"]


def test_a_correlation_reads_only_columns_that_are_there(target: ElasticTarget, asked: Asked) -> None:
    base = asked("k: x").text.replace("title: A rule", "title: a\nname: a").replace("6c11", "6c12")
    text = "title: C\nid: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11\ncorrelation:\n  type: event_count\n  rules: [a]\n"
    rest = "  group-by: [{}]\n  timespan: 5m\n  condition: {{gte: 3}}\n"
    answer = target.query(asked(f"{base}---\n{text}{rest.format('ip')}"))
    assert isinstance(answer, Query), answer
    assert answer.text.startswith("FROM logs-x-default,other METADATA _id\n")
    assert "g0 = TO_STRING(ip)" in answer.text
    assert "mcp.server.name" not in answer.text
    refusal = target.query(asked(f"{base}---\n{text}{rest.format('gone')}"))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ELASTIC-CORRELATION-FIELD"


@pytest.mark.parametrize("caps", [None, [], {}, {"fields": []}, {"fields": {"a": 1}}])
def test_what_is_no_answer_of_field_caps_is_said_to_be_none(taxonomy: Taxonomy, caps: object) -> None:
    with pytest.raises(ConfigError, match="no answer of _field_caps"):
        ForeignIndex(caps, taxonomy)


def test_convert_reads_the_fields_of_a_file(tmp_path: Path) -> None:
    rule, caps = tmp_path / "rule.yml", tmp_path / "caps.json"
    rule.write_text(
        "title: t\nid: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11\nstatus: test\nlevel: low\nlogsource: {product: mcp}\n"
        "detection:\n  sel: {k: Value}\n  condition: sel\n",
        encoding="utf-8",
    )
    caps.write_text(json.dumps(CAPS), encoding="utf-8")
    command = ["convert", "--target", "elastic", "--rules", str(rule), "--format", "json", "--fields", str(caps)]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["text"] == "k:/[Vv][Aa][Ll][Uu][Ee]/"
    caps.write_text("{", encoding="utf-8")
    assert CliRunner().invoke(cli, command).exit_code != 0
    other = CliRunner().invoke(cli, [*command[:2], "splunk", *command[3:]])
    assert other.exit_code != 0
