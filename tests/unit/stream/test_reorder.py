from mcp_siem.events.event import Event
from mcp_siem.stream.reorder import Reorder


def _events(order: Reorder, *events: tuple[int | None, str], space: int = 0) -> list[str]:
    out = []
    for time, ref in events:
        out += order.put(Event(data={}, time=time, raw_ref=ref), space=space, weight=1)
    return [str(event.raw_ref) for event in [*out, *order.drain()]]


def test_events_come_out_in_the_order_of_time() -> None:
    assert _events(Reorder(), (3, "f:1"), (1, "f:2"), (2, "f:3")) == ["f:2", "f:3", "f:1"]


def test_events_of_one_instant_stand_in_line_order() -> None:
    told = _events(Reorder(), (1, "f:10"), (1, "f:9/1"), (1, "f:9/0"), (1, "f:9"), (1, "C:\\x:2"))
    assert told == ["C:\\x:2", "f:9", "f:9/0", "f:9/1", "f:10"]


def test_an_event_without_time_stays_behind_the_one_before_it() -> None:
    assert _events(Reorder(), (None, "f:1"), (2, "f:2"), (None, "f:3"), (1, "f:4")) == ["f:1", "f:4", "f:2", "f:3"]
    assert _events(Reorder(), *((None, f"f:{line}") for line in range(1, 13)))[-2:] == ["f:11", "f:12"]


def test_no_more_is_held_than_the_window() -> None:
    order = Reorder(window=10)
    for number in range(1_000):
        list(order.put(Event(data={}, time=-number, raw_ref="f:1"), space=0, weight=1))
        assert len(order) <= 10


def test_no_more_is_held_than_the_weight_allows() -> None:
    order = Reorder(max_weight=100)
    for number in range(100):
        list(order.put(Event(data={}, time=number, raw_ref="f:1"), space=0, weight=30))
        assert len(order) <= 3
    list(order.put(Event(data={}, time=500, raw_ref="f:1"), space=0, weight=1_000))
    assert len(order) == 1
