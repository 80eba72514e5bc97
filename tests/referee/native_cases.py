"""Events for the native rules: with the time of now, since those queries ask for what came in the last minutes. Same events for each SIEM."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

__all__ = ["EGRESS", "HEALTH", "NEW_DESTINATIONS", "dated"]

DAY = 1440

HEALTH = {"event.dataset": "mcp.health", "mcp.health.check": "heartbeat", "mcp.health.result": "ok"}
"""One row of the prober."""


def _connection(minutes: int, host: str | None, **more: object) -> tuple[int, dict[str, object]]:
    event: dict[str, object] = {
        "event.dataset": "endpoint.network_connection",
        "Computer": "ws-7",
        "Image": "/opt/mcp-server-mail/bin/server",
        "DestinationIp": "203.0.113.9",
        "Initiated": True,
        **more,
    }
    return minutes, {**event, "DestinationHostname": host} if host else event


EGRESS: Sequence[tuple[int, dict[str, object]]] = [
    _connection(10 * DAY, "api.mail.example"),
    _connection(5, "api.mail.example"),
    _connection(4, "API.mail.example"),
    _connection(6, "drop.example"),
    _connection(3, "drop.example"),
    # Another server of the same machine, watched for an hour: everything is new.
    _connection(60, "one.example", Image="/opt/mcp-server-new/bin/server"),
    _connection(2, "two.example", Image="/opt/mcp-server-new/bin/server"),
    # A process that is no server of MCP.
    _connection(10 * DAY, "api.mail.example", Image="/usr/bin/firefox"),
    _connection(2, "anything.example", Image="/usr/bin/firefox"),
    # An interpreter, which the sensor knows as a server.
    _connection(3 * DAY, "api.git.example", Image="/usr/bin/node", **{"mcp.server.name": "git"}),
    _connection(2, "api.git.example", Image="/usr/bin/node", **{"mcp.server.name": "git"}),
    _connection(1, None, Image="/usr/bin/node", **{"mcp.server.name": "git", "DestinationIp": "198.51.100.7"}),
    _connection(1, None, Image="/usr/bin/node", **{"mcp.server.name": "git", "DestinationIp": "10.1.2.3"}),
    # What it was connected to by others, and what is long known or long ago.
    _connection(2, "scanner.example", Initiated=False),
    _connection(15 * DAY, "old.example", Image="/opt/mcp-proxy/bin/proxy"),
    _connection(2, "old.example", Image="/opt/mcp-proxy/bin/proxy"),
    _connection(2 * DAY, "known.example"),
]
"""Connections, each so many minutes ago."""

NEW_DESTINATIONS = {
    ("/opt/mcp-server-mail/bin/server", "drop.example"),
    ("git", "198.51.100.7"),
}
"""Server and destination of what is new: nothing of a server's first day, nothing known, nothing within the network."""


def dated(minutes: int, event: Mapping[str, object]) -> dict[str, object]:
    """The event with the time that lies so far back."""
    then = datetime.now(UTC) - timedelta(minutes=minutes)
    return {"@timestamp": then.isoformat(timespec="milliseconds").replace("+00:00", "Z"), **event}
