"""Raw samples of hosts, gateways and instrumented servers beside their events; `--update-golden` writes these anew."""

from collections.abc import Sequence
from pathlib import Path

import jsonschema
import orjson
import pytest

from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.events.schema import event_schema
from mcp_siem.events.time import format_time
from mcp_siem.inventory.known import KnownItems
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats, load_taxonomy
from mcp_siem.sources.port import ParseIssue, Record, Resumable
from mcp_siem.sources.table import SOURCES, detect

_NAMES = (
    "agent_vcr",
    "claude_code",
    "claude_desktop",
    "codex",
    "contextforge",
    "cursor",
    "docker_gateway",
    "fastmcp",
    "gemini_cli",
    "jsonrpc",
    "mcp_access_log",
    "otel",
    "toolhive",
)
_CASES = sorted(path for name in _NAMES for path in Path("sigma_rules/sources", name).glob("*.raw.*"))
_EACH = pytest.mark.parametrize("path", _CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
_TAXONOMY = load_taxonomy(default_pack_dir())
_KEY = b"key of the golden files, no secret"
# What a source cannot know, or has no event for, is told and is no fault.
_EXPECTED = {"no_time", "other_record", "cut"}


def _deriver() -> Deriver:
    return Deriver(Redactor(load_secret_formats(default_pack_dir()), _KEY))


def _records(path: Path, lines: Sequence[bytes] | None = None) -> list[Record]:
    read = path.read_bytes().splitlines() if lines is None else lines
    return [Record(data=line, ref=f"{path.name}:{number}") for number, line in enumerate(read, 1)]


def _told(path: Path, lines: Sequence[bytes] | None = None) -> list[Event | ParseIssue]:
    session = SOURCES[path.parent.name].open(_deriver(), KnownItems())
    told = [item for record in _records(path, lines) for item in session.feed(record)]
    return [*told, *session.finish()]


def _line(event: Event) -> bytes:
    stamp = {} if event.time is None else {"@timestamp": format_time(event.time)}
    return orjson.dumps({**event.flat(), **stamp, "_ref": event.raw_ref}, option=orjson.OPT_SORT_KEYS)


def test_there_are_samples_of_each_source() -> None:
    assert {path.parent.name for path in _CASES} == set(_NAMES)


@_EACH
def test_a_sample_becomes_its_golden_events(path: Path, update_golden: bool) -> None:  # noqa: FBT001 (a fixture)
    golden = path.with_name(f"{path.name.partition('.raw.')[0]}.events.jsonl")
    made = b"".join(_line(item) + b"\n" for item in _told(path) if isinstance(item, Event))
    if update_golden:
        golden.write_bytes(made)
    assert made.splitlines() == golden.read_bytes().splitlines()


@_EACH
def test_nothing_in_a_sample_is_unreadable(path: Path) -> None:
    issues = [item for item in _told(path) if isinstance(item, ParseIssue)]
    assert [item for item in issues if item.code not in _EXPECTED] == []


@_EACH
def test_every_event_of_a_sample_fits_its_dataset_in_the_taxonomy(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(event_schema(_TAXONOMY))
    for item in _told(path):
        if isinstance(item, ParseIssue):
            continue
        assert list(validator.iter_errors(item.flat())) == []
        dataset = str(item.data["event.dataset"])
        where = {"*", dataset, f"{dataset.partition('.')[0]}.*"}
        foreign = [name for name in item.data if not where & set(_TAXONOMY.fields[name].datasets)]
        assert foreign == [], f"{item.raw_ref}: not fields of {dataset}"


@_EACH
def test_every_event_says_who_did_it_and_which_source_told(path: Path) -> None:
    for item in _told(path):
        if isinstance(item, Event):
            assert item.data["mcp.principal"], item.raw_ref
            assert item.data["event.provider"] == path.parent.name


@_EACH
def test_a_sample_is_recognised_whole_and_by_each_of_its_lines(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    assert detect(lines[:50]).name == path.parent.name
    # A document over many lines is known by several of them.
    whole = [line for line in lines if not line.startswith((b" ", b"[", b"]", b"}")) and line != b"{"]
    assert [line for line in whole if detect([line]).name != path.parent.name] == []


@_EACH
def test_the_time_of_a_line_is_that_of_an_event_it_makes(path: Path) -> None:
    source = SOURCES[path.parent.name]
    session = source.open(_deriver(), KnownItems())
    for record in _records(path):
        told = [item for item in session.feed(record) if isinstance(item, Event)]
        own = [item.time for item in told if str(item.raw_ref).startswith(record.ref)]
        assert not own or source.time(record) in own


@_EACH
def test_a_session_put_down_and_taken_up_again_tells_the_same(path: Path) -> None:
    records, source = _records(path), SOURCES[path.parent.name]
    for cut in range(1, len(records), max(len(records) // 20, 1)):
        known = KnownItems()
        first, second = (source.open(_deriver(), known) for _ in range(2))
        told = [item for record in records[:cut] for item in first.feed(record)]
        assert isinstance(first, Resumable)
        assert isinstance(second, Resumable)
        second.load(orjson.loads(orjson.dumps(first.dump())))
        told += [item for record in records[cut:] for item in second.feed(record)]
        assert [*told, *second.finish()] == _told(path)
