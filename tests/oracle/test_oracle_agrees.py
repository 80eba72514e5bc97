"""The engine against the oracle on random rules and streams, with every scanner: the same verdicts, event by event.

Seeds are fixed, so a failure is the same everywhere. `make full` asks for 100,000 pairs of each kind and more.
"""

import os
import random
import sys
from collections.abc import Callable

import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_siem_engine import answer
from random_rules import Case, random_correlation, random_detection

DEPTH = int(os.environ.get("MCP_SIEM_TEST_DEPTH", "1"))
_BATCH = 60


@pytest.fixture(params=["hyperscan", "re2"])
def scanner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scanner in turn: without the module of Hyperscan the engine takes RE2."""
    if request.param == "re2":
        monkeypatch.setitem(sys.modules, "hyperscan", None)
    else:
        pytest.importorskip("hyperscan", reason="an optional accelerator")


def _compared(case: Case) -> int:
    """How many verdicts the two agree on."""
    expected = oracle.verdicts(case.rules, case.events)
    said = answer({"rules": case.rules, "events": case.events})
    assert "verdicts" in said, (said, case.rules)
    found = [sorted(one, key=repr) for one in said["verdicts"]]
    assert found == expected, (case.rules, case.events)
    return sum(map(len, expected))


def _agreed(make: Callable[[random.Random], Case], first: int) -> int:
    return sum(_compared(make(random.Random(seed))) for seed in range(first, first + _BATCH))


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("first", range(0, 300 * DEPTH, _BATCH))
def test_random_rules_hold_on_the_events_that_the_oracle_names(first: int) -> None:
    assert _agreed(random_detection, first) > _BATCH // 2


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("first", range(0, 120 * DEPTH, _BATCH))
def test_random_correlations_hold_at_the_events_and_for_the_groups_that_the_oracle_names(first: int) -> None:
    assert _agreed(random_correlation, first) > _BATCH * 3


@settings(max_examples=100 * min(20, DEPTH), deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_hypothesis_finds_hard_is_judged_alike(rng: random.Random) -> None:
    _compared(random_detection(rng, events=3))


@settings(max_examples=50 * min(20, DEPTH), deadline=None)
@given(st.randoms(use_true_random=False))
def test_streams_that_hypothesis_finds_hard_are_counted_alike(rng: random.Random) -> None:
    _compared(random_correlation(rng, events=10))
