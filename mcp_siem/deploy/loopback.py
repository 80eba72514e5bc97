"""A small HTTP server on loopback, for faithful servers of a SIEM that tests speak to over real HTTP."""

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["Answer", "Exchange", "LoopbackServer", "Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client sent. Header names are lower case; `path` is decoded by segment, in `segments`."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded parts of the path."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer, as a test inspects them."""

    request: Request
    answer: Answer


class LoopbackServer:
    """Serves `answer()` of a subclass on a free port of 127.0.0.1 while the context is open.

    `faults` are answers given, first to last, in place of the real ones; None lets one request through.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.faults: list[Answer | None] = []
        self._lock = threading.Lock()
        self._tls = tls
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def answer(self, request: Request) -> Answer:
        """The answer to one request; called under a lock, so that state needs none."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The URL of the running server."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = _QuietServer(("127.0.0.1", 0), _handler(self))
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def exchange(self, request: Request) -> Answer:
        """Answers one request, with a fault if one is due, and keeps both."""
        with self._lock:
            fault = self.faults.pop(0) if self.faults else None
            answer = fault or self.answer(request)
            self.exchanges.append(Exchange(request=request, answer=answer))
            return answer


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _address: object) -> None:
        """Says nothing: a client that hangs up, or refuses our certificate, is what some tests are about."""


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def _serve(self) -> None:
            answer = server.exchange(self._request())
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names that http.server asks for

        def _request(self) -> Request:
            parts = urlsplit(self.path)
            return Request(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )

        def log_message(self, *_arguments: object) -> None:
            """Says nothing: tests read `exchanges`."""

    return Handler
