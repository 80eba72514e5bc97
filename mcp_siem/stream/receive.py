"""The HTTP half of listening: OTLP logs (`POST /v1/logs`) and plain JSON lines (`POST /` or `/lines`).

A request is answered 200 when all of it is on disk. Errors are the JSON of a `google.rpc.Status`, as OTLP asks, and
repeat nothing of the request.
"""

import hmac
import time
import zlib
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import orjson

from mcp_siem.stream.lines import MAX_LINE
from mcp_siem.stream.listen import BoundedServer, Tally, is_local
from mcp_siem.stream.otlp import OtlpError, otlp_lines
from mcp_siem.stream.spool import Spool, SpoolFullError

__all__ = ["MAX_BODY", "HttpServer"]

MAX_BODY = 16 * 1024 * 1024
_REQUEST_TIME = 30.0
_KEPT_ALIVE = 60.0
_READ_TIMEOUT = 15.0
_MOST_DIGITS = 10
_HEX = frozenset(b"0123456789abcdefABCDEF")
_LONGEST_SIZE_LINE = 256
_MOST_TRAILERS = 64
_OTLP = "/v1/logs"
_LINES = frozenset({"/", "/lines", "/v1/lines"})
_GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 411: 3, 413: 8, 415: 3, 429: 8, 431: 8, 501: 12, 503: 14}


