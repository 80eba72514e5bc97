"""Where the stock backends of pySigma are wrong, run on a real engine beside ours: Lucene (L), ES|QL (Q), all targets (A).

Each row: the difference, a detection, an event, whether the rule holds for it. The stock query says otherwise, or fails.
"""

from collections.abc import Mapping

import pytest
from elastic_engine import Elasticsearch, QueryFailedError, shipped
from referee_cases import packed
from sigma.backends.elasticsearch import ESQLBackend, LuceneBackend
from sigma.collection import SigmaCollection

from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.elastic.target import ElasticTarget

TAXONOMY = load_taxonomy(default_pack_dir())
HEAD = "title: t\nid: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11\nstatus: test\nlevel: low\nlogsource: {product: mcp}\n"
Row = tuple[str, str, Mapping[str, object], bool]

LUCENE: list[Row] = [
    ("L1 case on a keyword", "mcp.request.text: Value", {"mcp.request.text": "VALUE"}, True),
    ("L3 anchors", "user.id|re: ^foo$", {"user.id": "foo"}, True),
    ("L3 a pattern is searched", "user.id|re: foo", {"user.id": "a foo b"}, True),
    ("L4 inline flags", "user.id|re|i: foo", {"user.id": "FOO"}, True),
    ("L5 operators of Lucene's patterns", "user.id|re: a@b", {"user.id": "a-b"}, False),
    ("L6 names", "free/x: y", {"free/x": "y"}, True),
    ("L7 networks on a keyword", "free.ip|cidr: 10.0.0.0/8", {"free.ip": "10.1.2.3"}, True),
    ("L8 an order on a keyword", "user.id|gte: 5", {"user.id": "10"}, True),
    ("L9 < cannot be escaped, and makes a range", "user.id: '<b'", {"user.id": "a b"}, False),
    ("L10 keywords and case of long texts", "- IGNORE previous", {"mcp.request.text": "Ignore Previous"}, True),
    ("L11 fieldref", "user.id|fieldref: user.email", {"user.id": "A", "user.email": "a"}, True),
    ("L11 cased", "user.id|cased: Foo", {"user.id": "Foo"}, True),
    ("L11 parts of times", "free.when|hour: 3", {"free.when": "2026-11-25T05:00:00+02:00"}, True),
    ("L11 patterns as keywords", "'|re': fo+", {"user.id": "a foo"}, True),
    ("A1 a placeholder without a value", "user.id|expand: '%nobody%'", {"user.id": "x"}, False),
    ("A6 disguised text", "mcp.request.text_folded|contains: IGNORE", {"mcp.request.text": "ig\u200bnore"}, True),
]
ESQL: list[Row] = [
    ("Q1 case", "mcp.request.text: Value", {"mcp.request.text": "VALUE"}, True),
    ("Q2 not of a field that is not there", "a: {user.id: x}\ncondition: not a", {"user.email": "y"}, True),
    ("Q3 several values", "user.id: x", {"user.id": ["x", "y"]}, True),
    ("Q4 a value with an asterisk", r"user.id|contains: 'a\*b'", {"user.id": "xa*bx"}, True),
    ("Q5 backslashes", r"user.id|contains: 'a\\b'", {"user.id": r"xa\bx"}, True),
    ("Q6 a field that no index has", "free.other: x", {"user.id": "y"}, False),
    ("Q7 a pattern is searched", "user.id|re: foo", {"user.id": "a foo b"}, True),
    ("Q7 inline flags", "user.id|re|i: foo", {"user.id": "FOO"}, True),
    ("Q8 a number on a keyword", "user.id: 5", {"user.id": "5"}, True),
    ("Q8 a network on a keyword", "user.id|cidr: 10.0.0.0/8", {"user.id": "10.1.2.3"}, True),
    ("Q9 keywords", "- needle", {"user.id": "a needle"}, True),
    ("Q9 cased", "user.id|cased: Foo", {"user.id": "Foo"}, True),
    ("Q9 parts of times", "free.when|hour: 3", {"free.when": "2026-11-25T03:00:00Z"}, True),
]


