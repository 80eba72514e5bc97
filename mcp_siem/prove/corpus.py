"""A labelled corpus: what is judged as one (`Unit`), and the records that replay it (`Stretch`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mcp_siem.sources.port import Record

__all__ = ["KINDS", "Corpus", "Kind", "Stretch", "Unit", "is_benign"]

Kind = Literal["call", "definition", "session", "text"]
KINDS: Mapping[Kind, str] = {
    "call": "calls",
    "definition": "definitions",
    "session": "sessions",
    "text": "texts",
}
_BENIGN = frozenset(
    {"benign", "tn", "true_negative", "negative", "clean", "normal", "legitimate", "safe", "good", "false"}
)


def is_benign(label: str) -> bool:
    """Says whether the word of a corpus means that nothing should alert."""
    return label.strip().casefold().replace("-", "_").replace(" ", "_") in _BENIGN


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is counted once: a call, a definition, a session or a text, with what the corpus says of it.

    `name` is its class (a scenario, an attack's category); `said` is the call to the byte, so that a malicious call that no
    one can tell from a benign one is known; `about` is what a reader sees of it.
    """

    kind: Kind
    ref: str
    label: str
    name: str = ""
    said: bytes | None = None
    about: str = ""

    @property
    def benign(self) -> bool:
        """Says whether nothing should alert on it."""
        return is_benign(self.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Records that are replayed together, by one source, from an empty memory; `units` finds whose a record is by its ref."""

    source: str
    records: Sequence[Record]
    units: Mapping[str, Unit]

    def unit_of(self, ref: str | None) -> Unit | None:
        """The unit of an event: `FILE:LINE`, or `FILE:LINE/INDEX` of a list."""
        while ref is not None:
            unit = self.units.get(ref)
            if unit is not None:
                return unit
            ref = ref.rpartition("/")[0] or None
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """One file. `shape` is what it was taken for; `units` are in its order; `notes` are words about it."""

    name: str
    shape: str
    units: Sequence[Unit]
    stretches: Sequence[Stretch]
    notes: tuple[str, ...] = ()
