"""Reads a connection `[env.NAME]`: where the SIEM is, and credentials from the environment or a named file only."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from mcp_siem.deploy.client import Connection
from mcp_siem.errors import ConfigError

__all__ = ["is_loopback", "proxy_for", "read_connection", "shown_setting"]

_SHARED = ("target", "url", "ca_file", "timeout", "username", "username_env", "password_env", "secret_file")
_OPTIONS: Mapping[str, tuple[str, ...]] = {"elastic": ("space",), "opensearch": ("index",), "splunk": ("app", "owner")}
_KEY: Mapping[str, str] = {"elastic": "api_key", "opensearch": "api_key", "splunk": "token"}
"""The secret each target is normally reached with; `<it>_env` names its variable."""

_EXAMPLES: Mapping[str, str] = {
    "elastic": "https://kibana.example:5601",
    "opensearch": "https://opensearch.example:9200",
    "splunk": "https://splunk.example:8089",
}
_SECRET_WORDS = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "credential")
_UNVERIFIED = ("verify", "insecure", "ssl_verify", "tls_verify", "verify_ssl", "verify_tls", "verify_certs")
_LONGEST_TIMEOUT = 600.0
_LARGEST_SECRET = 16_384


def read_connection(
    name: str, config: Mapping[str, object], environ: Mapping[str, str], *, source: str = "mcp-siem.toml"
) -> Connection:
    """The connection that table `[env.NAME]` describes; ConfigError names the key at fault and never a secret."""
    reader = _Reader(name=name, config=config, environ=environ, source=source)
    target = reader.target()
    reader.refuse_secrets_and_strangers(target)
    url = reader.url(target)
    secrets = reader.secrets(target)
    proxy = proxy_for(url, environ)
    return Connection(
        name=name,
        target=target,
        url=url,
        options={key: value for key in _OPTIONS[target] if (value := reader.setting(key, target)) is not None},
        secrets={**secrets, "proxy": proxy} if proxy else secrets,
        ca_file=reader.ca_file(target),
        timeout=reader.timeout(),
    )


def shown_setting(key: str, value: object) -> str:
    """The value of a setting of `[env.NAME]` as it may be shown: one that should not stand there is not."""
    text = str(value)
    hidden = (key != "secret_file" and _names_secret(key)) or (key == "url" and "@" in text)
    return "(a secret, not shown: it must not stand in the file)" if hidden else text


def _names_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_WORDS) and not key.endswith("_env")


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that the usual variables (https_proxy, no_proxy, ...) name for this URL; never one for loopback."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if is_loopback(host):
        return None
    for entry in _variable(environ, "no_proxy").split(","):
        suffix = entry.strip().lower().lstrip("*").lstrip(".")
        if entry.strip() == "*" or (suffix and (host == suffix or host.endswith(f".{suffix}"))):
            return None
    return _variable(environ, f"{parts.scheme}_proxy") or _variable(environ, "all_proxy") or None


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """One table with its place, so that every fault can name it."""

    name: str
    config: Mapping[str, object]
    environ: Mapping[str, str]
    source: str

    def fault(self, message: str, hint: str) -> ConfigError:
        return ConfigError(f"[env.{self.name}] {message}", source=self.source, hint=hint)

    def target(self) -> str:
        target = self.config.get("target")
        if not isinstance(target, str) or target not in _OPTIONS:
            known = ", ".join(sorted(_OPTIONS))
            raise self.fault("target: missing or unknown", f'write target = "..." with one of: {known}')
        return target

    def refuse_secrets_and_strangers(self, target: str) -> None:
        known = {*_SHARED, *_OPTIONS[target], f"{_KEY[target]}_env"}
        for key in sorted(self.config):
            if key in known:
                continue
            if key.lower() in _UNVERIFIED:
                raise self.fault(
                    f"{key}: TLS verification cannot be switched off", 'name a private CA with ca_file = "PATH"'
                )
            if _names_secret(key):
                variable = f"MCP_SIEM_{target.upper()}_{_KEY[target].upper()}"
                raise self.fault(
                    f"{key}: a secret must not stand in the file",
                    f"remove it here, renew it, and put it into the environment variable {variable} "
                    f'(or name another: {_KEY[target]}_env = "NAME")',
                )
            close = get_close_matches(key, known, n=1)
            guess = f"did you mean {close[0]}? " if close else ""
            raise self.fault(f"{key}: unknown setting", f"{guess}known are: {', '.join(sorted(known))}")

    def setting(self, key: str, target: str) -> str | None:
        """The file's value, else the variable MCP_SIEM_<TARGET>_<KEY>, else None."""
        if key not in self.config:
            return self.environ.get(f"MCP_SIEM_{target.upper()}_{key.upper()}") or None
        value = self.config[key]
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{key}: expected a text", f'write {key} = "..."')
        return value.strip()

    def url(self, target: str) -> str:
        url = self.setting("url", target)
        example = _EXAMPLES[target]
        if url is None:
            raise self.fault("url: missing", f'write url = "{example}"')
        parts = self._split(url, example)
        if parts.username is not None or parts.password is not None:
            raise self.fault(
                "url: credentials must not stand in the URL", f"name them by variable, and write url = {example!r}"
            )
        if parts.query or parts.fragment:
            raise self.fault("url: must end with its path, without ? or #", f'write it like "{example}"')
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise self.fault(
                "url: http:// would send credentials unencrypted", "use https://, and ca_file for a private CA"
            )
        return url.rstrip("/")

    def _split(self, url: str, example: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fits = False
        if not fits or any(not char.isprintable() or char.isspace() for char in url):
            raise self.fault("url: not an http or https URL", f'write it like "{example}"')
        return parts

    def secrets(self, target: str) -> dict[str, str]:
        key = _KEY[target]
        direct = self._from_variable(f"{key}_env", key, target)
        username = self._named_or_set("username", target)
        password = self._from_variable("password_env", "password", target)
        filed = self._from_file()
        if filed is not None:
            direct, password = (direct, filed) if username else (filed, password)
        if username and password and (direct is None or "username" in self.config or "username_env" in self.config):
            return {"username": username, "password": password}
        if direct is not None:
            return {key: direct}
        raise self.fault(
            "no credentials",
            f"set the environment variable MCP_SIEM_{target.upper()}_{key.upper()}, "
            f'or name one: {key}_env = "NAME" (or username with password_env, or secret_file)',
        )

    def _named_or_set(self, key: str, target: str) -> str | None:
        if f"{key}_env" in self.config:
            return self._from_variable(f"{key}_env", key, target)
        return self.setting(key, target)

    def _from_variable(self, setting: str, key: str, target: str) -> str | None:
        """The secret in the variable that the file names, else in MCP_SIEM_<TARGET>_<KEY>, else None."""
        named = self.config.get(setting)
        if named is None:
            variable = f"MCP_SIEM_{target.upper()}_{key.upper()}"
            value = self.environ.get(variable)
            return self._secret(value, variable) if value else None
        if not isinstance(named, str) or not named.replace("_", "a").isalnum() or not named.isascii():
            raise self.fault(f"{setting}: expected the name of an environment variable", f'write {setting} = "NAME"')
        value = self.environ.get(named)
        if not value:
            raise self.fault(f"{setting}: the environment variable {named} is not set", f"export {named}")
        return self._secret(value, named)

    def _from_file(self) -> str | None:
        if "secret_file" not in self.config:
            return None
        named = self.config["secret_file"]
        if not isinstance(named, str) or not named:
            raise self.fault("secret_file: expected a path", 'write secret_file = "PATH"')
        try:
            with Path(named).expanduser().open("rb") as file:
                text = file.read(_LARGEST_SECRET).decode("utf-8")
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a text file"
            raise self.fault(
                f"secret_file: cannot read {named}: {reason}", "name a readable file that holds one secret"
            ) from None
        return self._secret(text, f"secret_file {named}")

    def _secret(self, value: str, where: str) -> str:
        """A secret fit for a header; the message tells its place and nothing of it."""
        value = value.strip()
        if not value or not value.isprintable() or not value.isascii():
            raise self.fault(f"{where}: empty, or holds characters no credential has", "store the secret alone in it")
        return value

    def ca_file(self, target: str) -> str | None:
        path = self.setting("ca_file", target)
        if path is None:
            return None
        found = Path(path).expanduser()
        if not found.is_file():
            raise self.fault(f"ca_file: no such file: {path}", "name a PEM file with the CA's certificate")
        return str(found)

    def timeout(self) -> float:
        value = self.config.get("timeout", 30.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_TIMEOUT:
            raise self.fault("timeout: expected seconds, more than 0 and at most 600", "write timeout = 30")
        return float(value)
