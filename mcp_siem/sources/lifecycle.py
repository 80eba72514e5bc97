"""Sessions: a server's process starts or ends, a client and a server introduce themselves, a session is closed."""

import shlex
from collections.abc import Mapping

from mcp_siem.sources.meta import keys_of
from mcp_siem.sources.serving import launch_of
from mcp_siem.sources.shape import integer, mapping, text

__all__ = ["introduction_fields", "process_fields"]

_ACTIONS = {"initialize": "initialize", "server/discover": "discover"}


def process_fields(message: Mapping[str, object]) -> dict[str, object] | None:
    """The fields of a `meta` line, or None if it tells nothing that is known."""
    if "process_start" in message:
        started = message["process_start"]
        words = [word for word in started if isinstance(word, str)] if isinstance(started, list) else []
        line = started if isinstance(started, str) else shlex.join(words)
        launch = launch_of(started)
        return {
            "event.action": "process_start",
            "event.outcome": "success",
            "mcp.server.command_line": line or None,
            "mcp.package.name": launch.package,
            "mcp.package.version": launch.version,
        }
    if "process_exit" in message:
        code = integer(message["process_exit"])
        outcome = "unknown" if code is None else "failure" if code else "success"
        return {"event.action": "process_exit", "event.outcome": outcome, "process.exit_code": code}
    return None


def introduction_fields(method: str, result: object) -> dict[str, object] | None:
    """The fields of an introduction beyond those of its transaction; None for any other method."""
    if method not in _ACTIONS:
        return None
    told = mapping(result)
    return {
        "event.action": _ACTIONS[method],
        "mcp.server.instructions": text(told.get("instructions")),
        "mcp.server.capabilities": keys_of(told.get("capabilities")) or None,
    }
