"""Cases that are a text: tried at each place where a message carries text, for nobody says where it would have stood.

A case is flagged if it is at any of these places, an attack and a near miss alike.
"""

from collections.abc import Iterator, Mapping, Sequence

from mcp_siem.prove.corpus import Stretch, Unit
from mcp_siem.prove.corpus_calls import listing
from mcp_siem.sources.jsontext import read_json
from mcp_siem.sources.port import Record
from mcp_siem.testing import capture_lines

__all__ = ["cases_of", "samples_of"]

Row = tuple[str, Mapping[str, object]]
Made = tuple[Sequence[Unit], Sequence[Stretch]]
_EXPECTED = {"not_triggered": "benign", "no_trigger": "benign", "triggered": "malicious", "trigger": "malicious"}
_CALL_NAMES = ("arguments", "args", "input", "tool_args", "parameters")
_TEXTS = ("input", "content", "user_input", "agent_output", "text")
_ANY_TOOL = "tool"


def cases_of(rows: Sequence[Row], label: str) -> Made:
    """Cases whose `fields` say what was seen; `kind` tp and evasion are attacks, tn are not."""
    units, stretches = [], []
    for ref, row in rows:
        fields = row.get("fields")
        if isinstance(fields, dict):
            unit = _case(ref, row, label)
            units.append(unit)
            stretches += _placed(unit, fields)
    return units, stretches


def _case(ref: str, row: Mapping[str, object], label: str) -> Unit:
    kind = str(row.get("kind") or _EXPECTED.get(str(row.get("expected")), label))
    name = str(row.get("category") or row.get("rule") or "")
    return Unit(
        kind="text", ref=ref, label=kind, name=name, about=f"{row.get('rule', '')} {row.get('title', '')}".strip()
    )


def samples_of(rows: Sequence[Row], label: str) -> Made:
    """Texts by list, `benign_samples` and the like, each with what is expected of it."""
    units, stretches = [], []
    for ref, row in rows:
        for place, sample in _samples(ref, row):
            expected = sample.get("expected_detected")
            word = label if expected is None else "malicious" if expected else "benign"
            about = str(sample.get("description") or "")
            unit = Unit(kind="text", ref=place, label=word, name=place.split("/")[-2], about=about)
            units.append(unit)
            stretches += _placed(unit, sample)
    return units, stretches


def _samples(ref: str, node: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    pending: list[tuple[str, object]] = [(ref, node)]
    while pending:
        place, one = pending.pop()
        if isinstance(one, dict) and ("text" in one or "params" in one):
            yield place, one
        elif isinstance(one, dict):
            pending += [(f"{place}/{key}", value) for key, value in reversed(list(one.items()))]
        elif isinstance(one, list):
            pending += [(f"{place}/{index}", value) for index, value in reversed(list(enumerate(one)))]


def _placed(unit: Unit, fields: Mapping[str, object]) -> list[Stretch]:
    """The case at every place that its fields leave open, each by itself."""
    made = [_stretch(unit, records) for records in _records(unit.ref, fields)]
    return [one for one in made if one.records]


def _stretch(unit: Unit, records: Sequence[Record]) -> Stretch:
    return Stretch(source="wire", records=records, units={unit.ref: unit})


def _records(ref: str, fields: Mapping[str, object]) -> Iterator[list[Record]]:
    described, told = fields.get("tool_description"), fields.get("tool_response")
    name = fields.get("tool_name")
    call = fields.get("tool_call") or fields.get("params")
    arguments = fields.get("tool_args")
    if isinstance(described, str):
        yield _described(ref, described, name)
    if told is not None:
        yield _answered(ref, told if isinstance(told, str) else str(told))
    if isinstance(call, dict):
        yield _called(ref, call.get("name"), _arguments(call))
    if arguments is not None:
        yield _called(ref, name, arguments)
    elif isinstance(name, str) and not isinstance(described, str):
        yield _called(ref, name, {})
    for key in _TEXTS:
        text = fields.get(key)
        if isinstance(text, str):
            yield from _anywhere(ref, text)


def _anywhere(ref: str, text: str) -> Iterator[list[Record]]:
    """A text that may be a message already; else what a tool is asked, answers, or says of itself."""
    value, fault = read_json(text.encode("utf-8", "replace"))
    if fault is None and isinstance(value, dict):
        yield from _read(ref, value)
    yield _called(ref, _ANY_TOOL, {"input": text})
    yield _answered(ref, text)
    yield _described(ref, text, None)


def _read(ref: str, value: Mapping[str, object]) -> Iterator[list[Record]]:
    """An object that is a call, a list of definitions or one of them."""
    params = value.get("params")
    result = value.get("result")
    held = [one for one in (value, params, result) if isinstance(one, dict)]
    for one in held:
        name = one.get("name") or one.get("tool")
        if isinstance(name, str) and any(key in one for key in _CALL_NAMES):
            yield _called(ref, name, _arguments(one))
        if isinstance(name, str) and ("description" in one or "inputSchema" in one):
            yield listing([one], ref=ref, server="cases")
        tools = one.get("tools")
        if isinstance(tools, list):
            yield listing([tool for tool in tools if isinstance(tool, dict)], ref=ref, server="cases")
    if isinstance(result, dict):
        yield [Record(data=line, ref=ref) for line in capture_lines([{"tool": _ANY_TOOL, "result": result}])]
    if not {"name", "method", "result"} & value.keys() and not any(isinstance(one, dict) for one in value.values()):
        yield _called(ref, _ANY_TOOL, value)


def _arguments(call: Mapping[str, object]) -> object:
    return next((call[key] for key in _CALL_NAMES if key in call), {})


def _called(ref: str, name: object, arguments: object) -> list[Record]:
    if isinstance(arguments, str):
        value, fault = read_json(arguments.encode("utf-8", "replace"))
        arguments = value if fault is None and isinstance(value, dict) else {"input": arguments}
    row = {"tool": name if isinstance(name, str) else _ANY_TOOL, "arguments": arguments, "result_text": "ok"}
    return [Record(data=line, ref=ref) for line in capture_lines([row])]


def _answered(ref: str, text: str) -> list[Record]:
    return [
        Record(data=line, ref=ref)
        for line in capture_lines([{"tool": _ANY_TOOL, "arguments": {}, "result_text": text}])
    ]


def _described(ref: str, text: str, name: object) -> list[Record]:
    tool = {
        "name": name if isinstance(name, str) else _ANY_TOOL,
        "description": text,
        "inputSchema": {"type": "object"},
    }
    return listing([tool], ref=ref, server="cases")
