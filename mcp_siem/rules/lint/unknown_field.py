"""A field that no event has: the rule would be silent for ever."""

import difflib
from collections.abc import Iterator

from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.lint.subject import Check, Fault, Keys, Subject

__all__ = ["CHECK", "is_known", "named_fields"]


def named_fields(subject: Subject) -> Iterator[tuple[str, Keys]]:
    """Every field that a rule reads or shows, and where it says so; aliases are names of its own."""
    for item in subject.items():
        if item.field:
            yield item.field, item.at
        if "fieldref" in item.modifiers:
            yield from ((str(value), item.at) for value in item.values)
    yield from _correlation_fields(subject)
    shown = subject.data.get("fields")
    for index, field in enumerate(shown if isinstance(shown, list) else []):
        yield str(field), ("fields", index)


def _correlation_fields(subject: Subject) -> Iterator[tuple[str, Keys]]:
    node = subject.correlation
    aliases = node.get("aliases")
    named = aliases if isinstance(aliases, dict) else {}
    for index, field in enumerate(subject.group_by()):
        if field not in named:
            yield field, ("correlation", "group-by", index)
    for alias, mapping in named.items():
        for rule, field in mapping.items() if isinstance(mapping, dict) else ():
            yield str(field), ("correlation", "aliases", alias, rule)
    condition = node.get("condition")
    counted = condition.get("field") if isinstance(condition, dict) else None
    for name in counted if isinstance(counted, list) else [counted]:
        if name and name not in named:
            yield str(name), ("correlation", "condition", "field")


def is_known(name: str, taxonomy: Taxonomy) -> bool:
    """Says whether a field is in the taxonomy, or a sub-key of one that takes any."""
    if name in taxonomy.fields:
        return True
    parents = (name[:cut] for cut, char in enumerate(name) if char == ".")
    return any((field := taxonomy.fields.get(parent)) and field.type == "flattened" for parent in parents)


def _run(subject: Subject) -> Iterator[Fault]:
    for name, at in named_fields(subject):
        if not is_known(name, subject.taxonomy):
            close = difflib.get_close_matches(name, subject.taxonomy.fields, n=1)
            hint = f"did you mean '{close[0]}'?" if close else "use a field of taxonomy.toml, or add it there"
            yield Fault(at=at, message=f"the field '{name}' is not in the taxonomy", hint=hint)


CHECK = Check(code="MS201", says="every field is in the taxonomy", severity="error", run=_run)
