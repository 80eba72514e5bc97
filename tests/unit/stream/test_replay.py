"""Replay in one process and in several: the same bytes, whatever the inputs are."""

import gzip
import json
import os
import random
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import zstandard

from mcp_siem.engine.alert import Alert
from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.events.derive import Deriver
from mcp_siem.events.redact import Redactor
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import RulePack
from mcp_siem.stream.period import EARLIEST, Period
from mcp_siem.stream.read import open_feeds
from mcp_siem.stream.replay import Replay
from mcp_siem.stream.workers import _Worker, shards_of
from mcp_siem.testing import START, frame

RULES = """
title: Base
id: 00000000-0000-4000-8000-000000000001
name: base
status: test
level: low
logsource: {product: mcp, service: protocol}
detection: {selection: {gen_ai.tool.name: run}, condition: selection}
---
title: Loud
id: 00000000-0000-4000-8000-000000000002
status: test
level: high
logsource: {product: mcp, service: protocol}
detection: {selection: {mcp.request.text|contains: evil}, condition: selection}
---
title: Many
id: 00000000-0000-4000-8000-000000000003
name: many
status: test
level: medium
correlation: {type: event_count, rules: [base], group-by: [user.id], timespan: 10s, condition: {gte: 3}}
---
title: Tools
id: 00000000-0000-4000-8000-000000000004
status: test
level: medium
correlation: {type: value_count, rules: [base], group-by: [user.id], timespan: 20s, condition: {gte: 3, field: mcp.server.name}}
---
title: Twice many
id: 00000000-0000-4000-8000-000000000005
status: test
level: medium
correlation: {type: event_count, rules: [many], group-by: [user.id], timespan: 60s, condition: {gte: 2}, generate: true}
"""
_SECOND = 1_000_000


class _Refs:
    """Shows an alert by its title, time and places."""

    def __init__(self) -> None:
        self._count = 0

    def show(self, alert: Alert) -> str:
        self._count += 1
        return f"{alert.title} {alert.time} {[event.raw_ref for event in alert.events]} {alert.group}"

    def total(self) -> int:
        return self._count


@pytest.fixture
def pack(tmp_path: Path) -> RulePack:
    (tmp_path / "rules.yml").write_text(RULES)
    return load_pack([tmp_path / "rules.yml"])


def _event(chance: random.Random, at: int) -> bytes:
    event: dict[str, object] = {
        "event.dataset": "mcp.protocol",
        "gen_ai.tool.name": chance.choice(["run", "read"]),
        "mcp": {
            "server": {"name": chance.choice("abcd")},
            "request": {"text": chance.choice(["evil", "good"] + ["x"] * 5)},
        },
        "user.id": chance.choice("uvw"),
    }
    time = START + at * 400_000 + chance.randrange(-3, 3) * _SECOND
    event["@timestamp"] = (
        f"2026-01-01T{time // 3_600_000_000 % 24:02d}:{time // 60_000_000 % 60:02d}:{time // _SECOND % 60:02d}.{time % _SECOND:06d}Z"
    )
    return json.dumps(event).encode()


def _lines(seed: int, count: int) -> bytes:
    chance = random.Random(seed)
    lines = [_event(chance, at) for at in range(count)]
    for at in range(0, count, 97):
        lines[at] = chance.choice(
            [b"torn {", b"", b"[" + lines[at] + b"," + lines[at] + b"]", b"\0\0", b"7", b"  " + lines[at] + b"\r"]
        )
    return b"\n".join(lines) + chance.choice([b"", b"\n"])


def _replay(
    pack: RulePack, *paths: Path, jobs: int = 1, period: Period | None = None, source: str = "event"
) -> tuple[list[str], list[str], Replay]:
    """What is shown and what is told, in order."""
    deriver = Deriver(Redactor((), b"key"))
    feeds, issues = open_feeds(paths, source=source, deriver=deriver)
    replay = Replay(pack, feeds, show=_Refs(), period=period or Period(), jobs=jobs)
    shown, told = [], [issue.ref for issue in issues]
    for step in replay.steps():
        shown += map(str, step.shown)
        told += [f"{issue.ref} {issue.code}" for issue in step.issues]
    return shown, told, replay


