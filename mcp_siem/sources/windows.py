"""Windows events as JSON (Sysmon on Windows and Linux, Security 4688 and 4663) in Sigma's stock field names.

Shapes: flat (nxlog), `Event.System` beside `Event.EventData` (evtx_dump and converters of XML), `winlog.*` (Winlogbeat).
"""

from collections.abc import Callable, Iterable, Mapping

from mcp_siem.sources.fields import (
    Take,
    address,
    first_time,
    first_word,
    has,
    moment,
    number,
    take,
    truth,
    values_at,
    word,
)
from mcp_siem.sources.linewise import Parsed

__all__ = ["parse_windows", "windows_provider"]

_HOLDERS = ("", "EventData.", "Event.EventData.", "winlog.event_data.")
_EVENT_ID = Take(
    to="",
    paths=(
        "EventID",
        "EventID.#text",
        "System.EventID",
        "System.EventID.#text",
        "Event.System.EventID",
        "Event.System.EventID.#text",
        "winlog.event_id",
    ),
    read=number,
)
_PROVIDERS = (
    *("SourceName", "ProviderName", "Provider", "Channel", "winlog.provider_name", "winlog.channel"),
    *(
        f"{top}System.{name}"
        for top in ("", "Event.")
        for name in (
            "Provider.#attributes.Name",
            "Provider.@Name",
            "Provider.Name",
            "Provider_attributes.Name",
            "Channel",
        )
    ),
)
_TIMES = (
    *(f"{holder}UtcTime" for holder in _HOLDERS),
    "@timestamp",
    *(
        f"{top}System.{name}"
        for top in ("", "Event.")
        for name in (
            "TimeCreated.#attributes.SystemTime",
            "TimeCreated.@SystemTime",
            "TimeCreated.SystemTime",
            "TimeCreated_attributes.SystemTime",
            "TimeCreated",
        )
    ),
    "EventTime",
)


def _of(to: str, *names: str, read: Callable[[object], object | None] = word) -> Take:
    """A field of the event data, wherever the shape keeps that."""
    return Take(to=to, paths=tuple(f"{holder}{name}" for name in names or (to,) for holder in _HOLDERS), read=read)


_WHERE = (
    Take(
        to="Computer",
        paths=("Computer", "System.Computer", "Event.System.Computer", "winlog.computer_name", "Hostname", "host.name"),
        read=word,
    ),
)
_PROCESS = (
    *_WHERE,
    _of("Image"),
    _of("User"),
    _of("ProcessId", read=number),
    _of("ProcessGuid"),
)
_FILE = (*_PROCESS, _of("TargetFilename"))
_CREATED = (*_FILE, _of("CreationUtcTime", read=moment))
_SYSMON: Mapping[int, tuple[str, tuple[Take, ...]]] = {
    1: (
        "endpoint.process_creation",
        (
            *_PROCESS,
            *map(
                _of,
                (
                    "CommandLine",
                    "CurrentDirectory",
                    "ParentImage",
                    "ParentCommandLine",
                    "ParentProcessGuid",
                    "ParentUser",
                    "OriginalFileName",
                    "Product",
                    "Company",
                    "Description",
                    "Hashes",
                    "IntegrityLevel",
                    "LogonId",
                ),
            ),
            _of("ParentProcessId", read=number),
        ),
    ),
    2: ("endpoint.file_change", _CREATED),
    3: (
        "endpoint.network_connection",
        (
            *_PROCESS,
            *(_of(name, read=address) for name in ("DestinationIp", "SourceIp")),
            *(_of(name, read=number) for name in ("DestinationPort", "SourcePort")),
            *map(_of, ("DestinationHostname", "SourceHostname", "Protocol")),
            _of("Initiated", read=truth),
        ),
    ),
    11: ("endpoint.file_event", _CREATED),
    # A stream of a file: the one event of Sysmon that tells what was written.
    15: ("endpoint.file_event", (*_CREATED, _of("Contents"))),
    22: ("endpoint.dns_query", (*_PROCESS, *map(_of, ("QueryName", "QueryResults", "QueryStatus")))),
    23: ("endpoint.file_delete", (*_FILE, _of("Hashes"))),
    26: ("endpoint.file_delete", (*_FILE, _of("Hashes"))),
}
_STARTED = (
    *_WHERE,
    _of("Image", "NewProcessName"),
    _of("CommandLine", "CommandLine", "ProcessCommandLine"),
    _of("ParentImage", "ParentProcessName"),
    _of("ProcessId", "NewProcessId", read=number),
    _of("ParentProcessId", "ProcessId", read=number),
    _of("IntegrityLevel", "MandatoryLabel"),
    _of("LogonId", "SubjectLogonId"),
)
_USED = (*_WHERE, _of("Image", "ProcessName"), _of("ProcessId", read=number))
_SIGNATURE = ("Image", "TargetFilename", "QueryName", "DestinationIp")
_STARTED_ID = 4688
_USED_ID = 4663
_DELETE, _WRITE = 0x1_0000, 0x6
_MOST_NAMED = 500
_NAMED = ("#attributes.Name", "@Name", "Name")


