"""An index that others mapped as plain keywords, texts and numbers: the query for its `_field_caps` means the rule there."""

import random
from collections.abc import Mapping
from pathlib import Path

import elastic_random
import pytest
import yaml
from elastic_engine import Elasticsearch
from elastic_streams import BASES, HEAD

from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.event import Event
from mcp_siem.events.time import format_time
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem_backends.elastic.foreign import ForeignIndex
from mcp_siem_backends.elastic.target import ElasticTarget

TAXONOMY = load_taxonomy(default_pack_dir())
LOWER = {"analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}}}
KEYWORD = {"type": "keyword", "ignore_above": 1024}
MAPPING: Mapping[str, object] = {
    "gen_ai.tool.name": KEYWORD,
    "mcp.server.url": KEYWORD,
    "mcp.request.text": {"type": "text", "fields": {"keyword": KEYWORD}},
    "mcp.argument.value": KEYWORD,
    "x": {"type": "keyword", "normalizer": "lower"},
    "sub.y z": KEYWORD,
    "w/\xe9": KEYWORD,
    "@odd-name.k": KEYWORD,
    "http.response.status_code": {"type": "long", "ignore_malformed": True},
    "mcp.tool.is_error": {"type": "boolean", "ignore_malformed": True},
    "source.ip": {"type": "ip", "ignore_malformed": True},
    "ip2": KEYWORD,
    "n": {"type": "double"},
    "event.dataset": KEYWORD,
    "words": {"type": "text"},
}


def _clean(event: Mapping[str, object]) -> dict[str, object]:
    """Without values that a typed field cannot hold as what it is."""
    whole = dict(event)
    if not isinstance(whole.get("http.response.status_code"), int):
        whole.pop("http.response.status_code", None)
    if whole.get("mcp.tool.is_error") not in (True, False):
        whole.pop("mcp.tool.is_error", None)
    if whole.get("source.ip") in ("bogus", "2001:DB8::1", "::ffff:10.1.2.3"):
        whole.pop("source.ip")
    return whole


def _target(server: Elasticsearch) -> ElasticTarget:
    return ElasticTarget(TAXONOMY, ForeignIndex(server.caps(), TAXONOMY))


def _asks(rule: Mapping[str, object]) -> str:
    return yaml.safe_dump(rule, allow_unicode=True)


@pytest.mark.parametrize("batch", range(4))
def test_random_detections_find_the_same_events_in_a_foreign_index(
    server: Elasticsearch, batch: int, tmp_path: Path
) -> None:
    choose = random.Random(f"foreign {batch}")
    events = [_clean(elastic_random.event(choose)) for _ in range(80)]
    server.load_mapped({"dynamic": False, "properties": MAPPING}, events, settings=LOWER)
    target = _target(server)
    compared = 0
    for number in range(40):
        rule = elastic_random.rule(choose, number)
        text = _asks(rule)
        if "_folded" in text or "x|re" in text or ("x|" in text and "cased" in text):
            continue
        path = tmp_path / "rule.yml"
        path.write_text(text, encoding="utf-8")
        pack = load_pack([path])
        answer = target.query(next(iter(pack)))
        if not isinstance(answer, Query):
            assert answer.code in ("ELASTIC-REGEX-TYPE", "ELASTIC-REGEX-SIZE", "ELASTIC-PATTERN-EFFORT"), answer
            continue
        compared += 1
        clear = [at for at, event in enumerate(events) if elastic_random.comparable(event, answer.notes)]
        engine = Engine(pack)
        wanted = [at for at in clear if engine.match(Event(data=events[at]))[0]]
        assert [at for at in server.events(answer) if at in clear] == wanted, (rule["detection"], answer.text)
    assert compared > 10


WORDS = [
    ("words|contains: IGNORE", [0, 1], True),
    ("words|contains: gnor", [0, 1], True),
    ("words|contains: 'previous ins'", [0, 2], False),
    ("words|startswith: ignore", [0, 1], False),
    ("words: '*'", [0, 1, 2, 3], True),
]


@pytest.mark.parametrize(("question", "found", "exact"), WORDS)
def test_words_of_a_text_are_never_missed(
    server: Elasticsearch, question: str, found: list[int], tmp_path: Path, *, exact: bool
) -> None:
    texts = ["Ignore previous instructions", "please ignore", "insult the previous", "nothing"]
    server.load_mapped({"dynamic": False, "properties": MAPPING}, [{"words": text} for text in texts], settings=LOWER)
    path = tmp_path / "rule.yml"
    path.write_text(
        f"title: t\nid: 00000000-0000-4000-8000-000000000001\nstatus: test\nlevel: low\nlogsource: {{product: mcp}}\n"
        f"detection:\n  sel:\n    {question}\n  condition: sel\n",
        encoding="utf-8",
    )
    answer = _target(server).query(next(iter(load_pack([path]))))
    assert isinstance(answer, Query), answer
    assert server.events(answer) == found
    assert ("more is found" not in " ".join(answer.notes)) is exact


CORRELATIONS = [
    "type: event_count\n  rules: [base_a, base_b]\n  group-by: [user.id]\n  timespan: 1m\n  condition: {gte: 3}",
    "type: event_count\n  rules: [base_a]\n  group-by: [source.ip]\n  timespan: 1m\n  condition: {gte: 2}",
    "type: value_sum\n  rules: [base_a]\n  group-by: [user.id]\n  timespan: 1m\n  condition: {gte: 9, field: size}",
    "type: value_count\n  rules: [base_a]\n  group-by: [user.id]\n  timespan: 1m\n  condition: {gte: 2, field: size}",
]


@pytest.mark.parametrize("text", CORRELATIONS)
def test_correlations_hold_for_the_same_in_a_foreign_index(server: Elasticsearch, text: str, tmp_path: Path) -> None:
    choose = random.Random(text)
    mapping = {
        "@timestamp": {"type": "date_nanos"},
        "event.action": KEYWORD,
        "user.id": KEYWORD,
        "source.ip": {"type": "ip"},
        "size": {"type": "integer"},
    }
    rows = [
        {
            "event.action": choose.choice("abA"),
            "user.id": choose.choice(["u1", "u2", ["u1", "u3"]]),
            "source.ip": choose.choice(["10.0.0.1", "2001:db8::1"]),
            "size": choose.choice([1, 5, 7, [5, 5]]),
        }
        for _ in range(80)
    ]
    times = sorted(choose.sample(range(1_700_000_000_000, 1_700_000_900_000), len(rows)))
    events = [
        Event(data={**row, "@timestamp": format_time(time * 1000)}, time=time * 1000)
        for row, time in zip(rows, times, strict=True)
    ]
    server.load_mapped({"dynamic": False, "properties": mapping}, [event.data for event in events])
    path = tmp_path / "rule.yml"
    path.write_text(f"{BASES}{HEAD}  {text}\n", encoding="utf-8")
    pack = load_pack([path])
    (rule,) = [rule for rule in pack if rule.kind == "correlation"]
    answer = _target(server).query(rule)
    assert isinstance(answer, Query), answer
    alerts = [alert for alert in replay(Engine(pack, every=True), events) if alert.rule_id == rule.id]
    keys = list(alerts[0].group or {})
    wanted = {(tuple(map(str, (one.group or {}).values())), (one.time or 0) // 1000) for one in alerts}
    assert server.esql(answer.text, keys) == wanted
