"""What the engine refuses is told at the line of the key it is about, whoever compiles; values are those of the rule."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.engine.engine import Engine
from mcp_siem.errors import PackError
from mcp_siem.events.event import Event
from mcp_siem.prove.check import check_paths
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import RulePack

PackOf = Callable[..., RulePack]

# A comment and a folded text above the detection: the lines of the file are not those of what the engine compiles.
RULE = """\
# a comment

title: A rule
description: >
    some words
    over two lines

id: 5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
name: a_rule
logsource:
    product: mcp
detection:
    good:
        x|re: 'fine'
    bad:
        x: 1
        DETECTION
    condition: CONDITION
"""
CORRELATION = """\
---
title: A correlation
id: 6a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
correlation:
    type: TYPE
    rules:
        - a_rule
    group-by:
        - y
    timespan: 5m
    condition:
        gte: 5
"""
FILTER = """\
---
title: A filter
id: 7a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11
logsource:
    product: mcp
filter:
    rules: any
    known:
        x|re: 'not (?=this)'
    condition: not known
"""


def _rule(detection: str, condition: str = "good or bad") -> str:
    return RULE.replace("DETECTION", detection).replace("CONDITION", condition)


def _places(pack: RulePack) -> list[tuple[str, int]]:
    with pytest.raises(PackError) as error:
        Engine(pack)
    return [(issue.code, issue.line) for issue in error.value.issues]


def _checked(file: Path, text: str) -> list[tuple[str, int]]:
    file.write_text(text, encoding="utf-8")
    return [(finding.code, finding.line) for finding in check_paths([file]).findings]


@pytest.mark.parametrize(
    ("detection", "condition", "code", "line"),
    [
        ("x|re: 'no (?=look)'", "good or bad", "MS040", 17),
        ("x|re|i: 'no (?=look)'", "good or bad", "MS040", 17),
        ("x|re|s|m: 'no (?=look)'", "good or bad", "MS040", 17),
        ("x|re:\n            - fine\n            - 'no (?=look)'", "good or bad", "MS040", 17),
        ("'|re': 'no (?=look)'", "good or bad", "MS040", 17),
        ("x|cased|fieldref: y", "good or bad", "MS042", 17),
        ("'|fieldref': y", "good or bad", "MS042", 17),
        ("y: null\n    words:\n        - null", "words and good and bad", "MS042", 18),
        (
            "y: 1\n    list:\n        - y: 2\n        - y: 3\n          z|re: '(b)\\1'",
            "good or bad or list",
            "MS040",
            21,
        ),
    ],
)
def test_a_part_without_meaning_is_told_at_its_key(
    tmp_path: Path, detection: str, condition: str, code: str, line: int
) -> None:
    file = tmp_path / "rule.yml"
    checked = _checked(file, _rule(detection, condition))
    assert _places(load_pack([file])) == [(code, line)]
    assert (code, line) in checked


def test_every_refused_part_has_its_own_line(pack_of: PackOf) -> None:
    pack = pack_of(_rule("x|re: 'one (?=look)'\n        y|re: 'two (?!look)'"))
    assert _places(pack) == [("MS040", 17), ("MS040", 18)]


def test_a_pattern_of_variables_is_told_at_its_key(pack_of: PackOf) -> None:
    pack = pack_of(_rule("x|re|expand: '%who% (?=look)'"), who=("me",))
    assert _places(pack) == [("MS040", 17)]


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("value_sum", "\n        gte: 5\n        field: [a, b]"),
        ("value_percentile", "\n        gte: 5\n        field: a\n        percentile: 101"),
        ("temporal_ordered", " a_rule"),
    ],
)
def test_a_correlation_without_meaning_is_told_at_its_key(tmp_path: Path, kind: str, condition: str) -> None:
    file = tmp_path / "rule.yml"
    text = _rule("y: 1") + CORRELATION.replace("TYPE", kind).replace("\n        gte: 5", condition)
    checked = _checked(file, text)
    assert _places(load_pack([file])) == [("MS044", 29)]
    assert ("MS044", 29) in checked


def test_a_filter_without_meaning_is_told_where_it_stands(tmp_path: Path) -> None:
    text = _rule("y: 1") + FILTER
    line = next(number for number, one in enumerate(text.splitlines(), start=1) if "not (?=this)" in one)
    file = tmp_path / "rule.yml"
    checked = _checked(file, text)
    assert _places(load_pack([file])) == [("MS040", line)]
    assert checked.count(("MS040", line)) == 1


def test_a_base_that_is_refused_is_told_once(tmp_path: Path) -> None:
    text = _rule("x|re: 'no (?=look)'") + CORRELATION.replace("TYPE", "event_count")
    assert [one for one in _checked(tmp_path / "rule.yml", text) if one[0] == "MS040"] == [("MS040", 17)]


@pytest.mark.parametrize("needle", ["aé", "пароль", "x😀"])
@pytest.mark.parametrize(("modifier", "codec"), [("", "utf-8"), ("wide|", "utf-16-le")])
def test_base64offset_finds_the_text_at_every_alignment(
    pack_of: PackOf, needle: str, modifier: str, codec: str
) -> None:
    engine = Engine(pack_of(_rule(f"z|{modifier}base64offset|contains: {needle}", "bad")))
    for before in (b"", b"\x00", b"\xffz", b"abc"):
        for after in (b"", b"\xff", b"zz", b"abc"):
            text = b64encode(before + needle.encode(codec) + after).decode()
            assert engine.feed(Event(data={"x": 1, "z": text}, time=0, raw_ref="a"))
    assert not engine.feed(Event(data={"x": 1, "z": b64encode(b"nothing of that kind").decode()}, time=0, raw_ref="a"))


@pytest.mark.parametrize("value", [9007199254740993, "9007199254740993"])
def test_whole_numbers_are_compared_to_the_last_digit(pack_of: PackOf, value: object) -> None:
    def alerts(line: str) -> bool:
        return bool(Engine(pack_of(_rule(line, "bad"))).feed(Event(data={"x": 1, "z": value}, time=0, raw_ref="a")))

    assert alerts("z: 9007199254740993")
    assert alerts("z|gt: 9007199254740992")
    assert not alerts("z: 9007199254740992")
    assert not alerts("z|lt: 9007199254740993")
