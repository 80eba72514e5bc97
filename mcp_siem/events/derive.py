"""The last station of every event: what is derived from it, and the secrets out of it."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import orjson

from mcp_siem.events.arguments import measure, typed_arguments
from mcp_siem.events.hidden import hidden_in_name, hidden_in_text
from mcp_siem.events.principal import principal_of
from mcp_siem.events.redact import Redacted, Redactor
from mcp_siem.events.tree import is_plain, plain_tree

__all__ = ["Deriver"]

_NAMES = (
    "gen_ai.tool.name",
    "gen_ai.prompt.name",
    "mcp.resource.name",
    "mcp.server.name",
    "mcp.server.info.name",
    "mcp.client.name",
)
_HIDDEN_IN = {
    "mcp.hidden.description": (
        "gen_ai.tool.description",
        "mcp.tool.title",
        "mcp.server.instructions",
        "mcp.prompt.description",
        "mcp.resource.description",
    ),
    "mcp.hidden.schema": ("mcp.tool.input_schema", "mcp.tool.output_schema"),
    "mcp.hidden.request": (
        "mcp.request.text",
        "mcp.resource.uri",
        "mcp.elicitation.message",
        "mcp.sampling.system_prompt",
        "mcp.sampling.message",
        "mcp.log.text",
    ),
    "mcp.hidden.response": ("mcp.response.text", "error.message"),
}
# A secret of a connection (its launch command, its headers) is no news of a message: it is taken out and not told.
_SIDES = {
    "request": (
        "mcp.request.text",
        "mcp.argument.",
        "gen_ai.tool.call.arguments",
        "mcp.resource.uri",
        "mcp.elicitation.",
        "mcp.sampling.",
        "mcp.completion.",
        "mcp.progress.",
        "mcp.cancelled.",
        "mcp.log.text",
        "url.",
    ),
    "response": (
        "mcp.response.text",
        "gen_ai.tool.call.result",
        "error.message",
        "gen_ai.tool.description",
        "mcp.tool.",
        "mcp.prompt.",
        "mcp.resource.description",
        "mcp.server.instructions",
    ),
}
_SHORT = 200
_KEPT = 4096
_LONG = 8192
_KEPT_LONG = 512
_RESOURCE_METHODS = ("resources/read", "resources/subscribe", "resources/unsubscribe")


class Deriver:
    """Completes bare events; everything that leaves it is free of the secrets the redactor knows."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # Names and methods come again with every event, definitions with every list: their answers are kept a while.
        self._short = lru_cache(maxsize=_KEPT)(redactor.redact_member)
        self._long = lru_cache(maxsize=_KEPT_LONG)(redactor.redact_member)

    def complete(
        self,
        data: dict[str, object],
        *,
        arguments: object | None = None,
        schema: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """The event with typed argument arrays, principal, flags and sizes, every text redacted.

        `arguments` are those of the call, `schema` is the tool's JSON Schema, where they are known.
        """
        done = _Redaction(self._member)
        uri = data.get("mcp.resource.uri")
        if arguments is None and uri is not None and data.get("mcp.method.name") in _RESOURCE_METHODS:
            arguments = {"uri": uri}
        derived = _hidden(data)
        if arguments is not None:
            derived |= self._of_arguments(data, arguments, schema, done)
        event = {name: done.value(name, value) for name, value in data.items() if value is not None}
        derived |= _of_inventory(event)
        event |= {name: value for name, value in derived.items() if name not in event}
        event |= done.secrets(event)
        caller = principal_of(event)
        if caller is not None:
            event.setdefault("mcp.principal", caller)
        return event

    def _member(self, name: str, text: str) -> Redacted:
        if len(text) <= _SHORT:
            return self._short(name, text)
        return self._long(name, text) if len(text) <= _LONG else self._redactor.redact_member(name, text)

    def _of_arguments(
        self,
        data: Mapping[str, object],
        arguments: object,
        schema: Mapping[str, object] | None,
        done: "_Redaction",
    ) -> dict[str, object]:
        depth, leaves = measure(arguments)
        typed = typed_arguments(done.value("gen_ai.tool.call.arguments", arguments), schema)
        raw = _serialised(arguments)
        derived: dict[str, object] = {
            f"mcp.argument.{kind}": list(found) for kind, found in typed.arrays.items() if found
        }
        derived |= {"mcp.json.depth": depth, "mcp.json.leaves": leaves}
        if leaves > typed.leaves:
            derived["mcp.json.cut"] = leaves - typed.leaves
        size = len(raw) if raw is not None else data.get("mcp.request.size")
        if isinstance(size, int):
            derived["mcp.json.size"] = size
        if raw is not None:
            derived["mcp.argument.hash"] = self._redactor.digest(raw.decode())
        return derived


class _Redaction:
    """The redaction of one event: each text once, and what was found on which side."""

    def __init__(self, redact: Callable[[str, str], Redacted]) -> None:
        self._redact = redact
        self._known: dict[tuple[str, str], Redacted] = {}
        self._side: str | None = None
        self._found: dict[str, dict[tuple[str, str], None]] = {side: {} for side in _SIDES}

    def value(self, field: str, value: object) -> object:
        """The value of a field without secrets; they are noted for the side the field belongs to."""
        kind = value.__class__
        if kind is bool or kind is float or (kind is int and is_plain(value)):
            return value
        self._side = _side(field)
        return self._text("", value) if isinstance(value, str) else plain_tree(value, self._text)

    def _text(self, name: str, text: str) -> str:
        # What is not too long is remembered from event to event; what is, at least within this one.
        redacted = self._redact(name, text) if len(text) <= _LONG else self._known.get((name, text))
        if redacted is None:
            self._known[name, text] = redacted = self._redact(name, text)
        if redacted.found and self._side is not None:
            self._found[self._side].update(dict.fromkeys(redacted.found))
        return redacted.text

    def secrets(self, event: Mapping[str, object]) -> dict[str, object]:
        """The secret fields of both sides; what the event already told of them comes first."""
        told: dict[str, object] = {}
        for side, found in self._found.items():
            for part, index in (("type", 0), ("hash", 1)):
                field = f"mcp.{side}.secret.{part}"
                values = [*_texts(event, (field,)), *(pair[index] for pair in found)]
                if values:
                    told[field] = list(dict.fromkeys(values))
        return told


@lru_cache(maxsize=_KEPT)
def _side(field: str) -> str | None:
    return next((side for side, prefixes in _SIDES.items() if field.startswith(prefixes)), None)


_hidden_in_name = lru_cache(maxsize=_KEPT)(hidden_in_name)
_hidden_in_long = lru_cache(maxsize=_KEPT_LONG)(hidden_in_text)


def _hidden_in_text(text: str) -> tuple[str, ...]:
    return _hidden_in_long(text) if len(text) <= _LONG else hidden_in_text(text)


def _hidden(data: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    kinds = dict.fromkeys(
        kind
        for name in _texts(data, _NAMES)
        for kind in (_hidden_in_name(name) if len(name) <= _SHORT else hidden_in_name(name))
    )
    if kinds:
        found["mcp.hidden.name"] = list(kinds)
    for flag, fields in _HIDDEN_IN.items():
        texts = _texts(data, fields)
        if not texts:
            continue
        kinds = dict.fromkeys(kind for text in texts for kind in _hidden_in_text(text))
        if kinds:
            found[flag] = list(kinds)
    return found


def _texts(data: Mapping[str, object], fields: Iterable[str]) -> list[str]:
    """The texts of the fields; most events have few of them, so those they lack cost a look-up and no more."""
    found: list[str] = []
    for field in fields:
        value = data.get(field)
        if value is None:
            continue
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += [text for text in value if isinstance(text, str)]
    return found


def _of_inventory(data: Mapping[str, object]) -> dict[str, object]:
    derived: dict[str, object] = {}
    description = data.get("gen_ai.tool.description")
    if isinstance(description, str) and data.get("event.dataset") == "mcp.inventory":
        derived["mcp.tool.description_length"] = len(description)
    schema = data.get("mcp.tool.input_schema")
    if isinstance(schema, str):
        try:
            properties = orjson.loads(schema).get("properties")
        except (orjson.JSONDecodeError, AttributeError):
            return derived
        if isinstance(properties, dict) and properties:
            derived["mcp.tool.parameters"] = list(properties)
    return derived


def _serialised(arguments: object) -> bytes | None:
    try:
        return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return None
