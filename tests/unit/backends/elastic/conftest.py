import textwrap
from collections.abc import Callable

import pytest
import yaml
from sigma.backends.elasticsearch import LuceneBackend
from sigma.collection import SigmaCollection

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.rule import LogSource, Rule
from mcp_siem_backends.elastic.target import ElasticTarget

RULE_ID = "5a0f0b0e-9f5c-4c3e-8a52-0d3f8f4f6c11"
HEAD = f"title: A rule\nid: {RULE_ID}\nlogsource: {{category: any}}\nlevel: high\n"
TYPES = {
    "k": "keyword",
    "text": "wildcard",
    "n": "long",
    "b": "boolean",
    "ip": "ip",
    "when": "date",
    "labels": "flattened",
    "@timestamp": "date",
}


def _field(name: str, kind: str, twin_of: str | None = None) -> Field:
    return Field(name=name, type=kind, meaning="-", origin="ours", tier=1, twin_of=twin_of)


TAXONOMY = Taxonomy(
    fields={
        **{name: _field(name, kind) for name, kind in TYPES.items()},
        "text_folded": _field("text_folded", "wildcard", "text"),
        "mcp.server.name": _field("mcp.server.name", "keyword"),
        "gen_ai.tool.name": _field("gen_ai.tool.name", "keyword"),
    },
    datasets={"any.thing": {"category": "any"}},  # the only one, so that no query needs a condition on it
)
TARGET = ElasticTarget(TAXONOMY)


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
    )


def detection(text: str) -> str:
    """A rule with this detection section; without a condition, its one selection is `sel`."""
    section = textwrap.dedent(text).strip()
    if "condition:" not in section:
        section = f"sel:\n{textwrap.indent(section, '  ')}\ncondition: sel"
    return f"{HEAD}detection:\n{textwrap.indent(section, '  ')}\n"


@pytest.fixture
def ours() -> Callable[[str], Query | Refusal]:
    """Our answer to a detection section."""
    return lambda text: TARGET.query(rule_of(detection(text)))


@pytest.fixture
def answer() -> Callable[[str], Query | Refusal]:
    """Our answer to whole rule documents, of which the last is the rule."""
    return lambda text: TARGET.query(rule_of(text))


@pytest.fixture
def stock() -> Callable[[str], str]:
    """What the backend that ours repairs emits."""
    return lambda text: str(LuceneBackend().convert(SigmaCollection.from_yaml(detection(text)))[0])


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """The fields that these rules are about."""
    return TAXONOMY


@pytest.fixture(scope="session")
def asked() -> Callable[[str], Rule]:
    """A rule of a detection section, or of whole documents."""
    return lambda text: rule_of(text if text.startswith("title:") else detection(text))
