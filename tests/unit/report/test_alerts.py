import json
from dataclasses import replace

from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.events.event import Event
from mcp_siem.report.alerts import AlertStory, Summary, alert_json
from mcp_siem.report.terminal import Style
from mcp_siem.rules.card import Card

EVENT = Event(
    data={"mcp": {"server": {"name": "files\x1b[2J"}, "principal": "files/7"}, "gen_ai.tool.name": "read_file"},
    time=1_795_773_124_000_001,
    raw_ref="capture.jsonl:7",
)
ALERT = Alert(
    rule_id="7b0e4a1c-0000-4000-8000-000000000001",
    stem="path_escape",
    title="Path escape",
    level="high",
    time=EVENT.time,
    group=None,
    events=(EVENT,),
    evidence=(Evidence(field="mcp.argument.path", value="../../etc/\x1b]0;owned\x07"),),
)
CARD = Card(description="Reads outside.", response="Look.", falsepositives=(), known_gaps=(), references=())


def test_a_json_alert_has_the_keys_of_format_1() -> None:
    document = json.loads(alert_json(ALERT))
    assert list(document) == ["format", "rule", "time", "group", "events", "evidence"]
    assert document["rule"] == {"id": ALERT.rule_id, "stem": "path_escape", "title": "Path escape", "level": "high"}
    assert document["time"] == "2026-11-27T09:52:04.000001Z"
    assert document["events"] == [{"ref": "capture.jsonl:7", "time": "2026-11-27T09:52:04.000001Z"}]
    assert b"\n" not in alert_json(ALERT)


def test_a_story_names_server_tool_caller_field_why_and_place_without_escape_sequences() -> None:
    text = "\n".join(AlertStory({ALERT.rule_id: CARD}, Style(color=False)).lines(ALERT))
    assert "\x1b" not in text
    assert "\x07" not in text
    for part in (
        "server files\\u{1b}",
        "tool read_file",
        "caller files/7",
        "mcp.argument.path = ../../etc/",
        "Reads outside.",
        "Look.",
        "capture.jsonl:7",
    ):
        assert part in text


def test_why_and_what_to_do_are_said_once_per_rule() -> None:
    story = AlertStory({ALERT.rule_id: CARD}, Style(color=False))
    first, second = list(story.lines(ALERT)), list(story.lines(ALERT))
    assert sum("Reads outside." in line for line in first) == 1
    assert sum("Reads outside." in line for line in second) == 0


def test_a_summary_counts_alerts_at_or_above_a_level() -> None:
    summary = Summary()
    summary.add(ALERT)
    assert (summary.at_or_above("medium"), summary.at_or_above("high"), summary.at_or_above("critical")) == (1, 1, 0)


def test_the_tools_of_a_correlation_are_named_newest_first_and_counted() -> None:
    events = tuple(Event(data={"gen_ai.tool.name": f"tool_{n}"}, time=n, raw_ref=None) for n in range(5))
    text = "\n".join(AlertStory({}, Style(color=False)).lines(replace(ALERT, events=events)))
    assert "tool tool_4 and tool_3 and tool_2 and 2 more" in text
