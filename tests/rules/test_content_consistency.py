"""What the rules of the pack owe to each other, and the cases to the source that writes such events."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.derive import Deriver
from mcp_siem.events.event import Event
from mcp_siem.events.redact import Redactor
from mcp_siem.events.time import parse_time
from mcp_siem.rules.fixtures import Fixture, load_fixtures
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem.stream.read import read_events
from mcp_siem.testing import frame

SUPPRESSION = "mcp_monitoring_health_log_suppression_before_action"
STEPS = {
    "mcp_monitoring_health_suppression_step": {"": "mcp_monitoring_health_log_level_raised"},
    "mcp_monitoring_health_action_step": {
        "shell_": "mcp_arguments_shell_command_chain",
        "file_": "mcp_arguments_sensitive_file_read",
        "env_": "mcp_arguments_environment_dump",
    },
}


# What the server, the tap, the sensor or the inventory says, and not the text of a caller or of a result.
TRUSTED = frozenset(
    {
        "mcp.method.name",
        "gen_ai.tool.name",
        "rpc.response.status_code",
        "jsonrpc.request.id",
        "event.outcome",
        "mcp.tool.is_error",
        "mcp.json.leaves",
        "mcp.message.direction",
        "mcp.server.name",
        "mcp.server.info.version_changed",
        "mcp.inventory.status",
        "mcp.siem_audit.change_id",
        "source.ip",
        "http.response.status_code",
        "mcp.auth.method",
        "mcp.auth.issuer",
        # Browsers set these themselves; what a page can add to them stands among the known gaps of the rule.
        "mcp.http.origin",
        "mcp.http.host",
        "mcp.http.forwarded_for",
        "cs-referer",
        "Image",
        "ParentImage",
        "ParentCommandLine",
    }
)


def _documents(rule: Rule) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(rule.text))


def _rule(pack: RulePack, stem: str) -> Rule:
    (rule,) = [rule for rule in pack if rule.stem == stem]
    return rule


def _prefixed(detection: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    names = [name for name in detection if name != "condition"]

    def own(word: re.Match[str]) -> str:
        text = word[0]
        known = text in names or (text.endswith("*") and any(name.startswith(text[:-1]) for name in names))
        return prefix + text if known else text

    condition = re.sub(r"[a-z_]+\*?", own, str(detection["condition"]))
    return {**{prefix + name: detection[name] for name in names}, "condition": condition}


@pytest.mark.parametrize("step", STEPS)
def test_the_steps_of_the_suppression_chain_repeat_the_rules_they_stand_for(pack: RulePack, step: str) -> None:
    documents = {one["name"]: one for one in _documents(_rule(pack, SUPPRESSION))}
    parts = [_prefixed(_documents(_rule(pack, stem))[-1]["detection"], prefix) for prefix, stem in STEPS[step].items()]
    conditions = [part.pop("condition") for part in parts]
    joined = conditions[0] if len(conditions) == 1 else " or ".join(f"({condition})" for condition in conditions)
    expected = {name: value for part in parts for name, value in part.items()} | {"condition": joined}
    assert documents[step]["detection"] == expected


def test_no_filter_of_a_rule_reads_text_that_an_attacker_writes(pack: RulePack) -> None:
    """A filter on a description, an argument or a result is a switch that turns the rule off."""
    for rule in pack:
        for document in _documents(rule):
            for name, node in document.get("detection", {}).items():
                if "filter" in name:
                    fields = {
                        key.split("|")[0] for part in (node if isinstance(node, list) else [node]) for key in part
                    }
                    assert fields <= TRUSTED, f"{rule.stem}: {name}"


# One field set to one value, beside the call of another case: made so that a value of a list is missed when it goes.
_ONE_FIELD = re.compile(r"constructed: [A-Za-z_.]+ is ")


def _asked(pack: RulePack) -> Iterator[tuple[Rule, Fixture]]:
    """Cases that are tool calls with their arguments serialised, so that the wire can be rebuilt from them."""
    for rule in pack.alerting():
        for fixture in load_fixtures(rule):
            if _ONE_FIELD.match(fixture.case or ""):
                continue
            if all(_is_call(event) for event in fixture.events):
                yield rule, fixture


def _is_call(event: Mapping[str, Any]) -> bool:
    other = {"user.id", "source.ip", "mcp.policy.decision", "mcp.protocol.version", "mcp.tool.annotations.read_only"}
    known = {"mcp.request.text", "gen_ai.tool.name", "mcp.server.name", "process.pid", "@timestamp"}
    return event.get("mcp.method.name") == "tools/call" and known <= event.keys() and not other & event.keys()


def _wire(fixture: Fixture) -> Iterator[bytes]:
    for number, event in enumerate(fixture.events):
        at = parse_time(event["@timestamp"])
        assert at is not None
        server, pid = str(event["mcp.server.name"]), int(str(event["process.pid"]))
        params = {"name": event["gen_ai.tool.name"], "arguments": json.loads(str(event["mcp.request.text"]))}
        asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        yield frame(asked, at=at, server=server, pid=pid)
        if "mcp.response.text" in event:
            content = [{"type": "text", "text": event["mcp.response.text"]}]
            result = {"content": content, "isError": event.get("mcp.tool.is_error", False)}
            told: dict[str, object] = {"jsonrpc": "2.0", "id": number, "result": result}
        else:
            code = int(str(event.get("rpc.response.status_code", "-32603")))
            error = {"code": code, "message": event.get("error.message", "")}
            told = {"jsonrpc": "2.0", "id": number, "error": error}
        yield frame(told, at=at + 1000, server=server, pid=pid, direction="server_to_client")


def test_cases_end_alike_as_events_and_as_the_wire_they_stand_for(pack: RulePack, tmp_path: Path) -> None:
    """A case whose typed arguments the deriver would not find, or would find more of, proves nothing."""
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"a key for one test"))
    path = tmp_path / "case.jsonl"
    tried = 0
    wrong: list[str] = []
    shared = Engine(pack)
    for rule, fixture in _asked(pack):
        path.write_bytes(b"".join(line + b"\n" for line in _wire(fixture)))
        events = [item for item in read_events([path], deriver=deriver) if isinstance(item, Event)]
        if rule.kind == "correlation":
            alerts = list(replay(Engine(pack), events))
        else:
            alerts = [alert for event in events for alert in shared.match(event)[0]]
        alerted = any(alert.stem == rule.stem for alert in alerts)
        tried += 1
        if alerted != fixture.alerts:
            wrong.append(f"{fixture.path}:{fixture.line}: {fixture.case}")
    assert wrong == []
    assert tried >= 100
