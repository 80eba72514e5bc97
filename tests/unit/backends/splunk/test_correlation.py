from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk.target import SplunkTarget

BASE_ID = "11111111-1111-4111-8111-1111111111"
Make = Callable[..., Rule]
Spl = Callable[[Rule], str]


def test_a_threshold_asks_whether_its_nth_latest_event_is_recent(correlation_rule: Make, spl: Spl) -> None:
    text = spl(correlation_rule("a", type="event_count", condition={"gte": 3}, **{"group-by": ["user.id"]}))
    assert text.split("\n| ")[:4] == [
        'kind="a"',
        "where isnotnull('user.id')",
        "sort 0 _time",
        "streamstats window=3 global=f count AS mcp_siem_seen3 min(_time) AS mcp_siem_first3 BY user.id",
    ]
    assert "where mcp_siem_seen3>=3 AND mcp_siem_first3>=_time-300" in text
    assert "bin _time" not in text, "buckets of fixed times miss a burst that straddles their edge"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"gt": 3}, "mcp_siem_seen4>=4 AND mcp_siem_first4>=_time-300"),
        ({"lt": 3}, "NOT (mcp_siem_seen3>=3 AND mcp_siem_first3>=_time-300)"),
        ({"lte": 3}, "NOT (mcp_siem_seen4>=4 AND mcp_siem_first4>=_time-300)"),
        ({"gte": 0}, "1=1"),
    ],
)
def test_every_operator_is_said_by_thresholds(
    condition: dict[str, int], holds: str, correlation_rule: Make, spl: Spl
) -> None:
    assert f"\n| where {holds}\n" in spl(correlation_rule("a", type="event_count", condition=condition))


def test_an_array_counts_in_the_group_of_each_of_its_values_once(correlation_rule: Make, spl: Spl) -> None:
    text = spl(correlation_rule("a", type="event_count", condition={"gte": 2}, **{"group-by": ["list"]}))
    assert (
        "| eval mcp_siem_key1=mvdedup('list{}')\n| where isnotnull(mcp_siem_key1)\n| mvexpand mcp_siem_key1\n" in text
    )
    assert text.endswith("| rename mcp_siem_key1 AS list")


def test_events_of_several_base_rules_are_marked_with_those_they_match(correlation_rule: Make, spl: Spl) -> None:
    lines = spl(correlation_rule("ab", type="temporal", **{"group-by": ["user.id"]})).split("\n| ")
    assert lines[0] == 'kind IN ("a", "b")'
    assert lines[1].startswith(
        "eval mcp_siem_rule1=if(isnotnull(mvfind('kind', \"(?is)\\Aa\\z\")), 1, 0), mcp_siem_rule2="
    )
    assert lines[2] == "where mcp_siem_rule1=1 OR mcp_siem_rule2=1"


def test_a_correlation_tells_the_analyst_who_where_and_when(correlation_rule: Make, spl: Spl) -> None:
    text = spl(correlation_rule("a", type="event_count", condition={"gte": 5}))
    for shown in ("mcp_siem_servers", "mcp_siem_tools", "mcp_siem_samples", "mcp_siem_first", "mcp_siem_last"):
        assert shown in text


def test_limits_and_approximations_are_notes(correlation_rule: Make, taxonomy: Taxonomy) -> None:
    query = SplunkTarget(taxonomy).query(correlation_rule("ab", type="temporal_ordered"))
    assert isinstance(query, Query)
    assert any("max_stream_window" in note for note in query.notes)
    assert any("one instant" in note for note in query.notes)


def test_aliases_name_the_rule_by_reference_id_or_name(correlation_rule: Make, spl: Spl) -> None:
    aliases = {"who": {"a": "user.id", "b": "server"}}
    text = spl(correlation_rule("ab", type="temporal", aliases=aliases, **{"group-by": ["who"]}))
    assert (
        "mcp_siem_key1=mvdedup(mvappend(if(mcp_siem_rule1=1, 'user.id', null()), if(mcp_siem_rule2=1, 'server', null())))"
        in text
    )
    assert text.endswith("| rename mcp_siem_key1 AS who")


WINDOW = "streamstats time_window=301s values(mcp_siem_dated) AS mcp_siem_window"
KEPT = (
    'eval mcp_siem_kept=mvmap(mcp_siem_window, if(tonumber(mvindex(split(mcp_siem_window, "|"), 0))>=_time-300, '
    'mvindex(split(mcp_siem_window, "|"), 2), null()))'
)


