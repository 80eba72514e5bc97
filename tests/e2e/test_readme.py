"""The README cannot rot: its transcript, its table of verbs and its commands are compared with the real thing."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from mcp_siem.cli.main import VERBS, cli
from mcp_siem.rules.pack import load_pack

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"

Run = Callable[..., subprocess.CompletedProcess[str]]


def _place(name: str) -> tuple[int, int]:
    """Where the text between the markers of a block stands."""
    text = README.read_text(encoding="utf-8")
    start = text.index(f"<!-- {name} -->\n") + len(f"<!-- {name} -->\n")
    return start, text.index(f"<!-- end {name.partition(':')[0]} -->", start)


def _block(name: str) -> str:
    start, end = _place(name)
    return README.read_text(encoding="utf-8")[start:end]


def _replace(name: str, block: str) -> None:
    start, end = _place(name)
    text = README.read_text(encoding="utf-8")
    README.write_text(text[:start] + block + text[end:], encoding="utf-8")


def _verbs() -> str:
    rows = ["| verb | what it does | formats |", "|---|---|---|"]
    context = click.Context(cli)
    for name, says in sorted(VERBS.items()):
        command = cli.get_command(context, name)
        assert command is not None
        shown = command.commands["show"] if isinstance(command, click.Group) else command
        forms = next(p.type.choices for p in shown.params if p.name == "form" and isinstance(p.type, click.Choice))
        title = f"{name} show" if isinstance(command, click.Group) else name
        rows.append(f"| `{title}` | {says} | {', '.join(forms)} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_verbs_is_that_of_the_command(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    if update_golden:
        _replace("verbs", _verbs())
    assert _block("verbs") == _verbs()


def test_the_transcript_is_what_the_demo_says(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    done = subprocess.run(
        [sys.executable, ROOT / "examples/demo.py"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = f"```text\n{done.stdout.strip()}\n```\n"
    if update_golden:
        _replace("transcript: demo", said)
    assert _block("transcript: demo") == said


def _commands() -> list[str]:
    consoles = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in consoles for line in block.splitlines() if line.startswith("mcp-siem ")]


@pytest.mark.parametrize("line", _commands())
def test_each_command_of_the_readme_runs(line: str, run: Run, tmp_path: Path) -> None:
    words = [word if "." not in word or "/" in word else str(tmp_path / word) for word in line.split()[1:]]
    done = run(*words)
    assert done.returncode == 0, done.stderr


def test_every_verb_of_the_readme_exists_and_every_exit_code_is_documented() -> None:
    text = README.read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE)) == {
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "10",
        "11",
        "130",
    }


def test_every_rule_is_mentioned_in_the_readme_or_the_page_it_links() -> None:
    assert "docs/rules.md" in README.read_text(encoding="utf-8")
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert [rule.stem for rule in load_pack().alerting() if rule.stem not in page] == []


def test_the_python_of_the_readme_runs_and_alerts() -> None:
    code = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code[0]], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("medium MCP Log Level Raised")
