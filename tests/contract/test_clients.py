"""What every client promises, asked of the memory, of Kibana's, of splunkd's and of a query set's over real HTTP."""

import dataclasses
import json
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from mcp_siem.deploy.client import Client, Connection
from mcp_siem.deploy.loopback import Answer, LoopbackServer
from mcp_siem.deploy.memory import MemoryClient
from mcp_siem.errors import AuthError, BackendError
from mcp_siem_backends.elastic.client import KibanaClient
from mcp_siem_backends.elastic.testing import KibanaServer
from mcp_siem_backends.opensearch.client import QuerySetClient
from mcp_siem_backends.opensearch.testing import QuerySetServer
from mcp_siem_backends.splunk.client import SplunkClient
from mcp_siem_backends.splunk.testing import SplunkServer

HERE = Path(__file__).parent
CA = HERE / "tls" / "ca.pem"
SECRET = "s3cr3t-api-key"  # noqa: S105 - known to the test server alone
READER = "reader-key"


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "tls" / "server.pem")
    return context


@dataclasses.dataclass(frozen=True, kw_only=True)
class Siem:
    """One kind of SIEM. `document(key, text)` is one of ours; `text_of` finds the text in what was read."""

    name: str
    secret: str
    server: Callable[..., LoopbackServer]
    client: Callable[[Connection], Client]
    document: Callable[[str, str], Mapping[str, object]]
    text_of: Callable[[Mapping[str, object]], object]
    pages: int

    def connection(self, url: str, **changed: object) -> Connection:
        made = Connection(name="test", target=self.name, url=url, secrets={self.secret: SECRET}, timeout=5)
        return dataclasses.replace(made, **changed)


def _kibana_document(key: str, text: str) -> Mapping[str, object]:
    return {
        "rule_id": key, "name": f"Rule {key}", "description": "d", "risk_score": 47, "severity": "medium",
        "type": "query", "language": "lucene", "query": text, "tags": ["mcp-siem"],
    }  # fmt: skip


def _splunk_document(key: str, text: str) -> Mapping[str, object]:
    return {
        "name": f"Rule {key}", "search": text, "description": f"mcp-siem rule={key};", "is_scheduled": "1",
        "cron_schedule": "*/5 * * * *", "alert_type": "number of events", "alert_comparator": "greater than",
        "alert_threshold": "0", "alert.track": "1",
    }  # fmt: skip


def _splunk_key(document: Mapping[str, object]) -> str | None:
    lead, _, rest = str(document.get("description")).partition("mcp-siem rule=")
    return rest.partition(";")[0] if not lead and rest else None


KIBANA = Siem(
    name="elastic",
    secret="api_key",  # noqa: S106 - the name of the field
    server=lambda **more: KibanaServer(api_keys=[SECRET], readers=[READER], **more),
    client=KibanaClient,
    document=_kibana_document,
    text_of=lambda document: document["query"],
    pages=205,
)
SPLUNK = Siem(
    name="splunk",
    secret="token",  # noqa: S106 - the name of the field
    server=lambda **more: SplunkServer(tokens=[SECRET], readers=[READER], **more),
    client=lambda connection: SplunkClient(connection, key_of=_splunk_key),
    document=_splunk_document,
    text_of=lambda document: document["search"],
    pages=65,
)
QUERY_SET = Siem(
    name="opensearch",
    secret="api_key",  # noqa: S106 - the name of the field
    server=lambda **more: QuerySetServer(api_keys=[SECRET], readers=[READER], **more),
    client=QuerySetClient,
    document=lambda key, text: {"name": f"Rule {key}", "search": text, "mcp_siem": {"rule": key}, "enabled": True},
    text_of=lambda document: document["search"],
    pages=1_005,
)
OVER_HTTP = (KIBANA, SPLUNK, QUERY_SET)


class _NoServer(LoopbackServer):
    """Stands where a SIEM in memory needs no server."""

    @property
    def url(self) -> str:
        return "memory:"

    def __enter__(self) -> Self:
        return self


MEMORY = Siem(
    name="memory",
    secret="none",  # noqa: S106 - the name of the field
    server=_NoServer,
    client=lambda _: MemoryClient(),
    document=lambda key, text: {"key": key, "query": text},
    text_of=lambda document: document["query"],
    pages=3,
)
ALL = (MEMORY, *OVER_HTTP)

