import pytest

from mcp_siem.rules.condition import condition_faults, named_selections, readable, rewritten

NAMES = ["selection", "selection_a", "selection_b", "filter", "_hidden", "1x", "of", "a-b"]


@pytest.mark.parametrize(
    ("condition", "used"),
    [
        ("selection", {"selection"}),
        ("1 of selection_*", {"selection_a", "selection_b"}),
        ("all of selection* and not filter", {"selection", "selection_a", "selection_b", "filter"}),
        ("1 of them", {"selection", "selection_a", "selection_b", "filter", "1x", "of", "a-b"}),
        ("any of _*", {"_hidden"}),
        ("not (a-b or 1x)", {"a-b", "1x"}),
        ("selection and of", {"selection", "of"}),
    ],
)
def test_the_selections_of_a_condition_are_found_as_pysigma_finds_them(condition: str, used: set[str]) -> None:
    assert named_selections(condition, NAMES) == used
    assert not list(condition_faults(condition, NAMES))


def test_every_fault_of_a_condition_says_what_was_meant() -> None:
    faults = list(condition_faults("selektion AND 1 of nothing_* or filter", NAMES))
    assert [fault.code for fault in faults] == ["MS016", "MS015", "MS016"]
    assert faults[0].hint == "did you mean 'selection'?"
    assert faults[1].hint == "write 'and'"


def test_a_condition_is_rewritten_operand_by_operand() -> None:
    changed = rewritten("not (a or 1 of b_*) and all of them", lambda name, of: f"<{of or ''}{name}>")
    assert changed == "not (<a> or <1b_*>) and <allthem>"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a and not notepad", "a and not _named0_notepad"),
        ("1 of not* and not notepad", "1 of not* and not _named0_notepad"),
        ("1 of _* or notepad", "1 of _* or named0_notepad"),
        ("all of them and (notepad or not_x)", "all of them and (_named0_notepad or _named0_not_x)"),
        ("1 of not* and not a", "1 of not* and not a"),
    ],
)
def test_a_name_that_pysigma_would_take_apart_has_a_second_one_that_no_pattern_tells_from_it(
    condition: str, expected: str
) -> None:
    conditions, others = readable([condition], ["a", "notepad", "not_x", "_b"])
    assert conditions == [expected]
    assert set(others) == {name for name in ("notepad", "not_x") if f"named0_{name}" in expected}
