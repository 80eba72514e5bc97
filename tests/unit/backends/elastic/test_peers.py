"""Differences of the stock EQL and ES|QL backends that show in the text of a query (peers.md 4.2, 4.3)."""

from collections.abc import Callable

import pytest
from sigma.backends.elasticsearch import EqlBackend, ESQLBackend
from sigma.collection import SigmaCollection

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.elastic.query import McpLuceneBackend

Answer = Callable[[str], Query | Refusal]

BASES = "---\n".join(
    f"title: {name}\nid: 00000000-0000-4000-8000-00000000000{at}\nname: {name}\nlogsource: {{category: any}}\n"
    f"detection:\n  sel: {{k: {name}}}\n  condition: sel\n"
    for at, name in enumerate("ab")
)
HEAD = "---\ntitle: C\nid: 00000000-0000-4000-8000-0000000000ff\nlevel: high\ncorrelation:\n"
COUNT = "  type: event_count\n  rules: [a]\n  group-by: [k]\n  timespan: 5m\n  condition: {gte: 3}\n"
VALUES = "  type: value_count\n  rules: [a]\n  group-by: [k]\n  timespan: 5m\n  condition: {gte: 3, field: n}\n"
BOTH = "  type: temporal\n  rules: [a, b]\n  group-by: [k]\n  timespan: 5m\n"
ORDER = BOTH.replace("temporal", "temporal_ordered")

EQL = [
    ("E1 a quote in a pattern", 'k|re: foo\\d+"bar', '"foo\\\\d+"bar"'),
    ("E3 always insensitive, never searched", "k|re: foo", 'k regex~ "foo"'),
    ("E5 cased with wildcards", "k|contains|cased: Foo", 'k == "*Foo*"'),
    ("E6 keywords", "- x\n- y", 'any where "x" or "y"'),
    ("E8 a number", "n: 5", "n:5"),
    ("E9 names", "user-agent: x", 'user-agent:"x"'),
    ("E11 a field that may be missing", "k: x", 'k:"x"'),
    ("E12 long texts", "text: x", 'text:"x"'),
]
EQL_CORRELATIONS = [
    ("E14 none at all", COUNT.replace("gte: 3", "lt: 1"), "with runs=1"),
    ("E15 equal values", VALUES, "by n with runs=3"),
    ("E16 no timespan", BOTH, "sample by k"),
    ("E17 malformed", ORDER, "by  with runs=2"),
    ("E18 at most a hundred", COUNT.replace("gte: 3", "gte: 101"), "with runs=101"),
]
ESQL_CORRELATIONS = [
    ("Q10 tumbling windows", COUNT, "date_trunc(5minutes, @timestamp)", "MV_EXPAND a\n| WHERE ms <= a AND ms >= a - "),
    ("Q11 an event of both rules", BOTH, 'event_type=case(k=="a", "a", k=="b", "b")', 'CASE(r0 > 0, "1", "0"), CASE(r1 > 0'),
    ("Q13 events without a key", COUNT, "by timebucket, k", "WHERE g0 IS NOT NULL"),
    ("Q13 an approximate count", VALUES, "count_distinct(n)", "COALESCE(MV_COUNT(values), 0)"),
    ("Q14 no context", COUNT, "stats event_count=count()", "first_seen, last_seen, principals, servers, tools, arguments"),
    ("Q15 every index", COUNT, "from * metadata", "FROM logs-mcp.* METADATA"),
]  # fmt: skip


def _stock(backend: type, text: str) -> str:
    return str(backend().convert(SigmaCollection.from_yaml(text))[-1])


@pytest.mark.parametrize(("row", "question", "wrong"), EQL, ids=lambda value: str(value)[:40])
def test_eql_is_wrong_and_never_emitted(
    asked: Callable[[str], Rule], ours: Answer, row: str, question: str, wrong: str
) -> None:
    assert wrong in _stock(EqlBackend, asked(question).text), row
    answer = ours(question)
    assert isinstance(answer, Query), answer
    assert answer.language in ("lucene", "dsl")


@pytest.mark.parametrize(("row", "text", "wrong"), EQL_CORRELATIONS, ids=lambda value: str(value)[:40])
def test_eql_counts_wrong_and_ours_is_esql(answer: Answer, row: str, text: str, wrong: str) -> None:
    assert wrong in _stock(EqlBackend, BASES + HEAD + text), row
    query = answer(BASES + HEAD + text)
    assert isinstance(query, Query), query
    assert query.language == "esql"


def test_nobody_can_ask_for_eql() -> None:
    assert sorted(McpLuceneBackend.formats) == ["default", "dsl"]


@pytest.mark.parametrize(("row", "text", "wrong", "right"), ESQL_CORRELATIONS, ids=lambda value: str(value)[:40])
def test_the_stock_esql_counts_wrong(answer: Answer, row: str, text: str, wrong: str, right: str) -> None:
    assert wrong in _stock(ESQLBackend, BASES + HEAD + text), row
    query = answer(BASES + HEAD + text)
    assert isinstance(query, Query), query
    assert wrong not in query.text
    assert right in query.text


@pytest.mark.parametrize("text", [ORDER, VALUES.replace("value_count", "value_sum")])
def test_what_the_stock_esql_knows_nothing_of_is_converted(answer: Answer, text: str) -> None:
    """Q16: orders and sums."""
    with pytest.raises(NotImplementedError):
        _stock(ESQLBackend, BASES + HEAD + text)
    assert isinstance(answer(BASES + HEAD + text), Query)