def _written(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.jsonl").write_bytes(_lines(1, 9_000))
    (folder / "in" / "b.jsonl.gz").write_bytes(gzip.compress(_lines(2, 3_000)))
    (folder / "in" / "c.jsonl.zst").write_bytes(zstandard.compress(_lines(3, 3_000)))
    (folder / "in" / "d.log").write_bytes(b"nothing\n")


def test_several_processes_show_and_tell_what_one_does(pack: RulePack, tmp_path: Path) -> None:
    _written(tmp_path)
    one = _replay(pack, tmp_path / "in")
    for jobs in (2, 3):
        several = _replay(pack, tmp_path / "in", jobs=jobs)
        assert several[:2] == one[:2]
        assert sum(int(str(total)) for total in several[2].totals) == len(one[0])
        assert several[2].events == one[2].events
    assert {line.split()[0] for line in one[0]} == {"Loud", "Many", "Tools", "Twice"}
    assert any(line.endswith("d.log nothing_read") for line in one[1])


def test_alerts_of_single_events_come_in_the_order_of_time_and_line(pack: RulePack, tmp_path: Path) -> None:
    _written(tmp_path)
    loud = [line.split() for line in _replay(pack, tmp_path / "in")[0] if line.startswith("Loud")]
    assert len(loud) > 1_000
    assert [int(words[1]) for words in loud] == sorted(int(words[1]) for words in loud)


def test_captures_and_events_may_stand_side_by_side(pack: RulePack, tmp_path: Path) -> None:
    call = {"id": 1, "method": "tools/call", "params": {"name": "run", "arguments": {"q": "evil"}}}
    lines = [frame({**call, "id": at}, at=START + at * _SECOND, server="files") for at in range(40)]
    (tmp_path / "capture.jsonl").write_bytes(b"\n".join(lines))
    (tmp_path / "events.jsonl").write_bytes(_lines(4, 2_000))
    paths = (tmp_path / "capture.jsonl", tmp_path / "events.jsonl")
    one, two = (_replay(pack, *paths, jobs=jobs, source="auto")[:2] for jobs in (1, 2))
    assert one == two
    assert any("capture.jsonl:40" in line for line in one[0])


def test_lines_are_cut_at_the_same_places_however_large_the_blocks_are(pack: RulePack, tmp_path: Path) -> None:
    long = json.dumps({"event.dataset": "mcp.protocol", "mcp.request.text": "evil " + "x" * 3_000_000}).encode()
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + b"\n".join([_lines(5, 50), long, b"", _lines(6, 50)]))
    one, two = (_replay(pack, tmp_path / "a", jobs=jobs)[:2] for jobs in (1, 2))
    assert one == two
    place = (tmp_path / "a").read_bytes().split(b"\n").index(long) + 1
    assert any(f"/a:{place}'" in line for line in one[0])


def test_an_event_without_a_time_stands_behind_the_one_before_it(pack: RulePack, tmp_path: Path) -> None:
    plain = b'{"event.dataset":"mcp.protocol","mcp.request.text":"evil %d"%s}'
    lines = [plain % (1, b""), plain % (2, b',"@timestamp":"2026-01-01T00:00:09Z"'), plain % (3, b"")]
    lines += [
        plain % (4, b',"@timestamp":"2026-01-01T00:00:05Z"'),
        plain % (5, b',"time":"never"'),
        plain % (6, b',"time":1767225608'),
    ]
    (tmp_path / "a").write_bytes(b"\n".join(lines))
    shown, told, _ = _replay(pack, tmp_path / "a")
    assert [line.split("/a:")[1][0] for line in shown] == ["1", "4", "5", "6", "2", "3"]
    assert [line.split("/a:")[1] for line in told] == ["5 no_time"]


def _at(second: float, text: str = "good", tool: str = "read") -> bytes:
    time = f"2026-01-01T00:{int(second) // 60:02d}:{second % 60:09.6f}Z"
    event = {
        "event.dataset": "mcp.protocol",
        "@timestamp": time,
        "user.id": "u",
        "mcp.request.text": text,
        "gen_ai.tool.name": tool,
    }
    return json.dumps(event).encode()


def _instant(second: float) -> int:
    return 1_767_225_600_000_000 + round(second * _SECOND)


