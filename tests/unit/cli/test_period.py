import pytest

from mcp_siem.cli.period import parse_period
from mcp_siem.errors import UsageError
from mcp_siem.stream.period import Period

NOW = 1_795_000_000_000_000
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "back"),
    [("90s", 90), ("30m", 1_800), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("1d12h", 129_600)],
)
def test_a_duration_counts_back_from_now(text: str, back: int) -> None:
    assert parse_period(text, None, NOW).since == NOW - back * SECOND
    assert parse_period(None, text, NOW).until == NOW - back * SECOND


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-25", 1_795_564_800),
        ("2026-11-25T08:00:00Z", 1_795_593_600),
        ("2026-11-25 09:00:00+01:00", 1_795_593_600),
        (" 2026-11-25T08:00 ", 1_795_593_600),
    ],
)
def test_a_time_is_taken_as_it_stands(text: str, time: int) -> None:
    assert parse_period(text, None, NOW).since == time * SECOND


@pytest.mark.parametrize(
    "text", ["", "soon", "24", "1795000000", "-24h", "24 h", "2026-13-01", "h", "1.5h", "9999999999d"]
)
def test_what_is_no_time_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(UsageError, match=r"--until .* is no time") as caught:
        parse_period(None, text, NOW)
    assert "24h" in str(caught.value.hint)


def test_a_period_that_holds_nothing_is_refused_and_an_open_one_holds_all() -> None:
    with pytest.raises(UsageError, match="nothing lies between"):
        parse_period("1h", "2h", NOW)
    assert parse_period(None, None, NOW) == Period()
    assert parse_period(None, None, NOW).whole
