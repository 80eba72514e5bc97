"""Where a number lies among the limits of many tests: one search instead of one comparison a test.

`NumberRanges` means what `Compare` means, `AddressRanges` what `Cidr` means; both are asked of what was parsed once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from ipaddress import IPv4Network

from mcp_siem.engine.predicates import OPERATORS, Cidr, Compare
from mcp_siem.engine.values import Reading

__all__ = ["AddressRanges", "NumberRanges"]

_OCTETS = {str(octet): octet for octet in range(256)}
_LONGEST_IPV4 = 15
_MOST_BEGINNINGS = 4_096


class NumberRanges:
    """Comparisons of one value with many numbers."""

    def __init__(self, tests: Sequence[tuple[int, Compare]]) -> None:
        self.limits = sorted({test.number for _, test in tests})
        # the bits below the first limit, at it, between it and the next, at that, ... and above the last
        self._at = [_passed(tests, limit, "at") for limit in self.limits]
        self._below = [_passed(tests, limit, "below") for limit in self.limits]
        self._above = _passed(tests, self.limits[-1], "above") if tests else 0

    def mask(self, number: float) -> int:
        """The bits of the comparisons that the number passes."""
        place = bisect_left(self.limits, number)
        if place == len(self.limits):
            return self._above
        return self._at[place] if self.limits[place] == number else self._below[place]


def _passed(tests: Sequence[tuple[int, Compare]], limit: float, side: str) -> int:
    """The bits that hold at a limit, just below it (down to the next one), or above it."""
    mask = 0
    for bit, test in tests:
        if side == "at" or test.number != limit:
            held = OPERATORS[test.operator](limit, test.number)
        else:
            held = test.operator in (("lt", "lte", "neq") if side == "below" else ("gt", "gte", "neq"))
        mask |= bit if held else 0
    return mask


class AddressRanges:
    """Networks that a text may be an address of. Plain IPv4 is found by its number, everything else asked as it is."""

    def __init__(self, tests: Sequence[tuple[int, Cidr]]) -> None:
        self._tests = tests
        found = [(bit, test.network) for bit, test in tests if isinstance(test.network, IPv4Network)]
        spans = [(bit, int(one.network_address), int(one.broadcast_address) + 1) for bit, one in found]
        self._points = sorted({point for _, *span in spans for point in span})
        self._masks = [0]
        for point in self._points:
            self._masks.append(sum({bit for bit, start, end in spans if start <= point < end}))
        self._begins = _beginnings([network for _, network in found])

    def mask(self, text: str) -> int:
        """The bits of the networks that the text is an address of."""
        if (
            self._begins is not None
            and text[: text.find(".", text.find(".") + 1)] not in self._begins
            and ":" not in text
        ):
            return 0
        if len(text) <= _LONGEST_IPV4 and text.count(".") == 3 and ":" not in text:  # noqa: PLR2004 - four octets
            number = 0
            for part in text.split("."):
                octet = _OCTETS.get(part)
                if octet is None:
                    return 0
                number = number << 8 | octet
            return self._masks[bisect_right(self._points, number)]
        if ":" not in text:
            return 0
        reading = Reading(text)
        return sum({bit for bit, test in self._tests if test.holds(reading)})


def _beginnings(networks: Sequence[IPv4Network]) -> frozenset[str] | None:
    """The first two octets, as written, that addresses of the networks can have; None if these are too many."""
    spans = [(int(one.network_address) >> 16, int(one.broadcast_address) >> 16) for one in networks]
    if sum(last - first + 1 for first, last in spans) > _MOST_BEGINNINGS:
        return None
    return frozenset(f"{half >> 8}.{half & 255}" for first, last in spans for half in range(first, last + 1))
