import inspect

import pytest
import sigma.exceptions

from mcp_siem.rules.faults import FAULTS, issue_of
from mcp_siem.rules.yamltext import Document

ERRORS = [
    error
    for _, error in inspect.getmembers(sigma.exceptions, inspect.isclass)
    if issubclass(error, Exception) and error.__module__ == "sigma.exceptions"
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_of_pysigma_has_a_code_and_a_next_step(error: type[Exception]) -> None:
    assert error in FAULTS, f"{error.__name__} is new: give it a code"
    code, _, hint = FAULTS[error]
    assert code.startswith("MS0")
    assert hint


def test_the_table_names_nothing_that_pysigma_does_not_have() -> None:
    assert set(FAULTS) == set(ERRORS)


def test_an_error_of_a_new_subclass_is_told_as_its_parent() -> None:
    class Newer(sigma.exceptions.SigmaTimespanError):
        pass

    issue = issue_of(Newer("too long"), Document(data=None, path="a.yml", line=7))
    assert (issue.code, issue.message, issue.path, issue.line) == ("MS018", "too long", "a.yml", 7)


def test_a_crash_of_pysigma_is_told_as_one() -> None:
    issue = issue_of(AttributeError("'int' object has no attribute 'split'"), Document(data=None, path="a.yml", line=1))
    assert issue.code == "MS029"
    assert "pySigma cannot read this" in issue.message
