"""Which part of a rule held on an event, and which values were looked at."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mcp_siem.engine.compile import compile_parsed, parsed_rule
from mcp_siem.engine.correlation import Correlation, read_correlation
from mcp_siem.engine.match import EventView, shown, twins_of
from mcp_siem.engine.nodes import And, Exists, FieldRef, FieldTest, IsNull, Keyword, Named, Node, Not, Or
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.rule import Rule

__all__ = ["MAX_VALUES", "Explanation", "explain"]

MAX_VALUES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One part of a rule in its own words: whether it held, the event's values it looked at, and its parts."""

    part: str
    held: bool
    values: tuple[object, ...] = ()
    children: tuple["Explanation", ...] = ()

    def lines(self, depth: int = 0) -> Iterator[tuple[int, "Explanation"]]:
        """Every part with its depth, in the order of the rule."""
        yield depth, self
        for child in self.children:
            yield from child.lines(depth + 1)


def explain(rule: Rule, event: Event, taxonomy: Taxonomy) -> Explanation:
    """Explains a rule on one event; of a correlation, each rule that it builds on, and the keys it would group by."""
    return _explained(rule, parsed_rule(rule), event, taxonomy)


def _explained(rule: Rule, parsed: Any, event: Event, taxonomy: Taxonomy) -> Explanation:
    title = str(parsed.title)
    if hasattr(parsed, "referenced_rules"):
        return _correlation(title, read_correlation(rule, parsed), parsed, event, taxonomy)
    detection = compile_parsed(rule, parsed, taxonomy)
    view = EventView(event, twins_of(detection.fields, taxonomy))
    routed = _routed(parsed.logsource, event, taxonomy)
    condition = _node(detection.node, view)
    return Explanation(part=title, held=routed.held and condition.held, children=(routed, condition))


def _routed(logsource: Any, event: Event, taxonomy: Taxonomy) -> Explanation:
    parts = {name: getattr(logsource, name) for name in ("category", "product", "service")}
    datasets = [value for value in event.values("event.dataset") if isinstance(value, str)]
    held = len(datasets) != 1 or taxonomy.matches(datasets[0], **parts)
    words = ", ".join(f"{name}: {value}" for name, value in parts.items() if value)
    return Explanation(part=f"logsource {words}", held=held, values=tuple(map(shown, datasets)))


def _correlation(title: str, correlation: Correlation, parsed: Any, event: Event, taxonomy: Taxonomy) -> Explanation:
    rules = {str(one.rule.id): one.rule for one in parsed.referenced_rules}
    bases = tuple(_explained(correlation.rule, base, event, taxonomy) for base in rules.values())
    names = dict.fromkeys(name for member in correlation.members for name in member.group_fields)
    keys = tuple(_group_key(name, event) for name in names)
    held = any(base.held for base in bases) and all(key.held for key in keys)
    words = f"{title}: the event counts for the {correlation.type} of any of"
    return Explanation(part=words, held=held, children=(*bases, *keys))


def _group_key(name: str, event: Event) -> Explanation:
    values = tuple(shown(value) for value in event.values(name) if value is not None)
    return Explanation(part=f"group-by {name}", held=bool(values), values=values[:MAX_VALUES])


def _node(node: Node, view: EventView) -> Explanation:
    return Explanation(
        part=node.part,
        held=node.holds(view),
        values=tuple(islice(_values(node, view), MAX_VALUES)),
        children=tuple(_node(child, view) for child in _children(node)),
    )


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case And() | Or():
            return node.parts
        case Not() | Named():
            return (node.inner,)
        case _:
            return ()


def _values(node: Node, view: EventView) -> Iterator[object]:
    match node:
        case FieldTest() | IsNull() | Exists():
            yield from (shown(reading.raw) for reading in view.readings(node.name))
        case FieldRef():
            yield from (shown(reading.raw) for reading in view.readings(node.name))
            yield from (shown(reading.raw) for reading in view.readings(node.other))
        case Keyword():
            yield from (shown(reading.raw) for _, reading in view.leaves() if node.test.holds(reading))
        case _:
            return
