"""Values mean what the rule says: Base64 against all alignments of the bytes, numbers to the last digit."""

from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigma.types import SigmaNumber, SigmaString, SigmaType

from mcp_siem.cli.loading import all_targets
from mcp_siem.convert.target import Query, Target
from mcp_siem.errors import PackError
from mcp_siem.rules.detection import item_of
from mcp_siem.rules.parse import main_rule, parse_rule
from mcp_siem.rules.rule import RulePack

Load = Callable[..., RulePack]

NEEDLES = ["ab", "abc", "abcd", "aé", "пароль", "😀", "x😀é", "日本語", "a*b?c"]
WIDE = {"": "utf-8", "|wide": "utf-16-le", "|utf16le": "utf-16-le", "|utf16be": "utf-16-be"}
PREFIXES = [b"", b"\x00", b"\xff\xff", b"\xff\x00\xff", b"zzzz"]


def _values(value: SigmaType) -> list[str]:
    inner = getattr(value, "values", [value])
    return ["".join(str(part) for part in one.s) for one in inner if isinstance(one, SigmaString)]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _seen_everywhere(needle: bytes, patterns: list[str]) -> bool:
    return all(
        any(pattern in b64encode(before + needle + after).decode() for pattern in patterns)
        for before in PREFIXES
        for after in PREFIXES
    )


@pytest.mark.parametrize("needle", NEEDLES)
@pytest.mark.parametrize(("modifier", "codec"), WIDE.items())
def test_base64offset_is_seen_at_every_alignment(modifier: str, codec: str, needle: str) -> None:
    [value] = item_of(f"f{modifier}|base64offset", _escaped(needle)).value
    patterns = _values(value)
    assert _seen_everywhere(needle.encode(codec), patterns)
    assert all(patterns)


@settings(max_examples=200, suppress_health_check=[HealthCheck.differing_executors])
@given(needle=st.text(st.characters(codec="utf-8"), min_size=2, max_size=12), wide=st.sampled_from(sorted(WIDE)))
def test_base64offset_is_seen_for_any_text_and_only_decides_what_the_text_decides(needle: str, wide: str) -> None:
    patterns = _values(item_of(f"f{wide}|base64offset", _escaped(needle)).value[0])
    data = needle.encode(WIDE[wide])
    assert _seen_everywhere(data, patterns)
    # Each form is as long as its bytes allow: all but the characters that share bits with a neighbour.
    assert [len(pattern) for pattern in patterns] == [
        (offset + len(data)) * 8 // 6 - -(-offset * 8 // 6) for offset in range(3)
    ]


@pytest.mark.parametrize("needle", NEEDLES)
@pytest.mark.parametrize(("modifier", "codec"), WIDE.items())
def test_base64_is_that_of_the_bytes(modifier: str, codec: str, needle: str) -> None:
    [value] = item_of(f"f{modifier}|base64", _escaped(needle)).value
    assert _values(value) == [b64encode(needle.encode(codec)).decode()]


def test_utf16_carries_its_byte_order_mark_as_bytes() -> None:
    [value] = item_of("f|utf16|base64", "é😀").value
    assert _values(value) == [b64encode(b"\xff\xfe" + "é😀".encode("utf-16-le")).decode()]


def test_base64_of_base64_encodes_the_first_as_text() -> None:
    [value] = item_of("f|wide|base64|base64", "é").value
    assert _values(value) == [b64encode(b64encode("é".encode("utf-16-le"))).decode()]


@pytest.mark.parametrize("written", [r"a\*b", r"\?", r"a\\\*", r"C:\\x"])
def test_an_escaped_wildcard_is_encoded_as_the_character(written: str) -> None:
    [value] = item_of("f|base64", written).value
    plain = written.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
    assert _values(value) == [b64encode(plain.encode()).decode()]


def test_base64offset_keeps_alternatives_of_one_value_together_under_all() -> None:
    item = item_of("f|base64offset|contains|all", ["first", "second"])
    assert [len(_values(value)) for value in item.value] == [3, 3]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tool|base64: 'a*b'", "wildcard"),
        ("tool|base64offset|contains: 'a?b'", "wildcard"),
        ("tool|contains|base64: ab", "wildcard"),
        ("tool|base64offset|contains: x", "too short"),
        ("tool|base64offset|contains: ''", "too short"),
        ("tool|wide|utf16be|base64: ab", "one form of UTF-16"),
        ("tool|wide: é", "ascii"),
        ("tool|utf32: ab", "Unknown modifier 'utf32'"),
        ("tool|gt: 1e3", "incompatible"),
        ("tool|gt: .inf", "Invalid number"),
        ("tool|gt: .nan", "Invalid number"),
        (f"tool: 1{'0' * 390}", "Invalid number"),
    ],
)
def test_a_value_without_meaning_is_told_at_its_line(load: Load, rule_text: str, line: str, said: str) -> None:
    with pytest.raises(PackError) as error:
        load(rule=rule_text.replace("tool|contains: run", f"other: x\n        {line}"))
    [issue] = error.value.issues
    assert said in issue.message
    assert issue.line == 10
    assert issue.hint


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9007199254740993", 9007199254740993),
        ("-9007199254740993", -9007199254740993),
        ("18446744073709551615", 2**64 - 1),
        ("0x20000000000001", 2**53 + 1),
        ("0x10", 16),
        ("010", 8),
        ("0b101", 5),
        ("1_000", 1000),
        ("1.0", 1),
        ("1.0e+3", 1000),
        ("1.5", 1.5),
        ("1:30", 90),
    ],
)
def test_a_number_is_the_one_that_yaml_reads(load: Load, rule_text: str, written: str, number: float) -> None:
    [rule] = load(rule=rule_text.replace("tool|contains: run", f"size: {written}\n        other|gte: {written}"))
    parsed = main_rule(rule, parse_rule(rule))
    size, other = parsed.detection.detections["selection"].detection_items
    assert isinstance(size.value[0], SigmaNumber)
    for found in (size.value[0].number, other.value[0].number.number):
        assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize("written", ["1e3", "0o10", "1.5e3", "'010'", "2024-01-01", "0x", "08"])
def test_what_yaml_reads_as_text_stays_text(load: Load, rule_text: str, written: str) -> None:
    [rule] = load(rule=rule_text.replace("tool|contains: run", f"size: {written}"))
    [item] = main_rule(rule, parse_rule(rule)).detection.detections["selection"].detection_items
    assert item.value == [SigmaString(written.strip("'"))]


@pytest.mark.parametrize("written", [f"0x{'f' * 5000}", "9" * 401, "1" + ":01" * 500_000])
def test_digits_without_end_are_an_issue_wherever_they_stand(load: Load, rule_text: str, written: str) -> None:
    with pytest.raises(PackError) as error:
        load(rule=rule_text.replace("level: high", f"level: high\ncustom: {written}"))
    assert [(issue.code, issue.line) for issue in error.value.issues] == [("MS007", 12)]


@pytest.mark.parametrize("target", all_targets(), ids=lambda target: str(target.name))
def test_targets_get_the_same_values(load: Load, rule_text: str, target: Target) -> None:
    lines = "size|gte: 9007199254740993\n        tool|base64offset|contains: aé\n        other|base64: 'a\\*'"
    [rule] = load(rule=rule_text.replace("tool|contains: run", lines))
    query = target.query(rule)
    assert isinstance(query, Query)
    for wanted in ("9007199254740993", *_values(item_of("f|base64offset", "aé").value[0]), "YSo"):
        assert wanted.lower() in query.text.lower()
