import gzip
import os
from pathlib import Path

import pytest

from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.follow import Follower
from mcp_siem.stream.mark import Mark
from mcp_siem.stream.tail import records_of


class Reader:
    """Follows files under a clock of its own, and keeps what was read."""

    def __init__(self, *targets: str | Path, at_end: bool = False, max_line: int = 1000) -> None:
        self.follower = Follower([str(target) for target in targets], at_end=at_end, max_line=max_line)
        self.now = 0.0
        self.max_line = max_line
        self.refs: list[str] = []
        self.origins: list[str] = []
        self.issues: list[ParseIssue] = []

    def look(self, seconds: float = 2.0) -> list[str]:
        """What is read within so many seconds."""
        found: list[str] = []
        end = self.now + seconds
        while self.now < end:
            for read in self.follower.read(self.now):
                self.origins.append(read.origin)
                for item in read.items:
                    lines = [item] if isinstance(item, ParseIssue) else records_of(item, self.max_line)
                    for line in lines:
                        if isinstance(line, ParseIssue):
                            self.issues.append(line)
                        else:
                            found.append(line.data.decode())
                            self.refs.append(Path(line.ref).name)
            self.issues += self.follower.told()
            self.now += 0.05
        return found

    def again(self, *targets: str | Path) -> "Reader":
        """Another process that goes on from here."""
        other = Reader(*targets)
        marks: dict[str, list[Mark]] = self.follower.marks()
        other.follower.restore(marks, self.follower.done(), self.follower.seen())
        return other

    @property
    def codes(self) -> list[str]:
        return [issue.code for issue in self.issues]


def _append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def _ages(*paths: Path) -> None:
    """Gives files the times of a rotation that took a while: the first is the oldest."""
    for at, path in enumerate(paths, 1):
        ns = path.stat().st_mtime_ns + at * 1_000_000_000
        os.utime(path, ns=(ns, ns))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


def test_lines_are_read_as_they_are_written_and_numbered(log: Path) -> None:
    _append(log, "one\ntwo\n")
    reader = Reader(log)
    assert reader.look() == ["one", "two"]
    _append(log, "three\n")
    assert reader.look() == ["three"]
    assert reader.refs == ["a.log:1", "a.log:2", "a.log:3"]


def test_a_line_counts_once_it_is_ended(log: Path) -> None:
    _append(log, "one\ntw")
    reader = Reader(log)
    assert reader.look() == ["one"]
    _append(log, "o\n")
    assert reader.look() == ["two"]


def test_a_file_that_appears_later_is_read_from_its_first_line(log: Path) -> None:
    reader = Reader(log, at_end=True)
    assert reader.look() == []
    _append(log, "one\n")
    assert reader.look() == ["one"]


def test_from_the_end_means_new_lines_with_their_right_numbers(log: Path) -> None:
    _append(log, "one\ntwo\nthr")
    reader = Reader(log, at_end=True)
    assert reader.look() == []
    _append(log, "ee\nfour\n")
    assert reader.look() == ["three", "four"]
    assert reader.refs == ["a.log:3", "a.log:4"]


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(log: Path) -> None:
    _append(log, "one\n")
    reader = Reader(log)
    assert reader.look() == ["one"]
    _append(log, "two\n")
    log.rename(log.with_suffix(".log.1"))
    _append(log, "three\n")
    _append(log.with_suffix(".log.1"), "still to the old one\n")
    assert reader.look() == ["two", "still to the old one", "three"]
    _append(log.with_suffix(".log.1"), "and more\n")
    assert reader.look() == ["and more"]


def test_the_last_line_of_a_renamed_file_counts_after_a_while_even_if_not_ended(log: Path) -> None:
    _append(log, "one\ntwo")
    reader = Reader(log)
    assert reader.look() == ["one"]
    log.rename(log.with_suffix(".log.1"))
    _append(log, "three\n")
    assert reader.look() == ["three"]
    assert reader.look(60) == ["two"]


