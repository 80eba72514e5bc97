"""The oracle: Sigma documents and events in, what each event gives out.

A verdict is the title of a rule that matched, or `{"rule": title, "group": {name: text}}` for a correlation that holds
at the event.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from oracle_correlation import Happening, holding
from oracle_detection import detected
from oracle_rules import Known, Values, listed, rules_of

Data = Mapping[str, object]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def verdicts(text: str, events: Sequence[Data], values: Values | None = None) -> list[list[object]]:
    """For each event, in the order they were given, what the rules that alert say of it; titles sorted, then groups."""
    known = rules_of(text, values or {})
    order = list(range(len(events)))
    if any(one.kind == "correlation" for one in known):
        order.sort(key=lambda at: micros(events[at]))
    stream = [_happening(events[at], known) for at in order]
    found: list[list[object]] = [
        [one.title for one, _ in happening.matched if one.alerts] for happening in stream
    ]  # correlations say more below
    for rule in _inner_first(known):
        members = [[one for one in known if name in one.spellings] for name in listed(rule.body["rules"])]
        held = holding(rule, stream, members)
        for happening, said, groups in zip(stream, found, held, strict=True):
            happening.matched.extend((rule, dict(group)) for group in groups)
            said.extend({"rule": rule.title, "group": dict(group)} for group in groups if rule.alerts)
    placed = dict(zip(order, found, strict=True))
    return [sorted(placed[at], key=repr) for at in range(len(events))]


def micros(event: Data) -> int:
    """The time of an event in microseconds since 1970."""
    moment = datetime.fromisoformat(str(event["@timestamp"]))
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _happening(event: Data, known: Sequence[Known]) -> Happening:
    matched = [(one, {}) for one in known if one.kind == "detection" and _matches(one, event)]
    return Happening(time=micros(event) if "@timestamp" in event else 0, event=event, matched=list(matched))


def _matches(rule: Known, event: Data) -> bool:
    """Filters join by `and`; an event that lacks the rule's log source is not our question here."""
    sections = (section for sieve in rule.filters if isinstance(section := sieve["filter"], Mapping))
    return detected(rule.body, event) and all(
        detected({key: value for key, value in section.items() if key != "rules"}, event) for section in sections
    )


def _inner_first(known: Sequence[Known]) -> list[Known]:
    """Correlations after those that they build on."""
    waiting = [one for one in known if one.kind == "correlation"]
    ordered: list[Known] = []
    while waiting:
        ready = [
            one
            for one in waiting
            if not any(other.spellings & set(listed(one.body["rules"])) for other in waiting if other is not one)
        ]
        ordered += ready
        waiting = [one for one in waiting if not any(one is other for other in ready)]
    return ordered