ONE, TWO = "6f2f2b52-4f0e-4a4f-9f0e-000000000001", "6f2f2b52-4f0e-4a4f-9f0e-000000000002"


@pytest.fixture(params=ALL, ids=lambda siem: siem.name)
def bench(request: pytest.FixtureRequest) -> Iterator[tuple[Siem, Client]]:
    siem: Siem = request.param
    with siem.server() as server:
        yield siem, siem.client(siem.connection(server.url))


@pytest.fixture(params=OVER_HTTP, ids=lambda siem: siem.name)
def remote(request: pytest.FixtureRequest) -> Iterator[tuple[Siem, LoopbackServer, Client]]:
    siem: Siem = request.param
    with siem.server() as server:
        yield siem, server, siem.client(siem.connection(server.url))


def test_a_siem_with_nothing_of_ours_lists_nothing(bench: tuple[Siem, Client]) -> None:
    assert list(bench[1].list()) == []
    assert bench[1].get(ONE) is None


def test_what_was_put_is_read_back(bench: tuple[Siem, Client]) -> None:
    siem, client = bench
    given = siem.document(ONE, 'a "quoted" \\ text with ümlaut and & < >')
    returned = client.put(ONE, given)
    read = client.get(ONE)
    assert read == returned
    assert read is not None
    assert {key: read[key] for key in given} == given


def test_putting_again_replaces_and_adds_no_second_object(bench: tuple[Siem, Client]) -> None:
    siem, client = bench
    client.put(ONE, siem.document(ONE, "first"))
    client.put(ONE, siem.document(ONE, "second"))
    assert [siem.text_of(document) for document in client.list()] == ["second"]


def test_deleting_twice_is_fine_and_touches_nothing_else(bench: tuple[Siem, Client]) -> None:
    siem, client = bench
    client.put(ONE, siem.document(ONE, "one"))
    client.put(TWO, siem.document(TWO, "two"))
    client.delete(ONE)
    client.delete(ONE)
    assert client.get(ONE) is None
    assert [siem.text_of(document) for document in client.list()] == ["two"]


def test_a_list_longer_than_a_page_is_given_whole_and_once(bench: tuple[Siem, Client]) -> None:
    siem, client = bench
    for number in range(siem.pages):
        client.put(f"key-{number}", siem.document(f"key-{number}", f"text {number}"))
    texts = [siem.text_of(document) for document in client.list()]
    assert sorted(texts) == sorted(f"text {number}" for number in range(siem.pages))


