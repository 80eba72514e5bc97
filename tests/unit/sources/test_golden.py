"""Real and constructed captures beside the events they must become; `--update-golden` writes these anew."""

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
from mcp_siem.sources.wire import WIRE

_CASES = sorted(Path("sigma_rules/sources/wire").glob("*.raw.jsonl"))
_KEY = b"key of the golden files, no secret"


def _told(path: Path) -> list[Event | ParseIssue]:
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), _KEY))
    session = WIRE.open(deriver, KnownItems())
    told: list[Event | ParseIssue] = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        told += session.feed(Record(data=line, ref=f"{path.name}:{number}"))
    return [*told, *session.finish()]


def _line(event: Event) -> bytes:
    stamp = {} if event.time is None else {"@timestamp": format_time(event.time)}
    return orjson.dumps({**event.flat(), **stamp, "_ref": event.raw_ref}, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("path", _CASES, ids=lambda path: path.name)
def test_a_capture_becomes_its_golden_events(path: Path, update_golden: bool) -> None:  # noqa: FBT001 (a fixture)
    golden = path.with_name(path.name.replace(".raw.", ".events."))
    made = b"".join(_line(item) + b"\n" for item in _told(path) if isinstance(item, Event))
    if update_golden:
        golden.write_bytes(made)
    assert made.splitlines() == golden.read_bytes().splitlines()


@pytest.mark.parametrize("path", _CASES, ids=lambda path: path.name)
def test_nothing_in_a_golden_capture_is_unreadable(path: Path) -> None:
    assert [item for item in _told(path) if isinstance(item, ParseIssue)] == []


@pytest.mark.parametrize("path", _CASES, ids=lambda path: path.name)
def test_every_event_fits_the_schema_of_the_taxonomy(path: Path) -> None:
    taxonomy = load_taxonomy(default_pack_dir())
    validator = jsonschema.Draft202012Validator(event_schema(taxonomy))
    for item in _told(path):
        assert isinstance(item, Event)
        assert list(validator.iter_errors(item.flat())) == []
        assert set(item.data) <= set(taxonomy.fields)
