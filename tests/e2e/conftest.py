import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("mcp-siem")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run() -> Run:
    """Runs the installed command in the repository root, as a user does."""

    def call(
        *arguments: str, stdin: bytes | None = None, cwd: Path = ROOT, **env: str
    ) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MCP_SIEM_")}
        done = subprocess.run(
            [COMMAND, *arguments], cwd=cwd, input=stdin, capture_output=True, check=False, env={**clean, **env}
        )
        text = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "backslashreplace")
        )
        assert "Traceback" not in text.stderr, text.stderr
        return text

    return call
