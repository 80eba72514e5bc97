"""What Splunk's documentation leaves open, as switches: a search is right only if every reading gives the same answer."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

READINGS = "star_finds_empty null_is_false escapes_whitespace window_is_open ties_reversed"


class UnknownSplError(Exception):
    """The referee does not know this; it never guesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One reading of the documentation.

    - `star_finds_empty`: whether `field=*` finds an empty text (Search Reference, "search": "any value").
    - `null_is_false`: whether a comparison with a missing field is false, so that NOT of it holds, or null, so that NOT
      of it is null too (Search Reference, "where": silent).
    - `escapes_whitespace`: whether `\\t`, `\\n`, `\\r` in a text of eval are the character (Search Manual 10.0, "Types of
      expressions": `\\t` is read as a tab) or stay for the regular expression (Search Manual, "SPL and regular
      expressions").
    - `window_is_open`: whether `streamstats time_window` leaves out the event exactly at its far edge (Search Reference,
      "streamstats": silent).
    - `ties_reversed`: in which order events of one instant come from the index (Search Reference, "sort": silent).
    """

    star_finds_empty: bool = True
    null_is_false: bool = False
    escapes_whitespace: bool = False
    window_is_open: bool = False
    ties_reversed: bool = False


def all_dialects() -> Iterator[Dialect]:
    """Every combination of readings."""
    names = READINGS.split()
    for values in itertools.product((False, True), repeat=len(names)):
        yield Dialect(**dict(zip(names, values, strict=True)))


def single_dialects() -> Iterator[Dialect]:
    """The default, and each other reading alone."""
    yield Dialect()
    yield Dialect(star_finds_empty=False)
    yield Dialect(null_is_false=True)
    yield Dialect(escapes_whitespace=True)
    yield Dialect(window_is_open=True)
    yield Dialect(ties_reversed=True)
