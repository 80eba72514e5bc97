"""Alerts as syslog messages (RFC 5424): over TCP and TLS with octet counting (RFC 6587, 5425), or as UDP datagrams.

Syslog confirms nothing: a message that was handed to the network counts as delivered. A webhook does confirm.
"""

import os
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import SplitResult

from mcp_siem.errors import ConfigError, UsageError
from mcp_siem.sinks.port import DeliveryError, Notice

__all__ = ["SCHEMES", "Syslog", "syslog_message"]

SCHEMES = {"syslog": "tcp", "syslog+tcp": "tcp", "syslog+udp": "udp", "syslog+tls": "tls"}
_PORTS = {"tcp": 514, "udp": 514, "tls": 6514}
_AUDIT = 13
_SEVERITIES = {"critical": 2, "high": 3, "medium": 4, "low": 5, "informational": 6}
_NOTICE = 5
_TIMEOUT = 10.0
_LARGEST_DATAGRAM = 65_000
_LONGEST_HOST = 255


def syslog_message(notice: Notice, *, time: str, host: str, pid: int) -> bytes:
    """The alert as a message: facility `log audit`, the severity of its level, its JSON in UTF-8 as the text."""
    priority = _AUDIT * 8 + _SEVERITIES.get(notice.level, _NOTICE)
    name = "".join(char for char in host if "!" <= char <= "~")[:_LONGEST_HOST] or "-"
    return f"<{priority}>1 {time} {name} mcp-siem {pid} alert - ".encode() + b"\xef\xbb\xbf" + notice.line


class Syslog:
    """Sends to one receiver; the connection is made when it is needed."""

    def __init__(self, parts: SplitResult, environ: Mapping[str, str], *, now: Callable[[], str]) -> None:
        self._kind = SCHEMES[parts.scheme]
        try:
            port = parts.port
        except ValueError:
            port = 0
        if not parts.hostname or parts.username is not None or port == 0 or parts.path not in ("", "/"):
            hint = "write syslog://HOST:PORT, syslog+udp://HOST:PORT or syslog+tls://HOST:PORT"
            raise UsageError("this is no usable address of a syslog receiver", source="--sink", hint=hint)
        self._host = parts.hostname
        self._address = (parts.hostname, port or _PORTS[self._kind])
        self._tls = _context(environ.get("MCP_SIEM_SYSLOG_CA_FILE")) if self._kind == "tls" else None
        self._now = now
        self._socket: socket.socket | None = None

    def send(self, notice: Notice) -> None:
        """Hands the message to the network."""
        message = syslog_message(notice, time=self._now(), host=socket.gethostname(), pid=os.getpid())
        if self._kind == "udp" and len(message) > _LARGEST_DATAGRAM:
            raise DeliveryError("the alert is too large for a datagram; use syslog:// (TCP)", retryable=False)
        try:
            connection = self._connected()
            connection.sendall(message if self._kind == "udp" else b"%d %s" % (len(message), message))
        except OSError as error:
            self.close()
            raise DeliveryError(f"could not be sent: {error.strerror or type(error).__name__}") from None

    def close(self) -> None:
        """Lets the connection go."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None and self._kind != "udp" and _is_gone(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._connect()
        return self._socket

    def _connect(self) -> socket.socket:
        if self._kind == "udp":
            family, kind, protocol, _, address = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
            datagrams = socket.socket(family, kind, protocol)
            datagrams.connect(address)
            return datagrams
        plain = socket.create_connection(self._address, timeout=_TIMEOUT)
        if self._tls is None:
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise


def _is_gone(connection: socket.socket) -> bool:
    """Says whether the receiver hung up: TCP takes one more message before it tells."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        return connection.recv(4096) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ConfigError("the CA file cannot be used", source="MCP_SIEM_SYSLOG_CA_FILE") from error
