"""What network sinks promise, asked of real receivers on the loopback interface."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mcp_siem.deploy.loopback import Answer, LoopbackServer, Request
from mcp_siem.sinks.dead import DeadLetters, read_letters
from mcp_siem.sinks.port import DeliveryError, Notice
from mcp_siem.sinks.queue import NetworkSink, Retry
from mcp_siem.sinks.syslog import Syslog
from mcp_siem.sinks.webhook import Webhook

HERE = Path(__file__).parent
CA = str(HERE / "tls" / "ca.pem")
TOKEN = "a-token-of-the-test"  # noqa: S105 - known to the test alone
NOTICE = Notice(id="0123abcd", level="high", line='{"title":"Größe"}'.encode())


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "tls" / "server.pem")
    return context


class Hook(LoopbackServer):
    """Takes every alert."""

    def answer(self, request: Request) -> Answer:
        del request
        return _answer(204)


def _answer(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=b"", content_type="text/plain", headers=named)


def test_an_alert_is_posted_as_it_is_with_its_id() -> None:
    with Hook() as server:
        Webhook(server.url + "/hook?x=1", {"MCP_SIEM_WEBHOOK_TOKEN": TOKEN}).send(NOTICE)
        (exchange,) = server.exchanges
    request = exchange.request
    assert (request.method, request.path, request.query) == ("POST", "/hook", {"x": "1"})
    assert request.body == NOTICE.line
    assert request.headers["idempotency-key"] == "0123abcd"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "retryable", "after"),
    [
        (_answer(400), False, 0.0),
        (_answer(401), False, 0.0),
        (_answer(302, Location="http://127.0.0.1:1/"), False, 0.0),
        (_answer(408), True, 0.0),
        (_answer(429, Retry_After="7"), True, 7.0),
        (_answer(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), True, 0.0),
        (_answer(503, Retry_After="999999999999"), True, 0.0),
        (_answer(500), True, 0.0),
    ],
)
def test_what_the_receiver_answers_decides_whether_it_is_asked_again(
    answer: Answer,
    retryable: bool,  # noqa: FBT001 - a parameter of the test
    after: float,
) -> None:
    with Hook() as server:
        server.faults.append(answer)
        with pytest.raises(DeliveryError) as raised:
            Webhook(server.url, {}).send(NOTICE)
        assert len(server.exchanges) == 1
    assert (raised.value.retryable, raised.value.after) == (retryable, after)


def test_tls_is_verified_against_the_ca_that_was_named() -> None:
    with Hook(tls=_tls()) as server:
        for url, ca in ((server.url, ""), (server.url.replace("127.0.0.1", "localhost"), CA)):
            with pytest.raises(DeliveryError):
                Webhook(url, {"MCP_SIEM_WEBHOOK_CA_FILE": ca}).send(NOTICE)
        Webhook(server.url, {"MCP_SIEM_WEBHOOK_CA_FILE": CA}).send(NOTICE)
        assert len(server.exchanges) == 1


def test_a_receiver_that_is_not_there_is_tried_again_and_its_token_is_in_no_reason(tmp_path: Path) -> None:
    with Hook() as server:
        url = server.url
    hook = Webhook(url, {"MCP_SIEM_WEBHOOK_TOKEN": TOKEN})
    dead = DeadLetters(str(tmp_path / "dead"), now=lambda: "")
    sink = NetworkSink("hook", hook, dead=dead, retry=Retry(attempts=3, first=0.0))
    sink.write(NOTICE)
    assert sink.close(30.0) == []
    assert list(read_letters(dead.path)) == [("hook", NOTICE)]
    said = (tmp_path / "dead").read_text()
    assert "tried 3 times" in said
    assert TOKEN not in said


class Receiver:
    """Takes what comes over one kind of socket."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.found: list[bytes] = []
        self.came = threading.Condition()
        type_ = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET, type_)
        self.socket.bind(("127.0.0.1", 0))
        if kind != "udp":
            self.socket.listen()
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def url(self) -> str:
        return f"syslog+{self.kind}://127.0.0.1:{self.port}"

    def wait(self, holds: Callable[[bytes], bool]) -> bytes:
        with self.came:
            assert self.came.wait_for(lambda: holds(b"".join(self.found)), 30)
            return b"".join(self.found)

    def _run(self) -> None:
        try:
            while True:
                if self.kind == "udp":
                    self._keep(self.socket.recv(65_536))
                else:
                    self._read(self.socket.accept()[0])
        except OSError:
            return

    def _read(self, connection: socket.socket) -> None:
        one = _tls().wrap_socket(connection, server_side=True) if self.kind == "tls" else connection
        with one:
            # One message for each connection: whoever sends again has to notice that it was closed.
            self._keep(one.recv(65_536))

    def _keep(self, data: bytes) -> None:
        with self.came:
            self.found.append(data)
            self.came.notify_all()


@pytest.fixture
def receiver() -> Iterator[Callable[[str], Receiver]]:
    made: list[Receiver] = []

    def make(kind: str) -> Receiver:
        made.append(Receiver(kind))
        return made[-1]

    yield make
    for one in made:
        one.socket.close()


@pytest.mark.parametrize("kind", ["tcp", "tls", "udp"])
def test_a_message_arrives_framed_as_its_transport_asks(kind: str, receiver: Callable[[str], Receiver]) -> None:
    server = receiver(kind)
    sink = Syslog(urlsplit(server.url), {"MCP_SIEM_SYSLOG_CA_FILE": CA}, now=lambda: "2026-08-20T12:00:00Z")
    sink.send(NOTICE)
    found = server.wait(lambda data: data.endswith(b"}"))
    sink.close()
    if kind != "udp":
        size, _, found = found.partition(b" ")
        assert int(size) == len(found)
    assert found.startswith(b"<107>1 2026-08-20T12:00:00Z ")
    assert json.loads(found.partition(b"\xef\xbb\xbf")[2]) == {"title": "Größe"}


def test_a_connection_that_the_receiver_closed_is_made_anew(receiver: Callable[[str], Receiver]) -> None:
    server = receiver("tcp")
    sink = Syslog(urlsplit(server.url), {}, now=lambda: "t")
    for count in range(1, 4):
        sink.send(NOTICE)
        server.wait(lambda data, count=count: data.count(b"}") == count)  # type: ignore[misc]
        while sink._socket is not None and sink._socket.recv(1, socket.MSG_PEEK) != b"":
            pass
    sink.close()


def test_tls_without_the_ca_is_refused(receiver: Callable[[str], Receiver]) -> None:
    with pytest.raises(DeliveryError, match="could not be sent"):
        Syslog(urlsplit(receiver("tls").url), {}, now=lambda: "t").send(NOTICE)


def test_an_alert_too_large_for_a_datagram_is_refused_for_good(receiver: Callable[[str], Receiver]) -> None:
    large = Notice(id="1", level="high", line=b"x" * 70_000)
    with pytest.raises(DeliveryError) as raised:
        Syslog(urlsplit(receiver("udp").url), {}, now=lambda: "t").send(large)
    assert not raised.value.retryable
