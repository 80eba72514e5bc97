"""Every modifier and value type of Sigma 2.1, with its edges: detection, event, verdict."""

# ruff: noqa: RUF001 - look-alikes are what is tested

import json
from collections.abc import Callable

import pytest

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

NAN, INF = float("nan"), float("inf")
T = "2026-03-29T23:59:30Z"  # a Sunday of ISO week 13

# Case and Unicode
STRINGS = [
    ({"x": "straße"}, {"x": "STRASSE"}, True),
    ({"x|contains": "ΣΊΣΥΦΟΣ"}, {"x": "ο σίσυφος"}, True),
    ({"x": "ﬁle"}, {"x": "FILE"}, True),
    ([{"x|cased": "abc"}, {"x": "q"}], {"x": "ABC"}, False),
    ([{"x|startswith|cased": "ab"}, {"x|startswith": "q"}], {"x": "ABC"}, False),
    ([{"x|endswith|cased": "bc"}, {"x|endswith": "q"}], {"x": "ABC"}, False),
    ([{"x|contains|cased": "b"}, {"x|contains": "q"}], {"x": "ABC"}, False),
    ([{"x|cased": "a?c"}, {"x": "q?q"}], {"x": "ABC"}, False),
    ([{"x": "q?q"}, {"x|cased": "a?c"}], {"x": "ABC"}, False),
    ([{"x|re": "b"}, {"x|re|i": "q"}], {"x": "ABC"}, False),
    ([{"x|re": "q"}, {"x|re|i": "b"}], {"x": "ABC"}, True),
    ({"x|cased|windash|contains": " -F"}, {"x": "a /f"}, False),
    ({"x|cased|windash|contains": " -F"}, {"x": "a /F"}, True),
    ({"x|base64|cased": "foobar"}, {"x": "ZM9VYMFY"}, False),
    ({"x|base64": "foobar"}, {"x": "ZM9VYMFY"}, True),
    ({"x|cased": "Abc"}, {"x": "abc"}, False),
    ({"x|cased": "Abc"}, {"x": "Abc"}, True),
    ({"x|startswith|cased": "Ab"}, {"x": "abc"}, False),
    ({"x|endswith|cased": "bC"}, {"x": "abC"}, True),
    ({"x|cased": "A*c"}, {"x": "aXc"}, False),
    ({"x|cased": "A?c"}, {"x": "AXc"}, True),
    ({"x": "I"}, {"x": "ı"}, False),
    # Wildcards and escapes
    ({"x": "*"}, {"x": ""}, True),
    ({"x": "*"}, {"x": None}, False),
    ({"x": "*"}, {}, False),
    ({"x": "*"}, {"x": {"y": 1}}, False),
    ({"x": "?"}, {"x": ""}, False),
    ({"x": "?"}, {"x": "é"}, True),
    ({"x": "?*"}, {"x": ""}, False),
    ({"x": "a?c"}, {"x": "a\nc"}, True),
    ({"x": "a?c"}, {"x": "ac"}, False),
    ({"x": "a*b*c"}, {"x": "a\nb\nc"}, True),
    ({"x": "ab*bc"}, {"x": "abc"}, False),
    ({"x": "ab*bc"}, {"x": "abbc"}, True),
    ({"x": "a*b*b*c"}, {"x": "abc"}, False),
    ({"x": "a*bb*c"}, {"x": "abXbbYc"}, True),
    ({"x": "a**b"}, {"x": "ab"}, True),
    ({"x": "x*aba*aba*"}, {"x": "xababa"}, False),
    ({"x": r"a\*b"}, {"x": "a*b"}, True),
    ({"x": r"a\*b"}, {"x": "axb"}, False),
    ({"x": r"a\?b"}, {"x": "axb"}, False),
    ({"x": r"a\\*b"}, {"x": r"a\123b"}, True),
    ({"x": r"a\\*b"}, {"x": "a*b"}, False),
    ({"x": "C:\\Temp\\"}, {"x": "c:\\temp\\"}, True),
    ({"x": "a.b+c"}, {"x": "aXbbc"}, False),
    ({"x": "[a]?"}, {"x": "[a]1"}, True),
    ({"x": "^a?$"}, {"x": "^ab$"}, True),
    ({"x|contains": "*"}, {"x": "anything"}, True),
    ({"x|contains": r"\*"}, {"x": "a*b"}, True),
    ({"x|contains": r"\*"}, {"x": "ab"}, False),
    ({"x|contains": "a?c"}, {"x": "--abc--"}, True),
    ({"x|startswith": "a*c"}, {"x": "abbc tail"}, True),
    ({"x|endswith": "a?c"}, {"x": "head abc"}, True),
    ({"x|contains": ""}, {"x": ""}, True),
    # Lists and all
    ({"x|contains|all": ["a", "b"]}, {"x": ["a1", "b1"]}, True),
    ({"x|all": ["*a*", "*b*"]}, {"x": "ab"}, True),
    ({"x": ["a", "b"]}, {"x": "B"}, True),
    # Empty and null
    ({"x": ""}, {"x": ""}, True),
    ({"x": ""}, {"x": " "}, False),
    ({"x": ""}, {}, False),
    ({"x": ""}, {"x": None}, False),
    ({"x": None}, {"x": None}, True),
    ({"x": None}, {"x": [None, None]}, True),
    ({"x": None}, {"x": []}, True),
    ({"x": None}, {"x": [None, "a"]}, False),
    ({"x": None}, {"x": ""}, False),
    ({"x": None}, {"x": 0}, False),
    ({"x": None}, {"x": {"y": None}}, False),
    ({"x": [None, "a"]}, {}, True),
    ({"x": []}, {}, True),
    ({"x|exists": True}, {"x": None}, True),
    ({"x|exists": True}, {"x": ""}, True),
    ({"x|exists": True}, {"x": []}, True),
    ({"x|exists": True}, {"x": {"y": 1}}, True),
    ({"x.y|exists": True}, {"x": {"y": 1}}, True),
    ({"x|exists": False}, {"x": None}, False),
    ({"x|exists": False}, {"y": 1}, True),
]

