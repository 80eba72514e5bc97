from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mcp_siem.errors import ConfigError, UsageError
from mcp_siem.sinks.dead import DeadLetters
from mcp_siem.sinks.port import Notice, Sink
from mcp_siem.sinks.syslog import Syslog, syslog_message
from mcp_siem.sinks.table import open_sink
from mcp_siem.sinks.webhook import Webhook


def _open(said: str, tmp_path: Path, **environ: str) -> Sink:
    return open_sink(said, environ, dead=DeadLetters(str(tmp_path / "dead"), now=str), now=str)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "stderr",
        "file:",
        "ftp://host/",
        "https://",
        "https://user:password@host/",
        "http://[half",
        "syslog://",
        "syslog://host:0",
        "syslog://host:70000",
        "syslog://host/path",
        "syslog+smoke://host",
    ],
)
def test_what_is_no_sink_is_refused(said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        _open(said, tmp_path)


def test_the_name_of_a_webhook_holds_no_secret_and_tells_two_apart(tmp_path: Path) -> None:
    names = [_open(f"https://hooks.example/services/{secret}?key={secret}", tmp_path).name for secret in ("one", "two")]
    assert all(name.startswith("https://hooks.example#") and "one" not in name for name in names)
    assert names[0] != names[1]


def test_a_token_is_not_sent_in_clear_text_to_another_machine() -> None:
    with pytest.raises(UsageError, match="clear text"):
        Webhook("http://siem.example/alerts", {"MCP_SIEM_WEBHOOK_TOKEN": "secret"})
    Webhook("http://127.0.0.1/alerts", {"MCP_SIEM_WEBHOOK_TOKEN": "secret"})
    Webhook("http://siem.example/alerts", {})


def test_a_ca_file_that_is_none_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Syslog(urlsplit("syslog+tls://host"), {"MCP_SIEM_SYSLOG_CA_FILE": str(tmp_path / "none")}, now=str)


def test_a_message_is_of_rfc_5424_with_the_severity_of_the_level() -> None:
    notice = Notice(id="1", level="critical", line='{"title": "Größe"}'.encode())
    message = syslog_message(notice, time="2026-08-20T12:00:00.000000Z", host="a b\nc", pid=7)
    head = b"<106>1 2026-08-20T12:00:00.000000Z abc mcp-siem 7 alert - \xef\xbb\xbf"
    assert message == head + notice.line
    levels = ["high", "medium", "low", "informational", "odd"]
    heads = [syslog_message(Notice(id="", level=one, line=b""), time="", host="", pid=0)[:6] for one in levels]
    assert heads == [b"<107>1", b"<108>1", b"<109>1", b"<110>1", b"<109>1"]
