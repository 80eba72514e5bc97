"""Connections: where credentials may come from, what is refused, and that no message holds a secret."""

import traceback
from pathlib import Path

import pytest

from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.connect import is_loopback, proxy_for, read_connection
from mcp_siem.errors import ConfigError

KIBANA = {"target": "elastic", "url": "https://kibana.example:5601"}
SPLUNK = {"target": "splunk", "url": "https://splunk.example:8089"}
ELASTIC_KEY = {"MCP_SIEM_ELASTIC_API_KEY": "key-1"}


def refused(table: dict[str, object], environ: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_connection("prod", table, environ or {}, source="mcp-siem.toml")
    error = caught.value
    assert error.source == "mcp-siem.toml"
    assert error.message.startswith("[env.prod] ")
    assert error.hint
    return error


def test_the_usual_variable_holds_the_credential() -> None:
    elastic = read_connection("prod", {**KIBANA, "space": "soc"}, ELASTIC_KEY)
    assert elastic == Connection(
        name="prod",
        target="elastic",
        url="https://kibana.example:5601",
        options={"space": "soc"},
        secrets={"api_key": "key-1"},
    )
    splunk = read_connection("prod", {**SPLUNK, "app": "soc", "owner": "nobody"}, {"MCP_SIEM_SPLUNK_TOKEN": "t"})
    assert (splunk.secrets, splunk.options) == ({"token": "t"}, {"app": "soc", "owner": "nobody"})


def test_a_named_variable_wins_over_the_usual_one() -> None:
    table = {**KIBANA, "api_key_env": "KIBANA_PROD"}
    assert read_connection("prod", table, {**ELASTIC_KEY, "KIBANA_PROD": "key-2"}).secrets == {"api_key": "key-2"}


def test_a_named_variable_that_is_not_set_is_no_reason_to_try_another() -> None:
    assert "KIBANA_PROD is not set" in refused({**KIBANA, "api_key_env": "KIBANA_PROD"}, ELASTIC_KEY).message


def test_a_user_with_a_password_from_the_environment() -> None:
    table = {**SPLUNK, "username": "deployer", "password_env": "PW"}
    both = {"PW": "p w", "MCP_SIEM_SPLUNK_TOKEN": "t"}
    assert read_connection("prod", table, both).secrets == {"username": "deployer", "password": "p w"}
    usual = {"MCP_SIEM_SPLUNK_USERNAME": "u", "MCP_SIEM_SPLUNK_PASSWORD": "p"}
    assert read_connection("prod", SPLUNK, usual).secrets == {"username": "u", "password": "p"}


def test_a_secret_file_holds_the_credential(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("key-3\n", encoding="utf-8")
    table = {**KIBANA, "secret_file": str(path)}
    assert read_connection("prod", table, ELASTIC_KEY).secrets == {"api_key": "key-3"}
    user = {**table, "username": "u"}
    assert read_connection("prod", user, {}).secrets == {"username": "u", "password": "key-3"}


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"one\ntwo", b"a\x00b"])
def test_a_secret_file_with_anything_else_in_it_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    assert "secret_file" in refused({**KIBANA, "secret_file": str(path)}).message


def test_a_missing_secret_file_is_refused(tmp_path: Path) -> None:
    assert "cannot read" in refused({**KIBANA, "secret_file": str(tmp_path / "none")}).message
    assert "cannot read" in refused({**KIBANA, "secret_file": str(tmp_path)}).message


@pytest.mark.parametrize("key", ["api_key", "token", "password", "secret", "Authorization", "my_token", "api_keys"])
def test_a_secret_written_into_the_file_is_refused_and_not_repeated(key: str) -> None:
    error = refused({**KIBANA, key: "hunter2"}, ELASTIC_KEY)
    assert "must not stand in the file" in error.message
    assert "MCP_SIEM_ELASTIC_API_KEY" in str(error.hint)
    assert "hunter2" not in "".join(traceback.format_exception(error))


def test_credentials_in_the_url_are_refused_and_not_repeated() -> None:
    error = refused({**KIBANA, "url": "https://u:hunter2@kibana.example"}, ELASTIC_KEY)
    assert "credentials must not stand in the URL" in error.message
    assert "hunter2" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("secret", ["line\nbreak", "tab\there", "ümlaut", "\x7f", "   "])
def test_a_secret_that_no_header_can_hold_is_refused_and_not_repeated(secret: str) -> None:
    error = refused(dict(KIBANA), {"MCP_SIEM_ELASTIC_API_KEY": secret})
    assert "MCP_SIEM_ELASTIC_API_KEY" in error.message
    assert secret not in error.message + str(error.hint)