NUMBERS = [
    ({"x": 4624}, {"x": 4624}, True),
    ({"x": 4624}, {"x": "4624"}, True),
    ({"x": 4624}, {"x": "4624.0"}, True),
    ({"x": 4624}, {"x": 4624.0}, True),
    ({"x": 4624}, {"x": "46240"}, False),
    ({"x": 4624}, {"x": " 4624"}, False),
    ({"x": 4624}, {"x": "4_624"}, False),
    ({"x": 4624}, {"x": "４６２４"}, False),
    ({"x": "42"}, {"x": 42}, True),
    ({"x": "42"}, {"x": 42.0}, True),
    ({"x": "42.0"}, {"x": 42}, True),
    ({"x": "42.0"}, {"x": "42"}, False),
    ({"x": 1.5}, {"x": "1.5"}, True),
    ({"x": 0}, {"x": False}, False),
    ({"x": 1}, {"x": True}, False),
    ({"x": 0}, {"x": NAN}, False),
    ({"x|contains": "62"}, {"x": 4624}, True),
    ({"x|startswith": "-3"}, {"x": -3.5}, True),
    ({"x": "4?"}, {"x": 42}, True),
    ({"x": True}, {"x": True}, True),
    ({"x": True}, {"x": "TRUE"}, True),
    ({"x": True}, {"x": 1}, False),
    ({"x": False}, {"x": 0}, False),
    ({"x": False}, {}, False),
    ({"x": "true"}, {"x": True}, True),
    ({"x|gt": 5}, {"x": 5}, False),
    ({"x|gte": 5}, {"x": "5"}, True),
    ({"x|lt": 5}, {"x": "4.9"}, True),
    ({"x|lte": 5}, {"x": 5.0}, True),
    ({"x|lte": -1}, {"x": "-1e3"}, True),
    ({"x|gt": 9007199254740992}, {"x": 9007199254740993}, True),
    ({"x|gt": 0}, {"x": INF}, False),
    ({"x|gt": 0}, {"x": "1e999"}, False),
    ({"x|gt": 0}, {"x": "inf"}, False),
    ({"x|lt": 0}, {"x": -INF}, False),
    ({"x|gte": 0}, {"x": NAN}, False),
    ({"x|lt": 5}, {"x": NAN}, False),
    ({"x|gt": 0}, {"x": "abc"}, False),
    ({"x|gt": 0}, {"x": True}, False),
    ({"x|gt": 0}, {"x": "0x10"}, False),
    ({"x|gt": 0}, {}, False),
    ({"x|lt": 5}, {"x": [9, 1]}, True),
    ({"x|lt": 5}, {"x": None}, False),
    ({"x|neq": "a"}, {"x": "A"}, False),
    ({"x|neq": "a"}, {"x": "b"}, True),
    ({"x|neq": "a"}, {}, True),
    ({"x|neq": "a"}, {"x": ["a", "b"]}, False),
    ({"x|neq": ["a", "b"]}, {"x": "b"}, False),
    ({"x|neq": 5}, {"x": "5"}, False),
    ({"x|contains|neq": "a"}, {"x": "cab"}, False),
]

