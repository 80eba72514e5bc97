"""mcp-siem's engine as a command for `run.py`."""

# ruff: noqa: T201 - a command answers on standard output

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp_siem.engine.engine import Engine, replay
from mcp_siem.engine.values import text_of
from mcp_siem.errors import McpSiemError
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.events.time import parse_time
from mcp_siem.rules.pack import load_pack

__all__ = ["answer"]


def answer(question: Mapping[str, Any]) -> dict[str, object]:
    """What the engine says of each event, or why it refuses the rules."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yml"
        file.write_text(question["rules"], encoding="utf-8")
        try:
            pack = load_pack([file], variables={name: tuple(found) for name, found in question.get("vars", {}).items()})
            engine = Engine(replace(pack, taxonomy=Taxonomy(fields={}, datasets={})), every=True)
        except McpSiemError as error:
            return {"refused": str(error)}
    off = next((rule.off for rule in pack if rule.off), None)
    if off:
        return {"refused": off}
    events = [
        Event(data=data, time=parse_time(data.get("@timestamp")), raw_ref=str(at))
        for at, data in enumerate(question["events"])
    ]
    verdicts: list[list[object]] = [[] for _ in events]
    for alert in replay(engine, events):
        said: object = alert.title
        if alert.group is not None:
            said = {"rule": alert.title, "group": {name: text_of(value) for name, value in alert.group.items()}}
        verdicts[int(alert.events[-1].raw_ref or 0)].append(said)
    return {"error": f"failed: {engine.failures}"} if engine.failures else {"verdicts": verdicts}


def main() -> None:
    """Answers line by line."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
