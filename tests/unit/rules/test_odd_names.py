"""File names are bytes: one that is not UTF-8 is told in every format, and its rule is a rule like any other."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.prove.check import check_paths
from mcp_siem.rules.finding import Finding
from mcp_siem.rules.fixtures import load_fixtures
from mcp_siem.rules.pack import load_pack

NAME = os.fsdecode(b"odd \xff\xe9 rule")
SPELLED = "odd \\udcff\\udce9 rule"


@pytest.fixture
def folder(tmp_path: Path, rule_text: str) -> Path:
    """A rule of such a name with a value twice, its case, and a case of no rule."""
    (tmp_path / f"{NAME}.yml").write_text(rule_text.replace("contains: run", "contains: [run, run]"))
    (tmp_path / f"{NAME}.match.jsonl").write_text('{"tool":"walk"}\n')
    (tmp_path / f"no {NAME}.miss.jsonl").write_text("{}\n")
    return tmp_path


def _checked(folder: Path, form: str) -> str:
    command = [sys.executable, "-m", "mcp_siem.cli.main", "check", str(folder), "--format", form]
    done = subprocess.run(command, capture_output=True, check=False, cwd=folder)
    assert (done.returncode, done.stderr) == (0 if form == "sarif" else 10, b"")
    return done.stdout.decode("utf-8")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "github"])
def test_check_tells_a_name_that_is_not_utf8_in_every_format(folder: Path, form: str) -> None:
    shown = _checked(folder, form)
    for code in ("MS103", "MS106", "MS302"):
        assert code in shown
    plain = json.dumps(json.loads(shown)) if form in ("json", "sarif") else shown
    assert "udcff" in plain
    if form == "junit":
        assert ET.fromstring(shown).get("failures") == "3"  # noqa: S314 - our own output


def test_the_bytes_of_a_name_are_spelled_the_same_everywhere(folder: Path) -> None:
    told = {(one.code, Path(one.path).name) for one in check_paths([folder]).findings}
    assert told == {
        ("MS103", f"{SPELLED}.yml"),
        ("MS106", f"no {SPELLED}.miss.jsonl"),
        ("MS302", f"{SPELLED}.match.jsonl"),
    }


def test_a_rule_with_such_a_name_alerts_and_has_its_cases(folder: Path) -> None:
    pack = load_pack([folder])
    [rule] = pack
    assert rule.stem == SPELLED
    assert [fixture.kind for fixture in load_fixtures(rule)] == ["match"]
    [alert] = Engine(pack).feed(Event(data={"tool": "run"}, time=0, raw_ref="a:1"))
    assert alert.stem.encode()


def test_a_finding_holds_no_text_that_is_none() -> None:
    finding = Finding(code="MS000", severity="error", path="a\udcff", line=1, message="b\udcfe", hint=None)
    assert (finding.path, finding.message, finding.hint) == ("a\\udcff", "b\\udcfe", None)