PATTERNS = [
    ({"x|re": "b"}, {"x": "abc"}, True),
    ({"x|re": "^b"}, {"x": "abc"}, False),
    ({"x|re": "B"}, {"x": "abc"}, False),
    ({"x|re|i": "B"}, {"x": "abc"}, True),
    ({"x|re|i": "привет"}, {"x": "ПРИВЕТ"}, True),
    ({"x|re|m": "^b$"}, {"x": "a\nb\nc"}, True),
    ({"x|re": "^b$"}, {"x": "a\nb\nc"}, False),
    ({"x|re|s": "a.c"}, {"x": "a\nc"}, True),
    ({"x|re|i|m|s": "^A.B$"}, {"x": "x\na\nb"}, True),
    ({"x|re": "^46"}, {"x": 4624}, True),
    ({"x|re": "^true$"}, {"x": True}, True),
    ({"x|re": ".*"}, {}, False),
    ({"x|re": ".*"}, {"x": None}, False),
    ({"x|re": "^$"}, {"x": ""}, True),
    ({"x|re": ["^a", "^b"]}, {"x": "bc"}, True),
    ({"x|re|all": ["a", "b"]}, {"x": "a"}, False),
    ({"x|re|neq": "a"}, {"x": "b"}, True),
    ({"x|re": r"\u200b"}, {"x": "a\u200bb"}, True),
    ({"x|re": r"[\u202a-\u202e]"}, {"x": "\u202d"}, True),
    ({"x|re": r"\\u200b"}, {"x": r"\u200b"}, True),
    ({"x|re": r"\U0001F600"}, {"x": "😀"}, True),
    ({"x|re": r"\uD83D\uDE00"}, {"x": "😀"}, True),
    ({"x|re": "a|b"}, {"x": "b"}, True),
    ({"x|re": "(?i)A"}, {"x": "a"}, True),
    ({"x|re": "x*y?"}, {"x": "\ud800"}, True),
    ({"x|re": "a$"}, {"x": "a\n"}, False),
    ({"x|cidr": "10.0.0.0/8"}, {"x": "10.255.0.1"}, True),
    ({"x|cidr": "10.0.0.0/8"}, {"x": "11.0.0.1"}, False),
    ({"x|cidr": "10.0.0.0/8"}, {"x": "::ffff:10.1.2.3"}, True),
    ({"x|cidr": "::ffff:0:0/96"}, {"x": "::ffff:10.1.2.3"}, True),
    ({"x|cidr": "::/0"}, {"x": "10.1.2.3"}, False),
    ({"x|cidr": "2001:db8::/32"}, {"x": "2001:DB8:0::1"}, True),
    ({"x|cidr": "fe80::/10"}, {"x": "fe80::1%eth0"}, True),
    ({"x|cidr": "192.168.1.1"}, {"x": "192.168.1.1"}, True),
    ({"x|cidr": "0.0.0.0/0"}, {"x": "10.1.2"}, False),
    ({"x|cidr": "0.0.0.0/0"}, {"x": "10.1.2.3:80"}, False),
    ({"x|cidr": "0.0.0.0/0"}, {"x": "010.1.2.3"}, False),
    ({"x|cidr": "0.0.0.0/0"}, {"x": 167772161}, False),
    ({"x|cidr": "0.0.0.0/0"}, {"x": ""}, False),
    ({"x|cidr": ["10.0.0.0/8", "172.16.0.0/12"]}, {"x": ["8.8.8.8", "172.16.9.9"]}, True),
]

