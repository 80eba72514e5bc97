"""Whether a condition holds for an event by itself: most groups never see a second one."""

from collections.abc import Callable

from mcp_siem.engine.correlation import Correlation, Seen
from mcp_siem.engine.measure import Members, Values, measure_of

__all__ = ["alone_of"]


def alone_of(correlation: Correlation) -> Callable[[Members, Values], bool]:
    """Says of an event whether the condition holds for it by itself."""
    made = measure_of(correlation)
    condition = correlation.condition

    def by_measure(members: Members, values: Values) -> bool:
        return made().enter(0, members, values, 0)

    if isinstance(condition, Seen):
        return by_measure
    passes = condition.passes
    match correlation.type:
        case "event_count" | "temporal_ordered":
            one = passes(1, 1)
            return lambda members, values: one  # noqa: ARG005 - nothing else matters
        case "temporal":
            return lambda members, values: passes(len(members), 1)  # noqa: ARG005 - these are never counted
        case "value_count":
            return lambda members, values: passes(len(set(values)), 1)  # noqa: ARG005
        case _:
            # sum, average and every percentile of one number are that number
            return lambda members, values: passes(values[0], 1) if len(values) == 1 else by_measure(members, values)
