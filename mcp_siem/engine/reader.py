"""All tests of one field at once: from a value to the bits of the tests that it passes.

Exactly the tests of `predicates`, arranged by what they cost: equality is a look-up, literals are found by one scan,
and only where a needle of a test stands is the test itself asked. Short values are remembered.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, floor, isfinite, isnan
from typing import Any, TypeVar

from mcp_siem.engine.needles import needles_of
from mcp_siem.engine.predicates import AnyText, Cidr, Compare, Contains, Equals, NumberEquals, Test
from mcp_siem.engine.ranges import AddressRanges, NumberRanges
from mcp_siem.engine.scan import PlainScanner, best_scanner
from mcp_siem.engine.values import Reading, fold_case, number_of, text_of

__all__ = ["LONGEST_KNOWN", "Reader", "Tables"]

# Values no longer than this are remembered, so many of them a field; both only decide what is worked out again.
LONGEST_KNOWN = 96
_MOST_KNOWN = 8_192
_LARGEST_KNOWN = 1 << 63
# A better scanner is compiled once a field has been scanned so often: a few events are not worth it.
_SCANS_BEFORE_COMPILING = 200
_NUMBER_STARTS = frozenset("-0123456789")

K = TypeVar("K")
# Of each type of value, how to look up what was met before.
Tables = Mapping[type, Callable[[Any], int | None]]
Asked = tuple[tuple[int, Test], ...]


class Reader:
    """The tests of a field, with their bits. `present` and `filled` are the bits of its presence and of any value."""

    def __init__(self, tests: Mapping[Test, int], *, present: int = 0, filled: int = 0) -> None:
        self.present = present
        self._filled = present | filled
        self._text = self._filled
        self._equal: dict[str, int] = {}
        self._cased: dict[str, int] = {}
        self._numbers: dict[float, int] = {}
        self._raw_numbers: dict[float, int] = {}
        compared: list[tuple[int, Compare]] = []
        others: list[tuple[int, Test]] = []
        addressed: list[tuple[int, Cidr]] = []
        scanned: list[tuple[int, Test]] = []
        for test, bit in tests.items():
            match test:
                case Equals():
                    self._add_equal(test, bit)
                case NumberEquals():
                    _add(self._numbers, test.number, bit)
                case AnyText():
                    self._text |= bit
                case Compare() if isinstance(test.number, int) or not isnan(test.number):
                    compared.append((bit, test))
                case Cidr():
                    addressed.append((bit, test))
                case _:
                    (others if needles_of(test) is None else scanned).append((bit, test))
        self._ranges = NumberRanges(compared) if compared else None
        self._addresses = AddressRanges(addressed) if addressed else None
        self._others = tuple(others)
        self._literals = _Literals(scanned) if scanned else None
        self._longest_equal = max(map(len, self._equal), default=-1)
        self._longest_cased = max(map(len, self._cased), default=-1)
        self._reads_numbers = bool(compared or self._numbers)
        more = (self._equal, self._cased, self._raw_numbers, self._reads_numbers, self._addresses, self._others)
        self._is_all_literals = not any(more)
        self._is_all_addresses = (
            self._addresses is not None
            and self._text == self._filled
            and not any(
                (self._literals, self._equal, self._cased, self._raw_numbers, self._reads_numbers, self._others)
            )
        )
        # 1, 1.0 and True are one key of a dict, so each type has its own
        self._known: dict[type, dict[object, int]] = {str: {}, int: {}, float: {}, bool: {}}
        # what a caller may look up before it asks `mask`; long texts are not worth their hash
        self.remembers_texts = self._literals is None and not self._is_all_addresses
        self.known_text = None if self._is_all_addresses else self._known[str].get
        self.tables: Tables = {
            kind: known.get for kind, known in self._known.items() if kind is not str or self.remembers_texts
        }

    @property
    def steps(self) -> tuple[list[int], list[int]] | None:
        """The masks of whole numbers: `masks[bisect_right(points, number)]`; None if more than order decides them."""
        compared = [] if self._ranges is None else self._ranges.limits
        limits = sorted({*self._numbers, *compared})
        texts = (self._literals, self._equal, self._cased, self._raw_numbers, self._others)
        if any(texts) or self._text != self._filled or not all(map(isfinite, limits)):
            return None
        points = sorted({point for limit in limits for point in (ceil(limit), floor(limit) + 1)})
        inside = [points[0] - 1, *points] if points else [0]
        return points, [self._filled | self._of_number(number) for number in inside]

    def of_text(self, text: str) -> int:
        """The bits for a text."""
        if self._is_all_literals and self._literals is not None and len(text) > LONGEST_KNOWN:
            return self._text | self._literals.mask(text)
        if len(text) > LONGEST_KNOWN or self._is_all_addresses:
            return self._worked_out(text, text)
        known = self._known[str]
        mask = known.get(text)
        return self._remembered(text, known) if mask is None else mask

    def _add_equal(self, test: Equals, bit: int) -> None:
        _add(self._cased if test.cased else self._equal, test.literal, bit)
        if test.number is not None:
            _add(self._raw_numbers, test.number, bit)

    def mask(self, value: object) -> int:
        """The bits for what stands at the field: a value, or a list of any depth of them."""
        known = self._known.get(value.__class__)
        if known is not None:
            return self._of_scalar(value, known)
        if value is None:
            return self.present
        if isinstance(value, list | tuple):
            return self._of_list(value)
        if isinstance(value, Mapping):
            return self._filled  # an object has neither text nor number
        return self._worked_out(value, text_of(value))

    def _of_list(self, values: Sequence[object]) -> int:
        mask = self.present
        pending = [values]
        for some in pending:  # which grows
            for value in some:
                if isinstance(value, list | tuple):
                    pending.append(value)
                else:
                    mask |= self.mask(value)
        return mask

    def _of_scalar(self, value: Any, known: dict[object, int]) -> int:
        kind = value.__class__
        if kind is str:
            return self.of_text(value)
        if kind is int and not -_LARGEST_KNOWN < value < _LARGEST_KNOWN:
            return self._worked_out(value, text_of(value))
        mask = known.get(value)
        return self._remembered(value, known) if mask is None else mask

    def _remembered(self, value: Any, known: dict[object, int]) -> int:
        mask = self._worked_out(value, text_of(value))
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[value] = mask
        return mask

    def _worked_out(self, value: object, text: str | None) -> int:
        mask = self._filled
        if text is not None:
            mask = self._text
            if self._literals is not None:
                mask |= self._literals.mask(text)
                if self._is_all_literals:
                    return mask
            # folding never makes a text shorter
            if len(text) <= self._longest_equal:
                mask |= self._equal.get(fold_case(text), 0)
            if len(text) <= self._longest_cased:
                mask |= self._cased.get(text, 0)
        if self._raw_numbers and not isinstance(value, str):
            number = number_of(value)
            mask |= 0 if number is None else self._raw_numbers.get(number, 0)
        if self._reads_numbers and (not isinstance(value, str) or value[:1] in _NUMBER_STARTS):
            mask |= self._of_number(value)
        if self._addresses is not None and isinstance(value, str):
            mask |= self._addresses.mask(value)
        return mask | _passed(self._others, Reading(value)) if self._others else mask

    def _of_number(self, value: object) -> int:
        number = number_of(value)
        if number is None:
            return 0
        mask = self._numbers.get(number, 0)
        return mask if self._ranges is None else mask | self._ranges.mask(number)


class _Literals:
    """Tests that need literals: one scan, and then only those whose needle was found are asked."""

    def __init__(self, tests: Iterable[tuple[int, Test]]) -> None:
        by_needle: dict[str, list[tuple[int, Test]]] = {}
        for bit, test in tests:
            for needle in needles_of(test) or ():
                by_needle.setdefault(needle, []).append((bit, test))
        self._needles = tuple(by_needle)
        # `contains` is just what a scan finds; whatever else has the needle is asked
        self._sure = [sum({bit for bit, test in found if _is_needle(test)}) for found in by_needle.values()]
        self._asked = [tuple(one for one in found if not _is_needle(one[1])) for found in by_needle.values()]
        self._plain = PlainScanner(self._needles)
        self._scans_left = _SCANS_BEFORE_COMPILING
        self._find: Callable[[str], Sequence[int]] = self._find_first

    def mask(self, text: str) -> int:
        """The bits of the tests that the text passes."""
        found = self._find(text)
        if not found:
            return 0
        mask = 0
        reading = Reading(text)
        for place in found:
            mask |= self._sure[place] | _passed(self._asked[place], reading)
        return mask

    def _find_first(self, text: str) -> Sequence[int]:
        """Counts the scans, and leaves the rest of them to a better scanner once it pays."""
        self._scans_left -= 1
        if self._scans_left <= 0:
            self._find = best_scanner(self._needles).find
            return self._find(text)
        return self._plain.find(text)


def _is_needle(test: Test) -> bool:
    # a scan reads a lone surrogate as `?`
    return isinstance(test, Contains) and not test.cased and "?" not in test.literal


def _passed(asked: Asked, reading: Reading) -> int:
    mask = 0
    for bit, test in asked:
        if test.holds(reading):
            mask |= bit
    return mask


def _add(known: dict[K, int], key: K, bit: int) -> None:
    known[key] = known.get(key, 0) | bit
