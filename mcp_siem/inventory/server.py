"""A server as the inventory knows it, and what it was seen to advertise."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

import orjson

__all__ = ["Definition", "Server", "identity", "server_id", "space_of", "space_parts", "stable_launch"]

_LONGEST = 1_024
_KEPT = 256
_SECRET = re.compile(r"\[secret:([^:\]\s]+):[0-9a-f]+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server. Its name together with its launch (command line or address, as far as it is known) is who it is.

    `status` is what people decided: approved, blocked, or None. Times are microseconds since the epoch.
    """

    name: str
    launch: str
    first_seen: int
    last_seen: int
    scope: str | None = None
    package: str | None = None
    package_version: str | None = None
    info_version: str | None = None
    roots: tuple[str, ...] = ()
    status: str | None = None
    decided_by: str | None = None
    decided_at: int | None = None

    @property
    def id(self) -> str:
        """A short name for exactly this one."""
        return server_id(self.name, self.launch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One definition of a server as it was last seen. `text` is JSON free of secrets, None where it is not at hand;
    `is_kept` says whether a store has it.

    `baseline_hash` is that of the definition last approved, else of the one seen first.
    """

    space: str
    kind: str
    name: str
    hash: str
    first_seen: int
    last_seen: int
    version: str | None = None
    text: bytes | None = None
    baseline_hash: str | None = None
    approved_hash: str | None = None
    is_kept: bool = True


def identity(text: str) -> str:
    """The text as a key that every store can hold: of bounded length, no half surrogate pairs."""
    if len(text) <= _LONGEST:
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[:_KEPT]}...{len(text)} characters, sha256 {digest}"


def stable_launch(command_line: str) -> str:
    """A redacted command line that stays the same when a secret in it, or the key that hashes secrets, is another."""
    return identity(_SECRET.sub(r"[secret:\1]", command_line))


@lru_cache(maxsize=4_096)
def space_of(name: str, launch: str) -> str:
    """Who a server is, in one text: no other pair of name and launch has the same."""
    return orjson.dumps([name, launch]).decode()


def space_parts(space: str) -> tuple[str, str]:
    """Name and launch again."""
    name, launch = orjson.loads(space)
    return str(name), str(launch)


def server_id(name: str, launch: str) -> str:
    """A short name for one server, the same on every machine."""
    return hashlib.sha256(space_of(name, launch).encode()).hexdigest()[:8]
