"""One record of the Linux audit log: its type, its event, and its fields with hexadecimal values decoded."""

import re
from dataclasses import dataclass

from mcp_siem.events.time import parse_time

__all__ = ["AuditRecord", "parse_record", "syscall_name"]

_LINE = re.compile(
    r"(?:[^\"=]{0,200} )?(?:node=(?P<node>\S{1,255}) )?type=(?P<type>[A-Z0-9_\[\]]{1,40}) "
    r"(?:msg=)?audit\((?P<time>\d{1,12}(?:\.\d{1,9})?):(?P<serial>\d{1,20})\): ?(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_FIELD = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{1,40}(?:\[\d{1,6}\])?)=(\"[^\"]*\"|'[^']*'|\S*)")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ENCODED = frozenset({"name", "comm", "exe", "cwd", "proctitle", "cmd", "key", "data", "acct", "vm", "path", "file"})
_ARGUMENT = re.compile(r"a\d{1,6}(?:\[\d{1,6}\])?")
_MOST_FIELDS = 10_000
# The calls that become endpoint events, by architecture; a log with names of its own (`log_format = ENRICHED`) needs no table.
# fmt: off
_SYSCALLS = {
    "c000003e": {
        2: "open", 59: "execve", 76: "truncate", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link",
        87: "unlink", 88: "symlink", 90: "chmod", 92: "chown", 94: "lchown", 132: "utime", 188: "setxattr",
        235: "utimes", 257: "openat", 258: "mkdirat", 260: "fchownat", 263: "unlinkat", 264: "renameat",
        265: "linkat", 266: "symlinkat", 268: "fchmodat", 280: "utimensat", 316: "renameat2", 322: "execveat",
        437: "openat2",
    },
    "c00000b7": {
        5: "setxattr", 34: "mkdirat", 35: "unlinkat", 36: "symlinkat", 37: "linkat", 38: "renameat", 45: "truncate",
        53: "fchmodat", 54: "fchownat", 56: "openat", 88: "utimensat", 221: "execve", 276: "renameat2",
        281: "execveat", 437: "openat2",
    },
    "40000003": {
        5: "open", 8: "creat", 9: "link", 10: "unlink", 11: "execve", 15: "chmod", 30: "utime", 38: "rename",
        39: "mkdir", 40: "rmdir", 83: "symlink", 92: "truncate", 182: "chown", 295: "openat", 301: "unlinkat",
        302: "renameat", 306: "fchmodat", 320: "utimensat", 353: "renameat2", 358: "execveat", 437: "openat2",
    },
}
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """A record; all records of one `key` tell of one event."""

    ref: str
    type: str
    key: str
    node: str
    time: int | None
    fields: dict[str, str]


def parse_record(line: str, ref: str) -> AuditRecord | None:
    """The record of a line; None if it is none."""
    found = _LINE.match(line)
    if found is None:
        return None
    kind, node = found["type"], found["node"] or ""
    return AuditRecord(
        ref=ref,
        type=kind,
        key=f"{node} {found['time']}:{found['serial']}",
        node=node,
        time=parse_time(found["time"]),
        fields=_fields(kind, found["rest"]),
    )


def syscall_name(record: AuditRecord) -> str | None:
    """The name of the system call, or its number where it has no name here."""
    said = record.fields.get("SYSCALL") or record.fields.get("syscall")
    if said is None or not said.isdecimal() or len(said) > 6:  # noqa: PLR2004 (no system call has such a number)
        return said
    return _SYSCALLS.get(record.fields.get("arch", ""), {}).get(int(said), said)


def _fields(kind: str, rest: str) -> dict[str, str]:
    """All fields; those that a user-space program wrapped into `msg='...'` come after those of the kernel."""
    fields: dict[str, str] = {}
    inside = ""
    # 0x1D parts what the kernel said from what auditd looked up.
    for _, found in zip(range(_MOST_FIELDS), _FIELD.finditer(rest.replace("\x1d", " ")), strict=False):
        name, value = found[1], found[2]
        if name == "msg" and value.startswith("'"):
            inside = value.strip("'")
        else:
            fields.setdefault(name, _decoded(kind, name, value))
    if inside:
        for name, value in _fields(kind, inside).items():
            fields.setdefault(name, value)
    return {name: value for name, value in fields.items() if value not in ("", "(null)", "?")}


def _decoded(kind: str, name: str, value: str) -> str:
    """The value without quotes; what was hexadecimal because of what it holds, as text."""
    if value[:1] in ('"', "'"):
        return value[1:-1] if len(value) > 1 else ""
    encoded = name in _ENCODED or (kind == "EXECVE" and _ARGUMENT.fullmatch(name) is not None)
    if not encoded or _HEX.fullmatch(value) is None:
        return value
    apart = "," if name == "key" else " "
    text = bytes.fromhex(value).decode("utf-8", "replace")
    return text.rstrip("\0").replace("\0", apart).replace("\x01", apart)
