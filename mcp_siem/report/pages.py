"""Pages of the documentation that are made from the pack: its rules, and the fields of its events."""

from collections.abc import Iterable

from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.card import rule_card
from mcp_siem.rules.rule import Rule, RulePack

__all__ = ["fields_page", "rules_page"]

_MADE = "<!-- Made from the pack by `pytest tests/rules --update-golden`; a test compares. -->\n"


def rules_page(pack: RulePack) -> str:
    """Every rule that alerts: what it sees and why it matters, what it misses, what else looks like it, what to do."""
    rules = [rule for rule in pack if rule.alerts and rule.kind != "filter"]
    head = f"# Rules of {pack.name} {pack.version}\n{_MADE}\n| level | rule |\n|---|---|\n"
    index = "".join(f"| {rule.level} | [{rule.title}](#{rule.stem}) |\n" for rule in rules)
    return head + index + "".join(_rule(rule) for rule in rules)


def _rule(rule: Rule) -> str:
    card = rule_card(rule)
    lines = [f"\n## {rule.stem}", f"**{rule.title}** ({rule.level}). {card.description}", ""]
    if card.response:
        lines += [f"**What to do.** {card.response}", ""]
    lines += _list("What it misses", card.known_gaps) + _list("What else looks like it", card.falsepositives)
    tags = ", ".join(f"`{tag}`" for tag in rule.tags)
    return "\n".join([*lines, f"Tags: {tags}", ""]) if tags else "\n".join(lines)


def _list(title: str, items: Iterable[str]) -> list[str]:
    found = [f"- {item}" for item in items]
    return [f"**{title}**", *found, ""] if found else []


def fields_page(taxonomy: Taxonomy) -> str:
    """Every field of an event, by its first two names; a folded twin is named beside its original."""
    twins = {field.twin_of for field in taxonomy.fields.values() if field.twin_of}
    own = sorted((field for field in taxonomy.fields.values() if field.twin_of is None), key=lambda field: field.name)
    rows = "".join(_row(field, twinned=field.name in twins) for field in own)
    datasets = "".join(
        f"| `{name}` | {', '.join(f'{part}: {value}' for part, value in parts.items())} |\n"
        for name, parts in sorted(taxonomy.datasets.items())
    )
    return (
        f"# Fields of an event\n{_MADE}\n"
        "Tier 1: rules may rely on it. Tier 2: a rule needs it. Tier 3: passed through. A field with a folded twin has a derived\n"
        "sibling `<field>_folded` that rules match and nobody writes.\n\n"
        f"| field | type | tier | origin | meaning |\n|---|---|---|---|---|\n{rows}\n"
        f"## Datasets\n`event.dataset` says which Sigma logsource an event belongs to.\n\n| dataset | logsource |\n|---|---|\n{datasets}"
    )


def _row(field: Field, *, twinned: bool) -> str:
    kind = f"{field.type}{'[]' if field.array else ''}{', folded twin' if twinned else ''}"
    return (
        f"| `{field.name}` | {kind} | {field.tier} | {field.origin} | {field.meaning.replace('|', chr(92) + '|')} |\n"
    )
