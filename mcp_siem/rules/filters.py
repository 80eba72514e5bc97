"""Sigma filters, joined to a rule as plain selections under names that nothing else uses.

pySigma does this with random names and a rewriting that misses patterns (#472) and names which start with a digit or an
underscore (#231). Here the rule's dictionary is changed before pySigma sees it, so that every target gets the same.
"""

from collections.abc import Callable, Mapping, Sequence

from mcp_siem.rules.condition import named_selections, rewritten

__all__ = ["applies", "with_filters"]

Data = Mapping[str, object]


def _section(data: Data, key: str) -> dict[str, object]:
    section = data.get(key)
    return section if isinstance(section, dict) else {}


def applies(sieve: Data, rule: Data) -> bool:
    """Says whether a filter is meant for a rule: it names the rule or any, and its logsource holds the rule's."""
    if "correlation" in rule or "filter" in rule:
        return False
    wanted, has = _section(sieve, "logsource"), _section(rule, "logsource")
    if any(wanted.get(key) not in (None, has.get(key)) for key in ("category", "product", "service")):
        return False
    names = _section(sieve, "filter").get("rules")
    if names == [] or (isinstance(names, str) and names.lower() == "any"):
        return True
    named = {str(name) for name in (names if isinstance(names, list) else [names])}
    return not named.isdisjoint({str(rule[key]) for key in ("id", "name") if rule.get(key)})


def with_filters(rule: Data, sieves: Sequence[Data]) -> dict[str, object]:
    """The rule with every filter that is meant for it joined by AND to each of its conditions."""
    meant = [sieve for sieve in sieves if applies(sieve, rule)]
    if not meant:
        return dict(rule)
    detection = dict(_section(rule, "detection"))
    conditions = _conditions(detection)
    own = [name for name in detection if name != "condition"]
    conditions = [_closed(condition, own) for condition in conditions]
    for sieve in meant:
        section = _section(sieve, "filter")
        prefix = _prefix(detection)
        names = [name for name in section if name not in ("condition", "rules")]
        detection.update({prefix + name: section[name] for name in names})
        sifted = rewritten(_conditions(section)[0], _renamed(prefix))
        conditions = [f"({condition}) and ({sifted})" for condition in conditions]
    detection["condition"] = conditions if len(conditions) > 1 else conditions[0]
    return {**rule, "detection": detection}


def _conditions(section: Mapping[str, object]) -> list[str]:
    condition = section.get("condition")
    return [str(part) for part in condition] if isinstance(condition, list) else [str(condition)]


def _prefix(detection: Mapping[str, object]) -> str:
    number = 0
    while any(name.startswith(f"_filter{number}_") for name in detection):
        number += 1
    return f"_filter{number}_"


def _renamed(prefix: str) -> Callable[[str, str | None], str]:
    def change(name: str, quantifier: str | None) -> str:
        if quantifier:
            return f"{quantifier} of {prefix}{'*' if name == 'them' else name}"
        return prefix + name

    return change


def _closed(condition: str, own: Sequence[str]) -> str:
    """The condition with patterns like `_*` written out: they would take in the filter's selections."""

    def change(name: str, quantifier: str | None) -> str:
        if quantifier is None:
            return name
        if not name.startswith("_"):
            return f"{quantifier} of {name}"
        found = sorted(named_selections(f"{quantifier} of {name}", own))
        return f"({(' and ' if quantifier == 'all' else ' or ').join(found)})"

    return rewritten(condition, change)
