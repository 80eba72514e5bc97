"""Correlations against an oracle: what a window means, worked out from scratch at every event, quadratic and plain."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import pytest

from mcp_siem.engine import counting
from mcp_siem.engine import window as windows
from mcp_siem.engine.bounds import BOUND_STEM, Bound
from mcp_siem.engine.correlate import Correlator
from mcp_siem.engine.correlation import Correlation, Member, Threshold
from mcp_siem.engine.hit import Hit
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import Rule

SECOND = 1_000_000
TYPES = (
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
)


_COMPARE = {
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
}
_NUMERIC = ("value_sum", "value_avg", "value_percentile", "value_median")


@dataclass(frozen=True)
class Happening:
    """An event: its time, the rules it matched, its fields (lists of values)."""

    time: int
    rules: frozenset[str]
    fields: dict[str, list[object]]


@dataclass(frozen=True)
class Case:
    """A correlation, over rules that all read the same fields."""

    type: str
    rules: tuple[str, ...]
    timespan: int
    group_by: tuple[str, ...]
    operator: str
    number: int
    counted: str = "v"
    percentile: int = 50


def _due(case: Case, events: Sequence[Happening], *, every: bool) -> list[tuple[int, tuple[str, ...]]]:
    """The place of each event at which an alert is due, with the group; `events` are in order."""
    found = []
    keys = {key for event in events for key in _keys(case, event)}
    for key in sorted(keys):
        mine = [(at, event) for at, event in enumerate(events) if key in _keys(case, event) and _counts(case, event)]
        alerted = False
        for place, (at, event) in enumerate(mine):
            floor = event.time - case.timespan
            before = [other for _, other in mine[:place] if other.time >= floor]
            alerted = alerted and _holds(case, before)
            now = _holds(case, [*before, event])
            if now and (every or not alerted):
                found.append((at, key))
            alerted = now
    return sorted(found)


def _keys(case: Case, event: Happening) -> set[tuple[str, ...]]:
    if not event.rules & set(case.rules):
        return set()
    return set(itertools.product(*({str(value) for value in event.fields.get(name, [])} for name in case.group_by)))


def _counts(case: Case, event: Happening) -> bool:
    if case.type in _NUMERIC:
        return bool(list(_numbers(case, event)))
    return case.type != "value_count" or bool(event.fields.get(case.counted))


def _numbers(case: Case, event: Happening) -> Iterator[Fraction]:
    for value in event.fields.get(case.counted, []):
        try:
            yield Fraction(value)
        except ValueError:
            continue


def _holds(case: Case, window: Sequence[Happening]) -> bool:
    return bool(window) and _COMPARE[case.operator](_measure(case, window), case.number)


def _measure(  # noqa: PLR0911 - one return per type
    case: Case, window: Sequence[Happening]
) -> Fraction | int:
    numbers = sorted(number for event in window for number in _numbers(case, event))
    match case.type:
        case "event_count":
            return len(window)
        case "value_count":
            return len({str(value) for event in window for value in event.fields[case.counted]})
        case "temporal":
            return sum(any(rule in event.rules for event in window) for rule in case.rules)
        case "temporal_ordered":
            return _longest(case.rules, window)
        case "value_sum":
            return sum(numbers)
        case "value_avg":
            return sum(numbers) / len(numbers)
        case "value_median":
            return (numbers[(len(numbers) - 1) // 2] + numbers[len(numbers) // 2]) / 2
    place = Fraction(case.percentile, 100) * (len(numbers) - 1)
    low, high = numbers[int(place)], numbers[-(-place.numerator // place.denominator)]
    return low + (high - low) * (place - int(place))


def _longest(rules: tuple[str, ...], window: Sequence[Happening]) -> int:
    """The most rules, by trying every choice of them, each taking the first event it can."""
    for count in range(len(rules), 0, -1):
        for choice in itertools.combinations(rules, count):
            rest = iter(window)
            if all(any(rule in event.rules for event in rest) for rule in choice):
                return count
    return 0


def _correlation(case: Case, name: str = "c") -> Correlation:
    rule = Rule(
        id=name,
        name=None,
        stem=name,
        title="c",
        level="high",
        status="test",
        kind="correlation",
        tags=(),
        logsource=None,
        text="",
        digest="",
        path="c.yml",
        line=1,
    )
    counted = () if case.type in ("event_count", "temporal", "temporal_ordered") else (case.counted,)
    return Correlation(
        rule=rule,
        type=case.type,
        members=tuple(Member(rule_id=one, group_fields=case.group_by, counted_fields=counted) for one in case.rules),
        timespan=case.timespan,
        group_by=case.group_by,
        condition=Threshold(bounds=((case.operator, case.number),)),
        percentile=case.percentile,
    )


def _hit(at: int, event: Happening) -> Hit:
    fields = {name: tuple(values) for name, values in event.fields.items()}
    if at % 4:  # as most hits are; others have an event of their own
        return Hit.light(event.rules, event.time, at, fields, str(at), ())
    seen = Event(data={}, time=event.time, raw_ref=str(at))
    return Hit(rule_ids=event.rules, time=event.time, order=at, fields=fields, event=seen, evidence=())


def _streamed(case: Case, events: list[Happening], *, every: bool) -> list[tuple[int, tuple[str, ...]]]:
    correlator = Correlator([_correlation(case)], every=every)
    found = []
    for at, event in enumerate(events):
        fired = correlator.feed(_hit(at, event))
        found += [(at, tuple(str(value) for value in alert.group.values())) for alert in fired]
    return sorted(found)


def _values(rnd: random.Random, choices: list[object]) -> list[object]:
    return rnd.choices(choices, k=rnd.choice((0, 1, 1, 1, 2, 3)))


def _stream(rnd: random.Random, timespan: int) -> list[Happening]:
    """Bursts whose distances lie around the timespan, to the microsecond, with ties."""
    events = []
    time = 0
    for _ in range(rnd.randint(1, 14)):
        time += rnd.choice((0, 0, 1, timespan // 3, timespan - 1, timespan, timespan + 1, 2 * timespan))
        fields = {
            "u": _values(rnd, ["a", "A", "b", 7, "7"]),
            "h": _values(rnd, ["x", "y"]),
            "v": _values(rnd, ["p", "P", "q", 1, 2, 3.5, "-4", "2"]),
        }
        rules = frozenset(rnd.sample(("r1", "r2", "r3", "other"), k=rnd.choice((1, 1, 2, 3))))
        events.append(Happening(time=time, rules=rules, fields=fields))
    return events


def _case(rnd: random.Random, kind: str) -> Case:
    return Case(
        type=kind,
        rules=tuple(rnd.choices(("r1", "r2", "r3"), k=rnd.randint(1, 4))),
        timespan=rnd.choice((10, 30 * SECOND)),
        group_by=rnd.choice(((), ("u",), ("u", "h"))),
        operator=rnd.choice(("gte", "gte", "gte", "gt", "lt", "lte", "eq", "neq")),
        number=rnd.randint(0, 4),
        percentile=rnd.choice((0, 10, 50, 75, 99, 100)),
    )


@pytest.mark.parametrize("kind", TYPES)
def test_streaming_agrees_with_working_it_out_from_scratch(kind: str) -> None:
    rnd = random.Random(kind)
    fired = 0
    for _ in range(700):
        case = _case(rnd, kind)
        events = _stream(rnd, case.timespan)
        for every in (False, True):
            expected = _due(case, events, every=every)
            assert _streamed(case, events, every=every) == expected, (case, events)
            fired += len(expected)
    assert fired > 500


def test_correlations_side_by_side_agree_with_each_by_itself() -> None:
    rnd = random.Random("together")
    fired = 0
    for _ in range(400):
        cases = [_case(rnd, rnd.choice(TYPES)) for _ in range(6)]
        events = _stream(rnd, rnd.choice(cases).timespan)
        taken_down = rnd.randrange(2 * len(events))
        correlator = Correlator([_correlation(case, f"c{at}") for at, case in enumerate(cases)], every=bool(fired % 2))
        found: list[tuple[int, str, tuple[str, ...]]] = []
        for at, event in enumerate(events):
            if at == taken_down:  # as where a limit is near: that changes no verdict
                for shelf in list(correlator._shelves):
                    correlator._take_down(shelf)
            fired_now = correlator.feed(_hit(at, event))
            found += [(at, alert.stem, tuple(map(str, alert.group.values()))) for alert in fired_now]
            assert [alert.stem for alert in fired_now] == sorted(alert.stem for alert in fired_now)
        expected = [
            (at, f"c{place}", key)
            for place, case in enumerate(cases)
            for at, key in _due(case, events, every=bool(fired % 2))
        ]
        assert sorted(found) == sorted(expected), (cases, events)
        fired += len(found)
    assert fired > 500


def test_a_late_hit_counts_as_of_the_newest_time() -> None:
    case = Case("event_count", ("r1",), 10, (), "gte", 2)
    correlator = Correlator([_correlation(case)], every=False)
    event = Happening(time=100, rules=frozenset({"r1"}), fields={})
    assert correlator.feed(_hit(0, event)) == []
    assert len(correlator.feed(_hit(1, Happening(time=50, rules=event.rules, fields={})))) == 1


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_let_go_because_no_verdict_needs_it_changes_none(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_THINNED_AT", 2)
    monkeypatch.setattr(windows, "MAX_SHOWN", 1)
    rnd = random.Random(kind)
    for _ in range(700):
        case = _case(rnd, kind)
        events = _stream(rnd, case.timespan)
        for every in (False, True):
            assert _streamed(case, events, every=every) == _due(case, events, every=every), (case, events)


def _feed(correlator: Correlator, time: int, **fields: object) -> list[str]:
    happening = Happening(time=time, rules=frozenset({"r1"}), fields={name: [one] for name, one in fields.items()})
    return [alert.stem for alert in correlator.feed(_hit(time, happening))]


def _group_sizes(correlator: Correlator) -> list[int]:
    groups = correlator._runs[0].windows._groups.values()
    sizes = [len(group.window) if isinstance(group, windows.Group) else 1 for group in groups]
    rows = [row for shelf in correlator._shelves for row in shelf._rows.values()]
    return sizes + [
        max(len(slot) for slot in row if isinstance(slot, list)) if isinstance(row, list) else 1 for row in rows
    ]


COUNT_5 = Case("event_count", ("r1",), 10**9, ("u",), "gte", 5)


def test_a_flood_of_keys_does_not_push_out_a_group_close_to_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_GROUPS", 40)
    correlator = Correlator([_correlation(COUNT_5)], every=False)
    for at in range(4):
        assert _feed(correlator, at, u="attacker") == []
    said = [stem for at in range(4, 2_000) for stem in _feed(correlator, at, u=f"flood {at}")]
    assert said == [BOUND_STEM]  # once in the time span
    assert _feed(correlator, 3_000, u="attacker") == ["c"]
    assert len(_group_sizes(correlator)) <= 40
    assert correlator.dropped > 1_900


def test_groups_that_have_alerted_leave_before_those_that_have_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_GROUPS", 40)
    correlator = Correlator([_correlation(COUNT_5)], every=False)
    _feed(correlator, 0, u="attacker")
    for group in range(200):
        for at in range(5):
            _feed(correlator, 1 + group * 5 + at, u=f"loud {group}")
    assert [_feed(correlator, 2_000 + at, u="attacker") for at in range(4)] == [[], [], [], ["c"]]


def test_a_new_group_has_time_to_grow_among_many_that_are_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_GROUPS", 40)
    correlator = Correlator([_correlation(COUNT_5)], every=False)
    for at in range(160):
        _feed(correlator, at, u=f"ahead {at % 40}")
    found = []
    for at in range(5):
        found += _feed(correlator, 1_000 + at, u="attacker")
        _feed(correlator, 1_000 + at, u=f"new {at}")
    assert "c" in found


def test_a_flood_in_one_group_loses_nothing_where_verdicts_do_not_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_EVENTS", 2_000)
    monkeypatch.setattr(windows, "MAX_HELD", 3_000)
    case = Case("value_count", ("r1",), 10**9, ("u",), "gte", 5)
    correlator = Correlator([_correlation(case)], every=False)
    for at in range(4):
        assert _feed(correlator, at, u="attacker", v=f"value {at}") == []
    assert [stem for at in range(4, 9_000) for stem in _feed(correlator, at, u="attacker", v="value 0")] == []
    assert _feed(correlator, 9_001, u="attacker", v="the fifth") == ["c"]
    assert correlator.dropped == 0
    assert max(_group_sizes(correlator)) <= 2_000


def test_a_flood_in_one_group_takes_its_own_events_not_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_HELD", 5_000)
    case = Case("value_sum", ("r1",), 10**9, ("u",), "gte", 100)
    correlator = Correlator([_correlation(case)], every=False)
    assert _feed(correlator, 0, u="attacker", v=99) == []
    said = [stem for at in range(1, 20_000) for stem in _feed(correlator, at, u="flood", v=0)]
    assert said == [BOUND_STEM]
    assert correlator.dropped > 0
    assert sum(_group_sizes(correlator)) <= 5_001
    assert _feed(correlator, 20_001, u="attacker", v=1) == ["c"]


def test_a_window_of_numbers_is_bounded_and_what_it_loses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_EVENTS", 150)
    case = Case("value_sum", ("r1",), 10**9, (), "gte", 10**12)
    correlator = Correlator([_correlation(case)], every=False)
    found = [correlator.feed(_hit(at, Happening(at, frozenset({"r1"}), {"v": [1]}))) for at in range(180)]
    alerts = [alert for some in found for alert in some]
    assert [(alert.stem, alert.level) for alert in alerts] == [(BOUND_STEM, "high")]
    told = {one.field: one.value for one in alerts[0].evidence}
    assert told == {"correlation": "c", "limit": Bound.GROUP_EVENTS.value, "dropped": 1}
    assert correlator.dropped == 30


def test_what_was_lost_is_told_again_after_the_time_span_with_all_that_was_lost_since() -> None:
    case = Case("event_count", ("r1",), 10, ("u",), "gte", 9_999)
    correlator = Correlator([_correlation(case)], every=False)
    many = Happening(time=0, rules=frozenset({"r1"}), fields={"u": list(range(1_100))})
    told = []
    for time in (0, 5, 10, 11, 15):
        told += [
            (time, alert.evidence[-1].value)
            for alert in correlator.feed(_hit(0, Happening(time, many.rules, many.fields)))
        ]
    assert told == [(0, 100), (11, 300)]


def test_groups_whose_window_has_passed_are_forgotten_without_loss() -> None:
    case = Case("event_count", ("r1",), 10, ("u",), "gte", 2)
    correlator = Correlator([_correlation(case)], every=False)
    for at in range(500):
        _feed(correlator, at * 100, u=at)
    assert _group_sizes(correlator) == [1]
    assert correlator.dropped == 0


def test_an_event_with_millions_of_key_combinations_is_cut_and_counted() -> None:
    case = Case("event_count", ("r1",), 10, ("u", "h"), "gte", 1)
    correlator = Correlator([_correlation(case)], every=False)
    many = list(range(5000))
    found = correlator.feed(_hit(0, Happening(time=0, rules=frozenset({"r1"}), fields={"u": many, "h": many})))
    assert [alert.stem for alert in found].count("c") == counting.MAX_GROUPS_PER_EVENT
    assert found[-1].stem == BOUND_STEM
    assert correlator.dropped == 5000 * 5000 - counting.MAX_GROUPS_PER_EVENT


@pytest.mark.parametrize("kind", ["value_count", "value_sum"])
def test_an_event_with_very_many_values_is_cut_and_counted(kind: str) -> None:
    correlator = Correlator([_correlation(Case(kind, ("r1",), 10, (), "gte", 10**9))], every=False)
    happening = Happening(time=0, rules=frozenset({"r1"}), fields={"v": list(range(5000))})
    assert [alert.stem for alert in correlator.feed(_hit(0, happening))] == [BOUND_STEM]
    assert correlator.dropped == 5000 - counting.MAX_VALUES_PER_EVENT


def test_a_group_keeps_no_hit_longer_than_its_window_and_none_that_no_alert_shows() -> None:
    case = Case("value_sum", ("r1",), 10, ("u",), "gte", 10**6)
    correlator = Correlator([_correlation(case)], every=False)
    for at in range(500):
        _feed(correlator, at * 6, u="a", v=1)
    assert _group_sizes(correlator)[0] <= 2 * windows.MAX_SHOWN
    for _ in range(300):
        _feed(correlator, 3_000, u="a", v=1)
    (shelf,) = correlator._shelves
    (row,) = shelf._rows.values()
    (lane,) = shelf.lanes
    assert len(row[lane.slots.stream.times]) > 300
    assert len(row[lane.slots.stream.hits]) <= 2 * windows.MAX_SHOWN
    assert len(lane.shown(row)) == windows.MAX_SHOWN
    correlator._take_down(shelf)
    (group,) = correlator._runs[0].windows._groups.values()
    assert len(group.window) == 301
    assert len(group.shown()) == windows.MAX_SHOWN


@pytest.mark.parametrize("kind", TYPES)
def test_a_window_taken_down_shows_the_events_it_showed_before(kind: str) -> None:
    rnd = random.Random(kind)
    for _ in range(200):
        case = _case(rnd, kind)
        events = _stream(rnd, case.timespan)
        together, apart = (Correlator([_correlation(case)], every=True) for _ in range(2))
        at_down = rnd.randrange(len(events))
        for at, event in enumerate(events):
            if at == at_down:
                for shelf in list(apart._shelves):
                    apart._take_down(shelf)
            before, after = (
                [(alert.group, [one.raw_ref for one in alert.events]) for alert in one.feed(_hit(at, event))]
                for one in (together, apart)
            )
            assert before == after