REFERENCES = [
    ({"x|fieldref": "y"}, {"x": "A", "y": "a"}, True),
    ({"x|fieldref": "y"}, {"x": ["a", "b"], "y": ["c", "B"]}, True),
    ({"x|fieldref": "y"}, {"x": 42, "y": "42"}, True),
    ({"x|fieldref": "y"}, {"x": True, "y": "true"}, True),
    ({"x|fieldref": "y"}, {"x": None, "y": None}, False),
    ({"x|fieldref": "y"}, {}, False),
    ({"x|fieldref": "y"}, {"x": "a"}, False),
    ({"x|fieldref": "y"}, {"x": "a*", "y": "ab"}, False),
    ({"x|fieldref|startswith": "y"}, {"x": "ABC", "y": "ab"}, True),
    ({"x|fieldref|startswith": "y"}, {"x": "cab", "y": "ab"}, False),
    ({"x|fieldref|endswith": "y"}, {"x": "cAB", "y": "ab"}, True),
    ({"x|fieldref|contains": "y"}, {"x": "xABx", "y": "ab"}, True),
    ({"x|fieldref|contains": "y"}, {"x": "b", "y": "ab"}, False),
    ({"x|fieldref|neq": "y"}, {"x": "a", "y": "b"}, True),
    ({"x|fieldref": ["y", "z"]}, {"x": "a", "y": "b", "z": "a"}, True),
    ({"a.b|fieldref": "c.d"}, {"a": {"b": "v"}, "c": [{"d": "u"}, {"d": "V"}]}, True),
]

ENCODINGS = [
    ({"x|base64": "foobar"}, {"x": "Zm9vYmFy"}, True),
    ({"x|base64|contains": "foobar"}, {"x": "cmd Zm9vYmFy x"}, True),
    ({"x|base64offset|contains": "foobar"}, {"x": "YmFyIGZvb2Jhcg=="}, True),
    ({"x|base64offset|contains": "foobar"}, {"x": "Zm9vYmF"}, False),
    ({"x|base64offset|contains|all": ["foobar", "bar"]}, {"x": "YmFyIGZvb2Jhcg=="}, True),
    ({"x|wide|base64offset|contains": "foobar"}, {"x": "ZgBvAG8AYgBhAHIA"}, True),
    ({"x|utf16be|base64offset|contains": "foobar"}, {"x": "AGYAbwBvAGIAYQBy"}, True),
    ({"x|wide": "ab"}, {"x": "a\x00b\x00"}, True),
    ({"x|utf16be|contains": "ab"}, {"x": "..\x00a\x00b"}, True),
    ({"x|windash|contains": " -f"}, {"x": "ls /f"}, True),
    ({"x|windash|contains": " -f"}, {"x": "ls \u2013f"}, True),
    ({"x|windash|contains": " -f"}, {"x": "ls \u2015f"}, True),
    ({"x|windash|contains": " -f"}, {"x": "ls +f"}, False),
    ({"x|windash|contains|all": [" -a", " -b"]}, {"x": "ls /a \u2014b"}, True),
    ({"x|windash|contains|all": [" -a", " -b"]}, {"x": "ls /a"}, False),
]

