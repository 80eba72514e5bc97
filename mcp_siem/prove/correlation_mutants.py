"""The mutants of a correlation: its number, span, groups, field and steps, each changed by as little as means something."""

from collections.abc import Iterator
from dataclasses import replace

from mcp_siem.engine.correlation import Correlation, Member, Seen, Threshold
from mcp_siem.prove.mutants import Mutant

__all__ = ["changed_correlations"]


def changed_correlations(one: Correlation) -> Iterator[tuple[Mutant, Correlation]]:
    """Each mutant with the correlation that it is."""
    yield from _numbers(one)
    for word, span in (("halved", one.timespan // 2), ("doubled", one.timespan * 2)):
        yield _mutant("timespan", word), replace(one, timespan=max(1, span))
    yield from _groups(one)
    yield from _steps(one)


def _mutant(part: str, change: str) -> Mutant:
    return Mutant(part=part, change=change)


def _numbers(one: Correlation) -> Iterator[tuple[Mutant, Correlation]]:
    condition = one.condition
    if isinstance(condition, Seen):
        yield _mutant("condition", "turned round"), replace(one, condition=Seen(joined="not", parts=(condition,)))
        return
    for place, (operator, number) in enumerate(condition.bounds):
        for word, other in (("one less", number - 1), ("one more", number + 1)):
            bounds = (*condition.bounds[:place], (operator, other), *condition.bounds[place + 1 :])
            yield _mutant(f"condition: {operator} {number}", word), replace(one, condition=Threshold(bounds=bounds))


def _groups(one: Correlation) -> Iterator[tuple[Mutant, Correlation]]:
    for place, name in enumerate(one.group_by):
        members = tuple(replace(member, group_fields=_without(member.group_fields, place)) for member in one.members)
        yield (
            _mutant(f"group-by: {name}", "dropped"),
            replace(one, group_by=_without(one.group_by, place), members=members),
        )


def _without(names: tuple[str, ...], place: int) -> tuple[str, ...]:
    return (*names[:place], *names[place + 1 :])


def _steps(one: Correlation) -> Iterator[tuple[Mutant, Correlation]]:
    """A rule that the correlation lists is left out, or comes in another order; not where a condition names its rules."""
    members, condition = one.members, one.condition
    if isinstance(condition, Seen) or len(members) == 1:
        return
    for place, member in enumerate(members):
        kept: tuple[Member, ...] = (*members[:place], *members[place + 1 :])
        fewer = condition
        if one.type.startswith("temporal"):
            fewer = Threshold(bounds=tuple((operator, min(number, len(kept))) for operator, number in condition.bounds))
        yield _mutant(f"rules: {place + 1} ({member.rule_id})", "dropped"), replace(one, members=kept, condition=fewer)
    if one.type == "temporal_ordered":
        yield _mutant("rules", "in reverse order"), replace(one, members=members[::-1])
        yield _mutant("type", "without order"), replace(one, type="temporal")
