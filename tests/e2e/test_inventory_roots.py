"""What file servers gave away outside of their root, told from real captures."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]

_CAPTURE = "examples/captured_mcp_traffic.jsonl"


def test_the_reproduced_cve_alerts_and_neither_the_fixed_server_nor_benign_use_does(run: Run) -> None:
    done = run("replay", _CAPTURE, "--format", "jsonl")
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    found = [one for one in alerts if one["rule"]["stem"] == "mcp_arguments_root_escape"]
    lines = Path(_CAPTURE).read_text(encoding="utf-8").splitlines()
    places = [int(one["events"][0]["ref"].rpartition(":")[2]) for one in found]
    seen = Counter(json.loads(lines[place - 1])["scenario"] for place in places)
    assert seen == {"fs_attack_filesystem-2025.3.28": 3}
