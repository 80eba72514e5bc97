"""`sources` through the installed command, on the shipped pack."""

import json
import subprocess
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_wire_feeds_rules_of_calls_and_a_web_log_does_not(run: Run) -> None:
    said = json.loads(run("sources", "mcp_arguments_path_traversal", "--format", "json").stdout)
    (rule,) = said["rules"]
    assert "wire" in rule["sources"]
    assert rule["missing"]["web"] is None


def test_a_source_is_told_with_its_rules(run: Run) -> None:
    done = run("sources", "web")
    assert done.stdout.startswith("web: web.proxy, web.server\n")
    assert "  feeds mcp_auth_http_endpoint_scan\n" in done.stdout


def test_a_word_that_is_neither_is_refused(run: Run) -> None:
    done = run("sources", "nothing")
    assert done.returncode == 2
    assert "is no rule that is on, and no source" in done.stderr
