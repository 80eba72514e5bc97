from collections.abc import Callable

import pytest

from mcp_siem.convert.target import Query
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk.target import SplunkTarget

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
