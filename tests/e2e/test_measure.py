"""`measure` through the installed command, on the examples."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_examples_keep_the_limits(run: Run) -> None:
    done = run("measure", str(EXAMPLES), "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert {one["shape"] for one in said["corpora"]} >= {"capture", "calls"}
    (capture,) = [one for one in said["corpora"] if one["name"].endswith("captured_mcp_traffic.jsonl")]
    assert {one["class"]: one["caught"] for one in capture["classes"]} == {
        "enumeration": 1,
        "fs_attack_filesystem-2025.3.28": 1,
        "fs_attack_filesystem-2026.8.31": 1,
        "logging_suppression": 1,
    }
    assert not capture["missed"]


def test_a_broken_limit_is_exit_10(run: Run, tmp_path: Path) -> None:
    row = {"tool": "read_file", "arguments": {"path": "/home/a/.ssh/id_rsa"}, "label": "benign"}
    (tmp_path / "calls.jsonl").write_text(json.dumps(row), encoding="utf-8")
    done = run("measure", str(tmp_path / "calls.jsonl"))
    assert done.returncode == 10
    assert "limit calls: 1 of 1 flagged (100.00 %), at most 1 %: broken" in done.stdout
    assert run("measure", str(tmp_path / "calls.jsonl"), "--limit", "calls=1").returncode == 0


def test_what_cannot_be_measured_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text('{"nothing": 1}\n', encoding="utf-8")
    done = run("measure", str(tmp_path / "odd.jsonl"))
    assert done.returncode == 2
    assert "no source knows this input" in done.stderr
    assert run("measure", str(tmp_path / "odd.jsonl"), "--limit", "x").returncode == 2


def test_a_place_is_a_line_of_the_file_though_lines_are_blank(run: Run, tmp_path: Path) -> None:
    row = {"tool": "read_file", "arguments": {"path": "/home/a/.ssh/id_rsa"}, "label": "benign"}
    (tmp_path / "calls.jsonl").write_text(f"\n\n{json.dumps(row)}\n", encoding="utf-8")
    done = run("measure", str(tmp_path / "calls.jsonl"), "--format", "json", "--limit", "calls=1")
    (found,) = json.loads(done.stdout)["corpora"][0]["false_positives"]
    assert found["ref"].endswith("calls.jsonl:3")
