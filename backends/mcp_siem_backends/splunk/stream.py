"""A correlation as data, and its search in the making: what every kind of window writes alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_siem_backends.splunk.bounds import note
from mcp_siem_backends.splunk.predicate import Node
from mcp_siem_backends.splunk.scope import Scope
from mcp_siem_backends.splunk.spl import eval_field, list_field

__all__ = ["LONGEST_WINDOW", "BaseRule", "Correlation", "Writing", "mark", "values_by_rule"]

# limits.conf, [streamstats] max_stream_window
LONGEST_WINDOW = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRule:
    """A rule that the correlation builds on; `keys` and `counted` are the fields that its events hold them in."""

    scope: Scope
    node: Node
    keys: tuple[str, ...]
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """One correlation as data. `expression` is an extended condition, else `sign` and `count` are the condition."""

    kind: str
    bases: tuple[BaseRule, ...]
    group_by: tuple[str, ...]
    seconds: int
    sign: str | None
    count: int
    percentile: int = 50
    expression: Any = None


@dataclass(slots=True)
class Writing:
    """A search in the making: its commands after the first, and the names of the group's keys."""

    correlation: Correlation
    lines: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def by(self) -> str:
        """The clause that parts the groups."""
        return f" BY {' '.join(list_field(key) for key in self.keys)}" if self.keys else ""

    @property
    def own_window(self) -> str:
        """The option that gives every group a window of its own."""
        return " global=f" if self.keys else ""

    def add(self, line: str) -> None:
        """One more command."""
        self.lines.append(line)

    def note(self, code: str) -> None:
        """One more reservation; `code` is a key of BOUNDS."""
        self.notes.append(note(code))

    def since(self, name: str) -> str:
        """Says of a time in the field `name` that it lies in the window of the event."""
        return f"{name}>=_time-{self.correlation.seconds}"

    def threshold(self, at_least: Any) -> str:
        """The condition as one on `at_least`, which says of a number that the measure reaches it; asks it only once each."""
        sign, count = self.correlation.sign, self.correlation.count
        match sign:
            case ">=":
                return str(at_least(count))
            case ">":
                return str(at_least(count + 1))
            case "<":
                return f"NOT ({at_least(count)})"
            case "<=":
                return f"NOT ({at_least(count + 1)})"
            case "=":
                return f"({at_least(count)}) AND NOT ({at_least(count + 1)})"
            case _:
                return f"NOT ({at_least(count)}) OR ({at_least(count + 1)})"


def mark(place: int) -> str:
    """The field that says whether an event matches the rule at a place of the list, from 1."""
    return f"mcp_siem_rule{place}"


def values_by_rule(fields: Sequence[str]) -> str:
    """The values of all fields whose rule the event matches, each field once."""
    if len(set(fields)) == 1:
        return eval_field(fields[0])
    places = {name: [place for place, one in enumerate(fields, 1) if one == name] for name in fields}
    found = [
        f"if({' OR '.join(f'{mark(place)}=1' for place in own)}, {eval_field(name)}, null())"
        for name, own in places.items()
    ]
    return f"mvappend({', '.join(found)})"