class _Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class HttpServer(BoundedServer):
    """Takes POST requests. `token` is asked of every sender if it is given."""

    def __init__(self, host: str, port: int, spool: Spool, *, tally: Tally, token: str | None = None) -> None:
        self._spool = spool
        self._token = token
        self._local = is_local(host)
        super().__init__(host, port, _Handler, tally=tally)

    def admit(self, headers: Any) -> None:
        """Refuses who has no token, and every page of a web browser: it can reach this machine's ports."""
        if self._token is not None:
            given = str(headers.get("Authorization", "")).encode("utf-8", "replace")
            if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
                raise _Refused(401, "a bearer token is asked for")
        elif headers.get("Origin") is not None:
            raise _Refused(403, "requests of web pages are not taken")
        if self._local and self._token is None:
            host = str(headers.get("Host", "localhost")).rpartition("]")
            name = host[0].strip("[") if host[1] else host[2].partition(":")[0]
            if not is_local(name):
                raise _Refused(403, "the Host header names another machine")

    def keep(self, path: str, body: bytes) -> dict[str, object]:
        """Puts what a body holds on disk; returns the answer."""
        if path == _OTLP:
            try:
                found = otlp_lines(body)
            except OtlpError as error:
                raise _Refused(400, str(error)) from error
        elif path in _LINES:
            found = [stripped for line in body.split(b"\n") if (stripped := line.strip())]
        else:
            raise _Refused(404, f"post to {_OTLP} or /lines")
        kept = [line for line in found if line is not None and len(line) <= MAX_LINE]
        rejected = len(found) - len(kept)
        self._append(kept)
        self.tally.add("lines taken over HTTP", len(kept))
        if rejected:
            self.tally.add("records refused, too large or unreadable", rejected)
        if path != _OTLP:
            return {"accepted": len(kept), "rejected": rejected}
        reason = "records that are no objects, or too large, are not taken"
        return {"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": reason}} if rejected else {}

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        try:
            self._spool.append(lines, durable=True)
        except SpoolFullError:
            raise _Refused(429, "too much waits to be read; try again later") from None
        except OSError:
            raise _Refused(503, "the disk does not take it; try again later") from None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mcp-siem"
    sys_version = ""
    timeout = _READ_TIMEOUT
    server: HttpServer

    def parse_request(self) -> bool:
        self.server.until(self.connection, time.monotonic() + _REQUEST_TIME)
        return super().parse_request()

    def do_POST(self) -> None:
        try:
            self.server.admit(self.headers)
            path = urlsplit(self.path).path
            answer = self.server.keep(path, self._body(path))
        except _Refused as refused:
            self._refuse(refused.status, refused.reason)
        except ValueError:
            self._refuse(400, "the request target is no path")
        else:
            self._answer(200, orjson.dumps(answer))
            self.server.until(self.connection, time.monotonic() + _KEPT_ALIVE)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - what the library would say repeats the request
        """An answer to what http.server itself refuses."""
        known = 405 if code == 501 else code  # noqa: PLR2004 - http.server's word for an unknown method
        self._refuse(known, "only POST is taken" if known == 405 else "the request cannot be read")  # noqa: PLR2004 - as above

    def log_message(self, *_arguments: object) -> None:
        """Says nothing: what a sender writes is not shown on a terminal."""

    def _refuse(self, status: int, reason: str) -> None:
        self.server.tally.add(f"requests refused with {status}")
        self.close_connection = True
        self._answer(status, orjson.dumps({"code": _GRPC.get(status, 2), "message": reason}))

    def _answer(self, status: int, body: bytes) -> None:
        self.request_version = self.protocol_version  # to what is no request http.server would send no status
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:  # noqa: PLR2004 - HTTP asks for this header
            self.send_header("WWW-Authenticate", "Bearer")
        if status in (429, 503):
            self.send_header("Retry-After", "5")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _body(self, path: str) -> bytes:
        kind = str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
        if kind == "application/x-protobuf" or (path == _OTLP and kind not in ("", "application/json")):
            raise _Refused(415, "send OTLP as application/json")
        lengths = self.headers.get_all("Content-Length") or []
        coding = self.headers.get_all("Transfer-Encoding") or []
        if lengths and coding:
            raise _Refused(400, "both Content-Length and Transfer-Encoding are given")
        if coding:
            if [one.strip().lower() for one in coding] != ["chunked"]:
                raise _Refused(501, "this transfer encoding is not known")
            return self._decoded(self._chunked())
        if len(set(lengths)) != 1:
            raise _Refused(411 if not lengths else 400, "one Content-Length is asked for")
        return self._decoded(self._exactly(_size(lengths[0])))

    def _exactly(self, size: int) -> bytes:
        if size > MAX_BODY:
            raise _Refused(413, "the body is too large")
        data = self.rfile.read(size)
        if len(data) != size:
            raise _Refused(400, "the body is shorter than it says")
        return data

    def _chunked(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while size := self._chunk_size():
            total += size
            if total > MAX_BODY:
                raise _Refused(413, "the body is too large")
            parts.append(self._exactly(size))
            if self.rfile.readline(_LONGEST_SIZE_LINE).strip():
                raise _Refused(400, "a chunk is longer than it says")
        for _ in range(_MOST_TRAILERS):
            if not self.rfile.readline(_LONGEST_SIZE_LINE).strip():
                break
        return b"".join(parts)

    def _chunk_size(self) -> int:
        said = self.rfile.readline(_LONGEST_SIZE_LINE).partition(b";")[0].strip()
        if not said or len(said) > _MOST_DIGITS or not _HEX.issuperset(said):
            raise _Refused(400, "the size of a chunk cannot be read")
        return int(said, 16)

    def _decoded(self, data: bytes) -> bytes:
        coding = str(self.headers.get("Content-Encoding", "identity")).strip().lower()
        if coding in ("identity", ""):
            return data
        if coding not in ("gzip", "x-gzip"):
            raise _Refused(415, "the content is encoded neither as gzip nor not at all")
        machine = zlib.decompressobj(wbits=31)
        try:
            plain = machine.decompress(data, MAX_BODY + 1)
        except zlib.error:
            raise _Refused(400, "the compressed body is damaged") from None
        if len(plain) > MAX_BODY:
            raise _Refused(413, "the body is too large once inflated")
        if not machine.eof or machine.unused_data:
            raise _Refused(400, "the compressed body is damaged")
        return plain


def _size(said: str) -> int:
    if not (said.isascii() and said.isdigit()):
        raise _Refused(400, "the Content-Length is no number")
    return int(said) if len(said) <= _MOST_DIGITS else MAX_BODY + 1
