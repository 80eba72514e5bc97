"""The pages made from the pack are those in `docs/`, and each rule and field stands on one."""

from pathlib import Path

import pytest

from mcp_siem.report.pages import fields_page, rules_page
from mcp_siem.rules.pack import load_pack

DOCS = Path(__file__).resolve().parents[2] / "docs"
PACK = load_pack()


@pytest.mark.parametrize(("name", "text"), [("rules.md", rules_page(PACK)), ("fields.md", fields_page(PACK.taxonomy))])
def test_a_page_is_what_the_pack_says(name: str, text: str, update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    if update_golden:
        (DOCS / name).write_text(text, encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == text


def test_each_rule_and_each_field_stands_on_its_page() -> None:
    rules, fields = rules_page(PACK), fields_page(PACK.taxonomy)
    assert [rule.stem for rule in PACK.alerting() if f"## {rule.stem}\n" not in rules] == []
    assert [
        name for name, field in PACK.taxonomy.fields.items() if field.twin_of is None and f"`{name}`" not in fields
    ] == []
