"""Sockets that take lines: where they may listen, and TCP with a line of JSON each.

Whatever arrives is put into a spool and followed from there. Every size, number of connections and time is bounded.
"""

import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from mcp_siem.errors import UsageError
from mcp_siem.stream.lines import MAX_LINE
from mcp_siem.stream.spool import Spool, SpoolFullError

__all__ = ["Address", "BoundedServer", "Tally", "TcpServer", "is_local", "parse_address"]

_MOST_CONNECTIONS = 32
_CHUNK = 64 * 1024
_IDLE = 300.0
_FULL_PAUSE = 0.2
_CHECKED = 0.1
_PORTS = range(65_536)

Address = tuple[str, str, int]


def parse_address(said: str) -> Address:
    """Scheme, host and port of `--listen`; UsageError if it is no address to listen on."""
    hint = "write tcp://127.0.0.1:PORT or http://127.0.0.1:PORT"
    try:
        parts = urlsplit(said)
        port = parts.port
    except ValueError as error:
        raise UsageError("this is no address to listen on", source="--listen", hint=hint) from error
    if parts.scheme not in ("tcp", "http") or not parts.hostname or port is None or parts.path not in ("", "/"):
        raise UsageError("this is no address to listen on", source="--listen", hint=hint)
    return parts.scheme, parts.hostname, port


def is_local(host: str) -> bool:
    """Says whether nobody but this machine can reach the address."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host.lower() == "localhost"


class Tally:
    """Counts what listeners took and refused; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str, number: int = 1) -> None:
        """Counts."""
        with self._lock:
            self._counts[name] += number

    def counts(self) -> dict[str, int]:
        """What was counted so far."""
        with self._lock:
            return dict(self._counts)


class BoundedServer(socketserver.ThreadingTCPServer):
    """A server of a few connections at once, each of which is ended when it is over its time."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, host: str, port: int, handler: Callable[..., Any], *, tally: Tally) -> None:
        self.tally = tally
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        try:
            super().__init__((host, port), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            hint = "choose another port, or end the process that has it"
            raise UsageError(f"cannot listen: {reason}", source=f"{host}:{port}", hint=hint) from error
        self._thread = threading.Thread(target=self.serve_forever, args=(_CHECKED,), name="listener", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Begins to take connections, beside the caller."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more connections, and ends those there are."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._guard:
            for one in list(self._open):
                _hang_up(one)

    def until(self, connection: socket.socket, deadline: float) -> None:
        """Sets when a connection is ended at the latest."""
        with self._guard:
            if connection in self._open:
                self._open[connection] = deadline

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the shape of the library
        """Takes a connection if there is room."""
        with self._guard:
            fits = len(self._open) < _MOST_CONNECTIONS
            if fits:
                self._open[request] = time.monotonic() + _IDLE
        if not fits:
            self.tally.add("connections refused, too many at once")
        return fits

    def shutdown_request(self, request: Any) -> None:
        """A connection has ended."""
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Ends connections that are over their time; called all the time."""
        now = time.monotonic()
        with self._guard:
            over = [one for one, deadline in self._open.items() if deadline < now]
            for one in over:
                self._open[one] = now + _IDLE
        for one in over:
            self.tally.add("connections ended, over their time")
            _hang_up(one)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the shape of the library
        """A sender that hangs up in the middle is nothing to tell on a terminal; it is counted."""
        self.tally.add("connections broken off")


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class TcpServer(BoundedServer):
    """Lines of JSON over TCP. What a sender wrote when its connection ends counts, ended by a line end or not."""

    def __init__(self, host: str, port: int, spool: Spool, *, tally: Tally, max_line: int = MAX_LINE) -> None:
        self._spool = spool
        self._max_line = max_line
        self._stopping = threading.Event()
        super().__init__(host, port, _TcpHandler, tally=tally)

    def stop(self) -> None:
        """Takes no more connections, and ends those there are."""
        self._stopping.set()
        super().stop()

    def take(self, connection: socket.socket) -> None:
        """Reads a connection to its end."""
        held, skipping = bytearray(), False
        while chunk := self._received(connection):
            head, end, rest = chunk.rpartition(b"\n")
            if end:
                whole = b"" if skipping else bytes(held) + head
                if skipping:
                    _, _, whole = head.partition(b"\n")
                self._keep(whole)
                held, skipping = bytearray(rest), False
            elif not skipping:
                held += chunk
            if len(held) > self._max_line:
                self.tally.add("lines refused, too long")
                held, skipping = bytearray(), True
        if held:
            self._keep(bytes(held))

    def _received(self, connection: socket.socket) -> bytes:
        self.until(connection, time.monotonic() + _IDLE)
        return connection.recv(_CHUNK)

    def _keep(self, data: bytes) -> None:
        """Spools whole lines; without room the sender waits, which TCP tells it by itself."""
        lines = [line for line in data.split(b"\n") if line.strip()]
        while lines:
            try:
                self._spool.append(lines, durable=False)
            except SpoolFullError:
                self.tally.add("pauses, the spool is full")
                if self._stopping.wait(_FULL_PAUSE):
                    self.tally.add("lines lost, the spool was full at the end", len(lines))
                    return
            except OSError:
                self.tally.add("lines lost, the spool could not be written", len(lines))
                return
            else:
                self.tally.add("lines taken over TCP", len(lines))
                return


class _TcpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        if isinstance(self.server, TcpServer):
            with suppress(OSError):
                self.server.take(self.request)
