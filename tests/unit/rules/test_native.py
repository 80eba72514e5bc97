"""Native rules: loaded beside Sigma's, replayed by nobody, converted to what they bring."""

import json
from pathlib import Path

import pytest

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.engine.engine import Engine
from mcp_siem.errors import PackError
from mcp_siem.prove.check import check_paths
from mcp_siem.rules.native import native_query, native_window
from mcp_siem.rules.pack import load_pack
from mcp_siem.testing import event
from mcp_siem_backends.elastic.target import ElasticTarget
from mcp_siem_backends.opensearch.target import OpenSearchTarget
from mcp_siem_backends.splunk.target import SplunkTarget

NATIVE = """title: Nothing Came
id: 6e1f7d2a-6c83-4f0c-9b0f-0d0f3a4a1f22
name: nothing_came
logsource: {product: mcp, service: health}
level: critical
native:
    window: 10m
    elastic: {language: esql, query: "FROM logs-mcp.*\\n| STATS n = COUNT(*)"}
    splunk: {language: spl, query: "`mcp_siem_index` a=b | stats count"}
    opensearch: {language: opensearch_dsl, query: '{"size": 0, "aggs": {"correlation": {}}}'}
"""


def _file(tmp_path: Path, text: str, name: str = "nothing.yaml") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_a_native_rule_has_the_stem_of_its_file_and_its_own_kind(tmp_path: Path) -> None:
    pack = load_pack([_file(tmp_path, NATIVE)])
    (rule,) = pack.native()
    assert (rule.stem, rule.kind, rule.level) == ("nothing", "native", "critical")
    assert native_window(rule) == 600
    assert native_query(rule, "nowhere") is None


def test_the_engine_passes_it_over(tmp_path: Path) -> None:
    engine = Engine(load_pack([_file(tmp_path, NATIVE)]))
    assert engine.match(event({"event.dataset": "mcp.health"}))[0] == []


def test_each_target_takes_its_own_query_and_looks_back_over_the_window(tmp_path: Path) -> None:
    pack = load_pack([_file(tmp_path, NATIVE)])
    (rule,) = pack
    for target, owned, back in (
        (ElasticTarget(pack.taxonomy), "from", "now-20m"),
        (SplunkTarget(pack.taxonomy), "dispatch.earliest_time", "-600s"),
        (OpenSearchTarget(pack.taxonomy), "lookback_seconds", 1800),
    ):
        query = target.query(rule)
        assert isinstance(query, Query), query
        assert json.loads(target.resource(query, rule).spec)[owned] == back


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    elastic:", "    nowhere:", "ELASTIC-NATIVE-NONE"),
        ("esql", "eql", "ELASTIC-NATIVE-SCOPE"),
        ("FROM logs-mcp.*", "FROM *", "ELASTIC-NATIVE-SCOPE"),
        ("`mcp_siem_index` a", "index=* a", "SPLUNK-NATIVE-SCOPE"),
        ('{"size"', '{size"', "OPENSEARCH-NATIVE-SCOPE"),
        ('"correlation"', '"other"', "OPENSEARCH-NATIVE-SCOPE"),
    ],
)
def test_a_query_that_looks_elsewhere_is_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    pack = load_pack([_file(tmp_path, NATIVE.replace(old, new))])
    (rule,) = pack
    answers = [kind(pack.taxonomy).query(rule) for kind in (ElasticTarget, SplunkTarget, OpenSearchTarget)]
    assert [answer.code for answer in answers if isinstance(answer, Refusal)] == [code]


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("window: 10m", "window: 0m", "MS018", 7),
        ("window: 10m", "window: [10m]", "MS018", 7),
        ("query: '{", "text: '{", "MS011", 10),
        ("language: spl", "language: 3", "MS011", 9),
    ],
)
def test_what_is_wrong_with_it_is_told_at_its_line(tmp_path: Path, old: str, new: str, code: str, line: int) -> None:
    with pytest.raises(PackError) as caught:
        load_pack([_file(tmp_path, NATIVE.replace(old, new))])
    assert {issue.line for issue in caught.value.issues} == {line}
    assert code in {issue.code for issue in caught.value.issues}


def test_a_native_section_that_is_no_mapping_or_holds_no_query_is_told(tmp_path: Path) -> None:
    head = NATIVE.partition("native:")[0]
    for body, code in (("native: x\n", "MS011"), ("native: {window: 1h}\n", "MS010")):
        with pytest.raises(PackError) as caught:
            load_pack([_file(tmp_path, head + body)])
        assert [issue.code for issue in caught.value.issues] == [code]


def test_no_correlation_counts_what_only_a_siem_sees(tmp_path: Path) -> None:
    text = "title: C\ncorrelation: {type: event_count, rules: [nothing_came], timespan: 1h, condition: {gte: 1}}\n"
    _file(tmp_path, NATIVE)
    _file(tmp_path, text, "count.yml")
    with pytest.raises(PackError) as caught:
        load_pack([tmp_path])
    assert [issue.code for issue in caught.value.issues] == ["MS017"]


def test_check_counts_it_apart_and_says_that_no_case_was_replayed(tmp_path: Path) -> None:
    report = check_paths([_file(tmp_path, NATIVE)])
    assert (report.rules, report.findings) == (0, ())
    assert [note for note in report.notes if "nothing is native" in note]
    text = NATIVE + "taxonomy: mcp\n"
    codes = {finding.code for finding in check_paths([_file(tmp_path, text)]).findings}
    assert {"MS207", "MS210"} <= codes
    assert "MS211" not in codes
