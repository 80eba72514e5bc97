"""From the records of one audit event to what an endpoint sensor would have told: processes begun, files used."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from posixpath import join, normpath

from mcp_siem.sources.auditrecord import AuditRecord, syscall_name
from mcp_siem.sources.linewise import Made, Parsed
from mcp_siem.sources.shape import integer

__all__ = ["Parents", "endpoint_events"]

Parents = Callable[[str, str], tuple[str, str] | None]
"""Image and command line of a process of a node by its id, if they are known."""

_EXECS = frozenset({"execve", "execveat"})
_OPENS = {"open": "a1", "openat": "a2", "openat2": "", "creat": "", "truncate": ""}
_CHANGES = frozenset({"chmod", "fchmodat", "chown", "lchown", "fchownat", "utime", "utimes", "utimensat", "setxattr"})
_WRITES = frozenset({"creat", "truncate"})
_WRITING = 0x3 | 0x40 | 0x200  # O_WRONLY or O_RDWR, O_CREAT, O_TRUNC
_ARGUMENT = re.compile(r"a(\d+)(?:\[(\d+)\])?")


def endpoint_events(records: Sequence[AuditRecord], parents: Parents) -> Iterator[Made]:
    """The endpoint events that the records of one event amount to."""
    call = next((record for record in records if record.type == "SYSCALL"), None)
    if call is None:
        yield from (_sudo(record) for record in records if record.type == "USER_CMD" and "cmd" in record.fields)
    elif call.fields.get("success") != "no":
        name = syscall_name(call) or ""
        if name in _EXECS:
            yield from _started(call, records, parents)
        else:
            yield from _files(call, name, records)


def command_line(records: Sequence[AuditRecord]) -> str:
    """The arguments of EXECVE records, of which long ones come in pieces, as one line."""
    pieces: dict[tuple[int, int], str] = {}
    for record in records:
        for name, value in record.fields.items() if record.type == "EXECVE" else ():
            found = _ARGUMENT.fullmatch(name)
            if found is not None:
                pieces[int(found[1]), int(found[2] or 0)] = value
    words: dict[int, str] = {}
    for (word, _), value in sorted(pieces.items()):
        words[word] = words.get(word, "") + value
    return " ".join(words.values())


def _started(call: AuditRecord, records: Sequence[AuditRecord], parents: Parents) -> Iterator[Made]:
    line = command_line(records)
    parent = parents(call.node, call.fields.get("ppid", ""))
    fields = {
        "event.dataset": "endpoint.process_creation",
        "CommandLine": line,
        "CurrentDirectory": _directory(records),
        "ParentProcessId": integer(call.fields.get("ppid")),
        "ParentImage": parent[0] if parent else None,
        "ParentCommandLine": parent[1] if parent else None,
    }
    if line or "exe" in call.fields:
        yield _made(call, fields)


def _sudo(record: AuditRecord) -> Made:
    """A command that sudo ran: where program starts are not audited, all that tells of it."""
    fields = {
        "event.dataset": "endpoint.process_creation",
        "CommandLine": record.fields["cmd"],
        "CurrentDirectory": record.fields.get("cwd"),
        "ParentImage": record.fields.get("exe"),
        "Image": None,
    }
    return _made(record, fields)


def _files(call: AuditRecord, name: str, records: Sequence[AuditRecord]) -> Iterator[Made]:
    found = [(record.fields.get("nametype"), _path(record, records)) for record in records if record.type == "PATH"]
    paths = [(kind, path) for kind, path in found if path is not None]
    created = [path for kind, path in paths if kind == "CREATE"]
    deleted = [path for kind, path in paths if kind == "DELETE" and path not in created]
    if name.startswith("rename"):
        for target in created[-1:]:
            source = {"SourceFilename": deleted[0]} if deleted else {}
            yield _made(call, {"event.dataset": "endpoint.file_rename", "TargetFilename": target, **source})
            # Renamed into place is written there, as far as who reads the file is concerned.
            yield _made(call, {"event.dataset": "endpoint.file_event", "TargetFilename": target})
        return
    for target in deleted:
        yield _made(call, {"event.dataset": "endpoint.file_delete", "TargetFilename": target})
    for target in created:
        yield _made(call, {"event.dataset": "endpoint.file_event", "TargetFilename": target})
    for path in (path for kind, path in paths if kind == "NORMAL"):
        fields = _used(call, name, path)
        if fields is not None:
            yield _made(call, fields)


def _used(call: AuditRecord, name: str, path: str) -> Mapping[str, object] | None:
    """What was done with a file that was there before."""
    if name in _CHANGES:
        return {"event.dataset": "endpoint.file_change", "TargetFilename": path}
    if name not in _OPENS:
        return None
    try:
        flags = int(call.fields.get(_OPENS[name], "0"), 16)
    except ValueError:
        flags = 0
    if name in _WRITES or flags & _WRITING:
        return {"event.dataset": "endpoint.file_event", "TargetFilename": path}
    return {"event.dataset": "endpoint.file_access", "FileName": path}


def _made(record: AuditRecord, fields: Mapping[str, object]) -> Made:
    said = record.fields
    told = {
        "Image": said.get("exe"),
        "ProcessId": integer(said.get("pid")),
        "User": said.get("UID") or said.get("uid"),
        "Computer": record.node or None,
        **fields,
    }
    bare = {name: value for name, value in told.items() if value not in (None, "")}
    return Made(parsed=Parsed(fields=bare, time=record.time), ref=record.ref)


def _path(record: AuditRecord, records: Sequence[AuditRecord]) -> str | None:
    name = record.fields.get("name")
    if name is None or name.startswith("/"):
        return name
    directory = _directory(records)
    return normpath(join(directory, name)) if directory else name


def _directory(records: Sequence[AuditRecord]) -> str | None:
    return next((record.fields["cwd"] for record in records if record.type == "CWD" and "cwd" in record.fields), None)
