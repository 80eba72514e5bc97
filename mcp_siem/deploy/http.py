"""HTTP to a SIEM: verified TLS, bounded time and size, no redirects, every library error mapped to ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.wording import printable
from mcp_siem.errors import AuthError, BackendError, ConfigError

__all__ = ["Http", "Reply", "failure", "scrubbed"]

_LARGEST_REPLY = 64 * 1024 * 1024
_CONNECT_TIMEOUT = 10.0
_EXCERPT = 300
_RETRYABLE = frozenset({429, 502, 503, 504})
_REFUSED = frozenset({401, 403})
_CHECK_PORT = "check url, port and firewall; the API is on port 5601 (Kibana) or 8089 (splunkd)"
_WORDS: tuple[tuple[type[HTTPError], str, str], ...] = (
    (ProxyError, "the proxy failed", "check https_proxy and no_proxy"),
    (ReadTimeoutError, "no answer in time", "raise timeout in [env.NAME], or look at the SIEM's load"),
    (ProtocolError, "the connection was closed before the answer", "a plain http:// URL to a TLS port does this"),
    (LocationValueError, "the URL or proxy is not usable", "check url, https_proxy and no_proxy"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: status, headers with lower-case names, and the whole body."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether this is an HTML page and so no answer of an API."""
        kind = self.headers.get("content-type", "").lower()
        return "text/html" in kind or self.body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))

    @property
    def request_id(self) -> str | None:
        """What the SIEM's own log calls this request, if it said so."""
        for name in ("x-request-id", "x-opaque-id", "x-splunk-request-id"):
            if name in self.headers:
                return printable(self.headers[name])
        return None


class Http:
    """Sends requests to one connection. `pool` is injectable for tests."""

    def __init__(self, connection: Connection, *, pool: urllib3.PoolManager | None = None) -> None:
        self._connection = connection
        self._pool = pool

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """One request and its answer, whatever its status; BackendError if there is none."""
        if _origin(url) != _origin(self._connection.url):
            raise BackendError("refused to send credentials to another host than the one configured")
        try:
            return self._exchange(method, url, headers, body)
        except HTTPError as error:
            raise self._mapped(error, method) from None
        except OSError as error:
            raise BackendError(f"{self._place}: {error.strerror or 'connection failed'}") from None
        except ValueError:
            # http.client quotes the header or URL it refuses, and so could tell a secret
            raise BackendError(f"{self._place}: the request could not be written") from None

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        response = self._opened().request(
            method, url, headers=dict(headers), body=body, redirect=False, retries=False, preload_content=False
        )
        try:
            data = response.read(_LARGEST_REPLY + 1, decode_content=True)
        finally:
            response.close()
        if len(data) > _LARGEST_REPLY:
            raise BackendError(f"{self._place}: the answer is larger than {_LARGEST_REPLY} bytes")
        return Reply(
            status=response.status,
            reason=response.reason or "",
            headers={name.lower(): value for name, value in response.headers.items()},
            body=data,
        )

    def _opened(self) -> urllib3.PoolManager:
        if self._pool is None:
            self._pool = _pool_for(self._connection)
        return self._pool

    @property
    def _place(self) -> str:
        return f"{urlsplit(self._connection.url).netloc.rpartition('@')[2]} ({self._connection.name})"

    def _mapped(self, error: HTTPError, method: str) -> BackendError:
        """Our error for one of urllib3's; its own text is left out where it could hold what we sent."""
        says, hint = _words(error)
        unsent = isinstance(error, NewConnectionError | ConnectTimeoutError)
        lost = isinstance(error, ReadTimeoutError | ProtocolError)
        return BackendError(f"{self._place}: {says}", retryable=unsent or (lost and method == "GET"), hint=hint)


def failure(reply: Reply, says: str, doing: str, *, hint: str | None = None) -> AuthError | BackendError:
    """Our error for an answer that is not a success; `says` is the SIEM's own message."""
    text = printable(says).strip()[:_EXCERPT] or reply.reason or "no message"
    message = f"{doing}: HTTP {reply.status}: {text}"
    if reply.status in _REFUSED:
        return AuthError(message, hint=hint or "check the credential and the rights it carries")
    return BackendError(
        message, status=reply.status, request_id=reply.request_id, retryable=reply.status in _RETRYABLE, hint=hint
    )


def scrubbed(text: str, connection: Connection) -> str:
    """The text without any of the connection's secrets: a server may echo what it was sent."""
    for secret in connection.secrets.values():
        text = text.replace(secret, "[secret]")
    return text


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _pool_for(connection: Connection) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=min(_CONNECT_TIMEOUT, connection.timeout), read=connection.timeout)
    options = {"timeout": timeout, "cert_reqs": "CERT_REQUIRED", "ca_certs": connection.ca_file}
    proxy = connection.secrets.get("proxy")
    try:
        if proxy:
            return urllib3.ProxyManager(proxy, **options)  # type: ignore[arg-type]
        return urllib3.PoolManager(**options)  # type: ignore[arg-type]
    except (ValueError, HTTPError):
        raise ConfigError("the proxy named by the environment is not usable", hint="check https_proxy") from None


def _words(error: HTTPError) -> tuple[str, str | None]:
    if isinstance(error, SSLError):
        return f"TLS failed: {_tls_reason(error)}", _tls_hint(error)
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return f"cannot connect: {_connect_reason(error)}", _CHECK_PORT
    for kind, says, hint in _WORDS:
        if isinstance(error, kind):
            return says, hint
    return f"the request failed ({type(error).__name__})", None


def _tls_reason(error: SSLError) -> str:
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "HTTP_REQUEST" in text or "record layer failure" in text:
        return "the port does not speak TLS"
    return printable(text)[:_EXCERPT]


def _tls_hint(error: SSLError) -> str:
    if "certificate verify failed" in str(error).lower() or "CERTIFICATE" in str(error):
        return "name the CA that signed the SIEM's certificate: ca_file in [env.NAME]; the name in url must be in it"
    return "check url and port"


def _connect_reason(error: NewConnectionError | ConnectTimeoutError) -> str:
    if isinstance(error, NewConnectionError) and error.__cause__ is not None:
        cause = error.__cause__
        return printable(str(getattr(cause, "strerror", None) or cause))
    return "no answer in time" if isinstance(error, ConnectTimeoutError) else "refused"
