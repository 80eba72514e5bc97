"""What is known of the two ends of a connection, so that every later event can say who they are."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from mcp_siem.sources.capture import Place

__all__ = ["Connections"]

_MAX_CONNECTIONS = 5_000
_CLIENT = ("mcp.client.name", "mcp.client.version")
_SERVER = ("mcp.server.info.name", "mcp.server.info.version")
_PROTOCOL = ("mcp.protocol.version",)


class Connections:
    """Client, server and protocol by (server, pid, session or host); the longest unused is forgotten first."""

    def __init__(self, *, limit: int = _MAX_CONNECTIONS) -> None:
        self._known: OrderedDict[tuple[str | None, int | None, str | None], dict[str, object]] = OrderedDict()
        self._limit = limit
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._known)

    def facts(self, place: Place) -> Mapping[str, object]:
        """What has been learnt of the connection so far."""
        return self._known.get(_key(place), {})

    def learn(self, place: Place, fields: Mapping[str, object], *, protocol: bool = False) -> None:
        """Remembers who introduced itself. Requests over HTTP without a session may come from anybody: of
        those the server alone is remembered.
        """
        names = [*_SERVER]
        if place.transport == "pipe" or place.session is not None:
            names += [*_CLIENT, *(_PROTOCOL if protocol else ())]
        told = {name: fields[name] for name in names if name in fields}
        key = _key(place)
        if told:
            self._known[key] = {**self._known.get(key, {}), **told}
            self._known.move_to_end(key)
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
                self.forgotten += 1

    def forget(self, place: Place) -> None:
        """The connection has ended."""
        self._known.pop(_key(place), None)

    def dump(self) -> list[object]:
        """All that is known, as plain data, the longest unused first."""
        return [self.forgotten, [[*key, facts] for key, facts in self._known.items()]]

    def load(self, dumped: Any) -> None:
        """Goes on from what `dump` gave."""
        forgotten, rows = dumped
        self.forgotten = int(forgotten)
        self._known = OrderedDict(((server, pid, end), dict(facts)) for server, pid, end, facts in rows)


def _key(place: Place) -> tuple[str | None, int | None, str | None]:
    # Without a session the host that was asked tells servers apart.
    return place.server, place.pid, place.session or place.endpoint
