"""The cases beside a rule: events that must alert, near misses that must not, evasions with their verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from mcp_siem.errors import Issue, PackError
from mcp_siem.rules.files import read_text
from mcp_siem.rules.rule import Rule

__all__ = ["Fixture", "FixtureKind", "Verdict", "load_fixtures", "read_fixtures"]

FixtureKind = Literal["match", "miss", "evade"]
Verdict = Literal["caught", "known gap"]

_KINDS: tuple[FixtureKind, ...] = ("match", "miss", "evade")
_VERDICTS: tuple[Verdict, ...] = ("caught", "known gap")
_TIMES = ("@timestamp", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One case: its events, and in `.evade` files the verdict that they must have."""

    kind: FixtureKind
    case: str | None
    verdict: Verdict | None
    events: tuple[Mapping[str, object], ...]
    path: str
    line: int

    @property
    def alerts(self) -> bool:
        """Says whether the rule must alert on it."""
        return self.kind == "match" or self.verdict == "caught"


def load_fixtures(rule: Rule) -> tuple[Fixture, ...]:
    """The cases of the rule's siblings, in the order of match, miss, evade; PackError with every broken line."""
    fixtures, issues = read_fixtures(rule)
    if issues:
        raise PackError(issues)
    return fixtures


def read_fixtures(rule: Rule) -> tuple[tuple[Fixture, ...], tuple[Issue, ...]]:
    """The cases that can be read, and an issue for each line that cannot."""
    fixtures: list[Fixture] = []
    issues: list[Issue] = []
    for kind in _KINDS:
        file = rule.sibling(f".{kind}.jsonl")
        if not file.is_file():
            continue
        text, unreadable = read_text(file)
        if unreadable:
            issues.append(unreadable)
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                read = _Line(kind=kind, path=str(file), line=number, timed=rule.kind == "correlation").read(line)
                if isinstance(read, Fixture):
                    fixtures.append(read)
                else:
                    issues.append(read)
    return tuple(fixtures), tuple(issues)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Where a case stands, and what it must have there. `timed`: a correlation counts in time."""

    kind: FixtureKind
    path: str
    line: int
    timed: bool

    def read(self, text: str) -> Fixture | Issue:
        try:
            data = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return self._issue(f"not valid JSON: {error}", "write one event, or one array of events, on this line")
        events = data if isinstance(data, list) else [data]
        if not events or not all(isinstance(event, dict) for event in events):
            return self._issue("a case is an event or an array of events", "write JSON objects")
        if self.timed:
            untimed = [number for number, event in enumerate(events, start=1) if not _has_time(event)]
            if untimed:
                hint = "a correlation counts in time: give every event its @timestamp"
                return self._issue(f"event {untimed[0]} of the case has no @timestamp", hint)
        return self._case(events)

    def _case(self, events: list[dict[str, object]]) -> Fixture | Issue:
        case = events[0].get("_case")
        if not isinstance(case, str | None):
            return self._issue("_case must be text", 'write "_case": "what this case is"')
        if any("_case" in event for event in events[1:]):
            return self._issue("_case stands in the first event of an array only", "move it there")
        verdict = next((one for one in _VERDICTS if case and case.lower().startswith(f"{one}:")), None)
        if self.kind == "evade" and verdict is None:
            hint = 'start _case with "caught: " or "known gap: " and say how it was tried'
            return self._issue("an evasion needs a verdict", hint)
        return Fixture(
            kind=self.kind,
            case=case,
            verdict=verdict if self.kind == "evade" else None,
            events=tuple({key: value for key, value in event.items() if key != "_case"} for event in events),
            path=self.path,
            line=self.line,
        )

    def _issue(self, message: str, hint: str) -> Issue:
        return Issue(code="MS301", message=message, path=self.path, line=self.line, hint=hint)


def _has_time(event: Mapping[str, object]) -> bool:
    return any(event.get(key) is not None for key in _TIMES)
