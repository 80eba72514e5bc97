"""Plan and apply through the installed command, over HTTP, against the servers that ship."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mcp_siem.rules.pack import default_pack_dir, load_pack
from mcp_siem_backends.elastic.testing.kibana import KibanaServer
from mcp_siem_backends.splunk.testing.splunkd import SplunkServer

Run = Callable[..., subprocess.CompletedProcess[str]]
# One family is enough to deploy, and quick.
FAMILY = default_pack_dir() / "rules" / "arguments"
COUNT = len(load_pack([FAMILY]).alerting())
KEY = "a-key-of-the-test-server"


@pytest.fixture(params=["elastic", "splunk"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    server = KibanaServer(api_keys=[KEY]) if request.param == "elastic" else SplunkServer(tokens=[KEY])
    with server:
        (tmp_path / "mcp-siem.toml").write_text(
            f'rules = ["{FAMILY}"]\n[env.test]\ntarget = "{request.param}"\nurl = "{server.url}"\n'
        )
        yield tmp_path


def _with_key(run: Run, site: Path) -> Run:
    def call(*words: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
        return run(*words, cwd=site, MCP_SIEM_ELASTIC_API_KEY=key, MCP_SIEM_SPLUNK_TOKEN=key)

    return call


def test_a_saved_plan_is_applied_and_then_nothing_is_left_to_do(run: Run, site: Path) -> None:
    call = _with_key(run, site)
    assert call("plan", "--exit-code").returncode == 10
    assert call("plan", "--format", "json", "--output", "plan.json").returncode == 0
    plan = json.loads((site / "plan.json").read_text(encoding="utf-8"))
    assert plan["format"] == 1
    assert {change["action"] for change in plan["changes"]} == {"create"}
    assert len(plan["changes"]) == COUNT
    assert KEY not in (site / "plan.json").read_text(encoding="utf-8")
    done = call("apply", "plan.json")
    assert done.returncode == 0, done.stderr
    assert f"{COUNT} done" in done.stdout
    assert call("plan", "--exit-code").returncode == 0
    again = call("apply", "plan.json")
    assert again.returncode == 0, again.stderr
    assert f"{COUNT} unchanged" in again.stdout
    journal = (site / ".mcp-siem" / "journal.jsonl").read_text(encoding="utf-8")
    assert KEY not in journal
    assert len(journal.splitlines()) >= 2 * COUNT


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_a_plan_is_shown_in_every_form(run: Run, site: Path, form: str) -> None:
    done = _with_key(run, site)("plan", "--format", form)
    assert done.returncode == 0
    assert "Path Traversal" in done.stdout


def test_wrong_credentials_are_exit_4_and_none_exit_2(run: Run, site: Path) -> None:
    wrong = _with_key(run, site)("plan", key="zz-other-key-zz")
    assert wrong.returncode == 4
    assert "zz-other-key-zz" not in wrong.stderr + wrong.stdout
    none = run("plan", cwd=site)
    assert none.returncode == 2
    assert "next:" in none.stderr


def test_an_unreachable_siem_is_exit_5(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mcp-siem.toml").write_text('[env.test]\ntarget = "elastic"\nurl = "http://127.0.0.1:9"\ntimeout = 2\n')
    done = run("plan", cwd=tmp_path, MCP_SIEM_ELASTIC_API_KEY=KEY)
    assert done.returncode == 5
    assert "next:" in done.stderr


def test_a_plan_that_the_siem_has_moved_away_from_is_exit_6(run: Run, site: Path) -> None:
    call = _with_key(run, site)
    rules = site / "rule.yml"
    text = (
        Path(__file__).resolve().parents[2]
        / "sigma_rules/rules/monitoring_health/mcp_monitoring_health_log_level_raised.yml"
    ).read_text()
    rules.write_text(text)
    assert call("apply", "--yes", "--rules", "rule.yml").returncode == 0
    rules.write_text(text.replace("'emergency'", "'emerg'"))
    call("plan", "--rules", "rule.yml", "--format", "json", "--output", "stale.json")
    rules.write_text(text.replace("'alert'", "'alarm'"))
    assert call("apply", "--yes", "--rules", "rule.yml").returncode == 0
    assert call("apply", "stale.json").returncode == 6


def test_without_a_terminal_and_without_yes_nothing_is_written(run: Run, site: Path) -> None:
    call = _with_key(run, site)
    done = call("apply")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert call("plan", "--exit-code").returncode == 10


def test_a_connection_that_is_not_configured_is_named(run: Run, site: Path) -> None:
    done = _with_key(run, site)("plan", "--env", "other")
    assert done.returncode == 2
    assert "configured are: test" in done.stderr


@pytest.mark.parametrize("after", ["{}", '{"name":3,"query":[]}', '{"search":{}}'])
def test_a_plan_file_with_a_spec_that_no_siem_takes_is_refused(run: Run, site: Path, after: str) -> None:
    call = _with_key(run, site)
    call("plan", "--format", "json", "--output", "plan.json")
    plan = json.loads((site / "plan.json").read_text(encoding="utf-8"))
    plan["changes"] = [{**plan["changes"][0], "after": after}]
    (site / "plan.json").write_text(json.dumps(plan))
    done = call("apply", "plan.json")
    assert done.returncode == 2
    assert "the plan holds no document that" in done.stderr
    assert "next: make the plan again" in done.stderr
    assert "create" in call("plan").stdout


HOSTILE = "</table><script>alert(1)</script> | [x](javascript:1) `\\x1b[31m\\u202e *b*"


def test_a_hostile_title_is_escaped_in_every_form(run: Run, site: Path) -> None:
    (site / "rule.yml").write_text(
        f'title: "{HOSTILE}"\nid: 5f3c2d6e-1b7a-4c0e-9a43-0d1c5b6a7e81\n'
        "logsource: {product: mcp}\ndetection: {s: {a: b}, condition: s}\n"
    )
    shown = {
        form: _with_key(run, site)("plan", "--rules", "rule.yml", "--format", form).stdout
        for form in ("text", "json", "markdown", "html")
    }
    assert json.loads(shown["json"])["changes"][0]["title"].startswith("</table><script>")
    for form, text in shown.items():
        assert "\x1b" not in text, form
        assert form == "json" or "\u202e" not in text
    assert "<script>" not in shown["html"] + shown["markdown"]
    assert "\\[x\\](javascript:1)" in shown["markdown"]
    assert "\\|" in shown["markdown"]
