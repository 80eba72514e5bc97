"""The dead-letter file: what could not be delivered or read, a line of JSON each, with the reason; never lost silently."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import orjson

from mcp_siem.errors import NoInputError, UsageError
from mcp_siem.sinks.port import Notice

__all__ = ["DeadLetters", "Letter", "read_letters"]

_LONGEST = 1 << 20

Letter = tuple[str, Notice]


class DeadLetters:
    """Appends to one file, which is made when it is first needed. `alerts` and `records` count what went there."""

    def __init__(self, path: str, *, now: Callable[[], str]) -> None:
        self.path = path
        self._now = now
        self._lock = Lock()
        self._handle: int | None = None
        self.alerts = 0
        self.records = 0
        self.failed: str | None = None

    def alert(self, sink: str, notice: Notice, reason: str) -> None:
        """Keeps an alert that a sink did not take."""
        self.alerts += 1
        self._append(
            {
                "kind": "alert",
                "sink": sink,
                "reason": reason,
                "id": notice.id,
                "level": notice.level,
                "alert": notice.line.decode("utf-8", "replace"),
            }
        )

    def record(self, ref: str, data: bytes, reason: str) -> None:
        """Keeps a line that no source could read and that is stored nowhere else."""
        self.records += 1
        text = data[:_LONGEST].decode("utf-8", "backslashreplace")
        place = ref.encode("utf-8", "backslashreplace").decode()  # the name of a file may be no UTF-8
        self._append({"kind": "record", "ref": place, "reason": reason, "cut": len(data) > _LONGEST, "data": text})

    def close(self) -> None:
        """Lets the file go."""
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def _append(self, letter: dict[str, object]) -> None:
        line = orjson.dumps({"format": 1, "at": self._now(), **letter}) + b"\n"
        with self._lock:
            try:
                if self._handle is None:
                    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                    self._handle = os.open(self.path, flags, 0o600)
                os.write(self._handle, line)
                os.fsync(self._handle)
            except OSError as error:
                self.failed = error.strerror or str(error)


def read_letters(path: str) -> Iterator[Letter]:
    """The alerts of a dead-letter file with the sink each was meant for; UsageError names a line that is none."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except FileNotFoundError as error:
        raise NoInputError("no such file", source=path, hint="name a dead-letter file") from error
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", source=path, hint="check its permissions") from error
    for number, line in enumerate(lines, 1):
        try:
            letter = orjson.loads(line)
            if letter["kind"] not in ("alert", "record"):
                raise KeyError(letter["kind"])
            told = [str(letter[name]) for name in ("sink", "id", "level", "alert")] if letter["kind"] == "alert" else []
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            hint = "name a dead-letter file"
            raise UsageError("the line is no dead letter", source=f"{path}:{number}", hint=hint) from error
        if told:
            sink, id_, level, text = told
            yield sink, Notice(id=id_, level=level, line=text.encode())
