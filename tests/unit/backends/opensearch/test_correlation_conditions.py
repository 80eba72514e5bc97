"""Conditions of correlations that the scripted metric cannot hold are refused, never rounded."""

import pytest

from mcp_siem.convert.target import Refusal
from tests.unit.backends.opensearch.conftest import TARGET, rule_of

BASE = """\
title: A
id: 00000000-0000-4000-8000-000000000001
name: a
logsource: {category: any}
detection:
  sel: {k: a}
  condition: sel
---
title: C
id: 00000000-0000-4000-8000-0000000000ff
level: high
correlation:
  rules: [a]
  timespan: 1h
"""


@pytest.mark.parametrize(
    "rest",
    [
        "  type: event_count\n  condition: {gt: 1, lte: 3}\n",
        "  type: value_avg\n  condition: {gte: 2.5, field: n}\n",
    ],
)
def test_a_range_and_a_fraction_are_refused(rest: str) -> None:
    answer = TARGET.query(rule_of(BASE + rest))
    assert isinstance(answer, Refusal)
    assert answer.code == "OPENSEARCH-CORRELATION-CONDITION"
