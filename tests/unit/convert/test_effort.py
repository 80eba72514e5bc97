from mcp_siem.convert.anchors import whole_text
from mcp_siem.convert.effort import effort
from mcp_siem.convert.regex import parse_regex

ENOUGH = 1_000_000


def work(pattern: str) -> int:
    return effort(whole_text(parse_regex(pattern)), enough=ENOUGH)


def test_work_is_exact_for_an_automaton_known_from_the_books() -> None:
    """n characters after the last mark need two to the n states."""
    assert [work(rf"^[ab]*a[ab]{{{count}}}$") // 2**count for count in (6, 8, 10)] == [5, 6, 7]


def test_a_literal_is_little_work_and_two_counted_gaps_are_much() -> None:
    assert work("ignore previous instructions") < 500
    assert work("(foo|bar)[^.!?]{0,80}(all|every)[^!?]{0,80}(http|www)") > 100_000


def test_counting_stops_where_enough_is_known() -> None:
    assert effort(whole_text(parse_regex("[ab]*a[ab]{40}")), enough=5_000) == 5_000
    assert effort(whole_text(parse_regex("(.{1000}){9}")), enough=5_000) == 5_000


def test_the_costliest_part_counts_even_where_the_whole_is_simple() -> None:
    assert work(r"x(\w{0,60}(dhgec|eda)y)") > 20_000


def test_common_beginnings_are_counted_once() -> None:
    assert work("[^.]*(abcdefgh1|abcdefgh2|abcdefgh3)") < 1.2 * work("[^.]*abcdefgh[1-3]")
