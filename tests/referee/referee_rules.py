"""The random pairs of every target: batches of rules and events, of two kinds in turn.

Plain ones have few fields and letters, so that hits and near misses are common, and every modifier. Hostile ones have
the texts that have gone wrong in converted queries.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import elastic_random
import spl_random
import yaml
from referee_cases import Case, Tally, extended, packed

from mcp_siem.engine.engine import Engine
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem.rules.rule import RulePack

__all__ = ["Batch", "batch"]

RULES, EVENTS = 50, 40
_NUMBERS = "first came as a JSON number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rules, each of which is judged over all the events."""

    texts: tuple[str, ...]
    packs: tuple[RulePack, ...]
    events: tuple[Mapping[str, object], ...]
    arrays: tuple[str, ...]
    twins: tuple[str, ...] = ()
    mapped: Mapping[str, object]

    def taxonomy(self, *, arrays: bool) -> Taxonomy:
        """Ours, with the twins of these rules, and their arrays where a target has to know them."""
        return extended(_ours(), self.arrays if arrays else (), self.twins)

    def judge(self, tally: Tally, at: int, notes: Sequence[str], finds: Callable[[int], bool | None]) -> None:
        """Counts every event of the rule at `at`; `finds` says of a place what the target does, None: no clear answer."""
        engine = Engine(replace(self.packs[at], taxonomy=self.taxonomy(arrays=True)))
        for place, event in enumerate(self.events):
            if not _clear(event, notes):
                tally.aside += 1
                continue
            expected = bool(engine.match(Event(data=event, time=0))[0])
            found = finds(place)
            case = Case(
                yaml=self.texts[at], events=(event,), expected=expected, arrays=self.arrays, twins=self.twins,
                mapped=self.mapped,
            )  # fmt: skip
            tally.compare(case, found=not expected if found is None else found)


@cache
def _ours() -> Taxonomy:
    return load_taxonomy(default_pack_dir())


def batch(seed: str, number: int) -> Batch:
    """The same for the same seed and number, whatever the target."""
    choose = random.Random(f"{seed} {number}")
    return _hostile(choose) if number % 2 else _plain(choose)


def _plain(choose: random.Random) -> Batch:
    texts = [spl_random.random_rule(choose, str(choose.random())) for _ in range(RULES)]
    events = tuple(spl_random.random_event(choose) for _ in range(EVENTS))
    mapped = dict.fromkeys(spl_random.NUMBERS, 1)
    return _batch(texts, events, arrays=tuple(spl_random.ARRAYS), twins=("mcp.long",), mapped=mapped)


def _hostile(choose: random.Random) -> Batch:
    rules = [elastic_random.rule(choose, number) for number in range(RULES)]
    texts = [yaml.safe_dump(rule, allow_unicode=True, sort_keys=False) for rule in rules]
    events = tuple(elastic_random.event(choose) for _ in range(EVENTS))
    arrays = {name for event in events for name, value in event.items() if isinstance(value, list)}
    return _batch(texts, events, arrays=tuple(sorted(arrays)), twins=(), mapped={"n": 1})


def _batch(
    texts: Sequence[str],
    events: tuple[Mapping[str, object], ...],
    *,
    arrays: tuple[str, ...],
    twins: tuple[str, ...],
    mapped: Mapping[str, object],
) -> Batch:
    taken = [(text, pack) for text, pack in zip(texts, packed(texts), strict=True) if len(pack)]
    kept, packs = tuple(text for text, _ in taken), tuple(pack for _, pack in taken)
    return Batch(texts=kept, packs=packs, events=events, arrays=arrays, twins=twins, mapped=mapped)


def _clear(event: Mapping[str, object], notes: Sequence[str]) -> bool:
    """Whether no note of the query is about such an event."""
    texts = {note.partition(": ")[0] for note in notes if _NUMBERS in note}
    return elastic_random.comparable(event, notes) and not any(_has_text(event.get(name)) for name in texts)


def _has_text(value: object) -> bool:
    return any(isinstance(item, str) for item in (value if isinstance(value, list) else [value]))
