import re
from collections.abc import Callable

import pytest
import re2
from sigma.rule import SigmaDetectionItem

from mcp_siem.rules.expand import expand, expressible, placeholders
from mcp_siem.rules.parse import main_rule, parse_rule
from mcp_siem.rules.rule import RulePack


def test_each_value_of_a_variable_becomes_a_value_of_the_list() -> None:
    section = {"s": {"host|expand": ["%ours%", "www.%ours%"], "x": "%ours%"}, "condition": "s"}
    assert placeholders(section) == {"ours"}
    assert expand(section, {"ours": ("a", "b")}) == {
        "s": {"host": ["a", "b", "www.a", "www.b"], "x": "%ours%"},
        "condition": "s",
    }


def test_several_placeholders_of_one_value_are_combined() -> None:
    node = {"f|expand|contains": "%a%-%b%"}
    assert expand(node, {"a": ("1", "2"), "b": ("x", "y")}) == {"f|contains": ["1-x", "1-y", "2-x", "2-y"]}


def test_an_escaped_percent_sign_is_no_placeholder() -> None:
    assert placeholders({"f|expand": r"100\%a%"}) == set()
    assert expand({"f|expand": r"100\%a\% %b%"}, {"b": ("x",)}) == {"f": "100%a% x"}
    assert placeholders({"f|expand": r"C:\\%a%"}) == {"a"}


@pytest.mark.parametrize(
    ("value", "text", "held"),
    [
        (r"C:\temp", r"C:\temp\x", True),
        (r"C:\temp", r"C:\tempx", False),
        ("a*", r"abc\x", True),
        (r"a\*", r"a*\x", True),
        (r"a\*", r"abc\x", False),
        ("end\\", "end\\\\x", True),
        ("a?c", r"abc\x", True),
    ],
)
def test_a_value_is_a_sigma_string_whatever_stands_behind_it(value: str, text: str, *, held: bool) -> None:
    expanded = expand({"f|expand": "%v%\\\\*"}, {"v": (value,)})
    assert isinstance(expanded, dict)
    item = SigmaDetectionItem.from_mapping("f", expanded["f"])
    pattern = str(item.value[0].to_regex().regexp)
    assert bool(re.fullmatch(pattern, text)) is held


def test_a_value_is_literal_in_a_regular_expression_but_for_its_wildcards() -> None:
    expanded = expand({"f|re|expand": "^https?://%host%/"}, {"host": ("a.b+c", "*.example.org", "ünï")})
    assert isinstance(expanded, dict)
    patterns = [re2.compile(pattern) for pattern in expanded["f|re"]]
    urls = ["https://a.b+c/", "https://x.y.example.org/", "https://ünï/"]
    assert [bool(pattern.search(url)) for pattern, url in zip(patterns, urls, strict=True)] == [True] * 3
    assert not patterns[0].search("https://aXb+c/")


def test_numbers_are_numbers_where_sigma_compares() -> None:
    assert expand({"n|gte|expand": "%limit%"}, {"limit": ("5",)}) == {"n|gte": 5}


@pytest.mark.parametrize("key", ["f|contains|expand", "f|expand|contains"])
def test_an_expanded_list_stands_beside_another_of_the_same_field(key: str) -> None:
    expanded = expand({"f|contains": ["b", "c"], key: ["%a%", "5%"]}, {"a": ("1", "%x%")})
    assert expanded == {"f|contains": ["b", "c"], "f|contains|expand": ["1", r"\%x\%", r"5\%"]}
    item = SigmaDetectionItem.from_mapping("f|contains|expand", expanded["f|contains|expand"])
    assert [value.to_plain() for value in item.value] == ["*1*", "*%x%*", "*5%*"]
    assert not any(value.contains_placeholder() for value in item.value)


def test_a_rule_with_unset_variables_is_judged_with_plausible_values() -> None:
    node = {"s": {"ip|expand|cidr": "%nets%", "n|expand|gt": "%limit%", "h|expand": "%hosts%"}}
    assert expressible(node) == {"s": {"ip|cidr": "192.0.2.0/24", "n|gt": 1, "h": "value"}}


def test_an_expanded_rule_parses_and_a_rule_that_is_off_does_too(load: Callable[..., RulePack], rule_text: str) -> None:
    text = rule_text.replace("tool|contains: run", "ip|expand|cidr: '%nets%'")
    (off,) = load(a=text)
    assert off.off
    (on,) = load(a=text, variables={"nets": ["10.0.0.0/8", "192.168.0.0/16"]})
    assert len(main_rule(on, parse_rule(on)).detection.detections["selection"].detection_items[0].value) == 2
