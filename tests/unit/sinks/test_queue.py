import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mcp_siem.sinks.dead import DeadLetters, read_letters
from mcp_siem.sinks.port import DeliveryError, Notice
from mcp_siem.sinks.queue import NetworkSink, Retry


class Receiver:
    """Answers each alert with the next of `answers`; None takes it. `gate` holds it up."""

    def __init__(self, *answers: DeliveryError | None) -> None:
        self.taken: list[str] = []
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self._answers = list(answers)

    def send(self, notice: Notice) -> None:
        self.gate.wait(30)
        self.asked.append(notice.id)
        answer = self._answers.pop(0) if self._answers else None
        if answer is not None:
            raise answer
        self.taken.append(notice.id)

    def close(self) -> None:
        self.gate.set()


def _notices(count: int) -> list[Notice]:
    return [Notice(id=str(number), level="high", line=b"{}") for number in range(count)]


@pytest.fixture
def dead(tmp_path: Path) -> DeadLetters:
    return DeadLetters(str(tmp_path / "dead"), now=lambda: "")


@pytest.fixture
def sink(dead: DeadLetters) -> Iterator[Callable[..., NetworkSink]]:
    made: list[NetworkSink] = []

    def make(receiver: Receiver, **more: int) -> NetworkSink:
        made.append(NetworkSink("x", receiver, dead=dead, retry=Retry(attempts=3, first=0.0), **more))
        return made[-1]

    yield make
    for one in made:
        one.close(0.0)


def test_alerts_are_delivered_in_order(sink: Callable[..., NetworkSink]) -> None:
    receiver = Receiver()
    one = sink(receiver)
    for notice in _notices(5):
        one.write(notice)
    assert one.close(30.0) == []
    assert receiver.taken == ["0", "1", "2", "3", "4"]


def test_what_failed_is_tried_again_before_the_next(sink: Callable[..., NetworkSink], dead: DeadLetters) -> None:
    receiver = Receiver(DeliveryError("busy"), DeliveryError("busy"))
    one = sink(receiver)
    for notice in _notices(2):
        one.write(notice)
    assert one.close(30.0) == []
    assert receiver.asked == ["0", "0", "0", "1"]
    assert dead.alerts == 0


def test_what_fails_each_time_becomes_a_dead_letter_with_the_reason(
    sink: Callable[..., NetworkSink], dead: DeadLetters, tmp_path: Path
) -> None:
    one = sink(Receiver(*[DeliveryError("busy")] * 3))
    for notice in _notices(2):
        one.write(notice)
    assert one.close(30.0) == []
    assert [notice.id for _, notice in read_letters(dead.path)] == ["0"]
    assert b"busy (tried 3 times)" in (tmp_path / "dead").read_bytes()


def test_what_is_refused_for_good_is_not_tried_again(sink: Callable[..., NetworkSink], dead: DeadLetters) -> None:
    receiver = Receiver(DeliveryError("no", retryable=False))
    one = sink(receiver)
    for notice in _notices(2):
        one.write(notice)
    assert one.close(30.0) == []
    assert receiver.asked == ["0", "1"]
    assert dead.alerts == 1


def test_a_receiver_that_hangs_holds_nobody_up_and_what_has_no_room_is_a_dead_letter(
    sink: Callable[..., NetworkSink], dead: DeadLetters
) -> None:
    receiver = Receiver()
    receiver.gate.clear()
    one = sink(receiver, most=3)
    for notice in _notices(10):
        one.write(notice)
    assert [notice.id for notice in one.waiting()] == ["0", "1", "2"]
    assert one.dropped == dead.alerts == 7
    receiver.gate.set()
    assert one.close(30.0) == []
    assert receiver.taken == ["0", "1", "2"]


def test_the_bytes_that_wait_are_bounded_too(sink: Callable[..., NetworkSink], dead: DeadLetters) -> None:
    receiver = Receiver()
    receiver.gate.clear()
    one = sink(receiver, most_bytes=5)
    for notice in _notices(4):
        one.write(notice)
    assert dead.alerts == 2
    receiver.gate.set()


def test_what_is_not_delivered_at_the_end_is_given_back(dead: DeadLetters) -> None:
    one = NetworkSink("x", Receiver(*[DeliveryError("busy")] * 100), dead=dead, retry=Retry(attempts=99, first=60.0))
    for notice in _notices(3):
        one.write(notice)
    assert [notice.id for notice in one.close(0.0)] == ["0", "1", "2"]
    assert dead.alerts == 0


def test_pauses_double_up_to_the_longest_and_vary() -> None:
    slow, fast = Retry(chance=lambda: 0.0), Retry(chance=lambda: 1.0)
    assert [slow.pause(n) for n in (1, 2, 3, 7, 500)] == [0.5, 1.0, 2.0, 30.0, 30.0]
    assert [fast.pause(n) for n in (1, 2, 3)] == [0.25, 0.5, 1.0]
    assert slow.pause(1, after=5.0) == 5.0
    assert slow.pause(1, after=1e9) == 30.0
