"""Where a setting comes from: flag, variable, mcp-siem.toml, default; and what is said of a wrong one."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
RULE = """title: A rule
id: 5f3c2d6e-1b7a-4c0e-9a43-0d1c5b6a7e81
logsource: {product: mcp}
detection: {s: {a: b}, condition: s}
"""


def _shown(run: Run, cwd: Path, *words: str, **env: str) -> dict[str, tuple[str, str]]:
    done = run("config", "show", *words, cwd=cwd, **env)
    assert done.returncode == 0, done.stderr
    return {row["setting"]: (row["value"], row["origin"]) for row in json.loads(done.stdout)}


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mcp-siem.toml").write_text('\nformat = "json"\nsource = "wire"\nfail_level = "low"\n')
    shown = _shown(run, tmp_path, "--quiet", MCP_SIEM_SOURCE="event", MCP_SIEM_TARGET="", NO_COLOR="yes")
    assert shown["format"] == ("json", "mcp-siem.toml:2")
    assert shown["source"] == ("event", "variable MCP_SIEM_SOURCE")
    assert shown["fail_level"] == ("low", "mcp-siem.toml:4")
    assert shown["quiet"] == ("true", "flag")
    assert shown["target"] == ("", "default")
    assert shown["no_color"] == ("true", "variable NO_COLOR")
    (tmp_path / "r.yml").write_text(RULE)
    assert run("list", "--rules", "r.yml", cwd=tmp_path).stdout.startswith("[")
    assert run("list", "--rules", "r.yml", "--format", "text", cwd=tmp_path).stdout.startswith("medium")
    assert run("list", "--rules", "r.yml", cwd=tmp_path, MCP_SIEM_FORMAT="text").stdout.startswith("medium")


def test_a_secret_in_the_file_is_not_shown(run: Run, tmp_path: Path) -> None:
    table = '[env.p]\ntarget = "elastic"\nurl = "https://u:hunter2@k"\napi_key = "hunter2"\n'
    (tmp_path / "mcp-siem.toml").write_text(table)
    for form in ("text", "json"):
        assert "hunter2" not in run("config", "show", "--format", form, cwd=tmp_path).stdout


def test_a_wrong_connection_is_named_by_the_file_that_holds_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('\n[env.p]\ntarget = "elastic"\nurl = "http://k.example"\n')
    done = run("plan", "--config", "other.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: other.toml:2: [env.p] url")


def test_the_variable_of_rules_holds_several_paths(run: Run, tmp_path: Path) -> None:
    (tmp_path / "with space.yml").write_text(RULE)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "two.yml").write_text(RULE.replace("5f3c", "6f3c"))
    done = run("list", "--format", "json", cwd=tmp_path, MCP_SIEM_RULES="with space.yml:folder")
    assert [row["stem"] for row in json.loads(done.stdout)] == ["two", "with space"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\nx = \n", "error: mcp-siem.toml:2: not valid TOML"),
        ("\n\nformt = 'json'\n", "error: mcp-siem.toml:3: unknown setting 'formt'"),
        ("\nformat = 3\n", "error: mcp-siem.toml:2: 'format' has a value of the wrong type"),
        ("\nformat = 'xml'\n", "error: mcp-siem.toml:2: Invalid value for '--format'"),
        ("quiet = 'yes'\n", "error: mcp-siem.toml:1: 'quiet'"),
        ("rules = [3]\n", "error: mcp-siem.toml:1: 'rules'"),
        ("[vars]\n\nx = []\n", "error: mcp-siem.toml:3: [vars] x"),
        ("env = 'prod'\n", "error: mcp-siem.toml:1: [env] must be a table"),
        ("[env]\nx = 1\n", "error: mcp-siem.toml:2: [env.x] must be a table"),
    ],
)
def test_a_wrong_setting_is_one_located_message(run: Run, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mcp-siem.toml").write_text(text)
    done = run("list", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(says)
    assert "\n  next: " in done.stderr


def test_a_wrong_variable_is_named(run: Run) -> None:
    done = run("list", MCP_SIEM_FORMAT="xml")
    assert done.returncode == 2
    assert done.stderr.startswith("error: variable MCP_SIEM_FORMAT: ")
