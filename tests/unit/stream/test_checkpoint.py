import os
import threading
from pathlib import Path

import pytest

from mcp_siem.errors import UsageError
from mcp_siem.stream.checkpoint import Checkpoint, CheckpointFile, decode_checkpoint, encode_checkpoint

SAVED = Checkpoint(document={"at": "now", "big": 2**70, "half": "\ud800"}, engine=b"state\nof\x00 the engine")


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    file = CheckpointFile(str(tmp_path / "point"))
    assert file.read() is None
    file.write(encode_checkpoint(SAVED))
    file.close()
    again = CheckpointFile(str(tmp_path / "point"))
    assert again.read() == SAVED
    assert (tmp_path / "point").stat().st_mode & 0o077 == 0
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: b"something else\n" + data,
        lambda data: data[:-1],
        lambda data: data.replace(b"now", b"new"),
        lambda data: data.replace(b"checkpoint 1", b"checkpoint 9"),
    ],
)
def test_what_is_no_whole_checkpoint_is_refused(damage: object) -> None:
    data = damage(encode_checkpoint(SAVED))  # type: ignore[operator]
    with pytest.raises(UsageError, match="no usable checkpoint"):
        decode_checkpoint(data, "point")


def test_a_checkpoint_that_is_in_use_is_refused(tmp_path: Path) -> None:
    file = CheckpointFile(str(tmp_path / "point"))
    with pytest.raises(UsageError, match="another watch"):
        CheckpointFile(str(tmp_path / "point"))
    file.close()
    CheckpointFile(str(tmp_path / "point")).close()


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        CheckpointFile(str(tmp_path / "none" / "point"))


def test_what_is_to_follow_a_write_follows_it_and_the_newest_state_wins(tmp_path: Path) -> None:
    file = CheckpointFile(str(tmp_path / "point"))
    done = threading.Event()
    for number in range(20):
        document = {"number": number}
        file.write(encode_checkpoint(Checkpoint(document=document, engine=b"")), then=done.set)
    file.close()
    assert done.is_set()
    assert decode_checkpoint((tmp_path / "point").read_bytes(), "point").document == {"number": 19}


def test_a_write_that_fails_is_told_and_leaves_the_last_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file = CheckpointFile(str(folder / "point"))
    file.write(encode_checkpoint(SAVED))
    file.close()
    file = CheckpointFile(str(folder / "point"))
    os.mkdir(folder / "point.part")  # noqa: PTH102 - what it would write to is no file
    file.write(encode_checkpoint(Checkpoint(document={}, engine=b"")))
    file.close()
    assert file.failed
    assert decode_checkpoint((folder / "point").read_bytes(), "point") == SAVED
