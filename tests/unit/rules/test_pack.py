import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule

from mcp_siem.errors import PackError
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_secret_formats, load_taxonomy, read_pack
from mcp_siem.rules.parse import main_rule, parse_rule
from mcp_siem.rules.rule import LogSource, RulePack

Load = Callable[..., RulePack]

CORRELATION = """\
title: Many
id: 9c1ad1f2-3d0e-4d0a-8f5b-1a2b3c4d5e6f
name: many
correlation:
    type: event_count
    rules: [a_rule]
    group-by: [user]
    timespan: 5m
    condition: {gte: 3}
level: medium
"""


def test_a_rule_is_read_with_what_sigma_says_of_it(load: Load, rule_text: str) -> None:
    (rule,) = load(a_rule=rule_text + "tags: [attack.t1059]\nstatus: stable\n")
    assert (rule.id, rule.name, rule.stem, rule.title) == (
        "5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11",
        "a_rule",
        "a_rule",
        "A rule",
    )
    assert (rule.level, rule.status, rule.kind, rule.tags) == ("high", "stable", "detection", ("attack.t1059",))
    assert rule.logsource == LogSource(product="mcp", service="protocol")
    assert rule.path.endswith("rules_here/a_rule.yml")
    assert rule.line == 1
    assert rule.alerts
    assert rule.off is None


def test_a_correlation_carries_the_documents_it_refers_to_first(load: Load, rule_text: str) -> None:
    pack = load(many=CORRELATION, base=rule_text)
    many = next(rule for rule in pack if rule.kind == "correlation")
    titles = [document["title"] for document in yaml.safe_load_all(many.text)]
    assert titles == ["A rule", "Many"]
    collection = parse_rule(many)
    assert isinstance(collection, SigmaCollection)
    main = main_rule(many, collection)
    assert isinstance(main, SigmaCorrelationRule)
    assert main.rules is not None
    assert str(main.rules[0].rule.title) == "A rule"


def test_references_may_be_ids_in_any_case_or_names(load: Load, rule_text: str) -> None:
    by_id = CORRELATION.replace("[a_rule]", "5A0F0B0E-9F5C-4C3E-8A52-0D3F8F4F6C11")
    (alerting,) = load(many=by_id, base=rule_text).alerting()
    assert alerting.title == "Many"
    assert parse_rule(alerting)


def test_a_base_rule_alerts_only_where_a_correlation_says_generate(load: Load, rule_text: str) -> None:
    silent = load(many=CORRELATION, base=rule_text)
    assert [rule.stem for rule in silent.alerting()] == ["many"]
    kept = CORRELATION.replace("    timespan", "    generate: true\n    timespan")
    assert [rule.stem for rule in load(many=kept, base=rule_text).alerting()] == ["base", "many"]
    # A correlation somebody adds must not silence a rule that another says alerts.
    second = CORRELATION.replace("9c1ad1f2", "9c1ad1f3").replace("name: many", "name: more")
    assert len(load(many=kept, more=second, base=rule_text).alerting()) == 3


def test_correlations_of_correlations_carry_all_below_them(load: Load, rule_text: str) -> None:
    second = CORRELATION.replace("9c1ad1f2", "9c1ad1f3").replace("name: many", "name: more").replace("a_rule", "many")
    pack = load(many=CORRELATION, more=second, base=rule_text)
    assert [rule.stem for rule in pack.alerting()] == ["more"]
    (top,) = pack.alerting()
    assert [document.get("name") for document in yaml.safe_load_all(top.text)] == ["a_rule", "many", "more"]


def test_a_temporal_correlation_may_name_its_rules_in_the_condition_alone(load: Load, rule_text: str) -> None:
    other = rule_text.replace("5a0f", "5a1f").replace("a_rule", "b_rule")
    text = CORRELATION.replace("event_count", "temporal").replace("    rules: [a_rule]\n", "")
    text = text.replace("{gte: 3}", "a_rule and not b_rule")
    pack = load(many=text, a=rule_text, b=other)
    (rule,) = pack.alerting()
    assert [document.get("name") for document in yaml.safe_load_all(rule.text)] == ["a_rule", "b_rule", "many"]


def test_the_stem_of_a_file_is_that_of_its_last_rule_that_alerts(load: Load, rule_text: str) -> None:
    pack = load(probing=f"{rule_text}---\n{CORRELATION}")
    assert [(rule.stem, rule.title, rule.line) for rule in pack] == [
        ("probing", "Many", 13),
        ("probing.a_rule", "A rule", 1),
    ]


