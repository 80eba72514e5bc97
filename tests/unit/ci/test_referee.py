"""The referee counts, keeps and judges; that it can see a difference is shown on targets made wrong."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import referee
from referee_cases import Answer, Case, CaseError, Tally, case_line, read_cases
from referee_rules import batch
from running import EngineError
from spl_live import LiveJudge, Splunk, SplunkError
from spl_pairs import SplJudge

from mcp_siem.convert.target import Query
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk.target import SplunkTarget

RULE = (
    "title: t\nid: 00000000-0000-4000-8000-000000000001\nstatus: test\nlevel: low\nlogsource: {product: mcp}\n"
    "detection:\n  sel: SEL\n  condition: sel\n"
)


def _case(selection: str, event: Mapping[str, object], *, expected: bool | None = None) -> Case:
    return Case(yaml=RULE.replace("SEL", selection), events=(event,), expected=expected)


class _Fixed:
    """A target that says what it was told to."""

    name = "fixed"

    def __init__(self, *, differences: int = 0, refused: int = 0, verdict: str = "fired") -> None:
        self._differences, self._refused, self._verdict = differences, refused, verdict

    def tally(self, pairs: int, seed: str) -> Tally:
        assert seed == "1"
        tally = Tally(pairs, pairs=pairs, differences=self._differences, refused=self._refused)
        tally.kept = [_case("{a: b}", {"a": "c"}, expected=False)] if self._differences else []
        return tally

    def answer(self, _case: Case) -> Answer:
        return Answer(verdict=self._verdict)


def _unavailable(_stack: object) -> referee.Judge:
    raise EngineError("no JDK 17 or newer: set JAVA_HOME")


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(referee, "ROOT", tmp_path)
    monkeypatch.setattr(referee, "KEPT", tmp_path / "build")
    monkeypatch.delenv("SPLUNK_URL", raising=False)


def test_a_line_for_each_target_and_one_of_sums(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = {"elastic": lambda _: _Fixed(refused=3), "splunk": lambda _: _Fixed()}
    monkeypatch.setattr(referee, "TARGETS", targets)
    assert referee.main(["--pairs", "50"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "fixed pairs 50, differences 0, refused 3",
        "fixed pairs 50, differences 0, refused 0",
        "pairs 100, differences 0, refused 3",
    ]


def test_a_difference_is_kept_in_the_form_that_cases_are_read_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(referee, "TARGETS", {"splunk": lambda _: _Fixed(differences=2)})
    assert referee.main(["--pairs", "5"]) == 10
    assert "again: make referee CASES=build/fixed.jsonl" in capsys.readouterr().err
    assert read_cases(tmp_path / "build" / "fixed.jsonl") == [_case("{a: b}", {"a": "c"}, expected=False)]
    assert referee.main(["--cases", str(tmp_path / "build" / "fixed.jsonl")]) == 10
    assert capsys.readouterr().out == "fixed 0 fired\n"


@pytest.mark.parametrize(("verdict", "code"), [("fired", 0), ("missed", 10), ("refused", 0)])
def test_only_a_wrong_verdict_is_a_difference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: str, code: int
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(case_line(_case("{a: b}", {"a": "b"}, expected=True)), encoding="utf-8")
    monkeypatch.setattr(referee, "TARGETS", {"splunk": lambda _: _Fixed(verdict=verdict)})
    assert referee.main(["--cases", str(file)]) == code


def test_without_a_jdk_the_others_are_judged_and_one_line_says_what_was_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(referee, "TARGETS", {"elastic": _unavailable, "splunk": lambda _: _Fixed()})
    assert referee.main(["--pairs", "5"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["fixed pairs 5, differences 0, refused 0", "pairs 5, differences 0, refused 0"]
    assert said.err == "elastic was not run: no JDK 17 or newer: set JAVA_HOME\n"
    assert referee.main(["--pairs", "5", "--target", "elastic"]) == 5


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "{}", '{"yaml": 1}', '{"yaml": "", "event": []}', '{"yaml": "", "events": [1]}',
     '{"yaml": "", "event": {}, "expected": "yes"}', '{"yaml": "", "event": {}, "arrays": 5}'],
)  # fmt: skip
def test_a_line_that_is_no_case_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(f'\n{{"yaml": "", "event": {{}}}}\n{line}\n', encoding="utf-8")
    with pytest.raises(CaseError, match=r"cases\.jsonl:3: "):
        read_cases(file)
    assert referee.main(["--cases", str(file)]) == 2
    assert capsys.readouterr().out == ""


def test_a_written_case_is_read_again(tmp_path: Path) -> None:
    case = replace(
        _case("{a: b}", {"a": ["\ud800", "\n"]}, expected=False), arrays=("x",), twins=("y",), mapped={"n": 1}
    )
    several = replace(case, events=({}, {"a": None}), arrays=(), mapped=None)
    file = tmp_path / "cases.jsonl"
    file.write_text(f"{case_line(case)}\n{case_line(several)}\n", encoding="utf-8")
    assert read_cases(file) == [case, several]
    assert set(json.loads(case_line(_case("{a: b}", {})))) == {"yaml", "event", "expected"}


def test_no_more_pairs_are_counted_than_were_asked_for() -> None:
    tally = Tally(3)
    tally.compare(_case("{a: b}", {}, expected=True), found=True)
    tally.refuse(40, "X")
    tally.compare(_case("{a: b}", {}, expected=True), found=False)
    assert (tally.pairs, tally.differences, tally.refused, tally.codes, tally.kept) == (3, 0, 2, {"X": 1}, [])


def test_the_same_seed_gives_the_same_pairs() -> None:
    for number in (0, 1):
        first, again, other = (batch(seed, number) for seed in ("1", "1", "2"))
        assert (first.texts, first.events) == (again.texts, again.events)
        assert first.texts != other.texts
    assert batch("1", 0).texts != batch("1", 1).texts


def test_a_search_that_means_something_else_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything(self: SplunkTarget, rule: Rule) -> Query:  # noqa: ARG001 - the shape of the port
        return Query(rule_id="", stem="", target="splunk", language="spl", text="`mcp_siem_index`", digest="")

    monkeypatch.setattr(SplunkTarget, "query", everything)
    tally = SplJudge().tally(60, "1")
    assert tally.pairs == 60
    assert 0 < tally.differences <= 60
    assert [case.expected for case in tally.kept] == [False] * len(tally.kept)
    assert len({case.yaml for case in tally.kept}) == len(tally.kept) > 0


@pytest.mark.parametrize(
    ("selection", "event", "verdict"),
    [
        ("{a: b}", {"a": "B"}, "fired"),
        ("{a: b}", {"a": "c"}, "missed"),
        ("{a.b: x}", {"a": {"b": ["y", "X"]}}, "fired"),
        ("{a|expand: '%none%'}", {"a": "b"}, "missed"),
    ],
)
def test_the_interpreter_judges_cases_whose_lists_no_taxonomy_knows(
    selection: str, event: Mapping[str, object], verdict: str
) -> None:
    assert SplJudge().answer(_case(selection, event)).verdict == verdict


class _Splunkd:
    """What the referee needs of splunkd: takes events, exports them, or those whose `a` is b."""

    headers: Mapping[str, str] = {"authorization": "Bearer t"}

    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []
        self.searches: list[str] = []

    def request(self, _method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> SimpleNamespace:
        assert headers["authorization"] == "Bearer t"
        if "/receivers/stream" in url:
            self.events = [json.loads(line) for line in body.splitlines()]
            return SimpleNamespace(status=200, data=b"")
        self.searches.append(body.decode())
        found = [one for one in self.events if "where" not in self.searches[-1] or one.get("a") == "b"]
        lines = [
            json.dumps({"preview": False, "result": {**one, "referee_mark": str(one["referee_mark"])}}) for one in found
        ]
        return SimpleNamespace(status=200, data="\n".join(lines).encode())


def test_a_real_splunk_is_asked_over_rest_and_bound_to_one_source(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Splunkd()
    monkeypatch.setattr("spl_live.urllib3.PoolManager", lambda **_: server)
    judge = LiveJudge("https://splunk:8089", {"SPLUNK_TOKEN": "t"})
    assert judge.answer(_case("{a|re: '^b'}", {"a": "b"})).verdict == "fired"
    assert judge.answer(_case("{a|re: '^b'}", {"a": "c"})).verdict == "missed"
    assert all("mcp_siem_index" not in search and "mcp-siem-referee-" in search for search in server.searches)


def test_an_address_that_is_none_and_an_error_of_splunk_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SplunkError, match="SPLUNK_URL is no address"):
        Splunk("splunk:8089", {})
    refusing = SimpleNamespace(headers={}, request=lambda *_, **__: SimpleNamespace(status=401, data=b"who?"))
    monkeypatch.setattr("spl_live.urllib3.PoolManager", lambda **_: refusing)
    with pytest.raises(SplunkError, match="401"):
        Splunk("https://splunk:8089", {}).load([{}])
