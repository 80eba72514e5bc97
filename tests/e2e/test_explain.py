import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[str]"]
RULES = """\
title: Failed login
name: failed
logsource: {product: test}
detection: {sel: {k: a}, condition: sel}
---
title: Many failures
correlation: {type: event_count, rules: [failed], group-by: [u], timespan: 10s, condition: {gte: 3}}
"""


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    (tmp_path / "r.yml").write_text(RULES)
    file = tmp_path / "e.jsonl"
    rows = [{"@timestamp": f"2024-05-01T10:00:0{at}Z", "k": "a", "u": "xyx x"[at]} for at in range(5) if at != 3]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def _explain(run: Run, place: object, *more: str) -> "CompletedProcess[str]":
    rules = str(Path(str(place).partition(":")[0]).with_name("r.yml"))
    return run("explain", "Many failures", str(place), "--rules", rules, "--source", "event", *more)


def test_a_correlation_over_a_file_tells_each_group(run: Run, stream: Path) -> None:
    done = _explain(run, stream)
    assert done.returncode == 0, done.stderr
    assert "yes u: x" in done.stdout
    assert "no  u: y" in done.stdout
    assert "it is 1: 2 short" in done.stdout


def test_a_correlation_at_a_line_tells_the_event_and_its_window(run: Run, stream: Path) -> None:
    done = _explain(run, f"{stream}:3", "--format", "json")
    assert done.returncode == 0, done.stderr
    event, windows = map(json.loads, done.stdout.splitlines())
    assert event["explanation"]["held"] is True
    (window,) = windows["correlation"]["windows"]
    assert window["lacks"] == ["it is 2: 1 short"]
    assert [one["ref"] for one in window["events"]] == [f"{stream}:1", f"{stream}:3"]


def test_no_event_at_the_place_is_exit_3(run: Run, stream: Path) -> None:
    done = _explain(run, f"{stream}:9")
    assert done.returncode == 3
    assert "no event stands there" in done.stderr
