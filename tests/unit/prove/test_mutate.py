import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mcp_siem.engine import predicates
from mcp_siem.engine.predicates import Contains, Equals, Prefix, Suffix
from mcp_siem.errors import ConfigError
from mcp_siem.prove.mutants import covers
from mcp_siem.prove.mutate import Mutated, mutate
from mcp_siem.prove.survivors import mutant_findings, mutant_notes, read_survivors
from mcp_siem.rules.pack import load_pack

DETECTION = """\
title: A rule
id: 7c8b0a5e-0f4f-4a65-8d1e-9a5d8e3a0b11
logsource: {product: mcp}
detection:
    selection:
        tool: [read, write]
        path|contains: secret
    filter_main_admin:
        user: admin
    condition: selection and not 1 of filter_main_*
level: high
"""
CORRELATION = """\
title: Base
id: 7c8b0a5e-0f4f-4a65-8d1e-9a5d8e3a0b12
name: base
logsource: {product: mcp}
detection:
    selection: {a: 1}
    condition: selection
---
title: Twice
id: 7c8b0a5e-0f4f-4a65-8d1e-9a5d8e3a0b13
correlation:
    type: event_count
    rules: [base]
    group-by: [user, host]
    timespan: 10s
    condition: {gte: 2}
level: high
"""
Run = Callable[..., Mutated]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def tried(text: str, *, match: Sequence[object], miss: Sequence[object] = ()) -> Mutated:
        (tmp_path / "rule.yml").write_text(text, encoding="utf-8")
        for kind, cases in (("match", match), ("miss", miss)):
            lines = "".join(f"{json.dumps(case)}\n" for case in cases)
            (tmp_path / f"rule.{kind}.jsonl").write_text(lines, encoding="utf-8")
        (found,) = mutate(load_pack([tmp_path / "rule.yml"]))
        return found

    return tried


def _lives(found: Mutated) -> set[str]:
    return {str(survivor.mutant) for survivor in found.survivors}


def _event(**fields: object) -> dict[str, object]:
    return {"tool": "read", "path": "a secret", **fields}


ALL = [_event(), _event(tool="write")]
NONE = [_event(user="admin"), _event(path="other"), _event(tool="list")]


def test_cases_that_ask_for_each_part_notice_every_mutant(run: Run) -> None:
    found = run(DETECTION, match=ALL, miss=NONE)
    assert _lives(found) == set()
    assert found.mutants >= 10


@pytest.mark.parametrize(
    ("missing", "lives"),
    [
        (ALL[1], "selection: tool: write dropped"),
        (NONE[0], "filter_main_admin dropped"),
        (NONE[1], "selection: path|contains: secret dropped"),
        (NONE[2], "selection: tool dropped"),
    ],
)
def test_a_part_that_no_case_asks_for_lives(run: Run, missing: object, lives: str) -> None:
    found = run(DETECTION, match=[one for one in ALL if one != missing], miss=[one for one in NONE if one != missing])
    assert lives in _lives(found)
    assert found.noticed == found.mutants - len(found.survivors)


def test_a_value_that_another_covers_is_named_with_it(run: Run) -> None:
    text = DETECTION.replace("path|contains: secret", "path|contains: [secret, secrets]")
    found = run(text, match=ALL, miss=NONE)
    (dropped,) = [one for one in found.survivors if one.covered]
    assert str(dropped.mutant) == "selection: path|contains: secrets dropped"
    assert dropped.covered == "path|contains: secret"


def test_a_selection_that_the_condition_names_twice_is_changed_in_both_places(run: Run) -> None:
    text = DETECTION.replace("selection and not", "(selection or (selection and tool_x)) and not").replace(
        "    filter_main", "    tool_x: {tool: x}\n    filter_main", 1
    )
    found = run(text, match=ALL, miss=NONE)
    assert "selection: tool: write dropped" not in _lives(found)


def _at(second: int, **fields: object) -> dict[str, object]:
    return {"@timestamp": f"2026-01-01T00:00:{second:02}Z", "a": 1, "user": "u", "host": "h", **fields}


COUNTED = [[_at(0), _at(10)]]
UNCOUNTED = [
    [_at(0)],
    [_at(0), _at(11)],
    [_at(0), _at(1, user="v")],
    [_at(0), _at(1, host="g")],
    [_at(0), _at(1, a=2)],
]


def test_number_span_groups_and_base_of_a_correlation_are_changed(run: Run) -> None:
    found = run(CORRELATION, match=COUNTED, miss=UNCOUNTED)
    assert _lives(found) == set()


@pytest.mark.parametrize(
    ("left", "lives"),
    [
        (1, "timespan doubled"),
        (2, "group-by: user dropped"),
        (3, "group-by: host dropped"),
    ],
)
def test_a_part_of_a_correlation_that_no_case_asks_for_lives(run: Run, left: int, lives: str) -> None:
    kept = [one for place, one in enumerate(UNCOUNTED) if place != left]
    assert lives in _lives(run(CORRELATION, match=COUNTED, miss=kept))


def test_survivors_are_findings_unless_they_are_listed(run: Run, tmp_path: Path) -> None:
    found = run(DETECTION, match=ALL, miss=NONE[1:])
    (lives,) = mutant_findings([found], read_survivors(tmp_path), whole=False)
    assert (lives.code, lives.severity) == ("MS310", "error")
    assert "filter_main_admin dropped" in lives.message
    listed = '[[lives]]\nrule = "rule"\nmutant = "filter_main_admin dropped"\nreason = "the site decides"\n'
    (tmp_path / "mutants.toml").write_text(listed, encoding="utf-8")
    assert not list(mutant_findings([found], read_survivors(tmp_path), whole=False))
    (stale,) = mutant_findings([run(DETECTION, match=ALL, miss=NONE)], read_survivors(tmp_path), whole=False)
    assert stale.code == "MS311"


def test_a_pack_of_which_too_little_is_noticed_is_a_finding(run: Run, tmp_path: Path) -> None:
    found = run(DETECTION, match=ALL[:1])
    assert "MS312" in {one.code for one in mutant_findings([found], read_survivors(tmp_path), whole=True)}
    assert list(mutant_notes([found]))[-1].startswith("all rules: ")


@pytest.mark.parametrize("text", ["lives = 1", "[[lives]]\nrule = 'x'", "[[lives]]\nrule=1\nmutant='a'\nreason='b'"])
def test_a_list_without_reasons_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "mutants.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_survivors(tmp_path)


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        (Contains(literal="b"), Contains(literal="abc"), True),
        (Contains(literal="abc"), Contains(literal="b"), False),
        (Contains(literal="b"), Equals(literal="abc"), True),
        (Prefix(literal="a"), Equals(literal="abc"), True),
        (Prefix(literal="a"), Contains(literal="abc"), False),
        (Suffix(literal="c"), Suffix(literal="bc"), True),
        (Equals(literal="a"), Equals(literal="a"), True),
        (Contains(literal="b", cased=True), Contains(literal="b"), False),
    ],
)
def test_a_test_covers_another(wide: predicates.Test, narrow: predicates.Test, *, covered: bool) -> None:
    assert covers(wide, narrow) is covered
