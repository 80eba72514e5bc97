"""Health rows as JSON lines (`--source health`), as `health_row` makes them: read strictly, for a row that says nothing hides a gap."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any

from mcp_siem.sources.fields import (
    Take,
    first_time,
    first_word,
    fraction,
    moment,
    number,
    take,
    truth,
    values_at,
    word,
    words,
)
from mcp_siem.sources.healthrows import CHECKS, Integrity, Observation, Result, Source, health_row
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.linewise import Linewise, Made, Parsed, objects
from mcp_siem.sources.port import ParseIssue, Record

__all__ = ["HEALTH"]

_READERS: Mapping[str, Callable[[object], object | None]] = {
    **dict.fromkeys(("last_event_age_s", "seq_gap", "volume_5m", "protocol_events"), number),
    **dict.fromkeys(("canary_age_s", "alerts_24h", "parse_failures"), number),
    **dict.fromkeys(("baseline_5m", "baseline_28d", "payload_length_p50", "lag_s", "skew_s"), fraction),
    **dict.fromkeys(("time_to_detect_s", "alerts_baseline_7d"), fraction),
    **dict.fromkeys(("process_seen", "monotonic_break", "canary_sent", "alert_seen"), truth),
    **dict.fromkeys(("gap_start", "gap_end"), moment),
}
_RESULTS: Mapping[str, Result] = {"ok": "ok", "warn": "warn", "fail": "fail"}


class HealthReader:
    """Rows, one or a list of them a line."""

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields the rows of a line."""
        value, fault = read_json(record.data)
        if fault is not None:
            yield ParseIssue(ref=record.ref, code=fault.code, reason=fault.reason)
        if is_fatal(fault):
            return
        rows = objects(value)
        if not rows:
            yield ParseIssue(ref=record.ref, code="not_object", reason="a health row is a JSON object")
        for index, row in enumerate(rows):
            ref = f"{record.ref}/{index}" if isinstance(value, list) else record.ref
            parsed, reason = _row(row)
            if parsed is None:
                yield ParseIssue(ref=ref, code="not_health_row", reason=reason)
            else:
                yield Made(parsed=parsed, ref=ref)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Nothing is ever held back."""
        return iter(())

    def dump(self) -> dict[str, object]:
        """Nothing is remembered."""
        return {}

    def load(self, document: Any) -> None:
        """There is nothing to go on from."""


def _row(data: Mapping[str, object]) -> tuple[Parsed | None, str]:
    check = first_word(data, "mcp.health.check") or ""
    kind, name = CHECKS.get(check), first_word(data, "mcp.health.source")
    if kind is None or name is None:
        return None, "a row names its source and one of the checks there are" if name else "a row names its source"
    result = next((_RESULTS[one] for one in words(data, "mcp.health.result") if one in _RESULTS), None)
    observation, wrong, missing = _observation(kind, data, result)
    if observation is None:
        return None, f"a {check} row has no readable {', '.join(missing)}"
    source = Source(
        name=name,
        expected=next(
            (one for value in values_at(data, "mcp.health.expected") if (one := truth(value)) is not None), True
        ),
        host=first_word(data, "host.name"),
        server=first_word(data, "mcp.server.name"),
    )
    row = health_row(source, observation, result=result)
    more, _ = take(data, _MORE)
    time = first_time(data, "@timestamp")
    return Parsed(fields={**more, **row}, time=time, wrong=wrong), ""


def _observation(
    kind: type[Observation], data: Mapping[str, object], result: Result | None
) -> tuple[Observation | None, tuple[str, ...], list[str]]:
    """What was seen, the fields that could not be read, and those that had to be there and are not."""
    if kind is Integrity:
        seen = None if result is None else Integrity(intact=result == "ok")
        return seen, (), [] if seen else ["mcp.health.result"]
    names = {field.name: field.default is MISSING for field in fields(kind)}
    table = [Take(to=one, paths=(f"mcp.health.{one}",), read=_READERS.get(one, word)) for one in names]
    found, wrong = take(data, table)
    missing = [f"mcp.health.{one}" for one, required in names.items() if required and one not in found]
    made: Any = None if missing else kind(**found)  # type: ignore[arg-type]  # read by the types of _READERS
    return made, tuple(f"mcp.health.{one}" for one in wrong), missing


_MORE = (
    Take(to="message", paths=("message",), read=word),
    Take(to="event.sequence", paths=("event.sequence",), read=number),
)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return sum("mcp.health" in words(one, "event.dataset") for one in found) / len(found) if found else None


def _when(line: bytes) -> int | None:
    rows = objects(read_json(line)[0])
    return next((one for one in (first_time(row, "@timestamp") for row in rows) if one is not None), None)


HEALTH = Linewise(name="health", score=_score, when=_when, reader=HealthReader)
