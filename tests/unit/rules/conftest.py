from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import RulePack

Load = Callable[..., RulePack]

RULE = Path(__file__).with_name("a_rule.txt").read_text(encoding="utf-8")


@pytest.fixture
def rule_text() -> str:
    return RULE


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a pack of the given files (name without suffix = text), with variables."""

    def loaded(*, variables: dict[str, list[str]] | None = None, **files: str) -> RulePack:
        folder = tmp_path / "rules_here"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.yml").write_text(text, encoding="utf-8")
        return load_pack([folder], variables=variables)

    return loaded
