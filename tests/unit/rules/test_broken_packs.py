"""Every way in which a rule can be broken: one issue, its code, its line, and a next step."""

from pathlib import Path

import pytest

from mcp_siem.errors import PackError
from mcp_siem.rules.pack import load_pack

GOOD = Path(__file__).with_name("a_rule.txt").read_text(encoding="utf-8")
CORRELATION = """\
title: Many
correlation:
    type: event_count
    rules:
        - a_rule
    group-by:
        - user
    timespan: 5m
    condition:
        gte: 5
"""
FILTER = """\
title: Not here
logsource:
    product: mcp
filter:
    rules:
        - a_rule
    selection:
        user: admin
    condition: not selection
"""
BOTH = f"{GOOD}---\n{CORRELATION}"
SIEVED = f"{GOOD}---\n{FILTER}"


def swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


TEMPORAL = swap(
    swap(BOTH, "event_count", "temporal"), "    condition:\n        gte: 5\n", "    condition: a_rule or a_rule\n"
)

TABLE = [
    ("title: [\n", "MS001", 1, "YAML"),
    ("just words\n", "MS005", 1, "title"),
    ("- a\n- list\n", "MS005", 1, "title"),
    ("services:\n  web: {}\n", "MS005", 1, "remove the file"),
    ("# nothing\n", "MS004", 1, "write a rule"),
    (swap(GOOD, "level: high", "level: high\nlevel: low"), "MS006", 12, "keep one"),
    (swap(GOOD, "        tool|contains: run", "        on: run"), "MS007", 9, "quotes"),
    # what must be there
    (swap(GOOD, "title: A rule\n", ""), "MS010", 1, "title"),
    (swap(GOOD, "title: A rule", "title:"), "MS010", 1, "title"),
    (swap(GOOD, "logsource:\n    product: mcp\n    service: protocol\n", ""), "MS010", 1, "logsource"),
    (swap(GOOD, "    product: mcp\n    service: protocol\n", "    definition: words\n"), "MS010", 4, "category"),
    (GOOD[: GOOD.index("detection")], "MS010", 1, "detection"),
    (swap(GOOD, "    condition: selection\n", ""), "MS010", 7, "condition"),
    (swap(GOOD, "    selection:\n        tool|contains: run\n", ""), "MS010", 7, "selection"),
    (swap(GOOD, "        tool|contains: run\n", ""), "MS010", 8, "value"),
    (swap(GOOD, "    selection:\n        tool|contains: run\n", "    selection: []\n"), "MS010", 8, "value"),
    # wrong types
    (swap(GOOD, "title: A rule", "title: 7"), "MS011", 1, "quotes"),
    (swap(GOOD, "title: A rule", "title: [A]"), "MS011", 1, "quotes"),
    (swap(GOOD, "id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11", "id: 7"), "MS011", 2, "quotes"),
    (swap(GOOD, "name: a_rule", "name: [a]"), "MS011", 3, "quotes"),
    (swap(GOOD, "    product: mcp", "    product: [mcp]"), "MS011", 5, "quotes"),
    (swap(GOOD, "logsource:\n    product: mcp\n    service: protocol", "logsource: mcp"), "MS011", 4, "logsource"),
    (GOOD[: GOOD.index("detection")] + "detection: [a]\n", "MS011", 7, "selections"),
    (swap(GOOD, "condition: selection", "condition: 5"), "MS011", 10, "condition"),
    (swap(GOOD, "condition: selection", "condition: [selection, {a: b}]"), "MS011", 10, "condition"),
    (swap(GOOD, "tool|contains: run", "tool: {a: b}"), "MS011", 9, "list of values"),
    (swap(GOOD, "tool|contains: run", "tool: [[a]]"), "MS011", 9, "list of values"),
    # values of the header
    (swap(GOOD, "5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11", "not-a-uuid"), "MS012", 2, "uuidgen"),
    (swap(GOOD, "title: A rule", f"title: {'x' * 300}"), "MS012", 1, "256"),
    (swap(GOOD, "name: a_rule", "name: ''"), "MS012", 3, "name"),
    (swap(GOOD, "level: high", "level: urgent"), "MS012", 11, "critical"),
    (swap(GOOD, "level: high", "level: 7"), "MS012", 11, "critical"),
    (swap(GOOD, "level: high", "status: fine"), "MS012", 11, "experimental"),
    (swap(GOOD, "level: high", "date: yesterday"), "MS012", 11, "YYYY-MM-DD"),
    (swap(GOOD, "level: high", "modified: 24/1/1"), "MS012", 11, "YYYY-MM-DD"),
    (swap(GOOD, "level: high", "tags: attack.t1059"), "MS012", 11, "list"),
    (swap(GOOD, "level: high", "tags: [7]"), "MS012", 11, "list"),
    (swap(GOOD, "level: high", "falsepositives: none"), "MS012", 11, "list"),
    (swap(GOOD, "level: high", "references: a"), "MS012", 11, "list"),
    (swap(GOOD, "level: high", "fields: a"), "MS012", 11, "list"),
    (swap(GOOD, "level: high", "scope: a"), "MS012", 11, "list"),
    (swap(GOOD, "level: high", "author: [a]"), "MS012", 11, "text"),
    (swap(GOOD, "level: high", "license: [a]"), "MS012", 11, "text"),
    (swap(GOOD, "level: high", "description: [a]"), "MS012", 11, "text"),
    (swap(GOOD, "level: high", "taxonomy: ''"), "MS012", 11, "taxonomy"),
    (swap(GOOD, "level: high", "related: [{id: x, type: derived}]"), "MS012", 11, "id and type"),
    (swap(GOOD, "level: high", "action: merge"), "MS025", 11, "global"),
    # values of the detection
    (swap(GOOD, "tool|contains", "tool|contians"), "MS013", 9, "modifier"),
    (swap(GOOD, "tool|contains: run", "tool|cidr: run"), "MS014", 9, "value"),
    (swap(GOOD, "tool|contains: run", "tool|re: '('"), "MS014", 9, "regular expression"),
    (swap(GOOD, "tool|contains: run", "tool|re|contains: ''"), "MS029", 9, "specification"),
    (swap(GOOD, "tool|contains: run", "tool|re: 5"), "MS014", 9, "quotes"),
    (swap(GOOD, "tool|contains: run", "tool|re: 'x{99999999999}'"), "MS029", 9, "specification"),
    (swap(GOOD, "tool|contains: run", "tool|gte: many"), "MS014", 9, "type"),
    (swap(GOOD, "tool|contains: run", "tool|exists: maybe"), "MS014", 9, "type"),
    (swap(GOOD, "tool|contains: run", "x: 1\n        y|exists: 7"), "MS014", 10, "type"),
    (swap(GOOD, "tool|contains: run", "tool: .inf"), "MS014", 9, "value"),
    (swap(GOOD, "tool|contains: run", f"tool|windash: '{' -a' * 9}'"), "MS008", 9, "split"),
    (
        swap(GOOD, "        tool|contains: run\n", "        - tool: run\n        - tool|no: run\n"),
        "MS013",
        10,
        "modifier",
    ),
    (swap(GOOD, "tool|contains: run", "x: 1\n        y|expand|cidrr: '%a%'"), "MS013", 10, "modifier"),
    (swap(GOOD, "tool|contains: run", "x|cidr: ::/0\n        x|expand|cidr: '%a%'"), "MS006", 10, "of its own"),
    # the condition
    (swap(GOOD, "condition: selection", "condition: selektion"), "MS016", 10, "did you mean 'selection'"),
    (swap(GOOD, "condition: selection", "condition: 1 of filter_*"), "MS016", 10, "selections are"),
    (swap(GOOD, "condition: selection", "condition: selection and (other or third)"), "MS016", 10, "selections are"),
    (swap(GOOD, "condition: selection", "condition: NOT selection"), "MS015", 10, "write 'not'"),
    (swap(GOOD, "condition: selection", "condition: selection and"), "MS015", 10, "condition"),
    (swap(GOOD, "condition: selection", "condition: (selection"), "MS015", 10, "condition"),
    (swap(GOOD, "condition: selection", "condition: selection | count() > 5"), "MS015", 10, "event_count"),
    (swap(GOOD, "condition: selection", f"condition: {'not ' * 2000}selection"), "MS029", 10, "specification"),
    (swap(GOOD, "condition: selection", f"condition: {'(' * 4000}selection"), "MS015", 10, "condition"),
    (swap(GOOD, "condition: selection", f"condition: {'selection or ' * 999}x"), "MS008", 10, "1 of"),
    (swap(GOOD, "condition: selection", "condition: 1 of *e*e*e*e"), "MS015", 10, "one star"),
    (GOOD.replace("selection", "s" * 201), "MS008", 8, "short name"),
    # correlations
    (swap(BOTH, "- a_rule", "- another"), "MS017", 17, "--rules"),
    (swap(BOTH, "        - a_rule\n", "        - a_rule\n        - other\n"), "MS017", 18, "--rules"),
    (swap(BOTH, "timespan: 5m", "timespan: soon"), "MS018", 20, "5m"),
    (swap(BOTH, "timespan: 5m", "timespan: 0m"), "MS018", 20, "5m"),
    (swap(BOTH, "timespan: 5m", "timespan: 300"), "MS018", 20, "5m"),
    (swap(BOTH, "    timespan: 5m\n", ""), "MS018", 14, "5m"),
    (swap(BOTH, "event_count", "event_many"), "MS019", 15, "event_count"),
    (swap(BOTH, "    type: event_count\n", ""), "MS019", 14, "event_count"),
    (swap(BOTH, "type: event_count", "type: [event_count]"), "MS019", 15, "event_count"),
    (swap(BOTH, "event_count", "value_count"), "MS020", 14, "specification"),
    (swap(BOTH, "        gte: 5\n", "        gte: 5\n        lte: much\n"), "MS020", 21, "gte"),
    (swap(BOTH, "gte: 5", "gte: many"), "MS020", 21, "whole number"),
    (swap(BOTH, "gte: 5", "gte: 2.5"), "MS020", 22, "gte: 5"),
    (swap(BOTH, "gte: 5", "gte: .inf"), "MS020", 22, "gte: 5"),
    (swap(BOTH, "gte: 5", "gte: true"), "MS020", 22, "gte: 5"),
    (swap(BOTH, "gte: 5", "gte: [5]"), "MS020", 22, "gte: 5"),
    (swap(BOTH, "gte: 5", "least: 5"), "MS020", 21, "gte"),
    (swap(BOTH, "    condition:\n        gte: 5\n", ""), "MS020", 14, "gte: 5"),
    (swap(BOTH, "    condition:\n        gte: 5\n", "    condition: 5\n"), "MS011", 21, "gte: 5"),
    (swap(BOTH, "    condition:\n        gte: 5\n", "    condition: a_rule\n"), "MS011", 21, "gte: 5"),
    (swap(TEMPORAL, "a_rule or a_rule", "a_rule and"), "MS020", 21, "gte"),
    (swap(TEMPORAL, "a_rule or a_rule", "not " * 2000 + "a_rule"), "MS029", 21, "specification"),
    (swap(BOTH, "        - user\n", "        - 7\n"), "MS011", 18, "field"),
    (swap(BOTH, "        - a_rule\n", "        - 0\n"), "MS011", 16, "ids or names"),
    (swap(BOTH, "    timespan: 5m\n", "    timespan: 5m\n    generate: 'yes'\n"), "MS020", 21, "specification"),
    (swap(BOTH, "    timespan: 5m\n", "    timespan: 5m\n    aliases: [a]\n"), "MS011", 21, "alias"),
    (swap(BOTH, "    timespan: 5m\n", "    timespan: 5m\n    aliases: {a: b}\n"), "MS011", 21, "rule"),
    (BOTH[: BOTH.index("correlation")] + "correlation: [a]\n", "MS011", 14, "timespan"),
    (swap(BOTH, "title: Many", "title: Many\nname: many").replace("- a_rule", "- many"), "MS023", 17, "leads back"),
    # filters
    (swap(SIEVED, "    rules:\n        - a_rule\n", ""), "MS024", 16, "any"),
    (swap(SIEVED, "    rules:\n        - a_rule\n", "    rules: 7\n"), "MS024", 17, "any"),
    (swap(SIEVED, "condition: not selection", "condition: [not selection]"), "MS024", 21, "join"),
    (swap(SIEVED, "condition: not selection", "condition: not selektion"), "MS016", 21, "did you mean"),
    (swap(SIEVED, "user: admin", "user|nope: admin"), "MS013", 20, "modifier"),
    # two of one
    (GOOD + "---\n" + swap(GOOD, "name: a_rule", "name: other"), "MS021", 14, "uuidgen"),
    (GOOD + "---\n" + GOOD.replace("id: 5a", "id: 5b"), "MS022", 15, "rename"),
]


