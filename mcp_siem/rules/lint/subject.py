"""What a lint check is given, and how it says what it found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.finding import Severity
from mcp_siem.rules.fixtures import Fixture
from mcp_siem.rules.rule import LogSource, Rule
from mcp_siem.rules.yamltext import Document

__all__ = ["Check", "Fault", "Item", "Subject"]

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One hit of a check: at which key of the document, in which words, and what to do next."""

    at: Keys
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One `field|modifiers: values` of a detection; `field` is None for keywords."""

    at: Keys
    field: str | None
    modifiers: tuple[str, ...]
    values: Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One rule with its document as written, the rules it is based on, and its fixtures."""

    rule: Rule
    document: Document
    bases: tuple[Rule, ...]
    fixtures: tuple[Fixture, ...]
    taxonomy: Taxonomy
    reached: int = 0

    @property
    def data(self) -> Mapping[str, object]:
        """The rule's own document."""
        return self.document.data if isinstance(self.document.data, dict) else {}

    @property
    def ours(self) -> bool:
        """Says whether the rule is held to this project's own conventions."""
        return self.data.get("taxonomy") == "mcp"

    @property
    def section(self) -> str:
        """The key under which the selections stand."""
        return "filter" if self.rule.kind == "filter" else "detection"

    @property
    def correlation(self) -> Mapping[str, object]:
        """The correlation section, empty if there is none."""
        node = self.data.get("correlation")
        return node if isinstance(node, dict) else {}

    @property
    def selections(self) -> Mapping[str, object]:
        """The selections by name."""
        node = self.data.get(self.section)
        reserved = {"condition", "rules"} if self.section == "filter" else {"condition"}
        return {name: value for name, value in node.items() if name not in reserved} if isinstance(node, dict) else {}

    def items(self) -> Iterator[Item]:
        """Every item of every selection, in the order written."""
        for name, value in self.selections.items():
            yield from _items(value, (self.section, name))

    def group_by(self) -> list[str]:
        """The fields that a correlation groups by."""
        node = self.correlation.get("group-by")
        return [str(field) for field in (node if isinstance(node, list) else [node] if node else [])]

    def sources(self) -> list[LogSource]:
        """The logsources whose events the rule sees: its own, or those of its base rules."""
        return [rule.logsource for rule in (self.rule, *self.bases) if rule.logsource is not None]


def _items(node: object, at: Keys) -> Iterator[Item]:
    if isinstance(node, dict):
        for key, value in node.items():
            field, *modifiers = key.split("|")
            values = value if isinstance(value, list) else [value]
            yield Item(at=(*at, key), field=field or None, modifiers=tuple(modifiers), values=values)
    elif isinstance(node, list) and any(isinstance(item, dict | list) for item in node):
        for index, item in enumerate(node):
            yield from _items(item, (*at, index))
    else:
        yield Item(at=at, field=None, modifiers=(), values=node if isinstance(node, list) else [node])


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check. `ours`: it holds for rules with `taxonomy: mcp` only."""

    code: str
    says: str
    severity: Severity
    run: Callable[[Subject], Iterator[Fault]]
    ours: bool = True
