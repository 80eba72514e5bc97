"""What is said of each rule and target, and what `check` makes of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from mcp_siem.convert.notes import Bound, Note, bound_of
from mcp_siem.convert.refuse import Limit
from mcp_siem.convert.target import Query, Refusal, Target
from mcp_siem.errors import Issue, PackError
from mcp_siem.prove.portability import codes_of, judged_pack, portability, portability_findings
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk.target import SplunkTarget

NEAR = Bound(code="T-NOTE-NEAR", kind="approximate", reason="it looks near by", until="a mile")
LIMIT = Bound(code="T-NOTE-LIMIT", kind="bounded", reason="it looks at a thousand", until="the thousandth")
HARD = Limit(code="T-HARD", reason="it is hard", hint="make it easy")


class OneTarget:
    """Refuses, hedges or takes a rule as its title says."""

    name = "one"

    def query(self, rule: Rule) -> Query | Refusal:
        if "hard" in rule.stem:
            return Refusal(
                rule_id=rule.id, stem=rule.stem, target="one", code="T-HARD", reason="it is hard", hint="ease it"
            )
        notes = {"near": (Note(NEAR, "f"), Note(LIMIT)), "words": ("only words",)}.get(rule.stem, (Note(LIMIT),))
        return Query(rule_id=rule.id, stem=rule.stem, target="one", language="l", text="x", digest="0", notes=notes)

    def limits(self) -> Sequence[Limit]:
        return (HARD,)

    def bounds(self) -> Sequence[Bound]:
        return (NEAR, LIMIT)


TARGET: Target = OneTarget()  # type: ignore[assignment]


def _write(folder: Path, stem: str, number: int, selection: Mapping[str, object]) -> None:
    rule = {
        "title": stem, "id": f"11111111-1111-4111-8111-1111111111{number:02}", "status": "test", "level": "low",
        "logsource": {"product": "mcp"}, "detection": {"s": selection, "condition": "s"},
    }  # fmt: skip
    (folder / f"{stem}.yml").write_text(yaml.safe_dump(rule, sort_keys=False), "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, stem in enumerate(("exact", "hard", "near", "words")):
        _write(tmp_path, stem, number, {"f": "x"})
    _write(tmp_path, "unset", 9, {"f|expand": "%sites%"})
    return tmp_path


def test_a_rule_is_exact_approximate_refused_or_off(folder: Path) -> None:
    report = portability(*judged_pack([folder], {})[:1], [TARGET])
    said = {entry.rule.stem: (entry.verdict, [reason.code for reason in entry.reasons]) for entry in report.entries}
    assert said == {
        "exact": ("exact", ["T-NOTE-LIMIT"]),
        "hard": ("refused", ["T-HARD"]),
        "near": ("approximate", ["T-NOTE-NEAR", "T-NOTE-LIMIT"]),
        "unset": ("off", ["OFF"]),
        "words": ("approximate", ["ONE-NOTE"]),
    }
    assert report.counted("one") == {"exact": 1, "approximate": 2, "refused": 1, "off": 1}


def test_a_reason_says_how_and_what_bounds_it(folder: Path) -> None:
    report = portability(*judged_pack([folder], {})[:1], [TARGET])
    near = next(entry for entry in report.entries if entry.rule.stem == "near")
    assert (near.reasons[0].text, near.reasons[0].hint) == ("f: it looks near by", "a mile")


def test_a_rule_that_is_off_is_judged_with_the_example_values_of_its_pack(folder: Path) -> None:
    (folder / "rules").mkdir()
    _write(folder / "rules", "unset", 9, {"f|expand": "%sites%"})
    (folder / "unset.yml").unlink()
    (folder / "pack.toml").write_text(
        'name = "p"\nversion = "0.1.0"\nminimum = "0.1.0"\n\n[example_vars]\nsites = ["a"]\n', "utf-8"
    )
    pack, proven = judged_pack([folder], {})
    report = portability(pack, [TARGET], proven=proven)
    unset = next(entry for entry in report.entries if entry.rule.stem == "unset")
    assert (unset.verdict, unset.off is not None) == ("exact", True)


def test_a_refused_rule_is_a_finding_and_an_approximate_one_good_to_know(folder: Path) -> None:
    found = list(portability_findings(portability(*judged_pack([folder], {})[:1], [TARGET])))
    assert [(one.code, one.severity, Path(one.path).name) for one in found] == [
        ("T-HARD", "error", "hard.yml"),
        ("T-NOTE-NEAR", "info", "near.yml"),
        ("ONE-NOTE", "info", "words.yml"),
    ]
    assert found[0].message == "hard on one: refused: it is hard"
    assert found[0].hint == "ease it"


def test_a_rule_that_no_engine_takes_is_refused_with_its_own_code(folder: Path) -> None:
    class Raising(OneTarget):
        def query(self, rule: Rule) -> Query | Refusal:
            raise PackError([Issue(code="MS044", message="no meaning", path=rule.path, line=1, hint="give it one")])

    report = portability(*judged_pack([folder], {})[:1], [Raising()])  # type: ignore[list-item]
    assert report.entries[0].verdict == "refused"
    assert [(one.code, one.text, one.hint) for one in report.entries[0].reasons] == [
        ("MS044", "no meaning", "give it one")
    ]


def test_a_note_is_its_words_and_keeps_its_code() -> None:
    note = Note(NEAR, "f")
    assert note == "f: it looks near by; a mile"
    assert bound_of(note, "one") is NEAR
    assert bound_of("words", "one").code == "ONE-NOTE"


def test_every_code_of_a_target_is_listed_once() -> None:
    assert [row[1] for row in codes_of([TARGET])] == ["T-HARD", "T-NOTE-NEAR", "T-NOTE-LIMIT"]
    pack, _ = judged_pack(None, {})
    codes = [row[1] for row in codes_of([SplunkTarget(pack.taxonomy)])]
    assert len(codes) == len(set(codes))
    assert all(code.startswith("SPLUNK-") for code in codes)
