"""The live road without files: lines in, alerts out, and a checkpoint in between."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mcp_siem.engine.alert import Alert
from mcp_siem.engine.engine import Engine
from mcp_siem.errors import UsageError
from mcp_siem.events.time import format_time
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import load_pack
from mcp_siem.sources.port import ParseIssue
from mcp_siem.sources.table import source_named
from mcp_siem.stream.blocks import Block
from mcp_siem.stream.checkpoint import Checkpoint
from mcp_siem.stream.follow import Follower
from mcp_siem.stream.space import Space
from mcp_siem.stream.watch import Clock, Policy, Watch
from mcp_siem.testing import START, frame

RULES = """
title: Bad
id: 00000000-0000-4000-8000-000000000001
name: bad
level: high
logsource: {product: mcp, service: protocol}
detection:
    selection: {gen_ai.tool.name: bad}
    condition: selection
---
title: Three
id: 00000000-0000-4000-8000-000000000002
level: medium
correlation:
    type: event_count
    generate: true
    rules: [bad]
    group-by: [user.id]
    timespan: 10s
    condition: {gte: 3}
"""
SECOND = 1_000_000


class Bare:
    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        del arguments, schema
        return {**data, "user.id": "u"}


class Live:
    """A watch under a clock of its own; every file it is told of is read to its end."""

    def __init__(
        self, folder: Path, source: str | None = "event", *, mixed: bool = False, fleeting: bool = False
    ) -> None:
        (folder / "rules.yml").write_text(RULES)
        self.now = 0.0
        self.wall = START
        self.told: list[tuple[str, str, str | None]] = []
        self.ids: list[str] = []
        self.issues: list[ParseIssue] = []
        self.kept: list[bytes] = []
        self.clock = -(2**63)
        self.line = 0
        named = source_named(source) if source else None

        def opened(name: str, known: KnownItems) -> tuple[Space, bool]:
            return Space(name, complete=Bare(), known=known, source=named, mixed=mixed), fleeting

        self.follower = Follower([])
        self.watch = Watch(
            Engine(load_pack([folder / "rules.yml"])),
            self,
            open_space=opened,
            clock=Clock(monotonic=lambda: self.now, wall=lambda: self.wall),
            policy=Policy(lateness=1.0),
        )

    def alert(self, alert: Alert, id_: str) -> None:
        last = alert.events[-1].raw_ref if alert.events else None
        self.told.append((alert.title, "" if alert.time is None else format_time(alert.time)[11:19], last))
        self.ids.append(id_)

    def issue(self, issue: ParseIssue) -> None:
        self.issues.append(issue)

    def unread(self, issue: ParseIssue, data: bytes) -> None:
        del issue
        self.kept.append(data)

    def lines(self, *lines: bytes, name: str = "a", number: int = 0) -> list[str]:
        """The titles of what is told at these lines."""
        block = Block(name=name, first=self.line + 1, start=0, data=b"".join(line + b"\n" for line in lines))
        self.line += len(lines)
        before = len(self.told)
        self.clock = self.watch.take(name, number, "origin", [block], self.clock)
        self.watch.tick(self.follower)
        return [title for title, _, _ in self.told[before:]]

    def wait(self, seconds: float) -> list[str]:
        before = len(self.told)
        self.now += seconds
        self.watch.tick(self.follower)
        return [title for title, _, _ in self.told[before:]]

    def saved(self) -> Checkpoint:
        point = self.watch.checkpoint(self.follower, {})
        return Checkpoint(document=json.loads(json.dumps(point.document)), engine=point.engine)


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(tmp_path)


def _event(seconds: float | None, tool: str = "bad") -> bytes:
    time = {} if seconds is None else {"@timestamp": format_time(START + round(seconds * SECOND))}
    told = {"event.dataset": "mcp.protocol", "gen_ai.tool.name": tool, "user.id": "u", **time}
    return json.dumps(told).encode()


def test_a_rule_of_single_events_alerts_at_once_and_a_correlation_when_its_lateness_is_over(live: Live) -> None:
    assert live.lines(_event(0), _event(1), _event(2)) == ["Bad", "Bad", "Bad"]
    assert live.lines(_event(3.5, "good")) == ["Three"]


def test_a_correlation_does_not_wait_for_a_stream_that_is_idle(live: Live) -> None:
    live.lines(_event(0), _event(1), _event(2))
    assert live.wait(0.5) == []
    assert live.wait(0.5) == ["Three"]


def test_events_out_of_order_within_the_lateness_count_where_they_happened(live: Live) -> None:
    live.lines(_event(9.5), _event(10))
    live.lines(_event(9.2, "good"))
    live.lines(_event(9.1))
    live.lines(_event(12, "good"))
    assert [told for told in live.told if told[0] == "Three"] == [("Three", "12:00:10", "a:2")]


def test_an_event_that_comes_later_than_that_counts_as_of_the_newest_time(live: Live) -> None:
    live.lines(_event(100), _event(100.5))
    live.lines(_event(110, "good"))
    live.lines(_event(95))
    assert live.watch.pending.late == 1
    live.lines(_event(120, "good"))
    assert [told[2] for told in live.told if told[0] == "Three"] == ["a:4"]


def test_an_event_without_a_time_does_not_end_the_watch_and_counts_where_it_stands(live: Live) -> None:
    live.lines(_event(0), _event(None), _event(1))
    assert live.wait(1) == ["Three"]


def test_an_event_from_the_future_does_not_make_all_others_late(live: Live) -> None:
    live.lines(_event(0))
    live.lines(_event(10**9, "good"))
    assert live.lines(_event(1), _event(2)) == ["Bad", "Bad", "Three"]
    assert live.watch.pending.late == 0


def test_a_hit_from_the_future_counts_as_of_a_time_that_others_can_reach(live: Live) -> None:
    live.lines(_event(0))
    live.lines(_event(10**9))
    live.wait(5)
    assert live.watch.pending.ahead == 1
    live.wall += 2 * 3600 * SECOND
    live.lines(_event(4000), _event(4001), _event(4002))
    assert live.lines(_event(4010, "good")) == ["Three"]
    assert live.watch.pending.late == 0


def test_a_stream_whose_clock_is_ahead_of_ours_is_judged_by_its_own(live: Live) -> None:
    live.wall = START - 10**15
    live.lines(_event(0), _event(1), _event(2))
    assert live.lines(_event(100, "good")) == ["Three"]
    assert live.watch.pending.ahead == 0


def test_an_id_is_that_of_the_alert_and_of_no_other(live: Live) -> None:
    live.lines(_event(0), _event(0), _event(2))
    live.wait(5)
    assert len(set(live.ids)) == 4


def _capture(number: int, at: int) -> Iterator[bytes]:
    asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "bad", "arguments": {}}}
    yield frame(asked, at=at)
    yield frame({"jsonrpc": "2.0", "id": number, "result": {"content": []}}, at=at + 1, direction="server_to_client")


@pytest.mark.parametrize("cut", range(7))
def test_a_watch_that_is_taken_up_anywhere_goes_on_as_if_it_had_not_ended(tmp_path: Path, cut: int) -> None:
    lines = [line for number in range(3) for line in _capture(number, START + number * SECOND)]
    live = Live(tmp_path, "wire")
    for line in lines[:cut]:
        live.lines(line)
    other = Live(tmp_path, "wire")
    assert other.watch.restore(live.saved(), other.follower, "point") == []
    other.clock, other.line = live.clock, live.line
    for line in lines[cut:]:
        other.lines(line)
    other.wait(5)
    titles = [title for title, _, _ in live.told + other.told]
    assert titles == ["Bad", "Bad", "Bad", "Three"]
    assert other.watch.events == 3


def test_a_checkpoint_of_other_rules_keeps_the_places_and_says_what_is_lost(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.lines(_event(0))
    saved = live.saved()
    other = Live(tmp_path)
    changed = Checkpoint(
        document=saved.document, engine=saved.engine.replace(b"mcp-siem-state 1 ", b"mcp-siem-state 1 0")
    )
    (said,) = other.watch.restore(changed, other.follower, "point")
    assert said.startswith("correlations begin with empty windows")
    assert other.watch.events == 1


def test_a_checkpoint_whose_content_is_damaged_is_refused(live: Live) -> None:
    saved = live.saved()
    for key in ("known", "pending", "files", "spaces", "events"):
        document = {**saved.document, key: 7 if key != "events" else "many"}
        with pytest.raises(UsageError, match="no usable checkpoint"):
            live.watch.restore(Checkpoint(document=document, engine=saved.engine), live.follower, "point")


def test_lines_of_several_sources_are_told_apart_and_what_none_knows_is_kept(tmp_path: Path) -> None:
    live = Live(tmp_path, None, mixed=True, fleeting=True)
    asked, answered = _capture(1, START)
    live.lines(asked, _event(0), b"no json", answered, b'{"x": 1}')
    assert [title for title, _, _ in live.told] == ["Bad", "Bad"]
    assert live.kept == [b"no json", b'{"x": 1}']
    assert [issue.code for issue in live.issues] == ["unknown_input", "unknown_input"]


def test_a_file_whose_source_is_not_known_yet_is_looked_at_again(tmp_path: Path) -> None:
    live = Live(tmp_path, None)
    assert live.lines(b"a banner") == []
    assert live.lines(_event(0)) == ["Bad"]
    assert [issue.code for issue in live.issues] == ["unknown_input"]


def test_at_the_end_of_all_input_what_is_open_is_judged(tmp_path: Path) -> None:
    live = Live(tmp_path, "wire")
    for number in range(3):
        live.lines(next(_capture(number, START + number)))
    assert live.told == []
    live.watch.finish()
    assert [title for title, _, _ in live.told] == ["Bad", "Bad", "Bad", "Three"]