def test_files_of_one_name_have_stems_of_their_own(tmp_path: Path, rule_text: str) -> None:
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "same.yml").write_text(rule_text.replace("5a0f", f"5a{number}f").replace("a_rule", f"r{number}"))
    stems = [rule.stem for rule in load_pack([tmp_path])]
    assert len(set(stems)) == 2
    assert stems[0] == "same"


def test_a_file_named_twice_is_read_once(tmp_path: Path, rule_text: str) -> None:
    file = tmp_path / "rule.yml"
    file.write_text(rule_text)
    (tmp_path / "link.yml").symlink_to(file)
    assert len(load_pack([file, tmp_path, file])) == 1


def test_formatting_does_not_change_a_digest_and_meaning_does(load: Load, rule_text: str) -> None:
    plain = load(a=rule_text)
    dressed = load(
        a="# why\n" + rule_text.replace("tool|contains: run", '"tool|contains":   [run]').replace("[run]", "'run'")
    )
    assert plain.rules[0].digest == dressed.rules[0].digest
    assert plain.digest == dressed.digest
    for old, new in (
        ("run", "ran"),
        ("level: high", "level: low"),
        ("product: mcp", "product: mcq"),
        ("A rule", "B rule"),
    ):
        assert load(a=rule_text.replace(old, new)).rules[0].digest != plain.rules[0].digest


def test_a_correlation_changes_its_digest_with_its_base(load: Load, rule_text: str) -> None:
    before = load(many=CORRELATION, base=rule_text).alerting()[0].digest
    assert load(many=CORRELATION, base=rule_text.replace("run", "ran")).alerting()[0].digest != before


def test_a_rule_without_id_gets_one_of_what_it_says(tmp_path: Path, rule_text: str) -> None:
    text = rule_text.replace("id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11\n", "")
    ids = []
    for name, content in (
        ("one", text),
        ("two", "# moved\n" + text.replace("    ", "  ")),
        ("three", text.replace("run", "ran")),
    ):
        file = tmp_path / f"{name}.yml"
        file.write_text(content)
        (rule,) = load_pack([file])
        ids.append(uuid.UUID(rule.id))
        assert main_rule(rule, parse_rule(rule)).title == "A rule"
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].version == 5


def test_third_party_oddities_load(load: Load) -> None:
    odd = """\
title: Odd but legal
logsource: {category: webserver, definition: any, custom: 1}
date: 2017/3/4
modified: 2024-01-01
author: ''
tags: []
falsepositives:
custom_attribute: {1: x, nested: [a]}
detection:
    keywords: ['union select', 7]
    listed:
        - cs-uri: [a, b]
          sc-status: 404
        - c-ip|cidr: 10.0.0.0/8
    when: {EventTime: 2024-01-01, flag: true, gone: null, "": word}
    condition: [keywords, 1 of listed* and not when]
"""
    (rule,) = load(odd=odd)
    assert (rule.level, rule.status, rule.stem) == ("medium", "experimental", "odd")
    parsed = main_rule(rule, parse_rule(rule))
    assert len(parsed.detection.parsed_condition) == 2


def test_rule_collections_are_resolved(load: Load) -> None:
    text = """\
action: global
title: Shared
logsource: {product: windows}
level: low
---
id: 5a0f0b0e-9f5c-4c3e-8a52-000000000001
detection: {s: {a: 1}, condition: s}
---
action: repeat
id: 5a0f0b0e-9f5c-4c3e-8a52-000000000002
logsource: {service: sysmon}
---
action: reset
---
title: Alone
id: 5a0f0b0e-9f5c-4c3e-8a52-000000000003
logsource: {product: linux}
detection: {s: {a: 1}, condition: s}
"""
    pack = load(many=text)
    by_line = {rule.line: rule for rule in pack}
    assert [(by_line[line].title, by_line[line].logsource) for line in (6, 9, 15)] == [
        ("Shared", LogSource(product="windows")),
        ("Shared", LogSource(product="windows", service="sysmon")),
        ("Alone", LogSource(product="linux")),
    ]
    assert all("action" not in rule.text for rule in pack)
    assert all(parse_rule(rule) for rule in pack)


def test_filters_join_the_rules_they_name_from_another_directory(tmp_path: Path, rule_text: str) -> None:
    rules, local = tmp_path / "rules", tmp_path / "local"
    rules.mkdir()
    local.mkdir()
    (rules / "a.yml").write_text(rule_text)
    (rules / "many.yml").write_text(CORRELATION)
    before = {rule.stem: rule.digest for rule in load_pack([rules])}
    (local / "f.yml").write_text(
        "title: Not us\nlogsource: {product: mcp}\nfilter: {rules: [a_rule], us: {user: me}, condition: not us}\n"
    )
    pack = load_pack([rules, local])
    filtered = {rule.stem: rule for rule in pack}
    assert filtered["f"].kind == "filter"
    assert not filtered["f"].alerts
    assert [rule.stem for rule in pack.alerting()] == ["many"]
    for stem in ("a", "many"):
        assert filtered[stem].digest != before[stem]
        base = parse_rule(filtered[stem])[uuid.UUID("5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11")]
        assert base.detection.condition == ["(selection) and (not _filter0_us)"]


