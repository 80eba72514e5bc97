from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Refusal
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk.refusals import LIMITS

Make = Callable[..., Rule]
Refuse = Callable[[Rule], Refusal]

DETECTIONS = [
    ("SPLUNK-FIELD-NAME", {"s": {"a'b": "x"}}, "s"),
    ("SPLUNK-FIELD-NAME", {"s": {"a*": "x"}}, "s"),
    ("SPLUNK-FIELDREF-ARRAY", {"s": {"f|fieldref": "list"}}, "s"),
    ("SPLUNK-KEYWORD-NEGATED", {"s": {"f": "x"}, "k": ["word"]}, "s and not k"),
    ("SPLUNK-KEYWORD-REGEX", {"s": {"|re": "a.b"}}, "s"),
    ("SPLUNK-PATTERN", {"s": {"f|re": "(a)\\1"}}, "s"),
    ("SPLUNK-PLACEHOLDER", {"s": {"f|expand": "%x%"}}, "s"),
    ("SPLUNK-PYSIGMA", {"s": {"|gte": 5}}, "s"),
    ("SPLUNK-TIME-WEEK", {"s": {"f|week": 5}}, "s"),
]


@pytest.mark.parametrize(("code", "selections", "condition"), DETECTIONS)
def test_what_has_no_exact_form_is_refused_with_its_code(
    code: str, selections: object, condition: str, detection_rule: Make, refusal: Refuse
) -> None:
    answer = refusal(detection_rule(selections, condition))
    assert answer.code == code
    assert LIMITS[code].reason in answer.reason
    assert answer.hint == LIMITS[code].hint


CORRELATIONS: list[tuple[str, str, dict[str, object]]] = [
    ("SPLUNK-CORRELATION-WINDOW", "a", {"type": "event_count", "condition": {"gte": 10_001}}),
    ("SPLUNK-CORRELATION-FIELDS", "a", {"type": "value_count", "condition": {"gte": 1, "field": ["f", "list"]}}),
    ("SPLUNK-CORRELATION-CONDITION", "ab", {"type": "temporal_ordered", "condition": "a and b"}),
    ("SPLUNK-CORRELATION-CONDITION", "a", {"type": "event_count", "condition": {"gte": 2, "lt": 9}}),
    ("SPLUNK-CORRELATION-CONDITION", "a", {"type": "value_avg", "condition": {"gte": 2.5, "field": "n"}}),
]


@pytest.mark.parametrize(("code", "bases", "correlation"), CORRELATIONS)
def test_correlations_that_cannot_slide_exactly_are_refused(
    code: str, bases: str, correlation: dict[str, object], correlation_rule: Make, refusal: Refuse
) -> None:
    assert refusal(correlation_rule(bases, **correlation)).code == code


def test_every_code_has_a_reason_and_something_to_change() -> None:
    for code, limit in LIMITS.items():
        assert code == limit.code
        assert code.startswith("SPLUNK-")
        assert limit.reason
        assert limit.hint


def test_double_negation_of_keywords_is_refused_as_well(detection_rule: Make, refusal: Refuse) -> None:
    rule = detection_rule({"s": {"f": "x"}, "k": ["word"]}, "s and not (not k)")
    assert refusal(rule).code == "SPLUNK-KEYWORD-NEGATED"
