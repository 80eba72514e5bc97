"""Agent hosts that tell what they do as OpenTelemetry logs: how their records are found and read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mcp_siem.events.event import path_exists
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import Made, objects
from mcp_siem.sources.otlp import LogRecord, log_records
from mcp_siem.sources.port import ParseIssue
from mcp_siem.sources.records import RecordReader

__all__ = ["HostReader", "HostSource", "score_of", "time_of"]

_SURE = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSource:
    """Which log records are a host's, and the events that they make (none: it is no event here)."""

    is_mine: Callable[[LogRecord], bool]
    events: Callable[[LogRecord, str], Iterator[Made]]


class HostReader(RecordReader):
    """Log records in, events out; those of others and those that are none are counted."""

    def __init__(self, source: HostSource) -> None:
        super().__init__()
        self._source = source

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What the log records of an object make."""
        listed = "resourceLogs" in data or "resource_logs" in data
        for index, record in enumerate(log_records(data)):
            place = f"{ref}/{index}" if listed else ref
            found = list(self._source.events(record, place)) if self._source.is_mine(record) else []
            yield from found
            if not found:
                yield from self.other(place)


def score_of(source: HostSource, line: bytes) -> float | None:
    """The share of the log records of a line that are the host's."""
    found = objects(read_json(line)[0])
    return sum(_sure(source, one) for one in found) / len(found) if found else None


def time_of(line: bytes) -> int | None:
    """When the first log record of a line was."""
    times = (record.time for one in objects(read_json(line)[0]) for record in log_records(one))
    return next((time for time in times if time is not None), None)


def _sure(source: HostSource, data: Mapping[str, object]) -> float:
    if path_exists(data, "event.dataset"):
        return 0.0
    records = log_records(data)
    return _SURE * sum(map(source.is_mine, records)) / len(records) if records else 0.0
