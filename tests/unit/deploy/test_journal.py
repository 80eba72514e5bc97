"""The journal on disk: private, whole, and without secrets."""

import os
import stat
from pathlib import Path

import pytest

from mcp_siem.deploy.journal import Entry, FileJournal, read_journal, without_secrets
from mcp_siem.errors import ConfigError


def journal(path: Path) -> FileJournal:
    return FileJournal(path, run="run-1", clock=lambda: "2026-01-01T00:00:00Z")


def entry(**document: object) -> Entry:
    return Entry(event="before", target="memory", address="memory:r1", action="update", says="put", document=document)


def test_entries_come_back_in_order_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.jsonl"
    book = journal(path)
    book.record(entry(query="ä\n"))
    book.record(entry(query="b"))
    lines = list(read_journal(path))
    assert [line["document"] for line in lines] == [{"query": "ä\n"}, {"query": "b"}]
    assert lines[0]["run"] == "run-1"
    assert lines[0]["at"] == "2026-01-01T00:00:00Z"


def test_only_the_owner_can_read_it_even_if_the_file_was_there(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.touch(mode=0o644)
    path.chmod(0o644)
    journal(path).record(entry())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_line_is_synced_before_record_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(path.stat().st_size), real(handle))[1])
    book = journal(path)
    book.record(entry(query="a"))
    book.record(entry(query="b"))
    assert synced[0] > 0
    assert synced[-1] == path.stat().st_size


def test_a_line_torn_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).record(entry(query="a"))
    with path.open("ab") as file:
        file.write(b'{"torn":')
    journal(path).record(entry(query="b"))
    assert [line["document"] for line in read_journal(path)] == [{"query": "a"}, {"query": "b"}]


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_a_journal_that_cannot_be_kept_is_a_config_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    with pytest.raises(ConfigError, match="cannot write the journal"):
        journal(path).record(entry())


def test_a_missing_journal_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the journal"):
        list(read_journal(tmp_path / "none"))


def test_secrets_inside_documents_are_left_out_at_any_depth() -> None:
    document = {
        "name": "n",
        "action.email.auth_password": "hunter2",
        "actions": [{"params": {"headers": {"Authorization": "Bearer hunter2"}, "body": "b"}}],
        "api-key": "hunter2",
        "token": "",
    }
    clean = without_secrets(document)
    assert "hunter2" not in str(clean)
    assert clean["name"] == "n"
    assert clean["actions"] == [{"params": {"headers": {"Authorization": "[removed]"}, "body": "b"}}]


def written(path: Path, place: str, *events: tuple[str, str, str]) -> FileJournal:
    book = FileJournal(path, run="r", clock=lambda: "t", place=place)
    for number, (event, action, verb) in enumerate(events):
        document = {"n": number} if event == "before" else None
        book.record(
            Entry(event=event, target="m", address="m:1", action=action, says="s", verb=verb, document=document)
        )
    return FileJournal(path, run="later", clock=lambda: "t", place=place)


BEFORE_DELETE = ("before", "update", "delete")
BEFORE_PUT = ("before", "update", "put")


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ((BEFORE_DELETE,), {"n": 0}),
        ((BEFORE_DELETE, BEFORE_PUT, ("failed", "update", "")), {"n": 0}),
        ((BEFORE_DELETE, BEFORE_PUT, ("done", "update", "")), None),
        ((BEFORE_PUT,), None),
        ((("before", "delete", "delete"),), None),
        ((BEFORE_DELETE, ("done", "update", ""), BEFORE_PUT), None),
        ((), None),
    ],
)
def test_an_interrupted_replacement_is_found_again(
    tmp_path: Path, events: tuple[tuple[str, str, str], ...], found: dict[str, int] | None
) -> None:
    book = written(tmp_path / "journal.jsonl", "prod", *events)
    assert book.interrupted("m:1") == found
    assert book.interrupted("m:2") is None


@pytest.mark.parametrize("place", ["staging", ""])
def test_what_was_interrupted_at_one_siem_is_not_found_at_another(tmp_path: Path, place: str) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, "prod", BEFORE_DELETE)
    assert written(path, place).interrupted("m:1") is None


def test_a_device_is_no_journal() -> None:
    with pytest.raises(ConfigError, match="not a regular file") as caught:
        list(read_journal(Path("/dev/zero")))
    assert caught.value.hint
