import gzip
import io
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard

from mcp_siem.errors import McpSiemError, NoInputError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.read import read_events
from mcp_siem.testing import START, frame


class _Bare:
    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        del arguments, schema
        return data


def _read(*paths: Path | str, source: str = "auto") -> list[Event | ParseIssue]:
    return list(read_events(paths, source=source, deriver=_Bare()))


def _events(*paths: Path | str) -> list[Event]:
    return [item for item in _read(*paths) if isinstance(item, Event)]


def _ask(id_: int, at: int, server: str = "files", name: str = "t") -> bytes:
    return frame({"id": id_, "method": "tools/call", "params": {"name": name}}, at=START + at, server=server) + b"\n"


def _reply(id_: int, at: int, server: str = "files", **result: object) -> bytes:
    line = frame({"id": id_, "result": result}, at=START + at, server=server, direction="server_to_client")
    return line + b"\n"


def _listing(at: int, description: str) -> bytes:
    asked = frame({"id": "l", "method": "tools/list"}, at=START + at) + b"\n"
    return asked + _reply("l", at + 1, tools=[{"name": "t", "description": description}])  # type: ignore[arg-type]


def test_the_events_of_several_files_are_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_ask(1, 0) + _reply(1, 500) + _ask(2, 600) + _reply(2, 700))
    (tmp_path / "b").write_bytes(_ask(1, 100) + _reply(1, 650) + _ask(2, 660))
    told = _events(tmp_path / "a", tmp_path / "b")
    assert [event.raw_ref for event in told] == [f"{tmp_path}/{place}" for place in ("a:1", "b:1", "a:3", "b:3")]


def test_each_file_is_a_connection_space_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_ask(1, 0))
    (tmp_path / "b").write_bytes(_reply(1, 100))
    assert [event.data["mcp.message.pairing"] for event in _events(tmp_path / "a", tmp_path / "b")] == [
        "unanswered",
        "unseen",
    ]


def test_definitions_are_compared_in_the_order_of_time_whatever_the_order_of_files(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(_listing(0, "first") + _listing(10, "first"))
    (tmp_path / "new").write_bytes(_listing(5, "first") + _listing(20, "second"))
    for names in (("old", "new"), ("new", "old")):
        told = _events(*(tmp_path / name for name in names))
        changed = [event.raw_ref for event in told if event.data.get("mcp.tool.definition_changed")]
        assert changed == [f"{tmp_path}/new:4/0"]


def test_a_directory_is_read_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "a.jsonl").write_bytes(_ask(1, 2))
    (tmp_path / "x" / "b.log").write_bytes(_ask(1, 1))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(_ask(1, 0)))
    (tmp_path / "notes.txt").write_bytes(b"not read")
    assert [str(event.raw_ref) for event in _events(tmp_path)] == [
        f"{tmp_path}/{place}" for place in ("c.json.gz:1", "x/b.log:1", "x/y/a.jsonl:1")
    ]


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(_ask(1, 0))
    assert len(_events(tmp_path, tmp_path / "a.log")) == 1


def test_a_stranger_in_a_directory_is_told_and_one_that_is_named_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(_ask(1, 0))
    (tmp_path / "b.log").write_bytes(b"Sep 1 sshd: hello\n")
    told = _read(tmp_path)
    assert [(item.ref, item.code) for item in told if isinstance(item, ParseIssue)] == [
        (f"{tmp_path}/b.log", "unknown_input")
    ]
    assert len(told) == 2
    with pytest.raises(UsageError, match="no line of it is JSON"):
        _read(tmp_path, tmp_path / "b.log")


def test_gzip_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    members = gzip.compress(_ask(1, 0)) + gzip.compress(_reply(1, 1)) + b"\0" * 512
    (tmp_path / "a.log").write_bytes(members)
    (event,) = _events(tmp_path / "a.log")
    assert event.data["mcp.message.pairing"] == "paired"


def test_gzip_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    lines = b"".join(_ask(number, number) for number in range(200))
    (tmp_path / "a.gz").write_bytes(gzip.compress(lines)[:-8])
    told = _read(tmp_path / "a.gz", source="wire")
    assert {item.code for item in told if isinstance(item, ParseIssue)} == {"bad_gzip"}
    assert len(told) == 201


def test_an_input_of_which_nothing_can_be_read_is_an_error_once_it_was_told(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(_ask(1, 1))[:20])
    (tmp_path / "b").write_bytes(b"not JSON\n[torn\n")
    for name, source, says in (("a.gz", "wire", "cut off"), ("b", "event", "nothing in the input could be read")):
        told = []
        with pytest.raises(NoInputError, match=says) as caught:
            told.extend(read_events([tmp_path / name], source=source, deriver=_Bare()))
        assert caught.value.source is not None
        assert caught.value.source.startswith(str(tmp_path / name))
        assert caught.value.hint


