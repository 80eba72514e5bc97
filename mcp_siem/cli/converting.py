"""Converts a pack to several targets at once: one process each, as far as there are cores."""

import gc
import multiprocessing
import os
from collections.abc import Sequence

from mcp_siem.convert.target import Query, Refusal, Target
from mcp_siem.errors import McpSiemError
from mcp_siem.rules.rule import Rule

__all__ = ["converted"]

Answers = list[Query | Refusal]

_work: tuple[Sequence[Target], Sequence[Rule]] = ((), ())


def converted(targets: Sequence[Target], rules: Sequence[Rule]) -> list[Answers]:
    """For each target what it says of each rule, in their order."""
    # Next to nothing of what a conversion makes is garbage that holds itself.
    gc.freeze()
    gc.set_threshold(100_000)
    cores = min(len(targets), os.cpu_count() or 1)
    if cores < 2 or "fork" not in multiprocessing.get_all_start_methods():  # noqa: PLR2004 - one is this process
        return [_row(target, rules) for target in targets]
    global _work  # noqa: PLW0603 - children have it from the fork: rules cost more to send than to convert
    _work = (targets, rules)
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        rows = pool.map(_nth, range(len(targets)), chunksize=1)
    # What a child cannot convert is done again here, where its error is raised.
    return [_row(target, rules) if row is None else row for target, row in zip(targets, rows, strict=True)]


def _nth(at: int) -> Answers | None:
    targets, rules = _work
    try:
        return _row(targets[at], rules)
    except McpSiemError:
        return None


def _row(target: Target, rules: Sequence[Rule]) -> Answers:
    return [target.query(rule) for rule in rules]
