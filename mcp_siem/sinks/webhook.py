"""Alerts as HTTP POST requests: one JSON document each, TLS verified, time bounded, no redirect followed."""

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from mcp_siem.errors import ConfigError, UsageError
from mcp_siem.sinks.port import DeliveryError, Notice

__all__ = ["Webhook"]

_RETRYABLE = frozenset({408, 425, 429})
_SERVER_FAILED = 500
_TAKEN = range(200, 300)
_LARGEST_REPLY = 64 * 1024
_TIMEOUT = urllib3.Timeout(connect=5.0, read=10.0)


class Webhook:
    """Posts to one URL. The token (`MCP_SIEM_WEBHOOK_TOKEN`) and the CA (`MCP_SIEM_WEBHOOK_CA_FILE`) come from the
    environment; a token is never sent in clear text to another machine.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        if not parts.hostname or parts.username is not None:
            hint = "write https://HOST/PATH; a token goes into MCP_SIEM_WEBHOOK_TOKEN"
            raise UsageError("this is no usable URL of a webhook", source="--sink", hint=hint)
        token = environ.get("MCP_SIEM_WEBHOOK_TOKEN", "")
        if token and parts.scheme == "http" and not is_loopback(parts.hostname):
            hint = "use https://, or unset MCP_SIEM_WEBHOOK_TOKEN"
            raise UsageError("a token is not sent in clear text to another machine", source="--sink", hint=hint)
        self._url = url
        self._headers = {"Content-Type": "application/json", "User-Agent": "mcp-siem"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = _pool(environ.get("MCP_SIEM_WEBHOOK_CA_FILE"))

    def send(self, notice: Notice) -> None:
        """Posts the alert; its id is also the Idempotency-Key."""
        headers = {**self._headers, "Idempotency-Key": notice.id}
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=notice.line,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            with suppress(HTTPError):
                response.read(_LARGEST_REPLY)
            response.release_conn()
        except HTTPError as error:
            raise DeliveryError(f"no answer: {type(error).__name__}") from None
        except (OSError, ValueError) as error:
            # The text of the error could repeat the header with the token.
            raise DeliveryError(f"could not be sent: {type(error).__name__}") from None
        if response.status not in _TAKEN:
            retryable = response.status in _RETRYABLE or response.status >= _SERVER_FAILED
            wait = _seconds(response.headers.get("Retry-After"))
            raise DeliveryError(f"the receiver answered {response.status}", retryable=retryable, after=wait)

    def close(self) -> None:
        """Lets connections go."""
        self._pool.clear()


def is_loopback(host: str) -> bool:
    """Says whether a host is this machine."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host.lower() == "localhost"


def _pool(ca_file: str | None) -> urllib3.PoolManager:
    try:
        return urllib3.PoolManager(maxsize=1, timeout=_TIMEOUT, cert_reqs="CERT_REQUIRED", ca_certs=ca_file or None)
    except (OSError, ValueError) as error:
        raise ConfigError("the CA file cannot be used", source="MCP_SIEM_WEBHOOK_CA_FILE") from error


def _seconds(said: str | None) -> float:
    """The seconds of a Retry-After; a date is left to our own pauses."""
    return float(said) if said is not None and said.isascii() and said.isdigit() and len(said) < len("100000") else 0.0
