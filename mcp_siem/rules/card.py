"""What a rule says to people: read from its own document, never interpreted."""

from dataclasses import dataclass

from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.rule import Rule

__all__ = ["Card", "rule_card"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The prose of a rule: why it matters, what to do, what it misses, what else looks like it."""

    description: str
    response: str
    falsepositives: tuple[str, ...]
    known_gaps: tuple[str, ...]
    references: tuple[str, ...]


def rule_card(rule: Rule) -> Card:
    """Reads the prose fields of a rule; absent ones are empty."""
    documents = documents_of(rule)
    document = documents[-1] if documents else {}
    return Card(
        description=_text(document.get("description")),
        response=_text(document.get("response")),
        falsepositives=_texts(document.get("falsepositives")),
        known_gaps=_texts(document.get("known_gaps")),
        references=_texts(document.get("references")),
    )


def _text(value: object) -> str:
    return " ".join(str(value).split()) if value else ""


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(_text(item) for item in items if item)
