import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mcp_siem.convert.target import Change, Marker, Query, Refusal, Remote, Resource, Step
from mcp_siem.errors import UsageError
from mcp_siem.prove.check import check_paths
from mcp_siem.prove.goldens import compare_goldens, golden_path, golden_texts
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import Rule, RulePack

RULE = """\
title: A rule
id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
logsource: {product: any}
detection: {selection: {tool: run}, condition: selection}
"""


class Echo:
    """A target whose query names the rule, and that refuses on demand."""

    def __init__(self, name: str, *, refuses: bool = False) -> None:
        self.name = name
        self.refuses = refuses

    def query(self, rule: Rule) -> Query | Refusal:
        if self.refuses:
            return Refusal(rule_id=rule.id, stem=rule.stem, target=self.name, code="E1", reason="cannot mean it")
        text = f"title={rule.title}\n| head"
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Query(
            rule_id=rule.id,
            stem=rule.stem,
            target=self.name,
            language="q",
            text=text,
            digest=digest,
            notes=("approximate",),
        )

    def resource(self, query: Query, rule: Rule) -> Resource:
        raise NotImplementedError

    def parse(self, document: Mapping[str, object]) -> Remote:
        raise NotImplementedError

    def steps(self, change: Change, remote: Remote | None, marker: Marker) -> list[Step]:
        raise NotImplementedError


@pytest.fixture
def pack(tmp_path: Path) -> RulePack:
    (tmp_path / "a_rule.yml").write_text(RULE)
    return load_pack([tmp_path])


def test_goldens_stand_beside_the_rule_one_for_each_target(pack: RulePack, tmp_path: Path) -> None:
    texts = golden_texts(pack, [Echo("elastic"), Echo("splunk")])
    assert list(texts) == [tmp_path / "a_rule.elastic.json", tmp_path / "a_rule.splunk.spl"]
    assert json.loads(texts[tmp_path / "a_rule.elastic.json"]) == {
        "language": "q",
        "notes": ["approximate"],
        "query": ["title=A rule", "| head"],
    }
    assert texts[tmp_path / "a_rule.splunk.spl"] == "title=A rule\n| head\n"


def test_a_refusal_is_golden_too(pack: RulePack, tmp_path: Path) -> None:
    texts = golden_texts(pack, [Echo("elastic", refuses=True), Echo("splunk", refuses=True)])
    assert json.loads(texts[tmp_path / "a_rule.elastic.json"]) == {
        "refused": {"code": "E1", "reason": "cannot mean it"}
    }
    assert texts[tmp_path / "a_rule.splunk.spl"] == "``` refused E1: cannot mean it ```\n"


def test_a_golden_that_differs_is_located_at_its_first_other_line(pack: RulePack) -> None:
    path = golden_path(pack.rules[0], "splunk")
    expected = {path: "one\ntwo\n"}
    told = [
        (finding.code, finding.line)
        for held in ("one\ntwo\n", "one\nthree\n", "one\n", None)
        for finding in compare_goldens(expected, {path: held})
    ]
    assert told == [("MS901", 2), ("MS901", 2), ("MS902", 1)]


def test_check_compares_the_goldens_that_are_there(pack: RulePack, tmp_path: Path) -> None:
    target = Echo("splunk")
    assert check_paths([tmp_path], targets=[target]).findings == ()
    golden = golden_path(pack.rules[0], "splunk")
    golden.write_text("something else\n")
    assert [finding.code for finding in check_paths([tmp_path], targets=[target]).findings] == ["MS901"]
    golden.write_text(golden_texts(pack, [target])[golden])
    assert check_paths([tmp_path], targets=[target]).findings == ()
    golden.unlink()
    (tmp_path / "a_rule.yml").write_text("taxonomy: sigma\n" + RULE)
    assert check_paths([tmp_path], targets=[target]).findings == ()


def test_a_target_that_fails_on_a_rule_is_a_finding(pack: RulePack, tmp_path: Path) -> None:
    class Broken(Echo):
        def query(self, rule: Rule) -> Query | Refusal:
            raise UsageError(f"cannot convert {rule.stem}", hint="report it")

    golden_path(pack.rules[0], "splunk").write_text("x\n")
    (finding,) = check_paths([tmp_path], targets=[Broken("splunk")]).findings
    assert (finding.code, finding.path, finding.line) == ("MS903", str(tmp_path / "a_rule.yml"), 1)
