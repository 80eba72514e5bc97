"""What quality a measured pack must have: `NAME=NUMBER`, a share with `%` or a count."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_siem.errors import UsageError
from mcp_siem.prove.corpus import KINDS
from mcp_siem.prove.measure import Judged, Measured

__all__ = ["DEFAULT_LIMITS", "Limit", "Standing", "parse_limits", "standings"]

DEFAULT_LIMITS = ("calls=1%", "definitions=1%", "sessions=0", "texts=1%", "injected=95%")
_LIMIT = re.compile(r"([a-z_]+)=(\d{1,9}(?:\.\d{1,6})?)(%?)")
_CAUGHT = {"injected": "inject", "malicious": ""}
_HUNDRED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most benign units of a kind that may be flagged, or the least attacks that must be caught."""

    name: str
    number: float
    share: bool

    @property
    def caught(self) -> bool:
        """Says whether it is about attacks, of which more is better."""
        return self.name in _CAUGHT

    def __str__(self) -> str:
        return f"{self.number:g}{' %' if self.share else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A limit with what was measured: `count` of `units`. Nothing measured keeps every limit."""

    limit: Limit
    count: int
    units: int

    @property
    def kept(self) -> bool:
        """Says whether the limit holds."""
        measured = _HUNDRED * self.count / self.units if self.limit.share and self.units else self.count
        return not self.units or (measured >= self.limit.number if self.limit.caught else measured <= self.limit.number)


def parse_limits(given: Iterable[str]) -> tuple[Limit, ...]:
    """The default limits with those given in their place; raises UsageError for one that has no meaning."""
    found = {limit.name: limit for limit in map(_limit, (*DEFAULT_LIMITS, *given))}
    return tuple(found.values())


def _limit(text: str) -> Limit:
    match = _LIMIT.fullmatch(text.replace(" ", ""))
    if match is None or match[1] not in {*KINDS.values(), *_CAUGHT}:
        names = ", ".join([*KINDS.values(), *_CAUGHT])
        raise UsageError(f"{text!r} is no limit", hint=f"write NAME=NUMBER or NAME=NUMBER%; names: {names}")
    return Limit(name=match[1], number=float(match[2]), share=bool(match[3]))


def standings(limits: Sequence[Limit], measured: Sequence[Measured], level: str) -> tuple[Standing, ...]:
    """How the limits stand at this level and above, over all corpora."""
    return tuple(_standing(limit, measured, level) for limit in limits)


def _standing(limit: Limit, measured: Sequence[Measured], level: str) -> Standing:
    if limit.caught:
        # What says the same as a benign call to the byte can be told from it by nobody.
        units = [one for one in _attacks(measured) if _CAUGHT[limit.name] in one.unit.label.casefold()]
        units = [one for one in units if one.twin is None or one.at(level)]
    else:
        kinds: Mapping[str, str] = {name: kind for kind, name in KINDS.items()}
        units = [one for each in measured for one in each.benign if one.unit.kind == kinds[limit.name]]
    return Standing(limit=limit, count=sum(bool(one.at(level)) for one in units), units=len(units))


def _attacks(measured: Sequence[Measured]) -> Iterator[Judged]:
    for each in measured:
        yield from each.attacks
