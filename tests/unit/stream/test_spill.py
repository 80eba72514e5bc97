import random

from mcp_siem.engine.alert import Evidence
from mcp_siem.engine.hit import Hit, MemoryStore
from mcp_siem.events.event import Event
from mcp_siem.stream.spill import SpillingStore


def _hits(count: int) -> list[Hit]:
    chance = random.Random(7)
    return [
        Hit(
            rule_ids=frozenset({"a"}),
            time=chance.randrange(count // 3),
            order=order,
            fields={"mcp.principal": (f"p{order % 5}", 7)},
            event=Event(data={"mcp.principal": [f"p{order % 5}"]}, time=1, raw_ref=f"f:{order}"),
            evidence=(Evidence(field="x", value=True),),
        )
        for order in range(count)
    ]


def test_hits_come_back_sorted_by_time_and_place_whatever_was_set_down() -> None:
    hits = _hits(1_000)
    spilling, memory = SpillingStore(held=64), MemoryStore()
    for hit in hits:
        spilling.add(hit)
        memory.add(hit)
    assert list(spilling.drain()) == list(memory.drain())
    assert list(spilling.drain()) == []


def test_no_more_than_the_limit_is_held_in_memory() -> None:
    store = SpillingStore(held=10)
    for hit in _hits(95):
        store.add(hit)
    assert len(store._hits) < 10
    assert len(store._runs) == 9
    assert len(list(store.drain())) == 95