def test_an_unreadable_file_of_a_directory_is_told_and_one_that_is_named_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b'{"mcp.x":1}\n')
    (tmp_path / "b.log").write_bytes(b"not JSON\n")
    told = [item.code for item in _read(tmp_path, source="event") if isinstance(item, ParseIssue)]
    assert told == ["not_json", "nothing_read"]
    with pytest.raises(NoInputError, match="nothing in the input could be read"):
        _read(tmp_path / "a.log", tmp_path / "b.log", source="event")


@pytest.mark.parametrize("name", ["a.jsonl.zst", "a.log"])
def test_zstd_is_known_by_its_bytes_not_by_its_name(tmp_path: Path, name: str) -> None:
    frames = zstandard.compress(_ask(1, 0)) + zstandard.compress(_reply(1, 1)) + b"\0" * 512
    (tmp_path / name).write_bytes(frames)
    (event,) = _events(tmp_path)
    assert event.data["mcp.message.pairing"] == "paired"


def test_standard_input_is_read_as_a_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(gzip.compress(_ask(1, 0)))
    with (tmp_path / "in").open("rb") as handle:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=handle))
        (event,) = _events("-")
    assert event.raw_ref == "-:1"


def test_without_standard_input_there_is_nothing_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(NoInputError, match="no standard input"):
        read_events(["-"], deriver=_Bare())


def test_a_pipe_is_read_once_and_whole(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    lines = b"".join(_ask(number, number) for number in range(500))

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as handle:
            for start in range(0, len(lines), 7):
                handle.write(lines[start : start + 7])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert len(_events(f"/dev/fd/{reader}")) == 500
    finally:
        thread.join()
        os.close(reader)
    assert tmp_path.exists()


def test_more_files_than_may_be_open_are_read(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for number in range(80):
        (tmp_path / f"{number:03}.jsonl").write_bytes(_ask(1, 10 * number) + _reply(1, 10 * number + 1))
    used = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
    try:
        assert len(_events(tmp_path)) == 80
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("paths", [["missing.jsonl"], ["empty.jsonl"], ["blank.jsonl"], ["folder"], ["a.jsonl/below"]])
def test_nothing_to_read_is_an_error_with_place_and_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, paths: Sequence[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "blank.jsonl").write_bytes(b"\n \n\0\n")
    (tmp_path / "a.jsonl").write_bytes(_ask(1, 0))
    with pytest.raises(NoInputError) as caught:
        read_events(paths, deriver=_Bare())
    assert caught.value.source == paths[0]
    assert caught.value.hint


def test_an_empty_file_beside_a_full_one_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(_ask(1, 0))
    (tmp_path / "b.log").touch()
    assert len(_events(tmp_path / "a.log", tmp_path / "b.log")) == 1


def test_a_file_that_may_not_be_read_is_an_error_with_place_and_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(_ask(1, 0))

    def refuse(*_: object, **__: object) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match="cannot be read: Permission denied") as caught:
        read_events([path], deriver=_Bare())
    assert caught.value.source == str(path)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5_000])
def test_a_path_that_can_be_none_is_an_error_of_ours(path: str) -> None:
    with pytest.raises(McpSiemError):
        read_events([path], deriver=_Bare())


def test_utf16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(_ask(1, 0).decode().encode("utf-16"))
    with pytest.raises(UsageError, match="UTF-16"):
        _read(tmp_path / "a.log")


def test_an_unknown_source_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="unknown source"):
        read_events(["missing"], source="nonsense", deriver=_Bare())


def test_a_named_source_reads_what_auto_would_refuse(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'{"Image":"x"}\n')
    (event,) = _read(tmp_path / "a", source="event")
    assert isinstance(event, Event)


def test_events_without_time_keep_line_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"".join(b'{"mcp.x":%d}\n' % number for number in range(30)))
    assert [event.data["mcp.x"] for event in _events(tmp_path / "a")] == list(range(30))


def test_a_line_over_the_limit_is_an_issue_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_ask(1, 0) + b'{"x":"' + b"y" * 5_000 + b'"}\n' + _reply(1, 1))
    told = list(read_events([tmp_path / "a"], deriver=_Bare(), max_line=1_000))
    assert [item.code for item in told if isinstance(item, ParseIssue)] == ["line_too_long"]
    assert [item.data["mcp.message.pairing"] for item in told if isinstance(item, Event)] == ["paired"]
