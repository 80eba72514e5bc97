import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_siem.events.time import format_time, parse_time

INSTANT = 1_785_232_800_123_456


@pytest.mark.parametrize(
    "value",
    [
        "2026-07-28T10:00:00.123456Z",
        "2026-07-28t10:00:00.123456z",
        "2026-07-28 10:00:00,123456",
        "2026-07-28T10:00:00.123456999Z",
        "2026-07-28T12:00:00.123456+02:00",
        "2026-07-28T05:30:00.123456-0430",
        "  2026-07-28T10:00:00.123456Z ",
        1_785_232_800_123_456,
        1_785_232_800_123_456_789,
        "1785232800.123456",
        "1785232800123456",
    ],
)
def test_one_instant_is_read_from_every_spelling(value: object) -> None:
    assert parse_time(value) == INSTANT


def test_an_epoch_number_is_scaled_by_its_size() -> None:
    assert parse_time(1_785_232_800) == 1_785_232_800_000_000
    assert parse_time(1_785_232_800_123) == 1_785_232_800_123_000
    assert parse_time(1_785_232_800.5) == 1_785_232_800_500_000
    assert parse_time(0) == 0


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        "2026-07-28T25:00:00Z",
        "2026-07-28T10:00:00+99:00",
        [],
        {},
        math.nan,
        math.inf,
        10**400,
        "9" * 5000,
        "٢٠٢٦-07-28T10:00:00Z",
    ],
)
def test_what_is_no_time_is_none(value: object) -> None:
    assert parse_time(value) is None


def test_a_leap_second_belongs_to_its_minute() -> None:
    assert format_time(parse_time("2016-12-31T23:59:60Z") or 0) == "2016-12-31T23:59:59.999999Z"


def test_formatting_never_leaves_the_years_that_have_four_digits() -> None:
    assert format_time(10**30) == "9999-12-31T23:59:59.000000Z"
    assert format_time(-(10**30)) == "0001-01-01T00:00:00.000000Z"


@given(st.integers(min_value=-(10**16), max_value=10**17))
def test_formatting_and_reading_are_inverse(us: int) -> None:
    assert parse_time(format_time(us)) == us


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.binary()))
def test_reading_a_time_never_raises(value: object) -> None:
    assert parse_time(value) is None or isinstance(parse_time(value), int)