def told(error: BaseException) -> str:
    """All that a person or a log could see of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))


def test_a_wrong_credential_is_refused_and_never_repeated_in_words(remote: tuple[Siem, LoopbackServer, Client]) -> None:
    siem, server, _ = remote
    wrong = siem.connection(server.url, secrets={siem.secret: "wr0ng-secret"})
    for call in (lambda client: list(client.list()), lambda client: client.get(ONE)):
        with pytest.raises(AuthError) as caught:
            call(siem.client(wrong))
        assert "HTTP 401" in caught.value.message
        assert caught.value.hint
        assert "wr0ng-secret" not in told(caught.value)
    assert "wr0ng-secret" not in repr(wrong)


def test_a_credential_without_the_right_to_write_is_refused(remote: tuple[Siem, LoopbackServer, Client]) -> None:
    siem, server, _ = remote
    client = siem.client(siem.connection(server.url, secrets={siem.secret: READER}))
    assert client.get(ONE) is None
    with pytest.raises(AuthError, match="HTTP 403") as caught:
        client.put(ONE, siem.document(ONE, "x"))
    assert caught.value.hint


def test_no_credentials_at_all_is_an_auth_error_before_anything_is_sent(
    remote: tuple[Siem, LoopbackServer, Client],
) -> None:
    siem, server, _ = remote
    with pytest.raises(AuthError, match="no credentials"):
        siem.client(siem.connection(server.url, secrets={})).get(ONE)
    assert server.exchanges == []


def answer(status: int, body: bytes = b'{"message": "m", "status_code": 0}', kind: str = "application/json") -> Answer:
    return Answer(status=status, body=body, content_type=kind, headers={"x-request-id": "req-7"})


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_siem_is_retryable(remote: tuple[Siem, LoopbackServer, Client], status: int) -> None:
    _, server, client = remote
    server.faults.append(answer(status))
    with pytest.raises(BackendError) as caught:
        client.get(ONE)
    assert (caught.value.status, caught.value.retryable, caught.value.request_id) == (status, True, "req-7")
    assert client.get(ONE) is None


@pytest.mark.parametrize("status", [400, 409, 418, 500])
def test_other_failures_are_not_retryable(remote: tuple[Siem, LoopbackServer, Client], status: int) -> None:
    _, server, client = remote
    server.faults.append(answer(status))
    with pytest.raises(BackendError) as caught:
        client.get(ONE)
    assert (caught.value.status, caught.value.retryable) == (status, False)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "text/html"),
        (b"  <html>", "text/plain"),
        (b"Kibana server is not ready yet", "text/plain"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"{}", "application/json"),
    ],
)
def test_an_answer_that_is_none_of_the_api_says_which_port_to_use(
    remote: tuple[Siem, LoopbackServer, Client], body: bytes, kind: str
) -> None:
    siem, server, client = remote
    server.faults.append(answer(200, body, kind))
    with pytest.raises(BackendError) as caught:
        list(client.list())
    assert {"elastic": "5601", "opensearch": "9200", "splunk": "8089"}[siem.name] in str(caught.value.hint)


def test_a_redirect_is_not_followed(remote: tuple[Siem, LoopbackServer, Client]) -> None:
    siem, server, client = remote
    with siem.server() as other:
        away = Answer(status=302, body=b"", content_type="text/plain", headers={"Location": other.url + "/login"})
        server.faults.extend([away, away])
        with pytest.raises(BackendError):
            client.get(ONE)
        assert other.exchanges == []


def test_a_server_that_echoes_what_it_was_sent_does_not_get_our_secret_printed(
    remote: tuple[Siem, LoopbackServer, Client],
) -> None:
    _, server, client = remote
    echo = {"message": f"bad header {SECRET}", "status_code": 400, "messages": [{"type": "E", "text": f"bad {SECRET}"}]}
    server.faults.append(answer(400, json.dumps(echo).encode()))
    with pytest.raises(BackendError) as caught:
        client.get(ONE)
    assert "bad" in caught.value.message
    assert SECRET not in told(caught.value)


def test_a_closed_port_is_retryable(remote: tuple[Siem, LoopbackServer, Client]) -> None:
    siem = remote[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BackendError, match="cannot connect") as caught:
        siem.client(siem.connection(f"http://127.0.0.1:{port}")).get(ONE)
    assert caught.value.retryable
    assert SECRET not in told(caught.value)


def test_a_server_that_never_answers_ends_in_an_error(remote: tuple[Siem, LoopbackServer, Client]) -> None:
    siem = remote[0]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = siem.client(siem.connection(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2))
        with pytest.raises(BackendError, match="no answer in time") as caught:
            client.get(ONE)
    assert SECRET not in told(caught.value)


@pytest.fixture(params=OVER_HTTP, ids=lambda siem: siem.name)
def encrypted(request: pytest.FixtureRequest) -> Iterator[tuple[Siem, LoopbackServer]]:
    siem: Siem = request.param
    with siem.server(tls=tls()) as server:
        yield siem, server


def test_a_private_ca_is_trusted_when_named(encrypted: tuple[Siem, LoopbackServer]) -> None:
    siem, server = encrypted
    client = siem.client(siem.connection(server.url, ca_file=str(CA)))
    client.put(ONE, siem.document(ONE, "over TLS"))
    assert [siem.text_of(document) for document in client.list()] == ["over TLS"]


def test_a_certificate_of_an_unknown_ca_is_refused_before_anything_is_sent(
    encrypted: tuple[Siem, LoopbackServer],
) -> None:
    siem, server = encrypted
    with pytest.raises(BackendError, match="TLS failed") as caught:
        siem.client(siem.connection(server.url)).get(ONE)
    assert "ca_file" in str(caught.value.hint)
    assert not caught.value.retryable
    assert server.exchanges == []


def test_a_certificate_of_another_host_is_refused(encrypted: tuple[Siem, LoopbackServer]) -> None:
    siem, server = encrypted
    url = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(BackendError, match="TLS failed"):
        siem.client(siem.connection(url, ca_file=str(CA))).get(ONE)
    assert server.exchanges == []


def test_https_to_a_plain_port_says_so(remote: tuple[Siem, LoopbackServer, Client]) -> None:
    siem, server, _ = remote
    with pytest.raises(BackendError, match="does not speak TLS"):
        siem.client(siem.connection(server.url.replace("http:", "https:"))).get(ONE)
