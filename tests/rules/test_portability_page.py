"""The page of all refusals and reservations is what the tables of the backends say."""

from importlib.metadata import entry_points
from pathlib import Path

from mcp_siem.prove.portability import codes_of
from mcp_siem.report.portability import portability_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "portability.md"
TARGETS = [entry.load().target() for entry in sorted(entry_points(group="mcp_siem.backends"), key=lambda one: one.name)]


def test_the_page_is_what_the_backends_say(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    text = portability_page(TARGETS)
    if update_golden:
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text


def test_a_code_belongs_to_one_target_and_is_listed_once() -> None:
    rows = list(codes_of(TARGETS))
    assert len({code for _, code, *_ in rows}) == len(rows)
    assert [code for target, code, *_ in rows if not code.startswith(f"{target.upper()}-")] == []
