"""Every error that urllib3 can raise becomes one of ours, and holds nothing that was sent."""

import inspect
import traceback
from collections.abc import Iterator

import pytest
import urllib3
from urllib3 import exceptions

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.http import Http, Reply, failure, scrubbed
from mcp_siem.errors import AuthError, BackendError, ConfigError

SECRET = "hunter2-key"  # noqa: S105 - made up
CONNECTION = Connection(name="prod", target="elastic", url="https://kibana.example:5601", secrets={"api_key": SECRET})


class Failing(urllib3.PoolManager):
    """A pool whose every request ends in one error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def request(self, *_: object, **__: object) -> urllib3.BaseHTTPResponse:
        raise self.error


def every_error() -> Iterator[type[exceptions.HTTPError]]:
    for kind in vars(exceptions).values():
        if inspect.isclass(kind) and issubclass(kind, exceptions.HTTPError):
            yield kind


def made(kind: type[exceptions.HTTPError]) -> exceptions.HTTPError:
    """An error of this kind whose text holds the secret, whatever its constructor asks for."""
    error = kind.__new__(kind)
    Exception.__init__(error, SECRET)
    error.args = (SECRET,)
    return error


def sent(error: BaseException, method: str = "GET") -> BackendError:
    with pytest.raises(BackendError) as caught:
        Http(CONNECTION, pool=Failing(error)).send(method, CONNECTION.url + "/api", {"Authorization": SECRET})
    return caught.value


@pytest.mark.parametrize("kind", sorted(every_error(), key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_every_error_of_urllib3_is_mapped(kind: type[exceptions.HTTPError]) -> None:
    error = sent(made(kind))
    assert "kibana.example:5601 (prod)" in error.message
    if kind is not exceptions.SSLError:
        assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("error", [ValueError(f"Invalid header value b'{SECRET}'"), OSError(SECRET)])
def test_errors_below_urllib3_are_mapped_too(error: Exception) -> None:
    assert SECRET not in "".join(traceback.format_exception(sent(error)))


def test_only_what_was_not_sent_or_only_reads_is_retryable() -> None:
    refused, lost = made(exceptions.NewConnectionError), made(exceptions.ReadTimeoutError)
    assert [sent(refused, method).retryable for method in ("GET", "POST")] == [True, True]
    assert [sent(lost, method).retryable for method in ("GET", "POST")] == [True, False]
    assert not sent(made(exceptions.SSLError)).retryable


@pytest.mark.parametrize(
    "url", ["https://evil.example:5601/api", "http://kibana.example:5601/api", "https://kibana.example/api"]
)
def test_no_credential_goes_to_another_origin(url: str) -> None:
    with pytest.raises(BackendError, match="another host"):
        Http(CONNECTION, pool=Failing(AssertionError())).send("GET", url, {})


@pytest.mark.parametrize("proxy", ["socks5://proxy", "nonsense", "http://["])
def test_a_proxy_that_cannot_be_used_is_a_config_error(proxy: str) -> None:
    connection = Connection(name="prod", target="elastic", url="https://kibana.example", secrets={"proxy": proxy})
    with pytest.raises(ConfigError, match="proxy"):
        Http(connection).send("GET", connection.url, {})


def reply(status: int) -> Reply:
    return Reply(status=status, reason="Reason", headers={"x-request-id": "r\x1b1"}, body=b"")


def test_a_failed_answer_says_what_was_done_and_what_the_siem_said() -> None:
    error = failure(reply(500), "bad \x1b[31m thing", "read rule x", hint="h")
    assert isinstance(error, BackendError)
    assert (error.message, error.hint) == ("read rule x: HTTP 500: bad \\u001b[31m thing", "h")
    assert error.request_id == "r\\u001b1"
    assert str(failure(reply(500), "", "read")) == "read: HTTP 500: Reason"
    assert isinstance(failure(reply(403), "no", "read"), AuthError)


def test_scrubbing_takes_out_every_secret() -> None:
    assert scrubbed(f"a {SECRET} b {SECRET}", CONNECTION) == "a [secret] b [secret]"