TIMES = [
    ({"x|minute": 59}, {"x": T}, True),
    ({"x|hour": 23}, {"x": T}, True),
    ({"x|hour": 23}, {"x": "2026-03-30T01:59:30+02:00"}, True),
    ({"x|day": 29}, {"x": T}, True),
    ({"x|week": 13}, {"x": T}, True),
    ({"x|month": 3}, {"x": T}, True),
    ({"x|year": 2026}, {"x": T}, True),
    ({"x|year": 2025}, {"x": T}, False),
    ({"x|year": 1970}, {"x": 86400}, True),
    ({"x|hour|gte": 22}, {"x": T}, True),
    ({"x|hour|lt": 22}, {"x": T}, False),
    ({"x|hour": [1, 23]}, {"x": T}, True),
    ({"x|hour": 0}, {"x": "not a time"}, False),
    ({"x|hour": 0}, {"x": True}, False),
    ({"x|hour": 0}, {}, False),
    ({"x|year|gte": 0}, {"x": -(10**14)}, True),
]

SHAPES = [
    ({"a.b.c": "v"}, {"a.b": {"c": "v"}}, True),
    ({"a.b.c": "v"}, {"a": {"b.c": "v"}}, True),
    ({"a.b.c": "v"}, {"a.b.c": "v"}, True),
    ({"a.b": "v"}, {"a.b": "u", "a": {"b": "v"}}, True),
    ({"a.b": "v"}, {"a": [[{"b": ["u", ["v"]]}]]}, True),
    ({"a.b": "v", "a.c": "w"}, {"a": [{"b": "v", "c": "x"}, {"b": "y", "c": "w"}]}, True),
    ({"a": "v"}, {"a": {"b": "v"}}, False),
    ({"A": "v"}, {"a": "v"}, False),
    ([{"x": "a"}, {"y": "b"}], {"y": "b"}, True),
    ([{"x": "a", "y": "b"}, {"y": "c"}], {"x": "a", "y": "c"}, True),
    ([{"x": "a", "y": "b"}, {"y": "c"}], {"x": "a"}, False),
]

KEYWORDS = [
    (["needle"], {"x": {"y": ["hay", ["a NEEDLE b"]]}}, True),
    (["needle"], {"needle": "x"}, False),
    (["needle"], {}, False),
    ("needle", {"x": "needles"}, True),
    (["nee*le"], {"x": "-- need\nle --"}, True),
    (["n??dle"], {"x": "a needle b"}, True),
    ([42], {"x": 1423}, True),
    ([True], {"x": {"y": True}}, True),
    ({"|all": ["a1", "b1"]}, {"x": "a1", "y": "b1"}, True),
    ({"|all": ["a1", "b1"]}, {"x": "a1"}, False),
    ({"|re": "ne+dle$"}, {"x": "a needle"}, True),
    ({"|re": "NEEDLE"}, {"x": "a needle"}, False),
    ({"|cased": "NEEDLE"}, {"x": "a needle"}, False),
    ({"|cidr": "10.0.0.0/8"}, {"x": [{"ip": "10.0.0.9"}]}, True),
    ({"|base64offset": "foobar"}, {"x": "YmFyIGZvb2Jhcg=="}, True),
]

TABLE = [*STRINGS, *NUMBERS, *PATTERNS, *REFERENCES, *ENCODINGS, *TIMES, *SHAPES, *KEYWORDS]


def _rule(detection: object) -> str:
    return json.dumps({"title": "t", "logsource": {"product": "mcp"}, "detection": detection})


