import itertools
from collections.abc import Mapping

import pytest
from sigma.collection import SigmaCollection

from mcp_siem.rules.filters import applies, with_filters

RULE: Mapping[str, object] = {
    "title": "R",
    "id": "5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11",
    "name": "r",
    "logsource": {"product": "mcp", "service": "protocol"},
    "detection": {"selection": {"a": 1}, "selection_b": {"b": 1}, "condition": "1 of selection*"},
}


def sieve(condition: str = "not selection", **changes: object) -> dict[str, object]:
    section = {"rules": ["r"], "selection": {"x": 1}, "selection_b": {"y": 1}, "condition": condition}
    return {"title": "F", "logsource": {"product": "mcp"}, "filter": {**section, **changes}}


@pytest.mark.parametrize(
    ("rules", "meant"),
    [
        (["r"], True),
        ("r", True),
        ([RULE["id"]], True),
        ("any", True),
        ("ANY", True),
        ([], True),
        (["other"], False),
        (["R"], False),
    ],
)
def test_a_filter_is_for_the_rules_it_names(rules: object, *, meant: bool) -> None:
    assert applies(sieve(rules=rules), RULE) is meant


@pytest.mark.parametrize(
    ("logsource", "meant"),
    [
        ({"product": "mcp"}, True),
        ({"product": "mcp", "service": "protocol"}, True),
        ({"product": "mcp", "service": "http"}, False),
        ({"category": "webserver"}, False),
    ],
)
def test_the_logsource_of_a_filter_must_hold_the_rules(logsource: object, *, meant: bool) -> None:
    assert applies({**sieve(), "logsource": logsource}, RULE) is meant


@pytest.mark.parametrize(
    ("condition", "joined"),
    [
        ("not selection", "not _filter0_selection"),
        ("not 1 of selection*", "not 1 of _filter0_selection*"),
        ("not 1 of them", "not 1 of _filter0_*"),
        ("not (selection and selection_b)", "not (_filter0_selection and _filter0_selection_b)"),
    ],
)
def test_a_filter_joins_under_names_of_its_own(condition: str, joined: str) -> None:
    detection = with_filters(RULE, [sieve(condition)])["detection"]
    assert isinstance(detection, dict)
    assert detection["condition"] == f"(1 of selection*) and ({joined})"
    assert detection["selection"] == {"a": 1}
    assert detection["_filter0_selection"] == {"x": 1}


def test_names_that_pysigma_rewrites_wrongly_are_rewritten() -> None:
    odd = sieve("not 1x and not _own and not 1 of 1x*", **{"1x": {"p": 1}, "_own": {"q": 1}})
    collection = SigmaCollection.from_dicts([with_filters(RULE, [odd])])
    (rule,) = collection.rules
    fields = {item.field for name in rule.detection.detections.values() for item in name.detection_items}
    assert {"p", "q"} <= fields
    assert rule.detection.parsed_condition[0].parsed


def test_several_filters_keep_apart_and_each_condition_of_a_rule_gets_them() -> None:
    rule = {**RULE, "detection": {"s": {"a": 1}, "_filter0_s": {"c": 1}, "condition": ["s", "not _filter0_s"]}}
    detection = with_filters(rule, [sieve(), sieve("selection_b", rules="any")])["detection"]
    assert isinstance(detection, dict)
    assert detection["condition"] == [
        "((s) and (not _filter1_selection)) and (_filter2_selection_b)",
        "((not _filter0_s) and (not _filter1_selection)) and (_filter2_selection_b)",
    ]


def test_a_pattern_of_the_rule_does_not_take_in_the_filter() -> None:
    for quantifier, word in (("1", "or"), ("all", "and")):
        rule = {**RULE, "detection": {"_a": {"a": 1}, "_b": {"b": 1}, "condition": f"{quantifier} of _*"}}
        detection = with_filters(rule, [sieve()])["detection"]
        assert isinstance(detection, dict)
        assert detection["condition"] == f"((_a {word} _b)) and (not _filter0_selection)"


def test_a_rule_without_filters_and_a_correlation_stay_as_they_are() -> None:
    assert with_filters(RULE, []) == RULE
    correlation = {"title": "C", "correlation": {"type": "event_count"}}
    assert with_filters(correlation, [sieve(rules="any")]) == correlation
    assert list(itertools.chain(RULE)) == ["title", "id", "name", "logsource", "detection"]
