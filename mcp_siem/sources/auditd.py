"""The Linux audit log (`--source auditd`): each record by Sigma's names, and each event as an endpoint sensor would tell it.

Which process is the parent is known of those whose start stands in the same input.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from mcp_siem.sources.auditgroup import command_line, endpoint_events
from mcp_siem.sources.auditrecord import AuditRecord, parse_record, syscall_name
from mcp_siem.sources.linewise import Linewise, Made, Parsed
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.tally import Tally

__all__ = ["AUDITD", "AuditReader"]

_TAKEN = ("exe", "comm", "name", "nametype", "key", "op", "cwd", "auid", "uid", "a0", "a1", "a2", "a3", "a4")
# Processors write at the same time: the records of a few events lie among each other.
_OPEN_EVENTS = 16
_MOST_RECORDS = 64
_KNOWN_PROCESSES = 10_000
_LONGEST_KNOWN = 4_096
_LAST = frozenset({"PROCTITLE", "EOE"})


class AuditReader:
    """The records of one input: tells each, and joins those of one event."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, list[AuditRecord]] = OrderedDict()
        self._processes: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._tally = Tally()

    def read(self, record: Record) -> Iterator[Made | ParseIssue]:
        """Yields the record of a line, and the events that end with it."""
        line = record.data.decode("utf-8", "replace").strip()
        if not line or set(line) == {"-"}:
            return
        audit = parse_record(line, record.ref)
        if audit is None:
            yield ParseIssue(ref=record.ref, code="not_audit_record", reason="no `type=... msg=audit(...)` record")
            return
        if audit.type != "EOE":
            yield _own(audit)
        yield from self._joined(audit)

    def finish(self) -> Iterator[Made | ParseIssue]:
        """Yields the events that had not ended."""
        for key in list(self._open):
            yield from self._close(key)
        yield from self._tally.finish()

    def dump(self) -> dict[str, object]:
        """The open events and the processes known."""
        return {
            "open": [[asdict(record) for record in records] for records in self._open.values()],
            "processes": [[key, *known] for key, known in self._processes.items()],
            "tally": self._tally.dump(),
        }

    def load(self, document: Any) -> None:
        """Goes on from what `dump` gave."""
        for group in document["open"]:
            records = [AuditRecord(**record) for record in group]
            self._open[records[0].key] = records
        self._processes.update((str(key), (str(image), str(line))) for key, image, line in document["processes"])
        self._tally.load(document["tally"])

    def _joined(self, audit: AuditRecord) -> Iterator[Made | ParseIssue]:
        group = self._open.setdefault(audit.key, [])
        if len(group) < _MOST_RECORDS:
            group.append(audit)
        else:
            reason = f"records beyond the first {_MOST_RECORDS} of an event are told alone, and not joined"
            yield from self._tally.note("long_event", audit.ref, reason)
        if audit.type in _LAST:
            yield from self._close(audit.key)
        elif len(self._open) > _OPEN_EVENTS:
            yield from self._close(next(iter(self._open)))

    def _close(self, key: str) -> Iterator[Made]:
        records = self._open.pop(key)
        yield from endpoint_events(records, self._parent)
        self._learn(records)

    def _parent(self, node: str, pid: str) -> tuple[str, str] | None:
        return self._processes.get(f"{node} {pid}")

    def _learn(self, records: list[AuditRecord]) -> None:
        line = command_line(records)
        for record in records:
            if record.type == "SYSCALL" and line and record.fields.get("success") != "no":
                key = f"{record.node} {record.fields.get('pid', '')}"
                self._processes[key] = (record.fields.get("exe", "")[:_LONGEST_KNOWN], line[:_LONGEST_KNOWN])
                self._processes.move_to_end(key)
        while len(self._processes) > _KNOWN_PROCESSES:
            self._processes.popitem(last=False)


def _own(audit: AuditRecord) -> Made:
    """The record by the names of Sigma's auditd rules."""
    fields: dict[str, object] = {"event.dataset": "linux.auditd", "type": audit.type}
    fields |= {name: audit.fields[name] for name in _TAKEN if name in audit.fields}
    call = syscall_name(audit)
    if call is not None:
        fields["syscall"] = call
    return Made(parsed=Parsed(fields=fields, time=audit.time), ref=audit.ref)


def _score(line: bytes) -> float | None:
    if not line.strip(b"- \r\n"):
        return None
    return 1.0 if parse_record(line.decode("utf-8", "replace"), "") is not None else 0.0


def _when(line: bytes) -> int | None:
    audit = parse_record(line.decode("utf-8", "replace"), "")
    return None if audit is None else audit.time


AUDITD = Linewise(name="auditd", score=_score, when=_when, reader=AuditReader)
