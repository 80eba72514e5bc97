"""Engines end with whoever needed them, shown on a script that stands in for one: it holds a FIFO open while it lives."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import EngineError, main, running

PATIENCE = 30


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[int]:
    """A descriptor that is at its end once no process of the engine lives."""
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    yield reader
    os.close(reader)


def _engine(tmp_path: Path, script: str) -> Path:
    folder = tmp_path / "fake"
    folder.mkdir()
    start = folder / "start.sh"
    start.write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
    start.chmod(0o755)
    return tmp_path


def _lives(tmp_path: Path, more: str = "") -> Path:
    script = f'exec 8>"{tmp_path}/alive"\n{more}\nsleep 1000 >/dev/null 2>&1 &\necho "$1" >"{tmp_path}/folder"\necho http://here'
    return _engine(tmp_path, script)


def _has_ended(reader: int) -> bool:
    return bool(select.select([reader], [], [], PATIENCE)[0]) and os.read(reader, 1) == b""


def test_an_engine_lives_as_long_as_the_block(tmp_path: Path, alive: int) -> None:
    with running("fake", scripts=_lives(tmp_path)) as url:
        assert url == "http://here"
        assert select.select([alive], [], [], 0)[0] == []
        folder = Path((tmp_path / "folder").read_text("utf-8").strip())
        assert folder.is_dir()
    assert _has_ended(alive)
    assert not folder.exists()


def test_an_engine_ends_when_the_block_fails(tmp_path: Path, alive: int) -> None:
    with pytest.raises(ZeroDivisionError), running("fake", scripts=_lives(tmp_path)):
        _ = 1 // 0
    assert _has_ended(alive)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_an_engine_ends_with_a_killed_holder(tmp_path: Path, alive: int, number: signal.Signals) -> None:
    code = (
        f"import sys, pathlib; sys.path.insert(0, {str(Path(sys.modules['running'].__file__ or '').parent)!r})\n"
        f"from running import running\n"
        f"with running('fake', scripts=pathlib.Path({str(_lives(tmp_path))!r})) as url:\n"
        f"    print(url, flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "http://here\n"
    holder.send_signal(number)
    assert _has_ended(alive)
    holder.communicate()
    assert holder.returncode == -number


def test_an_engine_that_is_still_starting_ends_with_its_holder(tmp_path: Path, alive: int) -> None:
    scripts = _engine(tmp_path, f'exec 8>"{tmp_path}/alive"; echo x >&8; sleep 1000')
    command = [sys.executable, str(sys.modules["running"].__file__), "--keep", str(scripts / "fake")]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert select.select([alive], [], [], PATIENCE)[0]
    assert os.read(alive, 2) == b"x\n"
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert _has_ended(alive)
    keeper.wait()


def test_an_engine_that_does_not_start_says_why_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scripts = _engine(tmp_path, "echo Maven fetches a jar >&2; echo no JDK 17 or newer >&2; exit 1")
    with pytest.raises(EngineError, match=r"^no JDK 17 or newer$"), running("fake", scripts=scripts):
        pass
    assert capsys.readouterr().err == "Maven fetches a jar\n"


def test_an_engine_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solr"]) == 2
    assert capsys.readouterr().err == "usage: running.py elasticsearch|opensearch [COMMAND...]\n"
