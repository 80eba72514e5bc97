import json
from collections.abc import Sequence
from pathlib import Path

from sigma.collection import SigmaCollection

from mcp_siem.convert.target import Target
from mcp_siem.prove.check import check_paths
from mcp_siem.prove.goldens import compare_goldens, golden_texts
from mcp_siem.rules.card import rule_card
from mcp_siem.rules.pack import default_pack_dir
from mcp_siem.rules.rule import RulePack

IDS = Path(__file__).with_name("ids.json")


def test_the_pack_has_no_finding(pack: RulePack) -> None:
    report = check_paths(None)
    assert [f"{one.path}:{one.line}: {one.code} {one.message}" for one in report.findings] == []
    assert report.rules + len([rule for rule in pack if rule.off]) + len(pack.native()) == len(pack.alerting())
    assert report.rules >= 16


def test_golden_queries_are_what_the_targets_give(
    pack: RulePack, targets: Sequence[Target], *, update_golden: bool
) -> None:
    expected = golden_texts(pack, targets)
    if update_golden:
        for path, text in expected.items():
            path.write_text(text, encoding="utf-8")
    held = {path: path.read_text(encoding="utf-8") if path.is_file() else None for path in expected}
    assert [f"{one.path}:{one.line}: {one.message}" for one in compare_goldens(expected, held)] == []


def test_ids_never_change(pack: RulePack, *, update_golden: bool) -> None:
    """Alerts, exceptions and deployed rules hang on them; a rule that is retired keeps its line."""
    ids = {rule.stem: rule.id for rule in pack if rule.kind != "filter"}
    known = json.loads(IDS.read_text(encoding="utf-8")) if IDS.is_file() else {}
    if update_golden:
        IDS.write_text(json.dumps({**ids, **known}, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        known = {**ids, **known}
    assert {stem: known.get(stem) for stem in ids} == ids, "a new rule: run `pytest tests/rules --update-golden`"
    assert len(set(known.values())) == len(known)


def test_plain_pysigma_reads_every_rule_file() -> None:
    files = sorted((default_pack_dir() / "rules").rglob("*.yml"))
    assert files
    for file in files:
        with file.open(encoding="utf-8") as text:
            collection = SigmaCollection.from_yaml(text, resolve_references=False)
        assert not collection.errors, file


def test_every_rule_answers_what_an_analyst_asks(pack: RulePack) -> None:
    for rule in pack.alerting():
        card = rule_card(rule)
        assert all((card.description, card.response, card.falsepositives, card.known_gaps, card.references)), rule.stem
