import random

import pytest

from mcp_siem.stream.spill import SortedRows, merged


def _rows(count: int, spread: int) -> list[tuple[object, ...]]:
    chance = random.Random(7)
    return [
        (at // spread * spread + chance.randrange(2 * spread), 0, at, -1, at, {"of": "no order"}) for at in range(count)
    ]


@pytest.mark.parametrize("spread", [1, 50, 1_000])
def test_rows_come_back_sorted_whatever_was_set_down(spread: int) -> None:
    rows = _rows(1_000, spread)
    store = SortedRows(held=64)
    for row in rows:
        store.extend([row])
    assert list(store.drain()) == sorted(rows, key=lambda row: row[:5])
    assert list(store.drain()) == []


def test_no_more_than_the_limit_is_held_in_memory() -> None:
    store = SortedRows(held=10)
    for row in _rows(95, 1_000):
        store.extend([row])
        assert len(store._rows) < 10
    assert len(store.runs) == 9
    assert len(list(store.drain())) == 95


def test_rows_before_a_time_are_given_away_in_order_and_once() -> None:
    store = SortedRows()
    store.extend([(3, 0, 1), (1, 0, 2), (2, 0, 3)])
    assert store.before(3) == [(1, 0, 2), (2, 0, 3)]
    assert store.before(3) == []
    assert list(store.drain()) == [(3, 0, 1)]


def test_nothing_is_given_away_early_once_something_had_to_be_set_down() -> None:
    store = SortedRows(held=2)
    store.extend([(5, 0, 1, 0, 0), (1, 0, 2, 0, 0)])
    store.extend([(2, 0, 3, 0, 0)])
    assert store.before(9) == []
    assert [row[0] for row in store.drain()] == [1, 2, 5]


def test_runs_of_several_stores_are_merged_and_read_only_when_they_are_due() -> None:
    stores = [SortedRows(held=4) for _ in range(3)]
    rows = [(at, 0, 0, 0, 0) for at in range(60)]
    for at, row in enumerate(rows):
        stores[at % 3].extend([row])
    stored = []
    for store in stores:
        store.spill()
        assert store._file is not None
        stored.append((store._file, store.runs))
    assert list(merged(stored)) == rows
    for store in stores:
        list(store.drain())
