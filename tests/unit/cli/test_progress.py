import io
import sys

import pytest

from mcp_siem.cli.console import Console
from mcp_siem.cli.progress import Progress, terminal_progress
from mcp_siem.report.terminal import Style


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _told(total: int | None, *states: tuple[float, int, int]) -> list[str]:
    clock, said = _Clock(), []
    progress = Progress(total, write=said.append, clock=clock)
    for clock.now, done, events in states:
        progress.tell(done, events)
    return [text.removeprefix("\r\x1b[K") for text in said]


def test_long_work_says_how_much_is_done_how_fast_and_how_long_it_takes() -> None:
    assert _told(4_000_000, (0.5, 500_000, 300), (2.0, 1_000_000, 1_600)) == [" 25 %  1.0 MB, 800 events/s, 0:06 left"]


def test_of_a_pipe_only_what_came_is_known() -> None:
    assert _told(None, (2.0, 900, 10)) == ["900 B, 5 events/s read"]


def test_nothing_is_shown_of_short_work_nor_too_often() -> None:
    assert _told(100, (0.2, 10, 1), (0.9, 90, 9)) == []
    assert len(_told(100, (1.1, 10, 1), (1.15, 11, 1), (1.2, 12, 1), (1.4, 13, 1))) == 2


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_and_for_who_wants_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert terminal_progress(1, quiet=False) is None
    monkeypatch.setattr(sys, "stderr", _Terminal())
    assert terminal_progress(1, quiet=True) is None
    assert terminal_progress(1, quiet=False) is not None


def test_the_line_goes_away_before_anything_else_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    said: list[str] = []
    monkeypatch.setattr("mcp_siem.cli.console.words", said.append)
    clock = _Clock()
    out = Console(stream, "-", quiet=False, style=Style(color=False))
    out.progress = Progress(10, write=said.append, clock=clock)
    clock.now = 2.0
    out.tell(5, 1)
    out.line("data")
    out.note("a", "b")
    assert len(said) == 3
    assert said[1:] == ["\r\x1b[K", "note: a: b"]
    assert stream.getvalue() == b"data\n"
