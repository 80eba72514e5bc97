"""An event of the Windows event log as evtx_dump writes it, in the flat names that Sigma rules use.

Source: Sigma specification 2.1, "Field Usage": names of `EventData` as they are, attributes of tags below `System` by tag
and attribute, joined by an underscore (`Provider_Name`, `Execution_ProcessID`); names with spaces also without them.
"""

from collections.abc import Iterator, Mapping

__all__ = ["windows_event"]

_ATTRIBUTES = "#attributes"
_TEXT = "#text"
_NAMESPACES = ("xmlns", "xsi")
_DEEPEST = 2
# A process of the security log (4688) under the names of Sigma's process_creation.
_PROCESSES = {"Image": "NewProcessName", "ParentImage": "ParentProcessName"}


def windows_event(event: Mapping[str, object]) -> Mapping[str, object]:
    """The event with Sigma's names if it is one of evtx_dump, else as it is."""
    body = event.get("Event")
    system = body.get("System") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(system, dict):
        return event
    found: dict[str, object] = {}
    for tag, value in system.items():
        found.update(_fields(str(tag), value))
    for section in ("UserData", "EventData"):
        for name, value in _data(body.get(section), depth=_DEEPEST):
            found[name] = value
            found.setdefault(name.replace(" ", ""), value)
    for name, builtin in _PROCESSES.items():
        if builtin in found:
            found.setdefault(name, found[builtin])
    created = found.get("TimeCreated_SystemTime")
    if isinstance(created, str):
        found.setdefault("@timestamp", created)
    return found


def _fields(tag: str, value: object) -> Iterator[tuple[str, object]]:
    """A tag by its text, and its attributes by tag and attribute."""
    if not isinstance(value, dict):
        yield tag, value
        return
    if _TEXT in value:
        yield tag, value[_TEXT]
    attributes = value.get(_ATTRIBUTES)
    if isinstance(attributes, dict):
        for name, found in attributes.items():
            if not str(name).startswith(_NAMESPACES):
                yield f"{tag}_{name}", found


def _data(section: object, *, depth: int) -> Iterator[tuple[str, object]]:
    """The fields of a section; `UserData` holds them one tag deeper."""
    if not isinstance(section, dict):
        return
    for name, value in section.items():
        if name == _ATTRIBUTES:
            continue
        if isinstance(value, dict) and _TEXT in value:
            yield str(name), value[_TEXT]
        elif isinstance(value, dict) and depth:
            yield from _data(value, depth=depth - 1)
        else:
            yield str(name), value
