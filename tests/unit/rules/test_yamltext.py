import time

import pytest

from mcp_siem.errors import Issue
from mcp_siem.rules.yamltext import read_documents


def _issues(text: str) -> list[tuple[str, int]]:
    return [(issue.code, issue.line) for issue in read_documents(text, "rule.yml")[1]]


def test_each_document_knows_its_line_and_the_lines_of_its_keys() -> None:
    documents, issues = read_documents("# comment\na: 1\nb:\n  c: [x,\n    y]\n---\n\nd: 2\n", "rule.yml")
    first, second = documents
    assert not issues
    assert (first.line, first.line_of("b", "c"), first.line_of("b", "c", 1)) == (2, 4, 5)
    assert (second.line, second.line_of("d"), second.path) == (8, 8, "rule.yml")
    assert first.line_of("b", "nothing", "at all") == 3


def test_empty_documents_are_left_out() -> None:
    assert [document.data for document in read_documents("---\n---\na: 1\n---\n# only words\n", "x")[0]] == [{"a": 1}]


def test_dates_and_the_equals_sign_stay_text() -> None:
    documents, issues = read_documents("date: 2024-01-01\nat: 2024-01-01T00:00:00Z\nis: =\n", "x")
    assert not issues
    assert documents[0].data == {"date": "2024-01-01", "at": "2024-01-01T00:00:00Z", "is": "="}


def test_numbers_bools_and_null_are_those_of_yaml_1_1() -> None:
    documents, _ = read_documents("[1, 0x10, 1.5, yes, ~, 'yes']", "x")
    assert documents[0].data == [1, 16, 1.5, True, None, "yes"]


def test_merge_keys_fill_in_what_is_not_there() -> None:
    documents, issues = read_documents("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\n", "x")
    assert not issues
    assert documents[0].data == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2, "z": 4}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2\n", [("MS001", 1)]),
        ("a: 'no end\n\n\n", [("MS001", 1)]),
        ("a: 1\n b: 2\n", [("MS001", 2)]),
        ("a: b: c\n", [("MS001", 1)]),
        ("a:\n\t- b\n", [("MS001", 2)]),
        ("a: *nobody\n", [("MS001", 1)]),
        ("a: \x07\n", [("MS001", 1)]),
        ('a: 1\nb: "\\ud800"\n', [("MS001", 2)]),
        ("a: 1\n<<: 3\n", [("MS001", 2)]),
        ("a: 1\nb: 2\na: 3\n", [("MS006", 3)]),
        ("detection:\n  on: x\n", [("MS007", 2)]),
        ("detection:\n  sel:\n    4: x\n", [("MS007", 3)]),
        ("? [a, b]\n: c\n", [("MS007", 1)]),
        ("a: 1\nb: !!binary aGk=\n", [("MS007", 2)]),
        ("a: !!python/object/apply:os.system [id]\n", []),
        ("a: !!python/name:os.system\n", [("MS007", 1)]),
        ("a: !!int many\n", [("MS007", 1)]),
        (f"a: {'9' * 5000}\n", [("MS007", 1)]),
        ("a: &a [*a]\n", [("MS008", 1)]),
        (f"a: {'[' * 60}{']' * 60}\n", [("MS008", 1)]),
        (f"a: {'[' * 100_000}\n", [("MS001", 1)]),
        ("\n".join(" " * depth + "a:" for depth in range(3000)), [("MS001", 1000)]),
    ],
)
def test_hostile_yaml_is_an_issue_at_its_line(text: str, expected: list[tuple[str, int]]) -> None:
    assert _issues(text) == expected


def test_odd_keys_of_custom_attributes_do_no_harm() -> None:
    documents, issues = read_documents("custom:\n  1: one\n  on: two\n", "x")
    assert not issues
    assert documents[0].data == {"custom": {"1": "one", "on": "two"}}


def test_aliases_that_multiply_end_early() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    started = time.perf_counter()
    assert _issues("\n".join(lines)) == [("MS008", 1)]
    assert time.perf_counter() - started < 5


def test_documents_before_a_broken_one_are_kept() -> None:
    documents, issues = read_documents("a: 1\n---\nb: [\n", "rule.yml")
    assert [document.data for document in documents] == [{"a": 1}]
    assert isinstance(issues[0], Issue)
    assert issues[0].hint
