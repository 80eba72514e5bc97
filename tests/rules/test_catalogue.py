"""The catalogue decides every technique, and says of each just what the rules do."""

import re
from pathlib import Path

import pytest

from mcp_siem.errors import ConfigError
from mcp_siem.prove.check import check_paths
from mcp_siem.rules.catalogue import (
    CATALOGUE_FILE,
    Catalogue,
    Sighting,
    Technique,
    catalogue_faults,
    read_catalogue,
    sightings,
)
from mcp_siem.rules.pack import default_pack_dir, load_pack
from mcp_siem.rules.rule import RulePack

FILE = default_pack_dir() / CATALOGUE_FILE
NOTHING = Sighting(rules=(), logsources=())


def _written(text: str, pack: RulePack, catalogue: Catalogue) -> str:
    """The catalogue with the lists of rules and logsources that the tags of the pack give."""
    seen = sightings(pack)
    by_id = {technique.id: technique for technique in catalogue.techniques}
    entries = re.split(r"(?m)^(?=  - id: )", text)
    return entries[0] + "".join(_entry(entry, by_id, seen) for entry in entries[1:])


def _entry(entry: str, by_id: dict[str, Technique], seen: object) -> str:
    assert isinstance(seen, dict)
    match = re.match(r"  - id: (\S+)", entry)
    assert match
    found = seen.get(by_id[match[1]].tag, NOTHING)
    for key, names in (("rules", found.rules), ("logsources", found.logsources)):
        listed = "".join(f"\n      - {name}" for name in names) or " []"
        entry = re.sub(rf"(?m)^    {key}:.*(\n      - .*)*", f"    {key}:{listed}", entry)
    return entry


def test_the_catalogue_and_the_tags_of_the_rules_say_the_same(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    pack = load_pack()
    catalogue = read_catalogue(default_pack_dir())
    assert catalogue is not None
    if update_golden:
        FILE.write_text(_written(FILE.read_text(encoding="utf-8"), pack, catalogue), encoding="utf-8")
        catalogue = read_catalogue(default_pack_dir())
        assert catalogue is not None
    assert list(catalogue_faults(catalogue, pack)) == []


def test_all_73_techniques_are_decided_once() -> None:
    catalogue = read_catalogue(default_pack_dir())
    assert catalogue is not None
    assert len({technique.id for technique in catalogue.techniques}) == len(catalogue.techniques) == 73
    assert all(len(technique.limits) > 40 for technique in catalogue.techniques)


def test_a_tag_that_the_catalogue_does_not_know_is_a_fault() -> None:
    pack = load_pack()
    catalogue = read_catalogue(default_pack_dir())
    assert catalogue is not None
    fewer = Catalogue(
        path=catalogue.path,
        repository="",
        commit="",
        techniques=tuple(one for one in catalogue.techniques if one.tag not in pack.alerting()[0].tags),
    )
    faults = list(catalogue_faults(fewer, pack))
    assert any("names no technique" in fault.message and fault.path == pack.alerting()[0].path for fault in faults)


PACK = 'name = "small"\n'
RULE = """title: A Rule of Its Own
id: 6e1f7d2a-6c83-4f0c-9b0f-0d0f3a4a1f11
logsource: {product: mcp, service: protocol}
detection: {selection: {gen_ai.tool.name: x}, condition: selection}
tags: [mcp-ttp.prompt-injection.hidden-instructions]
level: low
"""
ENTRY = """  - id: prompt-injection/hidden-instructions
    name: Hidden Instructions
    category: Prompt Injection
    severity: high
    fidelity: FIDELITY
    rules: RULES
    logsources: SOURCES
    limits: what is not seen
"""


@pytest.mark.parametrize(
    ("fidelity", "rules", "sources", "says"),
    [
        ("high", "[rule]", "[mcp/protocol]", None),
        ("high", "[]", "[mcp/protocol]", "differ in rule"),
        ("high", "[rule, other]", "[mcp/protocol]", "differ in other"),
        ("high", "[rule]", "[mcp/http]", "its rules read mcp/protocol"),
        ("none", "[rule]", "[mcp/protocol]", "is seen by rule, and its fidelity is none"),
        ("good", "[rule]", "[mcp/protocol]", "fidelity 'good' is none of high, medium, low, none"),
    ],
)
def test_check_tells_where_catalogue_and_rules_differ(
    tmp_path: Path, fidelity: str, rules: str, sources: str, says: str | None
) -> None:
    (tmp_path / "pack.toml").write_text(PACK, encoding="utf-8")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rule.yml").write_text(RULE, encoding="utf-8")
    entry = ENTRY.replace("FIDELITY", fidelity).replace("RULES", rules).replace("SOURCES", sources)
    (tmp_path / CATALOGUE_FILE).write_text(f"format: 1\nttps:\n{entry}", encoding="utf-8")
    told = [finding for finding in check_paths([tmp_path]).findings if finding.code == "MS216"]
    if says is None:
        assert told == []
    else:
        assert len(told) == 1
        assert says in told[0].message
        assert told[0].line > 2
        assert told[0].path == str(tmp_path / CATALOGUE_FILE)


@pytest.mark.parametrize("text", ["", "[]", "format: 2\nttps: []", "format: 1\nttps:\n  - id: x", "a: [", "x: &a [*a]"])
def test_a_catalogue_that_cannot_be_read_names_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / CATALOGUE_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_catalogue(tmp_path)
    assert str(tmp_path / CATALOGUE_FILE) in str(caught.value)
    assert caught.value.hint
