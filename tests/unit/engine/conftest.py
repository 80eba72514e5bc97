"""Packs made of text, so that a test shows its rules."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import RulePack

DATASETS = {
    "mcp.protocol": {"product": "mcp", "service": "protocol"},
    "mcp.http": {"product": "mcp", "service": "http"},
    "endpoint.process_creation": {"category": "process_creation"},
}


def _field(name: str, twin_of: str | None = None) -> Field:
    return Field(name=name, type="keyword", meaning="a text", origin="test", tier=1, twin_of=twin_of)


TAXONOMY = Taxonomy(fields={"x": _field("x"), "x_folded": _field("x_folded", "x")}, datasets=DATASETS)


@pytest.fixture
def pack_of(tmp_path: Path) -> Callable[..., RulePack]:
    """Builds a pack from YAML documents; keyword arguments are `[vars]`."""
    return partial(make_pack, tmp_path / "rules.yml")


def make_pack(file: Path, text: str, **variables: tuple[str, ...]) -> RulePack:
    file.write_text(text, encoding="utf-8")
    return replace(load_pack([file], variables=variables), taxonomy=TAXONOMY)
