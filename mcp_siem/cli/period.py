"""Times on the command line: `--since 24h --until 2026-11-25T08:00:00Z`."""

import re

from mcp_siem.errors import UsageError
from mcp_siem.events.time import parse_time
from mcp_siem.stream.period import Period

__all__ = ["parse_moment", "parse_period"]

_DURATION = re.compile(r"(?:\d{1,9}[wdhms])+", re.ASCII)
_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_HINT = "give a time like 2026-11-25T08:00:00Z, a date, or how long ago: 30m, 24h, 7d, 1d12h"


def parse_period(since: str | None, until: str | None, now: int) -> Period:
    """The stretch between two times, either of which may be open; `now` is what durations count back from."""
    start = None if since is None else parse_moment(since, now, flag="--since")
    end = None if until is None else parse_moment(until, now, flag="--until")
    if start is not None and end is not None and start >= end:
        raise UsageError("--since is not before --until, so nothing lies between them", hint="swap or widen them")
    whole = Period()
    return Period(
        since=whole.since if start is None else start, until=whole.until if end is None else end, reach=whole.reach
    )


def parse_moment(text: str, now: int, *, flag: str) -> int:
    """A time in RFC 3339, a date (its first instant in UTC), or a duration back from now; in microseconds."""
    said = text.strip()
    if _DURATION.fullmatch(said):
        return now - sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(said)) * 1_000_000
    time = parse_time(said) if "-" in said[1:] else None
    if time is None:
        raise UsageError(f"{flag} {text!r} is no time", hint=_HINT)
    return time