@pytest.mark.parametrize(("selection", "data", "expected"), TABLE, ids=[f"{one[0]} on {one[1]!r}" for one in TABLE])
def test_selection_holds_as_the_specification_says(
    selection: object, data: dict[str, object], *, expected: bool, pack_of: Callable[..., RulePack]
) -> None:
    event = Event(data=data)
    for condition, wanted in (("sel", expected), ("not sel", not expected)):
        engine = Engine(pack_of(_rule({"sel": selection, "condition": condition})))
        assert bool(engine.feed(event)) is wanted
        assert not engine.failures


_A, _B, _C = {"a": 1}, {"b": 1}, {"c": 1}


@pytest.mark.parametrize(
    ("condition", "data", "expected"),
    [
        ("s_a or s_b and s_c", {"a": 1}, True),
        ("(s_a or s_b) and s_c", {"a": 1}, False),
        ("not s_a and s_b", {"b": 1}, True),
        ("not s_a or s_b", {"a": 1, "b": 1}, True),
        ("not (s_a or s_b)", {"c": 1}, True),
        ("not s_a and not s_b", {"b": 1}, False),
        ("not not s_a", {"a": 1}, True),
        ("1 of s_*", {"c": 1}, True),
        ("any of s_*", {"c": 1}, True),
        ("all of s_*", {"a": 1, "b": 1}, False),
        ("all of s_*", {"a": 1, "b": 1, "c": 1}, True),
        ("all of them", {"a": 1, "b": 1, "c": 1}, True),
        ("1 of them", {"d": 1}, False),
        ("1 of *_b", {"b": 1}, True),
        ("not 1 of s_*", {"d": 1}, True),
        ("s_a and not 1 of s_b*", {"a": 1}, True),
        (["s_a", "s_b"], {"b": 1}, True),
        (["s_a", "s_b"], {"c": 1}, False),
    ],
)
def test_conditions_bind_not_before_and_before_or(
    condition: object, data: dict[str, object], *, expected: bool, pack_of: Callable[..., RulePack]
) -> None:
    detection = {"s_a": _A, "s_b": _B, "s_c": _C, "condition": condition}
    assert bool(Engine(pack_of(_rule(detection))).feed(Event(data=data))) is expected


def test_two_conditions_that_hold_give_one_alert(pack_of: Callable[..., RulePack]) -> None:
    detection = {"s_a": _A, "s_b": _B, "condition": ["s_a", "s_b"]}
    assert len(Engine(pack_of(_rule(detection))).feed(Event(data={"a": 1, "b": 1}))) == 1


def test_expanded_variables_are_alternatives(pack_of: Callable[..., RulePack]) -> None:
    text = _rule({"sel": {"x|expand": "%names%"}, "condition": "sel"})
    engine = Engine(pack_of(text, names=("alice", "bob")))
    assert engine.feed(Event(data={"x": "BOB"}))
    assert not engine.feed(Event(data={"x": "%names%"}))


def test_a_rule_with_an_unset_variable_is_skipped(pack_of: Callable[..., RulePack]) -> None:
    text = _rule({"sel": {"x|expand": "%names%"}, "condition": "sel"})
    assert not Engine(pack_of(text)).feed(Event(data={"x": "%names%"}))


def test_a_filter_takes_away_what_it_names(pack_of: Callable[..., RulePack]) -> None:
    rule = _rule({"sel": {"x": "a"}, "condition": "sel"})
    sieve = {
        "title": "f",
        "logsource": {"product": "mcp"},
        "filter": {"rules": "any", "own": {"user": "admin"}, "condition": "not own"},
    }
    engine = Engine(pack_of(f"{rule}\n---\n{json.dumps(sieve)}"))
    assert engine.feed(Event(data={"x": "a", "user": "eve"}))
    assert not engine.feed(Event(data={"x": "a", "user": "Admin"}))
