import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcp_siem.prove.feeds import Feeding, Sample, feed_findings, feeding, read_samples
from mcp_siem.rules.pack import load_pack

HEAD = """\
title: A rule
id: 1f1b6a1e-2f7b-4d0a-9f55-6a1f6f1d0c01
name: first
taxonomy: mcp
logsource: {product: mcp, service: protocol}
detection:
"""
AND = f"{HEAD}    selection: {{gen_ai.tool.name: x, mcp.request.text_folded|contains: y}}\n    condition: selection\n"
OTHER = AND.replace("c01", "c02").replace("name: first", "name: second").replace("A rule", "Another rule")
ORDER = """\
title: One after the other
id: 1f1b6a1e-2f7b-4d0a-9f55-6a1f6f1d0c03
taxonomy: mcp
correlation:
    type: temporal_ordered
    rules: [first, second]
    group-by: [mcp.principal]
    timespan: 1m
level: high
"""


def _samples(**sources: Mapping[str, Sequence[str]]) -> list[Sample]:
    return [
        Sample(source=name, fields={dataset: frozenset(fields) for dataset, fields in held.items()})
        for name, held in sources.items()
    ]


def _fed(tmp_path: Path, text: str, samples: Sequence[Sample]) -> list[Feeding]:
    (tmp_path / "rule.yml").write_text(text, encoding="utf-8")
    return list(feeding(load_pack([tmp_path / "rule.yml"]), samples))


FULL = {"mcp.protocol": ["gen_ai.tool.name", "mcp.request.text", "mcp.principal"]}


def test_a_source_feeds_a_rule_if_it_has_its_logsource_and_its_fields(tmp_path: Path) -> None:
    samples = _samples(
        full=FULL, poor={"mcp.protocol": ["gen_ai.tool.name"]}, other={"web.server": ["gen_ai.tool.name"]}
    )
    (one,) = _fed(tmp_path, AND, samples)
    assert one.sources == ("full",)
    assert one.missing == {"poor": ("mcp.request.text_folded",), "other": None}


def test_fields_of_another_logsource_do_not_count(tmp_path: Path) -> None:
    held = {"mcp.protocol": ["gen_ai.tool.name"], "mcp.inventory": ["mcp.request.text"]}
    (one,) = _fed(tmp_path, AND, _samples(split=held))
    assert one.sources == ()


def test_one_way_of_holding_is_enough_and_absence_needs_nothing(tmp_path: Path) -> None:
    text = f"{HEAD}    a: {{mcp.tool.x: 1}}\n    b: {{gen_ai.tool.name: y}}\n    out: {{mcp.tool.z: 1}}\n"
    (one,) = _fed(tmp_path, f"{text}    condition: (a or b) and not out\n", _samples(full=FULL))
    assert one.sources == ("full",)


def test_an_order_needs_all_its_rules_from_one_source_or_each_from_some(tmp_path: Path) -> None:
    text = f"{AND}---\n{OTHER.replace('service: protocol', 'service: session')}---\n{ORDER}"
    session = {"mcp.session": FULL["mcp.protocol"]}
    both, apart, half = (
        _samples(s={**FULL, **session}),
        _samples(a=FULL, b=session),
        _samples(a=FULL),
    )
    assert [one.sources for one in _fed(tmp_path, text, both)] == [("s",)]
    assert [(one.sources, one.together) for one in _fed(tmp_path, text, apart)] == [((), ("a", "b"))]
    assert [one.fed for one in _fed(tmp_path, text, half)] == [False]


def test_the_keys_of_a_group_are_needed(tmp_path: Path) -> None:
    keyless = {"mcp.protocol": ["gen_ai.tool.name", "mcp.request.text"]}
    (one,) = _fed(tmp_path, f"{AND}---\n{OTHER}---\n{ORDER}", _samples(a=keyless))
    assert one.missing == {"a": ("mcp.principal",)}


def test_a_rule_of_ours_that_none_can_feed_is_a_finding(tmp_path: Path) -> None:
    poor = _samples(poor={"mcp.protocol": ["gen_ai.tool.name"]})
    (finding,) = feed_findings(_fed(tmp_path, AND, poor))
    assert finding.code == "MS320"
    assert "poor comes nearest and lacks mcp.request.text_folded" in finding.message
    assert not list(feed_findings(_fed(tmp_path, AND.replace("taxonomy: mcp\n", ""), poor)))
    assert not list(feed_findings(_fed(tmp_path, AND, _samples(full=FULL))))


def test_samples_are_read_by_source_and_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "sources" / "mine"
    folder.mkdir(parents=True)
    events = [{"event.dataset": "mcp.protocol", "a": {"b": 1}}, {"event.dataset": "mcp.session", "c": 1}]
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    (folder / "case.events.jsonl").write_text(f"{lines}\nbroken\n", encoding="utf-8")
    (tmp_path / "sources" / "empty").mkdir()
    (sample,) = read_samples(tmp_path)
    assert (sample.source, sample.fields["mcp.protocol"]) == ("mine", frozenset({"event.dataset", "a.b"}))
    assert sample.fields["mcp.session"] == frozenset({"event.dataset", "c"})
