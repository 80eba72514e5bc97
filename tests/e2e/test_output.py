"""Data is written whole or not at all, and a place that takes none is named."""

import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = str(Path(sys.executable).with_name("mcp-siem"))


def _shell(line: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", COMMAND], check=False, capture_output=True, encoding="utf-8", timeout=60
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("words", ["list", "list --format json", "convert --target splunk", "check", "--help"])
def test_a_full_disk_under_standard_output_is_named(words: str) -> None:
    done = _shell(f'"$1" {words} > /dev/full')
    assert done.returncode == 2
    assert "No space left on device\n  next: " in done.stderr


def test_a_full_device_is_named_and_still_stands(run: Run) -> None:
    done = run("list", "--output", "/dev/full")
    assert done.returncode == 2
    assert done.stderr.startswith("error: /dev/full: cannot be written: No space left on device\n  next: ")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_no_standard_output_and_no_standard_error_are_no_crash() -> None:
    assert "there is no standard output\n  next: " in _shell('"$1" list >&-').stderr
    assert _shell('"$1" list 2>&-').returncode == 0
    assert _shell('"$1" list --rules none.yml 2>&-').returncode == 2
    assert _shell('"$1" list --rules none.yml 2>/dev/full').returncode == 2


def test_a_failed_run_leaves_the_file_as_it_was_and_nothing_beside_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("before")
    (tmp_path / "out.part").write_text("mine")
    done = run("explain", "mcp_arguments_path_traversal", "README.md:1", "--output", str(tmp_path / "out"))
    assert done.returncode != 0
    assert (tmp_path / "out").read_text() == "before"
    assert (tmp_path / "out.part").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_written_file_keeps_its_rights_and_a_link_still_points_to_it(run: Run, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("before")
    real.chmod(0o640)
    (tmp_path / "link").symlink_to(real)
    assert run("list", "--output", str(tmp_path / "link")).returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert "mcp_arguments_path_traversal" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.parametrize("place", ["", "none/x", "."])
def test_a_place_that_cannot_be_written_is_exit_2(run: Run, tmp_path: Path, place: str) -> None:
    done = run("list", "--output", place, cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_130_and_leaves_no_file(tmp_path: Path, stop: signal.Signals) -> None:
    said, place = tmp_path / "said", tmp_path / "place"
    place.mkdir()
    words = [COMMAND, "replay", "-", "--source", "event", "--output", str(place / "out")]
    with said.open("wb") as stderr, subprocess.Popen(words, stdin=subprocess.PIPE, stderr=stderr) as child:
        assert child.stdin is not None
        child.stdin.write(b"not JSON\n" * 20_000)  # more than a pipe holds: it has begun when this returns
        child.stdin.flush()
        child.send_signal(stop)
        child.wait(timeout=60)
    assert child.returncode == 130
    assert said.read_bytes().endswith(b"interrupted\n")
    assert list(place.iterdir()) == []
