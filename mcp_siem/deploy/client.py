"""The port of a SIEM's half with I/O, and how a backend offers both halves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mcp_siem.convert.target import Resource, Target
from mcp_siem.events.taxonomy import Taxonomy

__all__ = ["Backend", "Client", "Connection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A configured SIEM (`[env.NAME]` of mcp-siem.toml). Secrets come from the environment or a named secret
    file only and are kept out of `repr`, plans, journals and logs. TLS verification cannot be switched off;
    `ca_file` names a private CA. `timeout` is in seconds.
    """

    name: str
    target: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str | None = None
    timeout: float = 30.0


class Client(Protocol):
    """Calls of one SIEM. Raises AuthError or BackendError, never the HTTP library's own errors."""

    def list(self) -> Iterator[Mapping[str, object]]:
        """Every object that could be ours, as the API returns it."""
        ...

    def get(self, key: str) -> Mapping[str, object] | None:
        """One object by our key (the rule's UUID), or None."""
        ...

    def put(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        """Creates or replaces, and returns what the SIEM then holds."""
        ...

    def delete(self, key: str) -> None:
        """Removes; an object that is already gone is fine."""
        ...


class Backend(Protocol):
    """What the entry-point group `mcp_siem.backends` holds: factories, nothing done at import."""

    name: str

    def target(self) -> Target:
        """The pure half."""
        ...

    def client(self, connection: Connection) -> Client:
        """The half with I/O."""
        ...

    def exports(self) -> Mapping[str, Callable[[Sequence[Resource]], str]]:
        """Files this SIEM imports, by form (`ndjson`, `conf`): resources in, the file's text out."""
        ...

    def templates(self) -> Mapping[str, Callable[[Taxonomy], str]]:
        """The index templates that queries rely on, as JSON, by the name of the engine; none where there is no such thing."""
        ...
