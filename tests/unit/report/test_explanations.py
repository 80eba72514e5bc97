import json

from mcp_siem.engine.explain_window import Counted, WindowExplanation, WindowsExplained
from mcp_siem.report.explanations import window_lines, windows_json
from mcp_siem.report.terminal import Style

SECOND = 1_000_000
WINDOW = WindowExplanation(
    held=False,
    group={"u": "x\x1b[31m"},
    opened=0,
    at=5 * SECOND,
    condition="value_sum of v >= 9",
    measured=7.5,
    lacks=("it is 7.5: 1.5 short",),
    events=(Counted(ref="f:1", time=0, rules=("Base\n",), values=(7.5,)),),
    count=2,
)
FOUND = WindowsExplained(type="value_sum", timespan=10 * SECOND, windows=(WINDOW,), ignored={"without u": 2})


def test_a_window_is_told_with_its_opening_what_it_lacks_and_its_events() -> None:
    assert list(window_lines(FOUND, Style(color=False))) == [
        "no  u: x\\u{1b}[31m",
        "      asked: value_sum of v >= 9, found: 7.5",
        "      window of 10 s, opened 1970-01-01T00:00:00.000000Z, now 1970-01-01T00:00:05.000000Z",
        "      it is 7.5: 1.5 short",
        "      the newest 1 of 2 events:",
        "      1970-01-01T00:00:00.000000Z  f:1  Base\\n   <- 7.5",
        "in no window: 2 events without u",
    ]


def test_no_window_is_said() -> None:
    found = WindowsExplained(type="temporal", timespan=SECOND, windows=(), ignored={"without u": 1})
    assert list(window_lines(found, Style(color=False))) == [
        "no event counts in a window of this temporal",
        "in no window: 1 event without u",
    ]


def test_the_windows_are_one_line_of_json() -> None:
    line = windows_json("f:2", FOUND)
    assert b"\n" not in line
    document = json.loads(line)
    assert (document["format"], document["event"]) == (1, "f:2")
    found = document["correlation"]
    assert (found["type"], found["timespan"], found["ignored"]) == ("value_sum", 10, {"without u": 2})
    (window,) = found["windows"]
    assert (window["held"], window["measured"], window["lacks"]) == (False, 7.5, ["it is 7.5: 1.5 short"])
    assert window["opened"] == "1970-01-01T00:00:00.000000Z"
    assert window["events"] == [{"ref": "f:1", "time": window["opened"], "rules": ["Base\n"], "values": [7.5]}]
