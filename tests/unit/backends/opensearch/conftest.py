import textwrap
from collections.abc import Callable

import pytest
import yaml

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.rule import LogSource, Rule
from mcp_siem_backends.opensearch.target import OpenSearchTarget

RULE_ID = "5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11"
HEAD = f"title: A rule\nid: {RULE_ID}\nlogsource: {{category: any}}\nlevel: high\n"
TYPES = {
    "k": "keyword", "text": "wildcard", "n": "long", "x": "double", "b": "boolean", "ip": "ip", "when": "date",
    "labels": "flattened", "@timestamp": "date",
}  # fmt: skip


def _field(name: str, kind: str, twin_of: str | None = None) -> Field:
    return Field(name=name, type=kind, meaning="-", origin="ours", tier=1, twin_of=twin_of)


TAXONOMY = Taxonomy(
    fields={
        **{name: _field(name, kind) for name, kind in TYPES.items()},
        "text_folded": _field("text_folded", "wildcard", "text"),
    },
    datasets={"any.thing": {"category": "any"}},  # the only one, so that no query needs a condition on it
)
TARGET = OpenSearchTarget(TAXONOMY)


def rule_of(text: str) -> Rule:
    """The last document of the text as a rule; its references are the documents before it."""
    own = list(yaml.safe_load_all(text))[-1]
    return Rule(
        id=own["id"],
        name=None,
        stem="a_rule",
        title=own["title"],
        level=own.get("level", "high"),
        status="test",
        kind="correlation" if "correlation" in own else "detection",
        tags=tuple(own.get("tags", ())),
        logsource=LogSource(category="any") if "logsource" in own else None,
        text=text,
        digest="0",
        path="a_rule.yml",
        line=1,
        alerts=True,
        off=None,
    )


@pytest.fixture
def answer() -> Callable[[str], Query | Refusal]:
    """What the target says of a detection: a selection, or selections with a condition."""

    def asked(detection: str) -> Query | Refusal:
        body = detection if "condition:" in detection else f"s:\n{textwrap.indent(detection, '  ')}\ncondition: s"
        return TARGET.query(rule_of(f"{HEAD}detection:\n{textwrap.indent(body, '  ')}\n"))

    return asked
