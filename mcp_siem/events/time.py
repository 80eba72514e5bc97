"""Times of events: whatever a source wrote -> microseconds since the Unix epoch, UTC, and back."""

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

__all__ = ["format_time", "parse_time"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START = _EPOCH.replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)
_MINUTES_KEPT = 1_024
_LONGEST = 64
_USUAL = {24: 1_000, 27: 1}
_HOURS = range(24)
_MINUTES = range(60)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?\s?(Z|z|UTC|[+-]\d\d:?(?:\d\d)?)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?\d{1,19}(?:\.\d{1,18})?", re.ASCII)
# A bare number is read by its size: seconds until the year 5138, then milli-, micro- and nanoseconds.
_SCALES = ((10**11, 1_000_000), (10**14, 1_000), (10**17, 1))
_LATEST = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EARLIEST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def parse_time(value: object) -> int | None:
    """Microseconds since the epoch of an RFC 3339 text or an epoch number in s, ms, us or ns; None if it is no time."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return _parse_text(value.strip()) if len(value) <= _LONGEST else None
    if isinstance(value, int | float):
        return _parse_number(value)
    return None


def format_time(us: int) -> str:
    """RFC 3339 in UTC with microseconds and `Z`; a time outside the years 1 to 9999 is held at that edge."""
    minutes, micros = divmod(min(max(us, _EARLIEST), _LATEST), 60_000_000)
    return f"{_minute(minutes)}:{micros // 1_000_000:02d}.{micros % 1_000_000:06d}Z"


@lru_cache(maxsize=_MINUTES_KEPT)
def _minute(minutes: int) -> str:
    return (_START + timedelta(minutes=minutes)).isoformat(timespec="minutes")


def _parse_number(value: float) -> int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    size = abs(value)
    if size >= 10**20:
        return None
    for limit, factor in _SCALES:
        if size < limit:
            return round(value * factor)
    return int(value) // 1000


def _parse_text(text: str) -> int | None:
    # the usual spelling, to the millisecond or microsecond in UTC, is read minute by minute; nothing else is tried so
    scale = _USUAL.get(len(text))
    if scale and text[10] == "T" and text[19] == "." and text[-1] == "Z" and text[17] < "6":
        digits = text[17:19] + text[20:-1]
        start = _start_of(text[:17]) if digits.isdecimal() and digits.isascii() else None
        if start is not None:
            return start + int(digits) * scale
    return _parse_spelled(text)


@lru_cache(maxsize=_MINUTES_KEPT)
def _start_of(minute: str) -> int | None:
    """Microseconds since the epoch of `YYYY-MM-DDTHH:MM:`."""
    return _parse_spelled(f"{minute}00Z") if minute[-1] == ":" else None


def _parse_spelled(text: str) -> int | None:
    if _NUMBER.fullmatch(text):
        return _parse_number(float(text) if "." in text else int(text))
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    # A leap second is the last instant of its minute for us: RFC 3339 allows :60, datetime does not.
    leap = second == "60"
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            59 if leap else int(second or 0),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    offset = _offset_minutes(zone)
    if offset is None:
        return None
    micros = 999_999 if leap else int((fraction or "")[:6].ljust(6, "0"))
    return (moment - _EPOCH) // _MICROSECOND + micros - offset * 60_000_000


def _offset_minutes(zone: str | None) -> int | None:
    if zone is None or zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours not in _HOURS or minutes not in _MINUTES:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)
