"""Cases of a rule and events, one a line: what the referee reads, and what it writes down of a difference.

A line is `{"yaml", "event" or "events", "expected"}`. A written one has, where it matters, `arrays` (fields that are
arrays), `twins` (fields with a folded twin) and `mapped` (an event whose types the index saw before).
"""

import json
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from mcp_siem.errors import PackError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import TWIN_SUFFIX, Field, Taxonomy
from mcp_siem.rules.pack import read_pack
from mcp_siem.rules.rule import RulePack
from mcp_siem.sources.event import EventSession
from mcp_siem.sources.port import Record

__all__ = ["Answer", "Case", "CaseError", "Tally", "case_line", "extended", "packed", "read_cases"]


_KEPT = 50
# A random pattern on a twin of which folding leaves nothing: such a rule is refused when it is read.
_FOLDS_TO_NOTHING = "MS212"


class CaseError(Exception):
    """A line that is no case: where, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rule (or a correlation and its base rules), its events in order, and whether it fires."""

    yaml: str
    events: tuple[Mapping[str, object], ...]
    expected: bool | None = None
    arrays: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    mapped: Mapping[str, object] | None = None

    def read(self) -> list[Event]:
        """The events as `--source event` reads them."""
        session = EventSession()
        records = [Record(data=orjson.dumps(dict(event)), ref=str(at)) for at, event in enumerate(self.events)]
        return [item for record in records for item in session.feed(record) if isinstance(item, Event)]

    def pack(self, *, arrays: bool) -> RulePack:
        """The rules; where a target has to know its arrays, a field that holds a list is one."""
        (pack,) = packed([self.yaml])
        if not len(pack):
            raise UsageError("no verb takes the rule: folding leaves nothing of a pattern on a twin")
        lists = {name for event in self.read() for name, value in event.flat().items() if isinstance(value, list)}
        known = {*lists, *self.arrays} if arrays else ()
        return replace(pack, taxonomy=extended(pack.taxonomy, known, self.twins))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a target says of a case: `fired`, `missed` or `refused`, and why if there is something to say."""

    verdict: str
    reason: str = ""


@dataclass(slots=True)
class Tally:
    """What came of many pairs.

    `aside` counts pairs that a note of their query leaves open; they are no part of `pairs`. `kept` has one difference
    of each rule, the first ones, and `codes` why rules were refused.
    """

    wanted: int
    pairs: int = 0
    differences: int = 0
    refused: int = 0
    aside: int = 0
    kept: list[Case] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        """How many pairs are still to come."""
        return self.wanted - self.pairs

    def joined(self, other: "Tally") -> "Tally":
        """Both counted together."""
        return Tally(
            wanted=self.wanted + other.wanted,
            pairs=self.pairs + other.pairs,
            differences=self.differences + other.differences,
            refused=self.refused + other.refused,
            aside=self.aside + other.aside,
            kept=[*self.kept, *other.kept],
            codes=self.codes + other.codes,
        )

    def refuse(self, pairs: int, code: str) -> None:
        """Counts the pairs of a rule that was refused."""
        counted = min(pairs, self.left)
        self.codes[code] += bool(counted)
        self.pairs += counted
        self.refused += counted

    def compare(self, case: Case, *, found: bool) -> None:
        """Counts one pair whose `expected` is the engine's answer."""
        if not self.left:
            return
        self.pairs += 1
        if found is not case.expected:
            self.differences += 1
            if len(self.kept) < _KEPT and all(one.yaml != case.yaml for one in self.kept):
                self.kept.append(case)


def packed(texts: Sequence[str]) -> list[RulePack]:
    """Each text as a pack of its own, read as a user's rules are; one that no verb takes has no rule."""
    names = [f"rule_{at:06}.yml" for at in range(len(texts))]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in zip(names, texts, strict=True):
            (Path(folder) / name).write_text(text, encoding="utf-8")
        loaded = read_pack([Path(folder)])
    other = [issue for issue in loaded.issues if issue.code != _FOLDS_TO_NOTHING]
    if other:
        raise PackError(other)
    whole = loaded.pack
    return [replace(whole, rules=tuple(rule for rule in whole if Path(rule.path).name == name)) for name in names]


def extended(taxonomy: Taxonomy, arrays: Collection[str], twins: Collection[str]) -> Taxonomy:
    """The taxonomy that knows more arrays, whose twins are arrays too, and more fields with a twin."""
    fields = dict(taxonomy.fields)
    sources = {name: field.twin_of for name, field in fields.items()}
    sources |= {f"{name}{TWIN_SUFFIX}": name for name in twins}
    for name in {*arrays, *sources}:
        source = sources.get(name)
        known = fields.get(name) or Field(name=name, type="keyword", meaning="-", origin="ours", tier=1, twin_of=source)
        fields[name] = replace(known, array=known.array or name in arrays or source in arrays)
    return replace(taxonomy, fields=fields)


def case_line(case: Case) -> str:
    """The case as a line that `read_cases` reads."""
    line: dict[str, object] = {"yaml": case.yaml}
    line |= {"event": case.events[0]} if len(case.events) == 1 else {"events": case.events}
    line["expected"] = case.expected
    line |= {name: value for name in ("arrays", "twins", "mapped") if (value := getattr(case, name))}
    return json.dumps(line)


def read_cases(path: Path) -> list[Case]:
    """All cases of a file; CaseError names the first line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise CaseError(f"{path}: {fault}") from fault
    cases = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                cases.append(_case(json.loads(line)))
            except (ValueError, TypeError) as fault:
                raise CaseError(f"{path}:{number}: {fault}") from fault
    return cases


def _case(value: object) -> Case:
    if not isinstance(value, dict) or not isinstance(value.get("yaml"), str):
        raise ValueError('a case is {"yaml", "event" or "events", "expected"}')  # noqa: TRY004 - one error for a bad line
    events = value["events"] if "events" in value else [value.get("event")]
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise ValueError("an event is a JSON object")
    expected = value.get("expected")
    if not isinstance(expected, bool | None):
        raise ValueError("expected is true or false")  # noqa: TRY004 - see above
    names = {name: tuple(value.get(name, ())) for name in ("arrays", "twins")}
    return Case(yaml=value["yaml"], events=tuple(events), expected=expected, mapped=value.get("mapped"), **names)