@pytest.mark.parametrize("key", ["verify", "insecure", "verify_certs", "ssl_verify"])
def test_tls_verification_cannot_be_switched_off(key: str) -> None:
    assert "cannot be switched off" in refused({**KIBANA, key: False}, ELASTIC_KEY).message


def test_a_plain_url_is_for_loopback_only() -> None:
    assert "unencrypted" in refused({**KIBANA, "url": "http://kibana.example:5601"}, ELASTIC_KEY).message
    assert "unencrypted" in refused({**KIBANA, "url": "http://localhost.evil.example"}, ELASTIC_KEY).message
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "[::1]", "LOCALHOST"):
        url = f"http://{host}:5601"
        assert read_connection("prod", {**KIBANA, "url": url}, ELASTIC_KEY).url == url


@pytest.mark.parametrize(
    "url",
    [
        "kibana.example",
        "ftp://x",
        "https://",
        "https://x:99999",
        "https://x y",
        "https://[::1",
        "https://x:0",
        "https://x\n",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    assert "url" in refused({**KIBANA, "url": url + "/p"}, ELASTIC_KEY).message


def test_a_url_with_a_query_is_refused() -> None:
    assert "without ? or #" in refused({**KIBANA, "url": "https://x/?a=b"}, ELASTIC_KEY).message


def test_the_url_may_come_from_the_environment_and_loses_its_last_slash() -> None:
    environ = {**ELASTIC_KEY, "MCP_SIEM_ELASTIC_URL": "https://k.example/base/"}
    assert read_connection("prod", {"target": "elastic"}, environ).url == "https://k.example/base"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "target: missing or unknown"),
        ({"target": "qradar"}, "target: missing or unknown"),
        ({"target": 1}, "target: missing or unknown"),
        ({"target": "elastic"}, "url: missing"),
        ({**KIBANA, "url": 5}, "url: expected a text"),
        ({**KIBANA, "spcae": "x"}, "spcae: unknown setting"),
        ({**KIBANA, "app": "x"}, "app: unknown setting"),
        ({**KIBANA, "timeout": "30"}, "timeout: expected seconds"),
        ({**KIBANA, "timeout": 0}, "timeout: expected seconds"),
        ({**KIBANA, "timeout": True}, "timeout: expected seconds"),
        ({**KIBANA, "timeout": float("nan")}, "timeout: expected seconds"),
        ({**KIBANA, "ca_file": "/no/such.pem"}, "ca_file: no such file"),
        ({**KIBANA, "api_key_env": "A B"}, "api_key_env: expected the name"),
        ({**KIBANA, "api_key_env": 3}, "api_key_env: expected the name"),
        ({**KIBANA, "secret_file": 3}, "secret_file: expected a path"),
    ],
)
def test_what_is_wrong_is_named(table: dict[str, object], message: str) -> None:
    assert message in refused(table, ELASTIC_KEY).message


def test_a_misspelt_setting_is_guessed() -> None:
    assert "did you mean space?" in str(refused({**KIBANA, "spcae": "x"}, ELASTIC_KEY).hint)


def test_without_any_credential_the_variable_to_set_is_named() -> None:
    assert "MCP_SIEM_ELASTIC_API_KEY" in str(refused(dict(KIBANA)).hint)
    assert "MCP_SIEM_SPLUNK_TOKEN" in str(refused(dict(SPLUNK)).hint)


def test_the_proxy_of_the_environment_is_a_secret_as_it_may_hold_one() -> None:
    environ = {**ELASTIC_KEY, "https_proxy": "http://u:hunter2@proxy.example:3128"}
    made = read_connection("prod", KIBANA, environ)
    assert made.secrets["proxy"] == "http://u:hunter2@proxy.example:3128"
    assert "hunter2" not in repr(made)


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://a.example", {"HTTPS_PROXY": "http://p"}, "http://p"),
        ("https://a.example", {"all_proxy": "http://p"}, "http://p"),
        ("https://a.example", {"http_proxy": "http://p"}, None),
        ("https://a.example", {"https_proxy": "http://p", "no_proxy": "b.example, .example"}, None),
        ("https://a.example", {"https_proxy": "http://p", "NO_PROXY": "*"}, None),
        ("https://a.example", {"https_proxy": "http://p", "no_proxy": "ple,xa.example"}, "http://p"),
        ("https://localhost", {"https_proxy": "http://p"}, None),
        ("http://127.0.0.1:5601", {"http_proxy": "http://p"}, None),
    ],
)
def test_the_usual_proxy_variables_are_heeded(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(url, environ) == proxy


def test_only_this_machine_is_loopback() -> None:
    assert [host for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "10.0.0.1", "a") if is_loopback(host)] == [  # noqa: S104 - names, not binds
        "localhost",
        "127.0.0.1",
        "::1",
    ]
