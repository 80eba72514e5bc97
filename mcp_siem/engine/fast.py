"""The fast way to a verdict: every question of every rule is a bit, one walk over the event sets them, one look-up judges.

Nothing here is a second meaning of Sigma: the bits are the tests of `predicates`, the formulas the trees of `nodes`.
The tests compare every verdict with that of the trees, which also make the evidence of what is found here.
"""

from collections.abc import Callable, Mapping, Sequence

from mcp_siem.engine.compile import Detection
from mcp_siem.engine.compiled import CompiledWalk
from mcp_siem.engine.formula import Bits, Verdict, Verdicts, formula_of
from mcp_siem.engine.match import EventView
from mcp_siem.engine.reader import Reader
from mcp_siem.engine.walk import Kept, leaves_of
from mcp_siem.events.event import Event
from mcp_siem.events.fold import fold

__all__ = ["DATASET", "Judge"]

DATASET = "event.dataset"
_LONGEST_KNOWN = 96
_MOST_KNOWN = 8_192

Route = Callable[[str], str | None]
Fits = Callable[[Detection, str], bool]


class Judge:
    """Says which detections hold for an event.

    `bits` are those of the masks of its verdicts. `route` names the datasets that are tried against the same rules, `fits` says whether a rule is one of those;
    `twins` names the original of each folded twin.
    """

    def __init__(self, detections: Sequence[Detection], twins: Mapping[str, str], *, route: Route, fits: Fits) -> None:
        self.bits = bits = Bits()
        self._rules = [(one, formula_of(one.node, bits)) for one in detections]
        self._route, self._fits = route, fits
        self._all = Verdicts(self._rules)
        self._routed: dict[str, Verdicts[Detection]] = {}
        self._by_dataset: dict[str, Verdicts[Detection]] = {}
        self._twins = twins
        readers = _readers(bits, twins)
        self._derived: dict[str, list[_Twin]] = {}
        for name, source in twins.items():
            if name in readers:
                self._derived.setdefault(source, []).append(_Twin(readers[name]))
        self._keywords = Reader(bits.keywords) if bits.keywords else None
        self._references = [
            (bit, bits.filled[node.name] | bits.filled[node.other], node) for node, bit in bits.references.items()
        ]
        self._is_rare = self._keywords is not None or bool(self._references)
        self._walk = CompiledWalk(readers, frozenset({DATASET, *self._derived}))

    def judged(self, event: Event) -> Verdict[Detection]:
        """The detections that hold, in their order."""
        mask, kept = self._walk.read(event.data)
        if self._derived and kept:
            mask |= self._of_twins(mask, kept)
        if self._is_rare:
            mask = self._with_rare(event, mask)
        verdicts = self._all
        if kept:
            name, node = kept[0]
            # one dataset and nothing else, as nearly always
            if len(kept) == 1 and name == DATASET and node.__class__ is str:
                verdicts = self._by_dataset.get(node) or self._of_dataset(node)
            else:
                verdicts = self._of_kept(kept)
        found = verdicts.known.get(mask)
        return verdicts.of(mask) if found is None else found

    def _of_twins(self, walked: int, kept: Kept) -> int:
        """The bits of folded twins that the event does not carry itself."""
        mask = 0
        for name, node in kept:
            for twin in self._derived.get(name, ()):
                if not walked & twin.own:
                    mask |= twin.mask(node)
        return mask

    def _of_kept(self, kept: Kept) -> Verdicts[Detection]:
        """The rules of the event's dataset; all of them if it names none, or several."""
        datasets: list[str] = []
        for name, node in kept:
            if name == DATASET:
                if node.__class__ is str:
                    datasets.append(node)
                else:
                    datasets += [one for one in leaves_of(node) if isinstance(one, str)]
        if len(datasets) != 1:
            return self._all
        return self._by_dataset.get(datasets[0]) or self._of_dataset(datasets[0])

    def _with_rare(self, event: Event, mask: int) -> int:
        """The bits of keywords, which read every value, and of comparisons of two fields."""
        view = EventView(event, self._twins)
        if self._keywords is not None:
            for _, reading in view.leaves():
                mask |= self._keywords.mask(reading.raw)
        for bit, filled, node in self._references:
            if mask & filled == filled and node.holds(view):
                mask |= bit
        return mask

    def _of_dataset(self, dataset: str) -> Verdicts[Detection]:
        route = self._route(dataset)
        verdicts = self._all if route is None else self._of_route(route)
        if len(dataset) <= _LONGEST_KNOWN:
            if len(self._by_dataset) >= _MOST_KNOWN:
                self._by_dataset.clear()
            self._by_dataset[dataset] = verdicts
        return verdicts

    def _of_route(self, route: str) -> Verdicts[Detection]:
        if route not in self._routed:
            self._routed[route] = Verdicts([rule for rule in self._rules if self._fits(rule[0], route)])
        return self._routed[route]


def _readers(bits: Bits, twins: Mapping[str, str]) -> dict[str, Reader]:
    """A reader for each field; a twin always knows whether the event carries it."""
    names = {*bits.tests, *bits.present, *bits.filled}
    for name in names & twins.keys():
        bits.of_presence(name)
    return {
        name: Reader(bits.tests.get(name, {}), present=bits.present.get(name, 0), filled=bits.filled.get(name, 0))
        for name in names
    }


class _Twin:
    """A folded twin that an event does not carry: its reader, asked about the folded original."""

    def __init__(self, reader: Reader) -> None:
        self.own = reader.present
        self._reader = reader
        self._known: dict[str, int] = {}

    def mask(self, node: object) -> int:
        """The bits of the twin, for what stands at its original."""
        mask = self.own
        for leaf in leaves_of(node):
            mask |= self._of_text(leaf) if isinstance(leaf, str) else self._reader.mask(leaf)
        return mask

    def _of_text(self, text: str) -> int:
        if len(text) > _LONGEST_KNOWN:
            return self._reader.mask(fold(text))
        mask = self._known.get(text)
        if mask is None:
            mask = self._reader.mask(fold(text))
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[text] = mask
        return mask
