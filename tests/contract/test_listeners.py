"""What listeners promise, asked over real sockets of the loopback interface."""

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from mcp_siem.errors import UsageError
from mcp_siem.stream.listen import BoundedServer, Tally, TcpServer, parse_address
from mcp_siem.stream.receive import MAX_BODY, HttpServer
from mcp_siem.stream.spool import Spool

JSON = {"Content-Type": "application/json"}
Server = TypeVar("Server", bound=BoundedServer)
TOKEN = "a-token-of-the-test"  # noqa: S105 - known to the test alone
BATCH = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": '{"n": 1}'}}, "no record"]}]}]}


class Place:
    """A spool with the servers that fill it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tally = Tally()
        self.servers: list[BoundedServer] = []

    def http(self, *, token: str | None = None, quota: int = 1 << 30) -> HttpServer:
        return self._begun(
            HttpServer("127.0.0.1", 0, Spool(str(self.folder), quota=quota), tally=self.tally, token=token)
        )

    def tcp(self, *, max_line: int = 1000) -> TcpServer:
        return self._begun(TcpServer("127.0.0.1", 0, Spool(str(self.folder)), tally=self.tally, max_line=max_line))

    def lines(self) -> list[bytes]:
        return [line for path in sorted(self.folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]

    def _begun(self, server: Server) -> Server:
        server.start()
        self.servers.append(server)
        return server


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "spool")
    yield made
    for server in made.servers:
        server.stop()


def _post(
    server: HttpServer, path: str, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("POST", path, body, JSON if headers is None else headers)
        answer = connection.getresponse()
        found: dict[str, object] = json.loads(answer.read())
        return answer.status, found
    finally:
        connection.close()


def _raw(server: BoundedServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while piece := connection.recv(65_536):
            found += piece
        return found


def test_a_batch_of_otlp_is_on_disk_when_it_is_answered(place: Place) -> None:
    status, answer = _post(place.http(), "/v1/logs", json.dumps(BATCH).encode())
    assert status == 200
    assert answer["partialSuccess"]["rejectedLogRecords"] == "1"  # type: ignore[index]
    assert place.lines() == [b'{"n":1}']


def test_it_may_be_compressed_and_come_in_chunks(place: Place) -> None:
    server = place.http()
    body = gzip.compress(json.dumps(BATCH).encode())
    assert _post(server, "/v1/logs", body, {**JSON, "Content-Encoding": "gzip"})[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    pieces = (body[at : at + 7] for at in range(0, len(body), 7))
    connection.request("POST", "/v1/logs", pieces, {**JSON, "Content-Encoding": "gzip"}, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert len(place.lines()) == 2


def test_a_connection_serves_several_requests(place: Place) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", place.http().port, timeout=10)
    for _ in range(3):
        connection.request("POST", "/lines", b'{"n": 1}\n\n{"n": 2}\r\n')
        answer = connection.getresponse()
        assert json.loads(answer.read()) == {"accepted": 2, "rejected": 0}
    connection.close()
    assert place.lines() == [b'{"n": 1}', b'{"n": 2}'] * 3


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/logs", b"no json", JSON, 400),
        ("/v1/logs", b"[]", JSON, 400),
        ("/v1/logs", b"{}", {"Content-Type": "application/x-protobuf"}, 415),
        ("/v1/logs", b"{}", {"Content-Type": "text/plain"}, 415),
        ("/v1/logs", b"{}", {**JSON, "Content-Encoding": "zstd"}, 415),
        ("/v1/logs", b"{}", {**JSON, "Content-Encoding": "gzip"}, 400),
        ("/v1/logs", gzip.compress(b"{}", mtime=0)[:-4], {**JSON, "Content-Encoding": "gzip"}, 400),
        ("/v1/logs", gzip.compress(b"0" * (MAX_BODY + 1), mtime=0), {**JSON, "Content-Encoding": "gzip"}, 413),
        ("/v1/traces", b"{}", JSON, 404),
        ("/lines", b"{}", {"Origin": "https://evil.example"}, 403),
        ("/lines", b"{}", {"Host": "evil.example"}, 403),
        ("/lines", b"{}", {"Content-Length": "-1"}, 400),
        ("/lines", b"{}", {"Content-Length": "9" * 30}, 413),
        ("/lines", b"{}", {"Transfer-Encoding": "gzip"}, 501),
    ],
)
def test_what_cannot_be_taken_is_answered_with_a_status_that_repeats_nothing(
    place: Place, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    found, answer = _post(place.http(), path, body, headers)
    assert found == status
    assert answer.keys() == {"code", "message"}
    assert "evil" not in str(answer)
    assert place.lines() == []
    assert place.tally.counts() == {f"requests refused with {status}": 1}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"\x16\x03\x01\x02\x00\x01\x1b[2J\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        (b"POST / HTTP/1.1\r\n\r\n", b"411"),
        (b"POST http://[/ HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", b"413"),
        (b"POST / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n", b"431"),
        (b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)
def test_what_is_no_request_is_answered_and_echoes_nothing(place: Place, data: bytes, status: bytes) -> None:
    answer = _raw(place.http(), data)
    assert answer.split(b" ", 2)[1] == status
    assert b"\x1b" not in answer
    json.loads(answer.rpartition(b"\r\n\r\n")[2])
    assert place.lines() == []


def test_a_token_is_asked_of_everybody_if_there_is_one(place: Place) -> None:
    server = place.http(token=TOKEN)
    assert _post(server, "/lines", b"{}")[0] == 401
    assert _post(server, "/lines", b"{}", {"Authorization": "Bearer wrong"})[0] == 401
    assert _post(server, "/lines", b"{}", {"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_a_full_spool_is_answered_with_429_and_nothing_of_the_request_is_kept(place: Place) -> None:
    server = place.http(quota=10)
    assert _post(server, "/lines", b"1234567")[0] == 200
    assert _post(server, "/lines", b"1\n2\n3")[0] == 429
    assert place.lines() == [b"1234567"]


def test_lines_over_tcp_are_kept_as_they_come_whole_or_not(place: Place) -> None:
    assert _raw(place.tcp(), b'{"n": 1}\n\n{"n"') == b""
    assert place.lines() == [b'{"n": 1}', b'{"n"']


def test_a_line_over_the_limit_is_counted_and_the_next_is_kept(place: Place) -> None:
    server = place.tcp(max_line=100)
    _raw(server, b"x" * 300_000 + b"\nnext\n" + b"y" * 300_000)
    assert place.lines() == [b"next"]
    assert place.tally.counts()["lines refused, too long"] == 2


def test_more_connections_than_there_is_room_for_are_refused_and_counted(place: Place) -> None:
    server = place.tcp()
    held = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(40)]
    refused = 0
    for one in held[32:]:
        refused += one.recv(1) == b""
    for one in held:
        one.close()
    assert refused == 8
    assert place.tally.counts()["connections refused, too many at once"] == 8


def test_a_connection_over_its_time_is_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_siem.stream.listen._IDLE", 0.0)
    with socket.create_connection(("127.0.0.1", place.tcp().port), timeout=10) as connection:
        assert connection.recv(1) == b""
    assert place.tally.counts()["connections ended, over their time"] >= 1


@pytest.mark.parametrize(
    "said",
    ["", "udp://127.0.0.1:1", "tcp://127.0.0.1", "http://:1", "http://127.0.0.1:1/x", "http://[", "tcp://h:99999"],
)
def test_what_is_no_address_to_listen_on_is_refused(said: str) -> None:
    with pytest.raises(UsageError):
        parse_address(said)


def test_a_port_that_is_taken_is_told(place: Place, tmp_path: Path) -> None:
    port = place.tcp().port
    with pytest.raises(UsageError, match="cannot listen"):
        TcpServer("127.0.0.1", port, Spool(str(tmp_path / "other")), tally=Tally())
