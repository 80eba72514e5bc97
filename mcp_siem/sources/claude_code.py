"""Claude Code (`--source claude_code`): OpenTelemetry logs, what its hooks were given, and transcripts.

What it decided and was told becomes `mcp.host`, a call of an MCP tool `mcp.protocol` as well, a server that it
connected to `mcp.session`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mcp_siem.events.event import path_exists
from mcp_siem.events.time import parse_time
from mcp_siem.sources.claude_hooks import HookCalls, hook_time, is_hook, is_transcript
from mcp_siem.sources.claude_otel import is_claude, otel_events
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import Linewise, Made, objects
from mcp_siem.sources.otlp import log_records
from mcp_siem.sources.port import ParseIssue
from mcp_siem.sources.records import RecordReader
from mcp_siem.sources.waiting import Seen

__all__ = ["CLAUDE_CODE"]

_SURE = 0.98


class ClaudeReader(RecordReader):
    """Remembers the calls that wait for their results, and which decisions were told."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = HookCalls()
        self._decided = Seen()

    def told(self, data: Mapping[str, object], ref: str) -> Iterator[Made | ParseIssue]:
        """What one object makes."""
        if is_hook(data):
            yield from self._calls.hook(data, ref)
        elif is_transcript(data):
            yield from self._some(self._calls.transcript(data, ref), ref)
        else:
            records = log_records(data)
            listed = "resourceLogs" in data or "resource_logs" in data
            for index, record in enumerate(records):
                place = f"{ref}/{index}" if listed else ref
                found = otel_events(record, place, self._decided) if is_claude(record) else iter(())
                yield from self._some(found, place)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields the calls that nothing came of, and the counts."""
        yield from self._calls.finish()
        yield from super().finish()

    def dump(self) -> dict[str, object]:
        """What waits, and what was decided."""
        return {**super().dump(), "calls": self._calls.dump(), "decided": self._decided.dump()}

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        super().load(document)
        self._calls.load(document["calls"])
        self._decided.load(document["decided"])

    def _some(self, found: Iterator[Made], ref: str) -> Iterator[Made | ParseIssue]:
        count = 0
        for one in found:
            count += 1
            yield one
        if not count:
            yield from self.other(ref)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return sum(map(_sure, found)) / len(found) if found else None


def _sure(data: Mapping[str, object]) -> float:
    if path_exists(data, "event.dataset"):
        return 0.0
    if is_hook(data) or is_transcript(data):
        return _SURE
    records = log_records(data)
    return _SURE * sum(map(is_claude, records)) / len(records) if records else 0.0


def _when(line: bytes) -> int | None:
    for data in objects(read_json(line)[0]):
        times = [hook_time(data)] if is_hook(data) else [parse_time(data.get("timestamp"))]
        if not is_hook(data) and not is_transcript(data):
            times = [record.time for record in log_records(data)]
        found = next((time for time in times if time is not None), None)
        if found is not None:
            return found
    return None


CLAUDE_CODE = Linewise(name="claude_code", score=_score, when=_when, reader=ClaudeReader)
