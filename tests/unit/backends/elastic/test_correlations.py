"""The shape of the ES|QL we emit; that it counts right is for the referee, on a real engine."""

from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Query, Refusal

Answer = Callable[[str], Query | Refusal]

BASES = "---\n".join(
    f"""\
title: {name}
id: 00000000-0000-4000-8000-00000000000{at}
name: {name}
logsource: {{category: any}}
detection:
  sel: {{k: '{name}"'}}
  condition: sel
"""
    for at, name in enumerate("abc")
)
HEAD = "---\ntitle: C\nid: 00000000-0000-4000-8000-0000000000ff\nlevel: high\ncorrelation:\n"


@pytest.fixture
def lines(answer: Answer) -> Callable[[str], list[str]]:
    """The stages of the query of a correlation."""

    def emitted(text: str) -> list[str]:
        query = answer(f"{BASES}{HEAD}{text}")
        assert isinstance(query, Query), query
        assert query.language == "esql"
        return query.text.split("\n| ")

    return emitted


def test_events_are_counted_in_windows_that_end_at_each_of_them(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: event_count\n  rules: [a]\n  group-by: [k]\n  timespan: 5m\n  condition: {gte: 3}\n")
    assert stages[0] == "FROM logs-mcp.* METADATA _id"
    assert stages[1] == 'WHERE QSTR("k:\\"a\\\\\\"\\"")'
    assert "EVAL w = FLOOR(ms / (300000 + 1.0)) + k, own = CASE(k == 0, ms, null)" in stages
    assert "WHERE ms <= a AND ms >= a - 300000" in stages
    assert stages.index("WHERE n >= 3") < stages.index("MV_EXPAND a") < stages.index("WHERE events >= 3")
    assert stages[-4:] == [
        "RENAME g0 AS k",
        "KEEP @timestamp, k, events, first_seen, last_seen, principals, servers, tools, arguments, event_ids",
        "SORT @timestamp",
        "LIMIT 10000",
    ]


def test_an_event_without_a_key_counts_in_no_group_and_an_array_in_each(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: event_count\n  rules: [a]\n  group-by: [k, ip]\n  timespan: 1h\n  condition: {gt: 3}\n")
    at = stages.index("MV_EXPAND g0")
    assert stages[at : at + 4] == ["MV_EXPAND g0", "WHERE g0 IS NOT NULL", "MV_EXPAND g1", "WHERE g1 IS NOT NULL"]
    assert stages[3] == "EVAL g0 = k.exact, g1 = ip.exact"


def test_no_bucket_is_left_out_where_fewer_events_can_hold(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: event_count\n  rules: [a]\n  timespan: 1h\n  condition: {lt: 3}\n")
    assert [stage for stage in stages if stage.startswith("WHERE n ")] == []


def test_a_range_of_counts_is_asked_of_each_window_and_of_no_bucket(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: event_count\n  rules: [a]\n  timespan: 1h\n  condition: {gt: 1, lte: 3}\n")
    assert "WHERE events <= 3 AND events > 1" in stages
    assert [stage for stage in stages if stage.startswith("WHERE n ")] == []


def test_a_fraction_is_written_without_an_exponent(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: value_avg\n  rules: [a]\n  timespan: 1h\n  condition: {gte: 0.0000025, field: n}\n")
    assert "WHERE value_avg >= 0.0000025" in stages


def test_values_are_counted_exactly_and_shown(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: value_count\n  rules: [a, b]\n  timespan: 1h\n  condition: {gte: 3, field: ip}\n")
    assert "COUNT_DISTINCT" not in " ".join(stages)
    assert "EVAL value_count = COALESCE(MV_COUNT(values), 0)" in stages
    assert "WHERE value_count >= 3" in stages
    assert "examples = MV_SLICE(MV_SORT(values), 0, 19)" in " ".join(stages)


def test_an_order_of_three_rules_is_three_picks(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: temporal_ordered\n  rules: [a, b, c]\n  group-by: [k]\n  timespan: 10m\n")
    assert stages.count("WHERE c IS NOT NULL") == 3
    assert sum("p != c" in stage for stage in stages) == 2
    assert (
        "WHERE lo0 IS NOT NULL AND lo1 IS NOT NULL AND lo2 IS NOT NULL AND hi1 >= lo0 AND hi2 >= lo0 AND hi2 >= lo1"
        in stages
    )


def test_no_window_is_read_where_a_rule_was_not_seen_yet_or_only_before_it(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: temporal\n  rules: [a, b]\n  group-by: [k]\n  timespan: 10m\n")
    seen = "lo0 <= a AND hi0 >= a - 600000 AND lo1 <= a AND hi1 >= a - 600000"
    assert f"WHERE ms <= a AND ms >= a - 600000 AND {seen}" in stages


def test_an_inner_correlation_that_one_event_fulfils_is_a_flag_of_its_events(answer: Answer) -> None:
    def text(count: int) -> str:
        inner = (
            "---\ntitle: I\nid: 00000000-0000-4000-8000-0000000000fe\nname: inner\ncorrelation:\n  type: event_count\n"
            f"  rules: [a, b]\n  group-by: [k]\n  timespan: 1h\n  condition: {{gte: {count}}}\n"
        )
        outer = "  type: temporal\n  rules: [inner, c]\n  group-by: [k]\n  timespan: 10m\n"
        query = answer(BASES + inner + HEAD + outer)
        assert isinstance(query, Query), query
        return query.text

    assert text(1).count("MV_EXPAND a") == 1
    assert text(2).count("MV_EXPAND a") == 2
    assert 'CASE(r0 > 0 OR r1 > 0, "1", "0")' in text(1)


def test_an_extended_condition_is_asked_of_the_rules_seen(lines: Callable[[str], list[str]]) -> None:
    stages = lines("  type: temporal\n  rules: [a, b]\n  timespan: 10m\n  condition: a and not b\n")
    assert 'WHERE ((m0 == "1") AND ((NOT (m1 == "1"))))' in stages


def test_one_alias_for_all_rules_is_a_name(lines: Callable[[str], list[str]]) -> None:
    stages = lines(
        "  type: temporal\n  rules: [a, b]\n  group-by: [who]\n  timespan: 10m\n"
        "  aliases:\n    who:\n      a: k\n      b: k\n"
    )
    assert stages[3] == "EVAL g0 = k.exact"
    assert "RENAME g0 AS who" in stages


def test_rules_may_name_a_group_by_different_fields(lines: Callable[[str], list[str]]) -> None:
    stages = lines(
        "  type: temporal\n  rules: [a, b]\n  group-by: [who]\n  timespan: 10m\n"
        "  aliases:\n    who:\n      a: k\n      b: ip\n"
    )
    assert stages[3] == "EVAL g0_0 = k.exact, g0_1 = ip.exact"
    assert "g0 = CASE(k == 0, g0_0, k == 1, g0_1, null)" in " ".join(stages)


@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        ("value_sum", "value_sum = SUM(n)"),
        ("value_avg", "EVAL value_avg = sum / numbers"),
        ("value_median", "EVAL value_median = MV_PERCENTILE(top, 50)"),
        ("value_percentile", "EVAL value_percentile = MV_PERCENTILE(top, 95)"),
    ],
)
def test_numbers_are_measured_from_the_number_of_the_field(
    lines: Callable[[str], list[str]], kind: str, measure: str
) -> None:
    percentile = ", percentile: 95" if kind == "value_percentile" else ""
    stages = lines(f"  type: {kind}\n  rules: [a]\n  timespan: 1h\n  condition: {{gte: 3, field: n{percentile}}}\n")
    assert 'EVAL y0_0 = MV_CONCAT(TO_STRING(TO_DOUBLE(n)), ",")' in stages
    assert measure in "\n".join(stages)
    assert f"WHERE {kind} >= 3" in stages


def test_an_inner_correlation_is_one_more_flag_of_its_events(lines: Callable[[str], list[str]]) -> None:
    inner = (
        "  type: event_count\n  rules: [a]\n  group-by: [k]\n  timespan: 5m\n  condition: {gte: 3}\n"
        "---\ntitle: O\nid: 00000000-0000-4000-8000-0000000000fd\nlevel: high\ncorrelation:\n"
        "  type: temporal_ordered\n  rules: [00000000-0000-4000-8000-0000000000ff, b]\n  group-by: [k]\n  timespan: 10m\n"
    )
    stages = lines(inner)
    assert "EVAL h = CASE(events >= 3 AND own == 1, 1, 0)" in stages
    assert sum("FLOOR(ms / " in stage for stage in stages) == 2
    assert stages[-1] == "LIMIT 10000"


def test_notes_say_what_is_approximate(answer: Answer) -> None:
    def notes(text: str) -> str:
        query = answer(f"{BASES}{HEAD}{text}")
        assert isinstance(query, Query)
        return " ".join(query.notes)

    count = "  type: event_count\n  rules: [a]\n  timespan: 5m\n  condition: {%s: 3}\n"
    assert "millisecond count together" not in notes(count % "gte")
    assert "millisecond count together" in notes(count % "eq")
    assert "any order" in notes("  type: temporal_ordered\n  rules: [a, b]\n  timespan: 5m\n")
    assert "until an event has had it" in notes((count % "gte").replace("timespan", "group-by: [free]\n  timespan"))
