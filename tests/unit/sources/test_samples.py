"""Raw samples of every line-wise source beside the events they must become; `--update-golden` writes these anew."""

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
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.sources.table import SOURCES, detect

_NAMES = ("auditd", "endpoint", "health", "kibana_audit", "splunk_audit", "web")
_CASES = sorted(path for name in _NAMES for path in Path("sigma_rules/sources", name).glob("*.raw.*"))
_TAXONOMY = load_taxonomy(default_pack_dir())
_KEY = b"key of the golden files, no secret"


def _told(path: Path, lines: Sequence[bytes] | None = None) -> list[Event | ParseIssue]:
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), _KEY))
    session = SOURCES[path.parent.name].open(deriver, KnownItems())
    told: list[Event | ParseIssue] = []
    for number, line in enumerate(path.read_bytes().splitlines() if lines is None else lines, 1):
        told += session.feed(Record(data=line, ref=f"{path.name}:{number}"))
    return [*told, *session.finish()]


def _line(event: Event) -> bytes:
    stamp = {} if event.time is None else {"@timestamp": format_time(event.time)}
    return orjson.dumps({**event.flat(), **stamp, "_ref": event.raw_ref}, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("path", _CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_sample_becomes_its_golden_events(path: Path, update_golden: bool) -> None:  # noqa: FBT001 (a fixture)
    golden = path.with_name(f"{path.name.partition('.raw.')[0]}.events.jsonl")
    made = b"".join(_line(item) + b"\n" for item in _told(path) if isinstance(item, Event))
    if update_golden:
        golden.write_bytes(made)
    assert made.splitlines() == golden.read_bytes().splitlines()


@pytest.mark.parametrize("path", _CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_nothing_in_a_sample_is_unreadable(path: Path) -> None:
    assert [item for item in _told(path) if isinstance(item, ParseIssue)] == []


@pytest.mark.parametrize("path", _CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_event_of_a_sample_fits_its_dataset_in_the_taxonomy(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(event_schema(_TAXONOMY))
    for item in _told(path):
        assert isinstance(item, Event)
        assert item.time is not None
        assert list(validator.iter_errors(item.flat())) == []
        dataset = str(item.data["event.dataset"])
        foreign = [name for name in item.data if not {"*", dataset, f"{dataset.partition('.')[0]}.*"} & set(_of(name))]
        assert foreign == [], f"{item.raw_ref}: not fields of {dataset}"


def _of(field: str) -> tuple[str, ...]:
    return _TAXONOMY.fields[field].datasets


@pytest.mark.parametrize("path", _CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_sample_is_recognised_whole_and_by_its_first_line(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    assert detect(lines[:50]).name == path.parent.name
    assert detect(lines[:1]).name == path.parent.name


@pytest.mark.parametrize("path", _CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_time_of_a_line_is_that_of_its_event(path: Path) -> None:
    source = SOURCES[path.parent.name]
    lines = path.read_bytes().splitlines()
    for item in _told(path):
        assert isinstance(item, Event)
        number = int(str(item.raw_ref).rpartition(":")[2].split("/")[0])
        assert source.time(Record(data=lines[number - 1], ref="")) == item.time


_EVERY = sorted(Path("sigma_rules/sources").glob("*/*.raw.*"))
_EVENTS = sorted(Path("sigma_rules/sources").glob("*/*.events.jsonl"))


@pytest.mark.parametrize("path", _EVERY, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_source_takes_the_samples_of_another(path: Path) -> None:
    assert detect(path.read_bytes().splitlines()[:50]).name == path.parent.name


@pytest.mark.parametrize("path", _EVENTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_events_that_were_made_are_taken_as_such(path: Path) -> None:
    own = "health" if path.parent.name == "health" else "event"
    assert detect(path.read_bytes().splitlines()[:50]).name == own