def windows_provider(data: Mapping[str, object]) -> str | None:
    """`sysmon` or `security` if the record says or shows that it is theirs, else None."""
    kind = _event_id(data)
    if kind is None:
        return None
    said = " ".join(value for path in _PROVIDERS for value in values_at(data, path) if isinstance(value, str)).lower()
    if "sysmon" in said:
        return "sysmon"
    if "security" in said.split() or "security-auditing" in said:
        return "security"
    if said:
        return None
    shown = _spread(data)
    if kind in _SYSMON:
        return "sysmon" if any(has(shown, name) for name in _signature()) else None
    return "security" if kind in (_STARTED_ID, _USED_ID) and _first(shown, "SubjectUserName") else None


def parse_windows(data: Mapping[str, object]) -> Parsed | None:
    """The event of a record that `windows_provider` knows; None for kinds that are no event here."""
    provider, kind = windows_provider(data), _event_id(data)
    data = _spread(data)
    if provider == "sysmon" and kind is not None and kind in _SYSMON:
        dataset, table = _SYSMON[kind]
        return _parsed(data, dataset, table)
    if provider == "security" and kind == _STARTED_ID:
        return _parsed(data, "endpoint.process_creation", _STARTED, {"User": _account(data)})
    if provider == "security" and kind == _USED_ID:
        return _used(data)
    return None


def _used(data: Mapping[str, object]) -> Parsed | None:
    """A handle on a file was used: what for says its mask."""
    name = _first(data, "ObjectName")
    if name is None or _first(data, "ObjectType") != "File":
        return None
    mask = next((read for read in map(number, _values(data, "AccessMask")) if read is not None), 0)
    user = {"User": _account(data)}
    if mask & _DELETE:
        return _parsed(data, "endpoint.file_delete", _USED, {**user, "TargetFilename": name})
    if mask & _WRITE:
        return _parsed(data, "endpoint.file_event", _USED, {**user, "TargetFilename": name})
    return _parsed(data, "endpoint.file_access", _USED, {**user, "FileName": name})


def _parsed(
    data: Mapping[str, object], dataset: str, table: tuple[Take, ...], more: Mapping[str, object] | None = None
) -> Parsed:
    fields, wrong = take(data, table)
    told = {"event.dataset": dataset, **fields, **(more or {})}
    return Parsed(
        fields={name: value for name, value in told.items() if value is not None},
        time=first_time(data, *_TIMES),
        wrong=wrong,
    )


def _account(data: Mapping[str, object]) -> str | None:
    name, domain = _first(data, "SubjectUserName"), _first(data, "SubjectDomainName")
    return f"{domain}\\{name}" if name and domain else name


def _event_id(data: Mapping[str, object]) -> int | None:
    values = (number(value) for path in _EVENT_ID.paths for value in values_at(data, path))
    return next((one for one in values if one is not None), None)


def _values(data: Mapping[str, object], name: str) -> Iterable[object]:
    return (value for holder in _HOLDERS for value in values_at(data, f"{holder}{name}"))


def _first(data: Mapping[str, object], name: str) -> str | None:
    return first_word(data, *(f"{holder}{name}" for holder in _HOLDERS))


def _signature() -> Iterable[str]:
    return (f"{holder}{name}" for name in _SIGNATURE for holder in _HOLDERS)


def _spread(data: Mapping[str, object]) -> Mapping[str, object]:
    """The record with `EventData.Data`, a list of named texts in some shapes, as the members it stands for."""
    for holder in ("Event.EventData.Data", "EventData.Data"):
        listed = [
            one for one, _ in zip(values_at(data, holder), range(_MOST_NAMED), strict=False) if isinstance(one, dict)
        ]
        if listed:
            named = {name: one.get("#text") for one in listed for name in _name(one)}
            return {**named, **data}
    return data


def _name(one: Mapping[str, object]) -> list[str]:
    return [value for path in _NAMED for value in values_at(one, path) if isinstance(value, str)][:1]
