"""Each fault gives one located message with the next step, and the exit code of the README's table."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

GOOD = """title: A rule
id: 5f3c2d6e-1b7a-4c0e-9a43-0d1c5b6a7e81
status: test
level: high
logsource:
    product: mcp
    service: protocol
detection:
    selection:
        gen_ai.tool.name: run
    condition: selection
"""
EVENT = b'{"event.dataset":"mcp.protocol","gen_ai.tool.name":"run","@timestamp":"2026-11-23T10:00:00Z"}\n'


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (GOOD.replace("condition: selection", "condition: selektion"), None, "selektion"),
        (GOOD.replace("    selection:\n", "    selection: [\n"), None, ""),
        (GOOD.replace("title: A rule\n", ""), None, "title"),
        (GOOD.replace("level: high", "level: 7"), None, "level"),
        (GOOD.replace("        gen_ai.tool.name: run", "        gen_ai.tool.name|contians: run"), None, "contians"),
        ("- just\n- a list\n", 1, ""),
        ("", None, ""),
    ],
)
def test_a_broken_rule_is_one_located_message_with_the_next_step(
    tmp_path: Path, run: Run, text: str, line: int | None, says: str
) -> None:
    rule = tmp_path / "broken.yml"
    rule.write_text(text)
    done = run("replay", "--rules", str(rule), "--source", "event", "-", stdin=EVENT)
    assert done.returncode == 2
    assert str(rule) in done.stderr or str(tmp_path) in done.stderr
    assert says in done.stderr
    assert "next:" in done.stderr
    assert done.stdout == ""
    if line:
        assert f"{rule}:{line}" in done.stderr
    assert run("check", str(rule)).returncode == 10 if text else True


def test_a_duplicate_id_names_both_places(tmp_path: Path, run: Run) -> None:
    (tmp_path / "one.yml").write_text(GOOD)
    (tmp_path / "two.yml").write_text(GOOD.replace("A rule", "Another rule"))
    done = run("replay", "--rules", str(tmp_path), "--source", "event", "-", stdin=EVENT)
    assert done.returncode == 2
    assert "one.yml" in done.stderr
    assert "two.yml" in done.stderr


def test_a_missing_directory_and_an_empty_one_are_named(tmp_path: Path, run: Run) -> None:
    missing = run("check", "--rules", str(tmp_path / "none"))
    assert missing.returncode in (2, 10)
    assert "none" in missing.stdout + missing.stderr
    empty = run("replay", "--rules", str(tmp_path), "--source", "event", "-", stdin=EVENT)
    assert empty.returncode == 2
    assert str(tmp_path) in empty.stderr
    assert "next:" in empty.stderr


def test_a_missing_input_is_exit_3_and_named(tmp_path: Path, run: Run) -> None:
    done = run("replay", str(tmp_path / "none.jsonl"))
    assert done.returncode == 3
    assert "none.jsonl" in done.stderr
    assert "next:" in done.stderr


def test_an_unreadable_rule_file_is_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "good.yml").write_text(GOOD)
    (tmp_path / "loop.yml").symlink_to("loop.yml")
    done = run("replay", "--rules", str(tmp_path), "--source", "event", "-", stdin=EVENT)
    assert done.returncode == 2
    assert "loop.yml" in done.stderr
    assert "next:" in done.stderr


def test_an_unknown_field_is_a_finding_of_check_for_our_taxonomy(tmp_path: Path, run: Run) -> None:
    rule = tmp_path / "unknown_field.yml"
    rule.write_text("taxonomy: mcp\n" + GOOD.replace("gen_ai.tool.name", "gen_ai.tool.nmae"))
    done = run("check", str(rule))
    assert done.returncode == 10
    assert "gen_ai.tool.nmae" in done.stdout


@pytest.mark.parametrize(
    "arguments", [("frobnicate",), ("replay",), ("convert", "--target", "nothing"), ("replay", "--format", "xml", "-")]
)
def test_misuse_is_exit_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, stdin=b"").returncode == 2


def test_a_fail_level_reached_is_exit_10_and_otherwise_alerts_do_not_change_the_code(tmp_path: Path, run: Run) -> None:
    rule = tmp_path / "rule.yml"
    rule.write_text(GOOD)
    base = ("replay", "--rules", str(rule), "--source", "event", "-", "--format", "jsonl")
    assert run(*base, stdin=EVENT).returncode == 0
    assert run(*base, "--fail-level", "high", stdin=EVENT).returncode == 10
    assert run(*base, "--fail-level", "critical", stdin=EVENT).returncode == 0


def test_hostile_input_reaches_the_terminal_escaped(tmp_path: Path, run: Run) -> None:
    rule = tmp_path / "rule.yml"
    rule.write_text(GOOD)
    event = EVENT.replace(b'"gen_ai', b'"mcp.server.name":"\\u001b]0;owned\\u0007","gen_ai')
    done = run("replay", "--rules", str(rule), "--source", "event", "-", stdin=event)
    assert "\x1b" not in done.stdout
    assert "\\u{1b}]0;owned\\u{7}" in done.stdout


def test_gzip_and_standard_input_are_read_alike(tmp_path: Path, run: Run) -> None:
    rule = tmp_path / "rule.yml"
    rule.write_text(GOOD)
    packed = tmp_path / "events.jsonl.gz"
    packed.write_bytes(gzip.compress(EVENT))
    base = ("replay", "--rules", str(rule), "--format", "json", "--source", "event")
    from_file = run(*base, str(packed)).stdout
    from_stdin = run(*base, "-", stdin=EVENT).stdout
    assert len(json.loads(from_file)["alerts"]) == len(json.loads(from_stdin)["alerts"]) == 1


def test_help_and_version_load_neither_pysigma_nor_a_backend(run: Run, tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import sys\nfrom mcp_siem.cli.main import cli\n"
        "for words in (['--help'], ['--version']):\n    cli.main(words, standalone_mode=False)\n"
        "heavy = {'sigma', 'mcp_siem_backends', 'splunklib', 'elasticsearch', 'urllib3'} & {name.split('.')[0] for name in sys.modules}\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    assert run("--version").returncode == 0
    assert subprocess.run([sys.executable, probe], check=False, capture_output=True).returncode == 0


def test_a_reader_that_has_enough_ends_the_command_in_peace() -> None:
    command = Path(sys.executable).with_name("mcp-siem")
    capture = Path(__file__).resolve().parents[2] / "examples" / "captured_mcp_traffic.jsonl"
    words = [command, "normalise", capture, "--format", "jsonl"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 0


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_a_file_name_that_is_no_utf_8_is_still_told_in_utf_8(tmp_path: Path, run: Run, form: str) -> None:
    (tmp_path / "rule.yml").write_text(GOOD)
    events = os.fsdecode(os.fsencode(tmp_path) + b"/e\xff.jsonl")
    Path(events).write_bytes(EVENT)
    rules = ("--rules", str(tmp_path / "rule.yml"), "--source", "event")
    done = run("replay", events, *rules, "--format", form)
    assert done.returncode == 0, done.stderr
    assert "dcff" in done.stdout
    if form != "jsonl":
        assert run("explain", "rule", f"{events}:1", *rules, "--format", form).returncode == 0
