import pytest

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.event import EVENT
from mcp_siem.sources.port import ParseIssue, Record


class _Refusing:
    def complete(self, data: dict[str, object], **_: object) -> dict[str, object]:
        raise AssertionError(data)


def _read(line: bytes) -> list[Event | ParseIssue]:
    return list(EVENT.open(_Refusing(), KnownItems()).feed(Record(data=line, ref="f:1")))


@pytest.mark.parametrize(
    "line",
    [
        b'{"@timestamp":"2026-08-20T12:00:00Z","mcp.tool.is_error":true}',
        b'{"time":1787227200,"mcp":{"tool":{"is_error":true}}}',
        b'{"@timestamp":"2026-08-20T14:00:00+02:00","mcp":{"tool.is_error":true}}',
    ],
)
def test_an_event_is_read_in_place_flat_or_nested(line: bytes) -> None:
    (event,) = _read(line)
    assert isinstance(event, Event)
    assert event.time == 1_787_227_200_000_000
    assert event.values("mcp.tool.is_error") == [True]
    assert event.raw_ref == "f:1"


def test_the_caller_is_filled_in_where_it_is_missing_and_nothing_else_is_touched() -> None:
    (event,) = _read(b'{"user":{"id":"alice"},"x":1}')
    assert isinstance(event, Event)
    assert event.data == {"user": {"id": "alice"}, "x": 1, "mcp.principal": "alice"}
    (event,) = _read(b'{"user.id":"alice","mcp":{"principal":"bob"}}')
    assert isinstance(event, Event)
    assert event.values("mcp.principal") == ["bob"]
    (event,) = _read(b'{"x":1}')
    assert isinstance(event, Event)
    assert event.data == {"x": 1}


def test_a_list_of_events_is_read_one_by_one() -> None:
    told = _read(b'[{"time":1},{"time":2},3]')
    assert [item.raw_ref for item in told if isinstance(item, Event)] == ["f:1/0", "f:1/1"]
    assert [(item.ref, item.code) for item in told if isinstance(item, ParseIssue)] == [("f:1/2", "not_object")]


@pytest.mark.parametrize(
    ("line", "code"), [(b"{", "not_json"), (b"5", "not_object"), (b"null", "not_object"), (b'"x"', "not_object")]
)
def test_what_is_no_event_is_an_issue(line: bytes, code: str) -> None:
    (issue,) = _read(line)
    assert isinstance(issue, ParseIssue)
    assert issue.code == code


def test_a_time_that_cannot_be_read_is_told() -> None:
    issue, event = _read(b'{"@timestamp":"soon"}')
    assert isinstance(issue, ParseIssue)
    assert issue.code == "no_time"
    assert isinstance(event, Event)
    assert event.time is None


def test_an_event_without_time_is_no_issue() -> None:
    (event,) = _read(b'{"a":1}')
    assert isinstance(event, Event)
