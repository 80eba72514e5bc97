"""The portability report in each form; its SARIF against the parts of the SARIF 2.1.0 schema that it uses."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mcp_siem.convert.notes import Bound
from mcp_siem.convert.refuse import Limit
from mcp_siem.prove.portability import Portability, PortabilityReport, Reason
from mcp_siem.report.portability import portability_page, render_portability
from mcp_siem.report.terminal import Style
from mcp_siem.rules.rule import Rule

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
LOCATION = {
    "type": "object",
    "properties": {
        "physicalLocation": {
            "type": "object",
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                },
                "region": {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
        }
    },
}
# Written from the properties that the specification (SARIF 2.1.0, 3.13, 3.18, 3.19, 3.27, 3.49) names required or closed.
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": TEXT,
                                                "help": TEXT,
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "locations": {"type": "array", "items": LOCATION},
                                "properties": {"type": "object"},
                            },
                            # 3.27.10: a level other than none only of what failed.
                            "if": {"required": ["kind"], "properties": {"kind": {"not": {"const": "fail"}}}},
                            "then": {"properties": {"level": {"const": "none"}}},
                        },
                    },
                },
            },
        },
    },
}


class OneTarget:
    name = "one"

    def limits(self) -> list[Limit]:
        return [Limit(code="ONE-HARD", reason="it is | hard", hint="ease it")]

    def bounds(self) -> list[Bound]:
        return [Bound(code="ONE-NEAR", kind="approximate", reason="it is near", until="a mile")]


def _rule(stem: str) -> Rule:
    return Rule(
        id=stem, name=None, stem=stem, title=stem, level="low", status="test", kind="detection", tags=(), logsource=None,
        text="", digest="0", path=f"a folder/{stem}.yml", line=3,
    )  # fmt: skip


def _entry(stem: str, verdict: Any, *reasons: Reason, off: str | None = None) -> Portability:
    return Portability(rule=_rule(stem), target="one", verdict=verdict, language="l", reasons=reasons, off=off)


HARD = Reason(code="ONE-HARD", kind="refused", text="it is | hard: here", hint="ease it")
NEAR = Reason(code="ONE-NEAR", kind="approximate", text="it is near", hint="a mile")
OTHER = Reason(code="ONE-NOTE", kind="approximate", text="words \x1b[31m", hint="see the note")
REPORT = PortabilityReport(
    entries=(
        _entry("same", "exact"),
        _entry("hard", "refused", HARD),
        _entry("near", "approximate", NEAR, OTHER),
        _entry("unset", "refused", HARD, off="x has no value"),
    ),
    targets=(OneTarget(),),  # type: ignore[arg-type]
)


def _render(form: str) -> str:
    return render_portability(REPORT, form, Style(color=False))


def test_text_is_a_line_each_the_codes_once_and_the_sums() -> None:
    assert _render("text").split("\n") == [
        "same one exact",
        "hard one refused",
        "    ONE-HARD refused: it is | hard: here",
        "        next: ease it",
        "near one approximate ONE-NEAR",
        "    ONE-NOTE approximate: words \\u{1b}[31m",
        "        bound: see the note",
        "unset one refused (off: x has no value)",
        "    ONE-HARD refused: it is | hard: here",
        "        next: ease it",
        "ONE-NEAR approximate: it is near",
        "    bound: a mile",
        "one: 1 exact, 1 approximate, 2 refused",
        "",
    ]


def test_json_names_every_rule_and_target() -> None:
    document = json.loads(_render("json"))
    assert document["format"] == 1
    assert document["targets"] == {"one": {"exact": 1, "approximate": 1, "refused": 2, "off": 0}}
    assert document["rules"][1] == {
        "rule_id": "hard", "stem": "hard", "path": "a folder/hard.yml", "line": 3, "target": "one", "verdict": "refused",
        "language": "l", "off": None,
        "reasons": [{"code": "ONE-HARD", "kind": "refused", "text": "it is | hard: here", "hint": "ease it"}],
    }  # fmt: skip


def test_sarif_keeps_to_its_schema_and_tells_refused_approximate_off_and_exact_apart() -> None:
    document = json.loads(_render("sarif"))
    Draft202012Validator(SARIF).validate(document)
    results = document["runs"][0]["results"]
    assert [(one["ruleId"], one["level"], one.get("kind")) for one in results] == [
        ("ONE-EXACT", "none", "pass"),
        ("ONE-HARD", "error", None),
        ("ONE-NEAR", "warning", None),
        ("ONE-NOTE", "warning", None),
        ("ONE-HARD", "note", None),
    ]
    assert results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20folder/hard.yml"
    described = {one["id"]: one for one in document["runs"][0]["tool"]["driver"]["rules"]}
    assert set(described) == {one["ruleId"] for one in results}
    assert described["ONE-HARD"]["help"] == {"text": "ease it"}


@pytest.mark.parametrize(
    "row",
    ["| `ONE-HARD` | refused | it is \\| hard | ease it |", "| `ONE-NEAR` | approximate | it is near | a mile |"],
)
def test_the_page_lists_every_code(row: str) -> None:
    assert row in portability_page([OneTarget()]).split("\n")  # type: ignore[list-item]