def _text(question: str) -> str:
    if "condition:" in question:
        return HEAD + "detection:\n" + "".join(f"  {line}\n" for line in question.split("\n"))
    return f"{HEAD}detection:\n  sel:\n    {question}\n  condition: sel\n"


def _stock(server: Elasticsearch, text: str, backend: type) -> bool | None:
    """What the stock query finds; None if there is none, or the engine refuses it."""
    try:
        (query,) = backend().convert(SigmaCollection.from_yaml(text))
    except Exception:  # noqa: BLE001 - whatever the stock backend does with a rule it does not know
        return None
    try:
        if backend is LuceneBackend:
            return bool(server.lucene(query))
        return bool(server.rows(query.replace("from *", "from logs-mcp.*")))
    except QueryFailedError:
        return None


def _ours(server: Elasticsearch, text: str) -> bool:
    (pack,) = packed([text])
    answer = ElasticTarget(TAXONOMY).query(next(iter(pack)))
    return isinstance(answer, Query) and bool(server.events(answer))


@pytest.mark.parametrize(
    ("row", "backend"),
    [*((row, LuceneBackend) for row in LUCENE), *((row, ESQLBackend) for row in ESQL)],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_stock_query_is_wrong_and_ours_is_right(server: Elasticsearch, row: Row, backend: type) -> None:
    name, question, event, expected = row
    text = _text(question)
    server.load(TAXONOMY, [shipped(event, TAXONOMY)])
    assert _stock(server, text, backend) is not expected, name
    assert _ours(server, text) is expected, name
    if "%" not in question:
        (pack,) = packed([text])
        assert bool(Engine(pack).match(Event(data=event))[0]) is expected, name


def test_a_value_longer_than_a_dynamic_mapping_keeps_is_found_in_ours(server: Elasticsearch) -> None:
    """L13: padding evades an index whose keyword holds 256 characters."""
    event = {"mcp.request.text": "x" * 20_000 + " ignore previous", "user.id": "y" * 1_100 + "needle"}
    for question in ("mcp.request.text|contains: ignore previous", "user.id|contains: needle"):
        server.load_mapped({"properties": {name: {"type": "keyword", "ignore_above": 256} for name in event}}, [event])
        (query,) = LuceneBackend().convert(SigmaCollection.from_yaml(_text(question)))
        assert server.lucene(query) == []
        server.load(TAXONOMY, [event])
        assert _ours(server, _text(question))


def test_an_array_of_objects_is_asked_as_the_engine_asks_it(server: Elasticsearch) -> None:
    """L14: conditions on two keys may be met by two objects, as in the engine; a nested mapping would miss both."""
    text = _text("{free.list.k: a, free.list.v: 2}")
    event = {"free": {"list": [{"k": "a", "v": "1"}, {"k": "b", "v": "2"}]}}
    server.load_mapped({"properties": {"free": {"properties": {"list": {"type": "nested"}}}}}, [event])
    (query,) = LuceneBackend().convert(SigmaCollection.from_yaml(text))
    assert server.lucene(query) == []
    server.load(TAXONOMY, [event])
    (pack,) = packed([text])
    assert _ours(server, text)
    assert Engine(pack).match(Event(data=event))[0]


def test_the_empty_text_is_a_value_and_null_is_none(server: Elasticsearch) -> None:
    """L12: presence, null and the empty text are three questions."""
    server.load(TAXONOMY, [{"user.id": ""}, {"user.email": "x"}])
    for question, found in (("user.id: ''", [0]), ("user.id: null", [1]), ("user.id|exists: true", [0])):
        (pack,) = packed([_text(question)])
        answer = ElasticTarget(TAXONOMY).query(next(iter(pack)))
        assert isinstance(answer, Query)
        assert server.events(answer) == found, question
