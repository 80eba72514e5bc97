"""rsigma (the Rust command, `RSIGMA` or on the path) as a command for `run.py`: one process a vector.

Every event carries a mark that no rule asks for, so that what the command prints can be laid at its event. Rules that
only a correlation uses are left out of what is printed, as the specification wants it.
"""

# ruff: noqa: T201 - a command answers on standard output

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_MARK = "\ue000"
_NAME = "conformance-mark"


def answer(question: Mapping[str, Any]) -> dict[str, object]:
    """What the command says of each event, or that it refuses the rules."""
    events = [{**event, _NAME: _MARK * (at + 1)} for at, event in enumerate(question["events"])]
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.yml"
        rules.write_text(question["rules"], encoding="utf-8")
        command = [
            os.environ.get("RSIGMA", "rsigma"), "engine", "eval", "--rules", str(rules), "--quiet", "--no-stats",
            "--include-event", "--correlation-event-mode", "full", "--max-correlation-events", "1000",
            "--input-format", "json", "--output-format", "ndjson",
        ]  # fmt: skip
        if question.get("vars"):
            pipeline = Path(folder) / "pipeline.yml"
            pipeline.write_text(json.dumps(_pipeline(question["vars"])), encoding="utf-8")
            command += ["--pipeline", str(pipeline)]
        done = subprocess.run(
            command,
            input="".join(json.dumps(event) + "\n" for event in events),
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    if done.returncode or "error" in done.stderr.lower():
        return {"refused": done.stderr.strip()[:300] or f"exit {done.returncode}"}
    silent = _silent(question["rules"])
    verdicts: list[list[object]] = [[] for _ in events]
    for said in map(json.loads, filter(None, done.stdout.splitlines())):
        if said["rule_title"] not in silent:
            at, verdict = _placed(said)
            verdicts[at].append(verdict)
    return {"verdicts": verdicts}


def _pipeline(values: Mapping[str, object]) -> dict[str, object]:
    return {"name": "vars", "priority": 1, "vars": values, "transformations": [{"type": "value_placeholders"}]}


def _placed(said: Mapping[str, Any]) -> tuple[int, object]:
    if "correlation_type" in said:
        mark = max(len(event[_NAME]) for event in said["events"])
        return mark - 1, {"rule": said["rule_title"], "group": {name: str(value) for name, value in said["group_key"]}}
    return len(said["event"][_NAME]) - 1, said["rule_title"]


def _silent(text: str) -> set[str]:
    documents = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
    used: set[str] = set()
    kept: set[str] = set()
    for one in documents:
        body = one.get("correlation")
        if isinstance(body, dict):
            names = body.get("rules", [])
            found = names if isinstance(names, list) else [names]
            (kept if body.get("generate") else used).update(map(str, found))
    return set(_titles(documents, used)) - set(_titles(documents, kept))


def _titles(documents: list[dict[str, Any]], names: set[str]) -> Iterator[str]:
    return (str(one.get("title")) for one in documents if {str(one.get("id")), str(one.get("name"))} & names)


def main() -> None:
    """Answers line by line."""
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except (KeyError, ValueError, TypeError, subprocess.TimeoutExpired) as error:
            said = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
