from collections.abc import Callable
from typing import Any

import pytest

from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.sources.port import Record
from mcp_siem.sources.table import SOURCES

Read = Callable[[str], Any]

_SYSMON = {"SourceName": "Microsoft-Windows-Sysmon", "UtcTime": "2026-08-20 10:00:00.000"}
_DEFEND = {"@timestamp": "2026-08-20T10:00:00Z", "agent": {"type": "endpoint"}}


@pytest.mark.parametrize(
    ("number", "dataset"),
    [
        (1, "endpoint.process_creation"),
        (2, "endpoint.file_change"),
        ("3", "endpoint.network_connection"),
        (11, "endpoint.file_event"),
        (15, "endpoint.file_event"),
        (22, "endpoint.dns_query"),
        (23, "endpoint.file_delete"),
        ("26", "endpoint.file_delete"),
    ],
)
def test_a_sysmon_event_is_known_by_its_number(lines: Read, number: object, dataset: str) -> None:
    [told] = lines("endpoint").read({**_SYSMON, "EventID": number, "Image": "x"})
    assert told == {"event.dataset": dataset, "Image": "x"}


def test_kinds_of_events_without_a_place_are_counted_and_said_once(lines: Read) -> None:
    log = lines("endpoint")
    assert log.read(*[{**_SYSMON, "EventID": 5, "Image": "x"}] * 3) == []
    log.end()
    assert log.codes == ["other_record", "other_record"]
    assert log.issues[-1].reason.endswith("(3 times in all)")


def test_a_number_of_another_provider_means_something_else(lines: Read) -> None:
    log = lines("endpoint")
    assert log.read({"EventID": 1, "SourceName": "Microsoft-Windows-Kernel-General", "Image": "x"}) == []


@pytest.mark.parametrize(
    ("category", "kind", "action", "dataset"),
    [
        ("process", "start", "fork", "endpoint.process_creation"),
        ("process", "start", "exec", "endpoint.process_creation"),
        ("process", "end", "end", None),
        ("process", "info", "existing_process", None),
        ("file", "creation", "creation", "endpoint.file_event"),
        ("file", "change", "overwrite", "endpoint.file_event"),
        ("file", "change", "attributes_modified", "endpoint.file_change"),
        ("file", "deletion", "deletion", "endpoint.file_delete"),
        ("file", "access", "opened-file", "endpoint.file_access"),
        ("file", "info", "initial_scan", None),
        ("network", "start", "connection_attempted", "endpoint.network_connection"),
        ("network", "end", "disconnect_received", None),
        ("registry", "change", "modification", None),
    ],
)
def test_an_ecs_event_is_known_by_category_action_and_type(
    lines: Read, category: str, kind: str, action: str, dataset: str | None
) -> None:
    made = lines("endpoint").read(
        {**_DEFEND, "event": {"category": [category], "type": kind, "action": action}, "file": {"path": "/a"}}
    )
    assert [told["event.dataset"] for told in made] == ([dataset] if dataset else [])


def test_a_file_renamed_into_place_is_written_there_too(lines: Read) -> None:
    log = lines("endpoint")
    event = {"category": ["file"], "type": ["change"], "action": "rename"}
    file = {"path": "/new", "Ext": {"original": {"path": "/old"}}}
    assert log.read({**_DEFEND, "event": event, "file": file}) == [
        {"event.dataset": "endpoint.file_rename", "TargetFilename": "/new", "SourceFilename": "/old"},
        {"event.dataset": "endpoint.file_event", "TargetFilename": "/new"},
    ]
    assert [made.raw_ref for made in log.events] == ["log:1/0", "log:1/1"]


def test_an_alert_of_the_sensor_is_no_second_event(lines: Read) -> None:
    event = {"kind": "alert", "category": ["process"], "type": ["start"], "action": "execution"}
    assert lines("endpoint").read({**_DEFEND, "event": event, "process": {"pid": 1}}) == []


@pytest.mark.parametrize(
    ("network", "action", "initiated"),
    [
        ({"direction": "egress"}, "connection_attempted", True),
        ({"direction": "egress"}, "connection_accepted", False),
        ({"direction": "inbound"}, "network_flow", False),
        ({"direction": "outbound"}, "network_flow", True),
        ({"direction": "internal"}, "network_flow", None),
        ({}, "connected-to", True),
    ],
)
def test_who_opened_a_connection_is_told_by_action_before_direction(
    lines: Read, network: dict[str, str], action: str, initiated: object
) -> None:
    event = {"category": ["network"], "type": ["start"], "action": action}
    [told] = lines("endpoint").read({**_DEFEND, "event": event, "network": network})
    assert told.get("Initiated") == initiated


def test_values_that_cannot_be_read_are_left_out_and_said(lines: Read) -> None:
    log = lines("endpoint")
    event = {
        **_SYSMON,
        "EventID": 3,
        "ProcessId": "many",
        "DestinationIp": "somewhere",
        "DestinationPort": "0x1bb",
        "Initiated": "True",
    }
    [told] = log.read({**event, "SourceIp": "-", "UtcTime": "yesterday"})
    assert told == {"event.dataset": "endpoint.network_connection", "DestinationPort": 443, "Initiated": True}
    assert [issue.reason.partition(": ")[2] for issue in log.issues if issue.code == "bad_value"] == [
        "ProcessId, DestinationIp"
    ]
    assert log.codes == ["bad_value", "no_time"]
    assert log.events[0].time is None


def test_the_module_of_winlogbeat_moves_fields_and_they_are_found(lines: Read) -> None:
    told = lines("endpoint").read(
        {
            "@timestamp": "2026-08-20T10:00:00Z",
            "event": {"category": ["process"], "type": ["start"], "code": "1"},
            "process": {
                "executable": "C:\\a.exe",
                "command_line": "a -x",
                "pid": 5,
                "parent": {"executable": "C:\\b.exe"},
            },
            "winlog": {
                "provider_name": "Microsoft-Windows-Sysmon",
                "event_id": "1",
                "event_data": {"IntegrityLevel": "High"},
            },
            "user": {"name": "alice", "domain": "CORP"},
        }
    )
    assert told == [
        {
            "event.dataset": "endpoint.process_creation",
            "Image": "C:\\a.exe",
            "CommandLine": "a -x",
            "ParentImage": "C:\\b.exe",
            "IntegrityLevel": "High",
            "ProcessId": 5,
            "User": "CORP\\alice",
        }
    ]


def test_a_list_is_told_item_by_item(lines: Read) -> None:
    log = lines("endpoint")
    assert len(log.read(b"[%b,1,%b]" % ((b'{"EventID":1,"Image":"x","UtcTime":"2026-08-20 10:00:00"}',) * 2))) == 2
    assert [event.raw_ref for event in log.events] == ["log:1/0", "log:1/1"]


def test_a_secret_on_a_command_line_does_not_leave_the_source() -> None:
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"key"))
    session = SOURCES["endpoint"].open(deriver, KnownItems())
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    line = (
        b'{"EventID":1,"UtcTime":"2026-08-20 10:00:00","Image":"x","CommandLine":"git clone https://%b@x/"}'
        % secret.encode()
    )
    [told] = session.feed(Record(data=line, ref="f:1"))
    assert isinstance(told, Event)
    assert secret not in str(told.data)
    assert "[secret:" in str(told.data["CommandLine"])
