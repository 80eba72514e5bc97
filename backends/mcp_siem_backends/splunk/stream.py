"""A correlation as data, and its search in the making: what every kind of window writes alike.

A correlation that another builds on is worked out first, on the same rows: `flag` marks those that are its business, its
groups are apart from all other rows, and where it holds becomes a mark like that of a rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_siem_backends.splunk.bounds import note
from mcp_siem_backends.splunk.predicate import Node
from mcp_siem_backends.splunk.scope import Scope
from mcp_siem_backends.splunk.spl import eval_field, list_field

__all__ = ["LONGEST_WINDOW", "BaseRule", "Correlation", "Writing", "values_by_rule"]

# limits.conf, [streamstats] max_stream_window
LONGEST_WINDOW = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRule:
    """A rule that the correlation builds on, or a correlation (`inner`, which has no scope and no node of its own);
    `keys` and `counted` are the fields that its events hold them in.
    """

    scope: Scope | None = None
    node: Node | None = None
    keys: tuple[str, ...]
    counted: tuple[str, ...] = ()
    inner: "Correlation | None" = None


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


@dataclass(slots=True, kw_only=True)
class Writing:
    """A search in the making: its commands after the first, and the names of the group's keys.

    `marks` are the fields that say of each base rule, in order, whether an event matches it. `label` and `flag` are set
    for a correlation that another builds on.
    """

    correlation: Correlation
    lines: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    marks: tuple[str, ...] = ()
    label: str = ""
    flag: str | None = None

    def name(self, what: str) -> str:
        """A field of our own, of this correlation alone."""
        return f"mcp_siem_{self.label}{what}"

    def mark(self, place: int) -> str:
        """The field that says whether an event matches the rule at a place of the list, from 1."""
        return self.marks[place - 1]

    def require(self, condition: str) -> None:
        """Leaves out rows that the correlation is not about."""
        if self.flag is None:
            self.add(f"where {condition}")
        else:
            self.add(f"eval {self.flag}=if({self.flag}=1 AND {condition}, 1, 0)")

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
        if (said := note(code)) not in self.notes:
            self.notes.append(said)

    def since(self, name: str) -> str:
        """Says of a time in the field `name` that it lies in the window of the event."""
        return f"{name}>=_time-{self.correlation.seconds}"

    def threshold(self, at_least: Callable[[int], str]) -> str:
        """The condition by `at_least`, which says of a number that the measure reaches it."""
        sign, count = self.correlation.sign, self.correlation.count
        match sign:
            case ">=":
                return at_least(count)
            case ">":
                return at_least(count + 1)
            case "<":
                return f"NOT ({at_least(count)})"
            case "<=":
                return f"NOT ({at_least(count + 1)})"
            case "=":
                return f"({at_least(count)}) AND NOT ({at_least(count + 1)})"
            case _:
                return f"NOT ({at_least(count)}) OR ({at_least(count + 1)})"


def values_by_rule(writing: Writing, fields: Sequence[str]) -> str:
    """The values of all fields whose rule the event matches, each field once."""
    if len(set(fields)) == 1:
        return eval_field(fields[0])
    places = {name: [place for place, one in enumerate(fields, 1) if one == name] for name in fields}
    found = [
        f"if({' OR '.join(f'{writing.mark(place)}=1' for place in own)}, {eval_field(name)}, null())"
        for name, own in places.items()
    ]
    return f"mvappend({', '.join(found)})"
