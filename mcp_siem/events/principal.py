"""Who did it: one name for the caller, whatever field the source knows it by."""

from collections.abc import Mapping

__all__ = ["principal_of"]


def principal_of(data: Mapping[str, object]) -> str | None:
    """The first of user.id, user.email, source.ip, host and pid, server and pid; without pid the name alone.

    None if the event tells nothing of its caller: it then counts in no group.
    """
    for field in ("user.id", "user.email", "source.ip"):
        if known := _text(data.get(field)):
            return known
    pid = _text(data.get("process.pid"))
    host, server = _text(data.get("host.name")), _text(data.get("mcp.server.name"))
    if pid and (host or server):
        return f"{host or server}/{pid}"
    return server or host


def _text(value: object) -> str | None:
    if isinstance(value, list | tuple):
        value = next(iter(value), None)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None if isinstance(value, str) or abs(value) < 1 << 64 else None