@pytest.mark.parametrize(("text", "code", "line", "hint"), TABLE)
def test_a_broken_rule_is_one_located_issue_with_a_next_step(
    tmp_path: Path, text: str, code: str, line: int, hint: str
) -> None:
    file = tmp_path / "rule.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PackError) as raised:
        load_pack([file])
    (issue,) = raised.value.issues
    assert (issue.code, issue.path, issue.line) == (code, str(file), line), issue
    assert hint in (issue.hint or "") or hint in issue.message
    assert issue.hint
    assert "\n" not in issue.message
    assert str(raised.value).startswith(f"{file}:{line}: ")


def test_the_good_rules_of_this_table_load(tmp_path: Path) -> None:
    for name, text in (("good", GOOD), ("both", BOTH), ("sieved", SIEVED)):
        file = tmp_path / f"{name}.yml"
        file.write_text(text)
        assert load_pack([file]).alerting()


def test_all_issues_are_collected_before_raising(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(swap(GOOD, "title: A rule\n", "").replace("level: high", "level: urgent"))
    (tmp_path / "b.yml").write_text("title: [\n")
    with pytest.raises(PackError) as raised:
        load_pack([tmp_path, tmp_path / "none"])
    assert [issue.code for issue in raised.value.issues] == ["MS003", "MS010", "MS012", "MS001"]


def test_a_duplicate_id_names_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    (tmp_path / "b.yml").write_text(swap(GOOD, "a_rule", "b_rule").replace("5a0f0b0e", "5A0F0B0E"))
    with pytest.raises(PackError) as raised:
        load_pack([tmp_path])
    (issue,) = raised.value.issues
    assert (issue.path, issue.line) == (str(tmp_path / "b.yml"), 2)
    assert f"{tmp_path / 'a.yml'}:2" in issue.message


def test_a_rule_on_a_broken_one_adds_no_issue_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(swap(BOTH, "tool|contains", "tool|contians"))
    with pytest.raises(PackError) as raised:
        load_pack([tmp_path])
    assert [issue.code for issue in raised.value.issues] == ["MS013"]


def test_missing_empty_and_unreadable_places_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / ".hidden.yml").write_text("title: [")
    latin = tmp_path / "latin.yml"
    latin.write_bytes(b"title: a\nauthor: caf\xe9\n")
    loop = tmp_path / "loop.yml"
    loop.symlink_to(loop)
    for path, code, line in (
        (tmp_path / "no", "MS003", 1),
        (empty, "MS004", 1),
        (latin, "MS002", 2),
        (loop, "MS003", 1),
    ):
        with pytest.raises(PackError) as raised:
            load_pack([path])
        (issue,) = raised.value.issues
        assert (issue.code, issue.path, issue.line) == (code, str(path), line)
        assert issue.hint


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "large.yml"
    with file.open("wb") as out:
        out.truncate(17 * 1024 * 1024)
    with pytest.raises(PackError) as raised:
        load_pack([file])
    assert raised.value.issues[0].code == "MS008"


def test_correlations_on_correlations_end_somewhere(tmp_path: Path) -> None:
    base = swap(GOOD, "a_rule", "c0")
    layers = [
        swap(CORRELATION, "title: Many", f"title: Many {n}\nname: c{n}").replace("a_rule", f"c{n - 1}")
        for n in range(1, 60)
    ]
    file = tmp_path / "tower.yml"
    file.write_text("---\n".join([base, *layers]))
    with pytest.raises(PackError) as raised:
        load_pack([file])
    assert [issue.code for issue in raised.value.issues] == ["MS023"]


def test_filters_alone_are_no_pack(tmp_path: Path) -> None:
    file = tmp_path / "filters.yml"
    file.write_text(FILTER)
    with pytest.raises(PackError) as raised:
        load_pack([file])
    assert raised.value.issues[0].code == "MS004"
