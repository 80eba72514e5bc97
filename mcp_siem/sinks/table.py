"""Every sink there is, by the word that `--sink` takes."""

import hashlib
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from mcp_siem.errors import UsageError
from mcp_siem.sinks.dead import DeadLetters
from mcp_siem.sinks.local import file_sink
from mcp_siem.sinks.port import Sink, Transport
from mcp_siem.sinks.queue import NetworkSink
from mcp_siem.sinks.syslog import SCHEMES, Syslog
from mcp_siem.sinks.webhook import Webhook

__all__ = ["open_sink"]

_HINT = "use stdout, file:PATH, https://..., http://..., syslog://HOST:PORT, syslog+udp://... or syslog+tls://..."


def open_sink(said: str, environ: Mapping[str, str], *, dead: DeadLetters, now: Callable[[], str]) -> Sink:
    """The sink that a word of `--sink` names; UsageError if it names none. `stdout` is opened by who owns it."""
    if said.startswith("file:") and len(said) > len("file:"):
        return file_sink(said.removeprefix("file:"), dead=dead)
    try:
        parts = urlsplit(said)
    except ValueError as error:
        raise UsageError("this is no usable address", source="--sink", hint=_HINT) from error
    transport: Transport
    if parts.scheme in ("http", "https"):
        transport = Webhook(said, environ)
    elif parts.scheme in SCHEMES:
        transport = Syslog(parts, environ, now=now)
    else:
        raise UsageError("no such sink", source="--sink", hint=_HINT)
    # The path of a webhook may be its secret: a digest tells two of one host apart.
    digest = hashlib.sha256(said.encode()).hexdigest()[:8]
    return NetworkSink(f"{parts.scheme}://{parts.netloc}#{digest}", transport, dead=dead)