def test_a_period_bounds_the_alerts_from_its_start_on_and_before_its_end(pack: RulePack, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(
        b"\n".join([*(_at(second, "evil") for second in range(5)), b'{"mcp.request.text":"evil"}'])
    )
    shown, _, replay = _replay(pack, tmp_path / "a", period=Period(since=_instant(1), until=_instant(3)))
    assert [line.rpartition("/a:")[2][0] for line in shown] == ["2", "3", "6"]
    assert replay.newest == _instant(4)


def test_events_before_a_period_count_in_windows_and_a_burst_that_began_before_it_is_not_told_again(
    pack: RulePack, tmp_path: Path
) -> None:
    straddling = [_at(second, tool="run") for second in (95, 96, 101)]
    (tmp_path / "a").write_bytes(b"\n".join(straddling))
    shown, _, _ = _replay(pack, tmp_path / "a", period=Period(since=_instant(100)))
    assert [line.split()[0] for line in shown] == ["Many"]
    (tmp_path / "b").write_bytes(b"\n".join(_at(second, tool="run") for second in range(80, 121, 2)))
    shown, _, _ = _replay(pack, tmp_path / "b", period=Period(since=_instant(100)))
    assert shown == []


def test_alerts_of_a_period_are_those_of_the_whole_that_fall_into_it(pack: RulePack, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_lines(8, 3_000))
    whole = _replay(pack, tmp_path / "a")[0]
    times = sorted(int(line.replace("Twice many", "Twice").split()[1]) for line in whole)
    since, until = times[len(times) // 3], times[2 * len(times) // 3]
    for jobs in (1, 2):
        part = _replay(pack, tmp_path / "a", period=Period(since=since, until=until), jobs=jobs)[0]
        assert part == [line for line in whole if since <= int(line.replace("Twice many", "Twice").split()[1]) < until]
    assert Period().reach == EARLIEST


def test_nothing_readable_is_an_error_at_the_end_in_every_process(pack: RulePack, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"garbage\n" * 10)
    for jobs in (1, 2):
        with pytest.raises(NoInputError, match="nothing in the input could be read") as caught:
            _replay(pack, tmp_path / "a", jobs=jobs)
        assert caught.value.source == f"{tmp_path}/a:1"


def test_an_error_in_a_worker_is_raised_here(pack: RulePack, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'{"event.dataset":"mcp.protocol","gen_ai.tool.name":"run"}')
    for jobs in (1, 2):
        with pytest.raises(UsageError, match="feeds a correlation, which needs one") as caught:
            _replay(pack, tmp_path / "a", jobs=jobs)
        assert caught.value.source == f"{tmp_path}/a:1"
        assert caught.value.hint


class _Dying(_Refs):
    def __init__(self, end: Callable[[], object]) -> None:
        super().__init__()
        self._end = end

    def show(self, alert: Alert) -> str:
        self._end()
        return super().show(alert)


@pytest.mark.parametrize(
    ("end", "says"),
    [(lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9"), (lambda: os._exit(3), "exit code 3")],
)
def test_a_worker_that_dies_is_an_error(pack: RulePack, tmp_path: Path, end: Callable[[], object], says: str) -> None:
    (tmp_path / "a").write_bytes(_lines(9, 4_000))
    feeds, _ = open_feeds([tmp_path / "a"], source="event", deriver=Deriver(Redactor((), b"key")))
    replay = Replay(pack, feeds, show=_Dying(end), period=Period(), jobs=2)
    with pytest.raises(UsageError, match=f"a worker process died .{says}") as caught:
        list(replay.steps())
    assert caught.value.hint


def test_a_file_that_is_replaced_or_cut_while_it_is_read_is_an_error(pack: RulePack, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    found = (tmp_path / "a").stat()
    worker = _Worker(Replay(pack, [], show=_Refs(), period=Period())._here, [], 0, every=False)
    place = (found.st_dev, found.st_ino)
    assert worker._read(str(tmp_path / "a"), 2, 3, place) == b"234"
    for size, where in ((9, place), (3, (found.st_dev, found.st_ino + 1))):
        with pytest.raises(UsageError, match="replaced or cut while it was read") as caught:
            worker._read(str(tmp_path / "a"), 2, size, where)
        assert caught.value.source == str(tmp_path / "a")


def test_correlations_are_dealt_out_by_their_work_and_chains_stay_together(pack: RulePack) -> None:
    replay = Replay(pack, [], show=_Refs(), period=Period())
    correlations: Sequence[object] = replay._here.correlations
    many, tools, twice = (f"00000000-0000-4000-8000-00000000000{at}" for at in (3, 4, 5))
    shards = shards_of(correlations, {"00000000-0000-4000-8000-000000000001": 10}, 3)  # type: ignore[arg-type]
    assert sorted(map(sorted, shards)) == [[], [many, twice], [tools]]
