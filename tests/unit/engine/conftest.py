"""Packs made of text, so that a test shows its rules."""

from collections.abc import Callable

import pytest

from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.link import entries, link
from mcp_siem.rules.rule import RulePack
from mcp_siem.rules.yamltext import read_documents

DATASETS = {
    "mcp.protocol": {"product": "mcp", "service": "protocol"},
    "mcp.http": {"product": "mcp", "service": "http"},
    "endpoint.process_creation": {"category": "process_creation"},
}


def _field(name: str, twin_of: str | None = None) -> Field:
    return Field(name=name, type="keyword", meaning="a text", origin="test", tier=1, twin_of=twin_of)


TAXONOMY = Taxonomy(fields={"x": _field("x"), "x_folded": _field("x_folded", "x")}, datasets=DATASETS)


def make_pack(text: str, **variables: tuple[str, ...]) -> RulePack:
    documents, issues = read_documents(text, "rules.yml")
    assert not issues
    rules = tuple(link(entries(documents), variables))
    return RulePack(name="test", version="1", rules=rules, taxonomy=TAXONOMY, digest="0")


@pytest.fixture
def pack_of() -> Callable[..., RulePack]:
    """Builds a pack from YAML documents; keyword arguments are `[vars]`."""
    return make_pack
