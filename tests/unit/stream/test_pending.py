import json

from mcp_siem.engine.alert import Evidence
from mcp_siem.engine.hit import Hit
from mcp_siem.events.event import Event
from mcp_siem.stream.pending import Pending, Waiting


def _waiting(time: int, line: int = 1, name: str = "a") -> Waiting:
    event = Event(data={"user.id": ["u"]}, time=time, raw_ref=f"{name}:{line}")
    hit = Hit(
        rule_ids=frozenset({"r"}),
        time=time,
        order=line,
        fields={"user.id": ("u",)},
        event=event,
        evidence=(Evidence(field="user.id", value="u"),),
    )
    return Waiting(hit=hit, origin="o")


def _put(pending: Pending, *times: int, now: float = 0.0, limit: int | None = None) -> None:
    for line, time in enumerate(times, 1):
        pending.put(_waiting(time, line), space=0, now=now, limit=limit)


def _times(given: object) -> list[int]:
    return [waiting.hit.time for waiting in given]  # type: ignore[attr-defined]


def test_hits_come_in_the_order_of_time_once_the_stream_is_later_by_the_lateness() -> None:
    pending = Pending()
    _put(pending, 30, 10, 20)
    assert _times(pending.ready(25, None)) == [10, 20]
    assert _times(pending.ready(31, None)) == [30]
    assert pending.late == 0


def test_hits_of_one_instant_come_in_the_order_of_files_and_lines() -> None:
    pending = Pending()
    pending.put(_waiting(10, 2, "b"), space=1, now=0.0)
    pending.put(_waiting(10, 10, "a"), space=0, now=0.0)
    pending.put(_waiting(10, 9, "a"), space=0, now=0.0)
    assert [waiting.hit.event.raw_ref for waiting in pending.drain()] == ["a:9", "a:10", "b:2"]


def test_a_hit_at_the_watermark_waits_for_others_of_its_instant() -> None:
    pending = Pending()
    _put(pending, 10)
    assert _times(pending.ready(10, None)) == []


def test_an_idle_stream_is_judged_when_its_hits_have_waited_long_enough() -> None:
    pending = Pending()
    _put(pending, 20, now=100.0)
    _put(pending, 10, 40, now=101.0)
    assert _times(pending.ready(None, 99.9)) == []
    assert _times(pending.ready(None, 100.0)) == [10, 20]
    assert _times(pending.ready(None, 101.0)) == [40]


def test_what_comes_after_its_turn_is_counted() -> None:
    pending = Pending()
    _put(pending, 20)
    assert _times(pending.ready(30, None)) == [20]
    _put(pending, 10, 20)
    assert pending.late == 1
    assert _times(pending.drain()) == [10, 20]


def test_a_hit_from_the_future_counts_as_of_the_limit() -> None:
    pending = Pending()
    _put(pending, 10, 10_000, limit=50)
    assert _times(pending.drain()) == [10, 50]
    assert pending.ahead == 1


def test_more_hits_than_may_wait_push_the_earliest_out_and_are_counted() -> None:
    pending = Pending(most=3)
    _put(pending, 50, 40, 30, 20, 10)
    assert _times(pending.ready(None, None)) == [10, 20]
    assert len(pending) == 3
    assert pending.forced == 2


def test_what_waits_is_saved_and_waits_anew() -> None:
    pending = Pending()
    _put(pending, 20, 10, 5)
    list(pending.ready(6, None))
    saved = json.loads(json.dumps(pending.dump()))
    fresh = Pending()
    fresh.load(saved, now=500.0)
    assert fresh.dump() == pending.dump()
    assert _times(fresh.ready(None, 499.0)) == []
    given = list(fresh.ready(None, 500.0))
    assert _times(given) == [10, 20]
    assert given[0].origin == "o"
    assert given[0].hit.evidence == (Evidence(field="user.id", value="u"),)
    assert given[0].hit.fields == {"user.id": ("u",)}
    _put(fresh, 1)
    assert fresh.late == 1