@pytest.mark.parametrize(
    ("kind", "condition", "holds"),
    [
        ("value_sum", {"gte": 10, "field": "size"}, "sum(mcp_siem_kept)>=10"),
        ("value_avg", {"lt": 10, "field": "size"}, "sum(mcp_siem_kept)<10*mvcount(mcp_siem_kept)"),
    ],
)
def test_numbers_are_added_over_the_closed_window_each_as_often_as_it_occurs(
    kind: str, condition: dict[str, object], holds: str, correlation_rule: Make, spl: Spl
) -> None:
    lines = spl(correlation_rule("a", type=kind, condition=condition)).split("\n| ")
    assert WINDOW in lines
    assert KEPT in lines
    assert f"where {holds}" in lines
    assert 'eval mcp_siem_value=mvzip(mcp_siem_value, mvrange(0, mvcount(mcp_siem_value)), "|")' in lines


@pytest.mark.parametrize(
    ("kind", "more", "place"), [("value_median", {}, 50), ("value_percentile", {"percentile": 95}, 95)]
)
def test_a_percentile_is_told_by_its_two_neighbours(
    kind: str, more: dict[str, int], place: int, correlation_rule: Make, spl: Spl
) -> None:
    text = spl(correlation_rule("a", type=kind, condition={"gt": 10, "field": "size", **more}))
    assert f"| eval mcp_siem_place={place}*(mvcount(mcp_siem_kept)-1)\n" in text
    assert "| where if(coalesce(mvcount(mvfilter(tonumber(mcp_siem_kept)<=10)), 0)<=mcp_siem_below OR (" in text


def test_a_part_of_an_order_is_the_longest_chain_of_rules(correlation_rule: Make, spl: Spl) -> None:
    text = spl(correlation_rule("abc", type="temporal_ordered", condition={"gte": 2}))
    assert "| eval mcp_siem_chain1_1=if(mcp_siem_rule1=1, _time, null()), mcp_siem_chain1_2=if(" in text
    assert "mcp_siem_chain2_3=if(mcp_siem_rule3=1, max(coalesce(mcp_siem_chain1_1_before, 0), coalesce(" in text
    whole = spl(correlation_rule("abc", type="temporal_ordered"))
    assert "| where if(mcp_siem_chain3_3_latest>=_time-300, 1, 0)=1\n" in whole


def test_combinations_of_fields_are_counted_so_that_no_two_are_alike(correlation_rule: Make, spl: Spl) -> None:
    text = spl(correlation_rule("a", type="value_count", condition={"gte": 2, "field": ["f", "g"]}))
    assert "| eval mcp_siem_value=len('f').\"|\".'f'.\"|\".len('g').\"|\".'g'\n" in text


INNER_ID = f"{BASE_ID}77"


def _chain(correlation_rule: Make, inner: dict[str, object], outer: dict[str, object]) -> Rule:
    """A correlation over one called `inner` and base rule `b`; the inner one is over `a`."""
    plain = correlation_rule("ab", **{"type": "temporal", **outer})
    *bases, main = plain.text.split("---\n")
    held = {"title": "inner", "name": "inner", "id": INNER_ID, "status": "test", "level": "low"}
    held |= {"correlation": {"rules": ["a"], "timespan": "5m", **inner}}
    whole = yaml.safe_load(main)
    whole["correlation"]["rules"] = ["inner", "b"]
    texts = [*bases, yaml.safe_dump(held, sort_keys=False), yaml.safe_dump(whole, sort_keys=False)]
    return replace(plain, text="---\n".join(texts))


def test_a_correlation_that_another_builds_on_is_worked_out_on_the_same_rows(correlation_rule: Make, spl: Spl) -> None:
    inner = {"type": "event_count", "condition": {"gte": 3}, "group-by": ["user.id"]}
    lines = spl(_chain(correlation_rule, inner, {"group-by": ["server"]})).split("\n| ")
    assert lines[2:10] == [
        "where mcp_siem_rule1=1 OR mcp_siem_rule2=1",
        "eval mcp_siem_c1_in=if((mcp_siem_rule1=1) AND isnotnull('user.id'), 1, 0)",
        "eval mcp_siem_c1_key1=if(mcp_siem_c1_in=1, 'user.id', \"\")",
        "sort 0 _time",
        (
            "streamstats window=3 global=f count AS mcp_siem_c1_seen3 min(_time) AS mcp_siem_c1_first3 "
            "BY mcp_siem_c1_key1 mcp_siem_c1_in"
        ),
        "eval mcp_siem_c1_holds=if(mcp_siem_c1_in=1 AND (mcp_siem_c1_seen3>=3 AND mcp_siem_c1_first3>=_time-300), 1, 0)",
        "where mcp_siem_c1_holds=1 OR mcp_siem_rule2=1",
        "where isnotnull('server')",
    ]


def test_an_inner_group_of_several_values_is_refused(
    correlation_rule: Make, refusal: Callable[[Rule], Refusal]
) -> None:
    inner = {"type": "event_count", "condition": {"gte": 3}, "group-by": ["list"]}
    assert refusal(_chain(correlation_rule, inner, {})).code == "SPLUNK-CORRELATION-NESTED"