def test_a_file_cut_back_is_read_from_its_start_and_its_copy_holds_the_rest(log: Path) -> None:
    _append(log, "one\n")
    reader = Reader(log)
    assert reader.look() == ["one"]
    _append(log, "two\n")
    log.with_suffix(".log.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)
    _append(log, "three\n")
    assert reader.look() == ["two", "three"]
    assert reader.codes == []


def test_a_file_cut_back_without_a_copy_is_told(log: Path) -> None:
    _append(log, "one\ntwo\nthree\n")
    reader = Reader(log)
    reader.look()
    os.truncate(log, 0)
    _append(log, "four\n")
    assert reader.look() == ["four"]
    assert reader.codes == ["cut_back"]
    assert reader.refs[-1] == "a.log:1"


def test_a_file_written_anew_in_place_and_grown_beyond_what_was_read_is_noticed(log: Path) -> None:
    _append(log, "one\n")
    reader = Reader(log)
    reader.look()
    log.write_bytes(b"another\nand more\n")
    assert reader.look() == ["another", "and more"]


def test_a_file_with_the_same_beginning_written_anew_is_noticed_too(log: Path) -> None:
    head = "head " * 300 + "\n"
    reader = Reader(log, max_line=10_000)
    _append(log, head + "one\n")
    assert reader.look()[1:] == ["one"]
    log.write_text(head + "two\nthree\n")
    assert reader.look()[1:] == ["two", "three"]


def test_a_line_over_the_limit_is_told_and_the_next_is_read(log: Path) -> None:
    _append(log, "x" * 400_000)
    reader = Reader(log, max_line=1000)
    assert reader.look() == []
    _append(log, "x" * 1000 + "\nnext\n")
    assert reader.look() == ["next"]
    assert reader.codes == ["line_too_long"]


def test_a_directory_is_searched_again_and_compressed_files_in_it_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("one\n")
    (tmp_path / "old.jsonl.gz").write_bytes(gzip.compress(b"never\n"))
    reader = Reader(tmp_path)
    assert reader.look() == ["one"]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.log").write_text("two\n")
    (tmp_path / "c.txt").write_text("no log\n")
    assert reader.look() == ["two"]
    assert reader.codes == []


def test_a_pattern_does_not_read_a_file_again_under_its_new_name(tmp_path: Path, log: Path) -> None:
    _append(log, "one\n")
    reader = Reader(f"{tmp_path}/a.log*")
    assert reader.look() == ["one"]
    log.rename(tmp_path / "a.log.1")
    _append(log, "two\n")
    assert reader.look(90) == ["two"]
    (tmp_path / "a.log.2.gz").write_bytes(gzip.compress((tmp_path / "a.log.1").read_bytes()))
    (tmp_path / "a.log.1").unlink()
    assert reader.look(90) == []
    assert reader.again(f"{tmp_path}/a.log*").look() == []


def test_a_pattern_does_not_read_the_copy_of_a_file_that_is_cut_back(tmp_path: Path, log: Path) -> None:
    _append(log, "one\n" * 20)
    reader = Reader(f"{tmp_path}/a.log*")
    reader.look()
    (tmp_path / "a.log.1").write_bytes(log.read_bytes())
    assert reader.look() == []
    os.truncate(log, 0)
    _append(log, "two\n")
    assert reader.look(90) == ["two"]
    assert reader.again(f"{tmp_path}/a.log*").look() == []


def test_a_file_keeps_its_origin_and_each_file_has_its_own(log: Path) -> None:
    reader = Reader(log)
    reader.look()
    for text in ("o", "ne\n", "two\n"):
        _append(log, text)
        reader.look()
    other = reader.again(log)
    _append(log, "three\n")
    other.look()
    log.rename(log.with_suffix(".log.1"))
    _append(log, "one more\n")
    other.look()
    assert len(set(reader.origins + other.origins[:-1])) == 1
    assert other.origins[-1] not in reader.origins


def test_a_new_file_with_the_inode_of_one_that_was_read_is_read(tmp_path: Path, log: Path) -> None:
    _append(log, "one\n" * 10)
    reader = Reader(f"{tmp_path}/*.log")
    reader.look()
    log.unlink()
    assert reader.look(90) == []
    ((mark, copy),) = reader.follower.done()
    _append(tmp_path / "b.log", "two\n")
    info = (tmp_path / "b.log").stat()
    reader.follower._done = {(info.st_dev, info.st_ino): (mark, copy)}
    assert reader.look() == ["two"]


def test_a_file_of_a_like_name_with_other_content_is_read(tmp_path: Path, log: Path) -> None:
    _append(log, "one\n")
    reader = Reader(f"{tmp_path}/a.log*")
    reader.look()
    _append(tmp_path / "a.log.2", "one\nand two\n")
    log.write_text("one\nand more\n")
    assert "and more" in reader.look()


def test_what_is_no_text_file_is_refused_once_and_looked_at_again_when_it_changes(tmp_path: Path, log: Path) -> None:
    log.write_bytes(gzip.compress(b"one\n"))
    os.mkfifo(tmp_path / "pipe.log")
    reader = Reader(log, tmp_path / "pipe.log")
    assert reader.look(5) == []
    assert reader.codes == ["not_followed", "not_followed"]
    log.unlink()
    _append(log, "two\n")
    assert reader.look() == ["two"]


def test_old_content_of_several_files_is_read_by_the_clock_of_each(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("line\n" * 200_000)
    follower = Follower([str(tmp_path)])
    order = []
    for _ in range(4):
        for read in follower.read(0.0):
            order.append(Path(read.group.path).name)
            read.group.clock = 10 if read.group.path.endswith("a.log") else 5
    assert order == ["a.log", "b.log", "b.log", "b.log"]


def test_a_file_that_had_the_name_between_two_looks_is_read_too(log: Path) -> None:
    _append(log, "one\n")
    old = log.with_suffix(".log.9")
    _append(old, "long ago\n")
    os.utime(old, ns=(1, 1))
    reader = Reader(log)
    assert reader.look() == ["one"]
    _append(log, "two\n")
    log.rename(log.with_suffix(".log.2"))
    _append(log, "three\n")
    log.rename(log.with_suffix(".log.1"))
    _append(log, "four\n")
    _ages(log.with_suffix(".log.2"), log.with_suffix(".log.1"), log)
    assert reader.look() == ["two", "three", "four"]
    log.rename(log.with_suffix(".log.0"))
    assert reader.look(90) == []
    _append(log, "five\n")
    log.rename(log.with_suffix(".log.00"))
    assert reader.look() == ["five"]


class TestAfterARestart:
    def test_reading_goes_on_at_the_line_that_was_not_finished(self, log: Path) -> None:
        _append(log, "one\ntw")
        reader = Reader(log)
        reader.look()
        _append(log, "o\n")
        other = reader.again(log)
        assert other.look() == ["two"]
        assert other.refs == ["a.log:2"]

    def test_a_renamed_file_is_found(self, log: Path) -> None:
        _append(log, "one\n")
        reader = Reader(log)
        reader.look()
        _append(log, "two\n")
        log.rename(log.with_suffix(".log.1"))
        _append(log, "three\n")
        assert reader.again(log).look() == ["two", "three"]

    def test_whole_generations_that_came_and_went_are_read(self, log: Path) -> None:
        _append(log, "one\n")
        reader = Reader(log)
        reader.look()
        _append(log, "two\n")
        log.rename(log.with_suffix(".log.2"))
        _append(log.with_suffix(".log.1"), "three\n")
        _append(log, "four\n")
        _ages(log.with_suffix(".log.2"), log.with_suffix(".log.1"), log)
        assert reader.again(log).look() == ["two", "three", "four"]

    def test_generations_that_come_and_go_before_the_first_look_are_read(self, log: Path) -> None:
        _append(log, "one\n")
        reader = Reader(log)
        reader.look()
        log.rename(log.with_suffix(".log.1"))
        other = reader.again(log)
        for number in range(2, 5):
            _append(log, f"{number}\n")
            log.rename(log.with_suffix(f".log.{number}"))
        _ages(*(log.with_suffix(f".log.{number}") for number in range(1, 5)))
        assert other.look() == ["2", "3", "4"]

    def test_a_generation_of_a_name_that_stood_for_no_file_is_read(self, log: Path) -> None:
        reader = Reader(log)
        assert reader.look() == []
        _append(log, "one\n")
        log.rename(log.with_suffix(".log.1"))
        assert reader.again(log).look() == ["one"]

    @pytest.mark.parametrize("packed", [gzip.compress, None], ids=["gzip", "copy"])
    def test_the_rest_of_a_file_that_was_copied_or_compressed_is_found(self, log: Path, packed: object) -> None:
        _append(log, "one\n")
        reader = Reader(log)
        reader.look()
        _append(log, "two\nthree\n")
        data = log.read_bytes()
        if callable(packed):
            log.with_suffix(".log.1.gz").write_bytes(packed(data))
            log.unlink()
        else:
            log.with_suffix(".log.1").write_bytes(data)
            os.truncate(log, 0)
        _append(log, "four\n")
        other = reader.again(log)
        assert other.look() == ["two", "three", "four"]
        assert other.refs == ["a.log:2", "a.log:3", "a.log:1"]
        assert other.again(log).look() == []

    def test_a_rest_that_is_gone_is_told(self, log: Path) -> None:
        _append(log, "one\n")
        reader = Reader(log)
        reader.look()
        log.unlink()
        _append(log, "another\n")
        other = reader.again(log)
        assert other.look() == ["another"]
        assert other.codes == ["rest_lost"]

    def test_a_damaged_compressed_rest_is_told(self, log: Path) -> None:
        _append(log, "one\n" * 20_000)
        reader = Reader(log)
        reader.look()
        _append(log, "".join(f"{number}\n" for number in range(300_000)))
        data = gzip.compress(log.read_bytes())
        log.with_suffix(".log.1.gz").write_bytes(data[: len(data) // 2])
        log.unlink()
        other = reader.again(log)
        assert other.look(10)[:2] == ["0", "1"]
        assert "bad_rest" in other.codes