def test_a_rule_whose_variable_is_not_set_is_off_and_so_is_what_stands_on_it(load: Load, rule_text: str) -> None:
    text = rule_text.replace("tool|contains: run", "host|expand: '%ours%'")
    pack = load(many=CORRELATION, base=text)
    assert {rule.stem: bool(rule.off) for rule in pack} == {"base": True, "many": True}
    assert not pack.alerting()
    assert "ours" in (pack.rules[0].off or "")
    on = load(many=CORRELATION, base=text, variables={"ours": ["a.example", "b.example"]})
    assert not any(rule.off for rule in on)
    assert "b.example" in on.alerting()[0].text
    assert on.variables == {"ours": ("a.example", "b.example")}
    assert on.digest != pack.digest


def test_an_empty_variable_is_one_that_is_not_set(load: Load, rule_text: str) -> None:
    text = rule_text.replace("tool|contains: run", "host|expand|contains: '%ours%'")
    for empty in ([], ["", "  "]):
        assert load(a=text, variables={"ours": empty}).rules[0].off
    (rule,) = load(a=text, variables={"ours": ["", "a.example"]})
    assert rule.off is None
    assert "contains: a.example" in rule.text


def test_a_filter_whose_variable_is_not_set_filters_nothing(load: Load, rule_text: str) -> None:
    sieve = "title: F\nlogsource: {product: mcp}\nfilter: {rules: any, s: {u|expand: '%us%'}, condition: not s}\n"
    pack = load(f=sieve, a=rule_text)
    rules = {rule.stem: rule for rule in pack}
    assert rules["a"].off is None
    assert rules["f"].off
    assert "filter" not in rules["a"].text


def test_a_pack_is_named_by_its_manifest_or_its_directory(tmp_path: Path, rule_text: str) -> None:
    folder = tmp_path / "our_rules"
    (folder / "rules" / "family").mkdir(parents=True)
    (folder / "catalogue.yaml").write_text("not: a rule\n")
    file = folder / "rules" / "family" / "a.yml"
    file.write_text(rule_text)
    (folder / "pack.toml").write_text('name = "Ours"\nversion = "2.1"\n')
    for path in (folder, file):
        assert (load_pack([path]).name, load_pack([path]).version) == ("Ours", "2.1")
    assert load_pack([file.parent]).name == "Ours"
    (folder / "pack.toml").unlink()
    assert load_pack([folder / "rules"]).name == "rules"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("name = \n", 1, "TOML"),
        ('version = "1"\n', 1, "no name"),
        ('name = "a"\nversion = 1\n', 2, "version"),
        ('name = "a"\nminimum = "99.0"\n', 2, "upgrade"),
        ('name = "a"\n[example_vars]\nhosts = [1]\n', 3, "hosts"),
        ('name = "a"\nexample_vars = 3\n', 2, "example_vars"),
    ],
)
def test_a_broken_manifest_is_located(tmp_path: Path, rule_text: str, text: str, line: int, says: str) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yml").write_text(rule_text)
    (tmp_path / "pack.toml").write_text(text)
    with pytest.raises(PackError) as raised:
        load_pack([tmp_path])
    (issue,) = raised.value.issues
    assert (issue.code, issue.path, issue.line) == ("MS009", str(tmp_path / "pack.toml"), line)
    assert says in issue.message


def test_what_is_sound_is_read_beside_what_is_broken(tmp_path: Path, rule_text: str) -> None:
    (tmp_path / "a.yml").write_text(rule_text + "---\ntitle: [\n")
    (tmp_path / "b.yml").write_text("title: B\n")
    loaded = read_pack([tmp_path])
    assert [rule.title for rule in loaded.pack] == ["A rule"]
    assert {issue.path for issue in loaded.issues} == {str(tmp_path / "a.yml"), str(tmp_path / "b.yml")}


def test_the_shipped_pack_has_its_taxonomy_and_secret_formats() -> None:
    folder = default_pack_dir()
    assert "mcp.protocol" in load_taxonomy(folder).datasets
    assert load_secret_formats(folder)


def test_foreign_rules_are_read_with_the_shipped_taxonomy(tmp_path: Path) -> None:
    assert load_taxonomy(tmp_path).fields == load_taxonomy(default_pack_dir()).fields
