"""The coverage reports: what they say, and that no text of a catalogue or rule is taken for markup."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mcp_siem.report.coverage import COVERAGE_FORMATS, Coverage, render_coverage
from mcp_siem.report.terminal import Style
from mcp_siem.rules.catalogue import Catalogue, Technique
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem.rules.rule import Rule, RulePack

HOSTILE = "<script>alert(1)</script>|\x1b[31m\u202e"
TAGS = ("attack.t1685", "attack.t1685.006", "attack.stealth", "atlas.aml.t0081", "owasp-mcp.mcp08", "mcp-ttp.a.b")


def _rule(stem: str, level: str) -> Rule:
    text = f"title: {stem}\nid: 7e3f3b4c-0000-4000-8000-{len(stem):012d}\n"
    return Rule(
        id=f"7e3f3b4c-0000-4000-8000-{len(stem):012d}",
        name=None,
        stem=stem,
        title=f"Title {HOSTILE}",
        level=level,
        status="test",
        kind="detection",
        tags=TAGS,
        logsource=None,
        text=text,
        digest="0",
        path=f"{stem}.yml",
        line=1,
    )


def _coverage(rules: tuple[str, ...] = ("one", "other")) -> Coverage:
    seen = Technique(
        id="a/b",
        name=f"Name {HOSTILE}",
        category="Category",
        severity="high",
        fidelity="medium",
        rules=rules,
        logsources=("mcp/protocol",),
        limits=f"limits {HOSTILE}",
        line=1,
    )
    unseen = replace(seen, id="a/c", fidelity="none", rules=(), logsources=())
    ruled = (_rule("one", "medium"), _rule("other", "critical"))
    pack = RulePack(name="p", version="1", rules=ruled, taxonomy=load_taxonomy(default_pack_dir()), digest="0")
    catalogue = Catalogue(path="catalogue.yaml", repository="r", commit="c" * 40, techniques=(seen, unseen))
    return Coverage(pack=pack, catalogue=catalogue)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's signature
        self.seen.add(tag)


@pytest.mark.parametrize("form", COVERAGE_FORMATS)
def test_no_hostile_text_reaches_a_terminal_or_a_page_as_markup(form: str) -> None:
    text = render_coverage(_coverage(), form, Style(color=False))
    assert text.endswith("\n")
    if form in ("text", "owasp"):
        assert "\x1b" not in text
        assert "\u202e" not in text
    if form == "html":
        tags = _Tags()
        tags.feed(text)
        assert "script" not in tags.seen
    if form == "markdown":
        assert "<script" not in text
        rows = [line for line in text.splitlines() if line.startswith("| a/")]
        assert all(line.replace("\\|", "").count("|") == 7 for line in rows)


def test_the_summary_counts_techniques_by_fidelity() -> None:
    text = render_coverage(_coverage(), "text", Style(color=False))
    assert text.startswith("2 techniques decided by 2 rules; fidelity: 0 high, 1 medium, 0 low, 1 none\n")
    assert "2 rules: one, other" in text
    assert "1 rule: one" in render_coverage(_coverage(("one",)), "text", Style(color=False))


def test_json_holds_the_catalogue_and_the_counts() -> None:
    document = json.loads(render_coverage(_coverage(), "json", Style(color=False)))
    assert document["format"] == 1
    assert document["fidelity"] == {"high": 0, "medium": 1, "low": 0, "none": 1}
    assert [ttp["rules"] for ttp in document["ttps"]] == [["one", "other"], []]


def test_a_layer_names_techniques_with_the_highest_level_of_their_rules() -> None:
    attack = json.loads(render_coverage(_coverage(), "navigator", Style(color=False)))
    assert attack["domain"] == "enterprise-attack"
    assert [(one["techniqueID"], one["score"]) for one in attack["techniques"]] == [("T1685", 100), ("T1685.006", 100)]
    atlas = json.loads(render_coverage(_coverage(), "atlas", Style(color=False)))
    assert atlas["domain"] == "atlas-atlas"
    assert [one["techniqueID"] for one in atlas["techniques"]] == ["AML.T0081"]


def test_owasp_lists_all_ten_also_those_that_no_rule_names() -> None:
    lines = render_coverage(_coverage(), "owasp", Style(color=False)).splitlines()
    assert sum(line.startswith("MCP") for line in lines) == 10
    assert "   2 rules" in next(line for line in lines if line.startswith("MCP08"))
