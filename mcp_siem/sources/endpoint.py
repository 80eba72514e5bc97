"""Endpoint telemetry as JSON lines (`--source endpoint`): Sysmon and Security events, ECS, Wazuh's file integrity.

Only Wazuh (`report_changes`) and Sysmon's named streams tell what was written into a file.
"""

from collections.abc import Mapping, Sequence

from mcp_siem.sources.ecs_endpoint import is_ecs_endpoint, parse_ecs
from mcp_siem.sources.fields import Take, first_time, first_word, has, number, take, word
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.linewise import JsonReader, Linewise, Parsed, objects
from mcp_siem.sources.windows import parse_windows, windows_provider

__all__ = ["ENDPOINT"]

_WATCHED = (
    Take(to="Computer", paths=("agent.name", "host.name"), read=word),
    Take(to="Image", paths=("syscheck.audit.process.name",), read=word),
    Take(to="ProcessId", paths=("syscheck.audit.process.id",), read=number),
    Take(
        to="User",
        paths=("syscheck.audit.login_user.name", "syscheck.audit.user.name", "syscheck.uname_after"),
        read=word,
    ),
    Take(to="TargetFilename", paths=("syscheck.path",), read=word),
)
_CONTENTS = Take(to="Contents", paths=("syscheck.diff",), read=word)
_WATCHED_KINDS = {
    "added": ("endpoint.file_event", (*_WATCHED, _CONTENTS)),
    "modified": ("endpoint.file_event", (*_WATCHED, _CONTENTS)),
    "deleted": ("endpoint.file_delete", _WATCHED),
}
_SURE = 1.0
_KNOWN = 0.97


def _parse(data: Mapping[str, object]) -> Sequence[Parsed]:
    if has(data, "syscheck.path"):
        return _one(_wazuh(data))
    if windows_provider(data) is not None:
        made, told = parse_windows(data), parse_ecs(data) if has(data, "event.category") else ()
        # Winlogbeat's module moves fields of the event to their ECS names.
        if made is not None and told and told[0].fields["event.dataset"] == made.fields["event.dataset"]:
            made = Parsed(fields={**told[0].fields, **made.fields}, time=made.time, wrong=made.wrong)
        return _one(made)
    return parse_ecs(data) if is_ecs_endpoint(data) else ()


def _one(made: Parsed | None) -> Sequence[Parsed]:
    return () if made is None else (made,)


def _wazuh(data: Mapping[str, object]) -> Parsed | None:
    kind = first_word(data, "syscheck.event")
    if kind not in _WATCHED_KINDS:
        return None
    dataset, table = _WATCHED_KINDS[kind]
    fields, wrong = take(data, table)
    time = first_time(data, "timestamp", "@timestamp")
    return Parsed(fields={"event.dataset": dataset, **fields}, time=time, wrong=wrong)


def _score(line: bytes) -> float | None:
    found = objects(read_json(line)[0])
    return sum(map(_sure, found)) / len(found) if found else None


def _sure(data: Mapping[str, object]) -> float:
    if _parse(data):
        return _SURE
    return _KNOWN if windows_provider(data) == "sysmon" or is_ecs_endpoint(data) else 0.0


def _when(line: bytes) -> int | None:
    made = (one for data in objects(read_json(line)[0]) for one in _parse(data))
    return next((one.time for one in made), None)


def _reader() -> JsonReader:
    return JsonReader(_parse)


ENDPOINT = Linewise(name="endpoint", score=_score, when=_when, reader=_reader)
