import json
from collections.abc import Callable

from mcp_siem.engine.explain import Explanation, explain
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

PackOf = Callable[..., RulePack]

RULE = {
    "title": "Shell in a tool call",
    "logsource": {"product": "mcp", "service": "protocol"},
    "detection": {
        "selection_a": {"tool": ["bash", "sh"], "x_folded|contains|all": ["rm", r"-\*f"]},
        "selection_b": [{"n|gte": 5}, {"path|windash|endswith": " -f"}],
        "filter_known": {"user": None},
        "condition": "selection_a and (1 of selection_b* or not filter_known)",
    },
}


def _explained(pack: RulePack, data: dict[str, object], index: int = 0) -> Explanation:
    return explain(pack.rules[index], Event(data=data), pack.taxonomy)


def _told(explanation: Explanation) -> dict[str, tuple[bool, tuple[object, ...]]]:
    return {part.part: (part.held, part.values) for _, part in explanation.lines()}


def test_each_part_is_told_in_the_words_of_the_rule_with_the_values_it_saw(pack_of: PackOf) -> None:
    data = {"tool": "SH", "x": ["RM -*f", 7], "n": "4", "user": "eve", "event": {"dataset": "mcp.protocol"}}
    found = _explained(pack_of(json.dumps(RULE)), data)
    assert found.part == "Shell in a tool call"
    assert found.held
    told = _told(found)
    assert told["logsource product: mcp, service: protocol"] == (True, ("mcp.protocol",))
    assert told["selection_a"][0] is True
    assert told["tool: bash"] == (False, ("SH",))
    assert told["tool: sh"] == (True, ("SH",))
    assert told[r"x_folded|contains|all: -\*f"] == (True, ("rm -*f", 7))
    assert told["1 of selection_b*"][0] is False
    assert told["n|gte: 5"] == (False, ("4",))
    assert told["path|windash|endswith:  -f"] == (False, ())
    assert told["not"][0] is True
    assert told["filter_known"][0] is False
    assert told["user: null"] == (False, ("eve",))


def test_a_rule_of_another_logsource_is_not_held_though_its_condition_is(pack_of: PackOf) -> None:
    rule = {**RULE, "detection": {"sel": {"a": 1}, "condition": "sel"}}
    found = _explained(pack_of(json.dumps(rule)), {"a": 1, "event.dataset": "mcp.http"})
    assert [child.held for child in found.children] == [False, True]
    assert not found.held


def test_parts_are_told_depth_first_in_the_order_of_the_rule(pack_of: PackOf) -> None:
    lines = [(depth, part.part) for depth, part in _explained(pack_of(json.dumps(RULE)), {}).lines()]
    assert lines[:5] == [
        (0, "Shell in a tool call"),
        (1, "logsource product: mcp, service: protocol"),
        (1, "all of"),
        (2, "selection_a"),
        (3, "all of"),
    ]


def test_values_are_cut_in_length_and_number(pack_of: PackOf) -> None:
    rule = {**RULE, "detection": {"sel": {"a": "x"}, "condition": "sel"}}
    found = _explained(pack_of(json.dumps(rule)), {"a": ["y" * 5000] * 50})
    values = _told(found)["a: x"][1]
    assert len(values) == 20
    assert values[0] == "y" * 512 + "…"


def test_keywords_fieldrefs_and_filters_are_told_too(pack_of: PackOf) -> None:
    detection = {"k": ["needle"], "r": {"a|fieldref": "b"}, "e": {"c|exists": False}, "condition": "all of them"}
    sieve = {
        "title": "f",
        "logsource": {"product": "mcp"},
        "filter": {"rules": "any", "admin": {"user": "root"}, "condition": "not admin"},
    }
    text = f"{json.dumps({**RULE, 'detection': detection})}\n---\n{json.dumps(sieve)}"
    pack = pack_of(text)
    index = next(at for at, rule in enumerate(pack.rules) if rule.kind == "detection")
    told = _told(_explained(pack, {"a": "x", "b": ["y", "X"], "t": "a needle"}, index))
    assert told["keywords: needle"] == (True, ("a needle",))
    assert told["a|fieldref: b"] == (True, ("x", "y", "X"))
    assert told["c|exists: false"] == (True, ())
    assert told["filter admin"][0] is False


def test_a_correlation_is_told_by_its_base_rules_and_keys(pack_of: PackOf) -> None:
    bases = [
        {
            "title": name,
            "name": name,
            "logsource": {"product": "mcp"},
            "detection": {"s": {"m": name}, "condition": "s"},
        }
        for name in ("one", "two")
    ]
    correlation = {
        "title": "both",
        "correlation": {"type": "temporal", "rules": ["one", "two"], "group-by": ["u"], "timespan": "5m"},
    }
    pack = pack_of("\n---\n".join(map(json.dumps, [*bases, correlation])))
    index = next(at for at, rule in enumerate(pack.rules) if rule.kind == "correlation")
    found = _explained(pack, {"m": "two", "u": "eve"}, index)
    assert found.held
    assert [(child.part, child.held) for child in found.children] == [
        ("one", False),
        ("two", True),
        ("group-by u", True),
    ]
    assert not _explained(pack, {"m": "two"}, index).held
