"""What a file of labelled data is, by its shape, and how it becomes records that a source reads.

Nothing here knows a data set by name: rows with a tool and arguments are calls, objects with a name and a schema are
definitions, capture lines are sessions, cases with text are tried wherever a message can carry text.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from mcp_siem.errors import NoInputError
from mcp_siem.prove.corpus import Corpus, Stretch, Unit
from mcp_siem.prove.corpus_calls import calls_of, definitions_of
from mcp_siem.prove.corpus_sessions import cassette_of, messages_of, observed_of, sessions_of
from mcp_siem.prove.corpus_texts import cases_of, samples_of
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.port import Record
from mcp_siem.sources.table import detect

__all__ = ["read_corpus"]

Row = tuple[str, Mapping[str, object]]
Made = tuple[Sequence[Unit], Sequence[Stretch]]
_UNLABELLED = "benign"
_SAMPLED = 50


def read_corpus(name: str, data: bytes, *, label: str | None = None) -> Corpus:
    """The corpus that a file is; `label` stands in where the data has none, which is else taken as benign.

    Raises UsageError if no shape and no source fits, NoInputError if nothing is in it.
    """
    taken = label or _UNLABELLED
    rows = list(_rows(name, data))
    shape, made = _shaped(name, data, rows, taken)
    units, stretches = made
    if not units:
        raise NoInputError("there is nothing in it to measure", source=name, hint="name a file that is not empty")
    notes = () if label or _is_labelled(rows) else (f"it has no labels and is taken as {taken}: see --label",)
    return Corpus(name=name, shape=shape, units=units, stretches=stretches, notes=notes)


def _rows(name: str, data: bytes) -> Iterator[Row]:
    """The objects of a file: one a line, or those of one JSON document, each with its place."""
    document, fault = read_json(data.removeprefix(b"\xef\xbb\xbf").strip())
    if fault is None and isinstance(document, list):
        yield from ((f"{name}/{index}", one) for index, one in enumerate(document) if isinstance(one, dict))
        return
    if fault is None and isinstance(document, dict) and b"\n" in data.strip():
        yield name, document
        return
    for number, line in enumerate(data.split(b"\n"), start=1):
        value, fault = read_json(line) if line.strip() else (None, None)
        if isinstance(value, dict) and not is_fatal(fault):
            yield f"{name}:{number}", value


def _shaped(name: str, data: bytes, rows: Sequence[Row], label: str) -> tuple[str, Made]:
    for shape, fits, make in _SHAPES:
        if rows and all(fits(row) for _, row in rows[:_SAMPLED]):
            return shape, make(rows, label)
    definitions = definitions_of(rows, label)
    if definitions[0]:
        return "definitions", definitions
    return _by_source(name, data, label)


def _by_source(name: str, data: bytes, label: str) -> tuple[str, Made]:
    """Anything that a source knows is one session."""
    records = [
        Record(data=line, ref=f"{name}:{number}")
        for number, line in enumerate(data.split(b"\n"), start=1)
        if line.strip()
    ]
    if not records:
        raise NoInputError("the input holds no record", source=name, hint="name a file that is not empty")
    source = detect([record.data for record in records[:_SAMPLED]], place=name).name
    unit = Unit(kind="session", ref=name, label=label)
    units = {record.ref: unit for record in records}
    return source, ([unit], [Stretch(source=source, records=records, units=units)])


def _is_labelled(rows: Sequence[Row]) -> bool:
    names = ("label", "expected", "expected_detected", "kind")
    return any(name in row for _, row in rows for name in names) or any(
        "benign" in str(key) for _, row in rows[:1] for key in row
    )


def _has(*names: str) -> Callable[[Mapping[str, object]], bool]:
    return lambda row: all(name in row for name in names)


def _is_message(row: Mapping[str, object]) -> bool:
    return row.get("jsonrpc") == "2.0" and ("method" in row or "id" in row)


def _is_samples(row: Mapping[str, object]) -> bool:
    return any(str(key).endswith(("_samples", "_responses")) for key in row)


def _is_case(row: Mapping[str, object]) -> bool:
    return isinstance(row.get("fields"), dict) and ("kind" in row or "expected" in row)


def _is_cassette(row: Mapping[str, object]) -> bool:
    session = row.get("session")
    return isinstance(session, dict) and isinstance(session.get("interactions"), list)


def _is_capture(row: Mapping[str, object]) -> bool:
    return "direction" in row and ("message" in row or "http" in row)


_SHAPES: Sequence[tuple[str, Callable[[Mapping[str, object]], bool], Callable[[Sequence[Row], str], Made]]] = (
    ("capture", _is_capture, sessions_of),
    ("calls", _has("tool", "arguments"), calls_of),
    ("cases", _is_case, cases_of),
    ("observed", _has("raw", "transport_type"), observed_of),
    ("messages", _is_message, messages_of),
    ("cassette", _is_cassette, cassette_of),
    ("samples", _is_samples, samples_of),
)
