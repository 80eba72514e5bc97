from pathlib import Path

import pytest

from mcp_siem.errors import UsageError
from mcp_siem.stream.spool import Spool, SpoolFullError


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_lines_lie_in_numbered_files_that_are_closed_at_a_size(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "s"), segment=10)
    for line in (b"one", b"two two", b"three"):
        spool.append([line], durable=True)
    assert _names(tmp_path / "s") == ["000000000001.jsonl", "000000000002.jsonl"]
    first, second = sorted((tmp_path / "s").iterdir())
    assert (first.read_bytes(), second.read_bytes()) == (b"one\ntwo two\n", b"three\n")
    assert spool.is_sealed(str(first))
    assert not spool.is_sealed(str(second))
    assert not spool.is_sealed(str(tmp_path / "000000000001.jsonl"))


def test_only_closed_files_are_removed(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "s"), segment=1)
    spool.append([b"one"], durable=False)
    spool.append([b"two"], durable=False)
    spool.remove([str(path) for path in (tmp_path / "s").iterdir()])
    assert _names(tmp_path / "s") == ["000000000002.jsonl"]


def test_a_later_process_leaves_what_lies_there_and_begins_a_new_file(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "s"))
    spool.append([b"one"], durable=False)
    spool.close()
    again = Spool(str(tmp_path / "s"))
    again.append([b"two"], durable=False)
    assert _names(tmp_path / "s") == ["000000000001.jsonl", "000000000002.jsonl"]
    assert (tmp_path / "s" / "000000000001.jsonl").read_bytes() == b"one\n"


def test_more_than_may_wait_is_refused_until_something_was_read(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "s"), segment=1, quota=10)
    spool.append([b"12345678"], durable=False)
    with pytest.raises(SpoolFullError):
        spool.append([b"1"] * 2, durable=False)
    spool.append([], durable=False)
    spool.remove([str(tmp_path / "s" / "000000000001.jsonl")])
    spool.append([b"1"], durable=False)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        Spool(str(tmp_path / "file" / "s"))
