"""`apply`, killed while it writes and run again, ends where an undisturbed run ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_siem.deploy.loopback import Answer, LoopbackServer, Request
from mcp_siem.rules.pack import default_pack_dir, load_pack
from mcp_siem_backends.elastic.testing.kibana import KibanaServer
from mcp_siem_backends.splunk.testing.splunkd import SplunkServer

COMMAND = str(Path(sys.executable).with_name("mcp-siem"))
KEY = "a-key-of-the-test-server"
# One family is enough to deploy, and quick.
FAMILY = default_pack_dir() / "rules" / "arguments"
COUNT = len(load_pack([FAMILY]).alerting())
WORDS = ("apply", "--yes", "--prune", "--env", "test")


def _server(kind: str) -> LoopbackServer:
    return KibanaServer(api_keys=[KEY]) if kind == "elastic" else SplunkServer(tokens=[KEY])


class _Killer:
    """Kills the command when the server has taken its n-th write, before the answer goes out."""

    def __init__(self, server: LoopbackServer, nth: int) -> None:
        self._real = server.answer
        self._left = nth
        self.child: subprocess.Popen[bytes] | None = None

    def answer(self, request: Request) -> Answer:
        answer = self._real(request)
        self._left -= request.method != "GET"
        if self._left == 0 and self.child:
            self.child.kill()
            self.child.wait()
        return answer


@pytest.mark.parametrize("nth", [1, 2, 7, 16])
@pytest.mark.parametrize("kind", ["elastic", "splunk"])
def test_apply_killed_at_a_write_and_run_again_converges(
    kind: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**os.environ, "MCP_SIEM_ELASTIC_API_KEY": KEY, "MCP_SIEM_SPLUNK_TOKEN": KEY}
    server = _server(kind)
    killer = _Killer(server, nth)
    monkeypatch.setattr(server, "answer", killer.answer)
    with server:
        (tmp_path / "mcp-siem.toml").write_text(
            f'rules = ["{FAMILY}"]\n[env.test]\ntarget = "{kind}"\nurl = "{server.url}"\n'
        )
        with subprocess.Popen([COMMAND, *WORDS], cwd=tmp_path, env=env, stderr=subprocess.DEVNULL) as child:
            killer.child = child
        assert child.returncode == -9
        again = subprocess.run([COMMAND, *WORDS], cwd=tmp_path, env=env, check=False, capture_output=True)
        assert again.returncode == 0, again.stderr
        plan = subprocess.run([COMMAND, "plan", "--exit-code"], cwd=tmp_path, env=env, check=False, capture_output=True)
        assert plan.returncode == 0, plan.stdout
        assert f"{COUNT} unchanged".encode() in plan.stdout
    assert all(KEY not in file.read_text() for file in tmp_path.rglob("*.json*"))
