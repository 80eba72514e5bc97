from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
import pytest

from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.port import Normaliser, ParseIssue, Record
from mcp_siem.sources.table import SOURCES
from mcp_siem.sources.wire import Limits, WireSession
from mcp_siem.testing import START, frame


class Bare:
    """Stands in for the deriver: hands events on and remembers what it was given with them."""

    def __init__(self) -> None:
        self.given: list[tuple[object, object]] = []

    def complete(
        self, data: dict[str, object], *, arguments: object | None = None, schema: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        self.given.append((arguments, schema))
        return data


class Tap:
    """A conversation, told line by line; each step returns what it made, `events` and `issues` keep all."""

    def __init__(self, *, known: KnownItems | None = None, name: str = "tap", limits: Limits | None = None) -> None:
        self.known = KnownItems() if known is None else known
        self.deriver = Bare()
        self.session = WireSession(self.deriver, self.known, limits)
        self.name = name
        self.line = 0
        self.events: list[Event] = []
        self.issues: list[ParseIssue] = []
        self._at = START

    def client(self, message: object, **where: Any) -> list[dict[str, object]]:
        return self.raw(frame(message, at=self._tick(), **where))

    def server(self, message: object, **where: Any) -> list[dict[str, object]]:
        return self.raw(frame(message, at=self._tick(), direction="server_to_client", **where))

    def http(self, request: object, response: object = None, **more: object) -> list[dict[str, object]]:
        http = {"request": request, "response": response, **more}
        return self.raw(orjson.dumps({"ts": self._tick(), "server": "web", "http": http}))

    def line_of(self, value: object) -> list[dict[str, object]]:
        return self.raw(orjson.dumps(value))

    def raw(self, data: bytes) -> list[dict[str, object]]:
        self.line += 1
        return self._keep(list(self.session.feed(Record(data=data, ref=f"{self.name}:{self.line}"))))

    def end(self) -> list[dict[str, object]]:
        return self._keep(list(self.session.finish()))

    def listing(self, *tools: Mapping[str, object], id_: object = "list", **where: Any) -> list[dict[str, object]]:
        self.client({"jsonrpc": "2.0", "id": id_, "method": "tools/list"}, **where)
        return self.server({"jsonrpc": "2.0", "id": id_, "result": {"tools": list(tools)}}, **where)

    def _keep(self, told: list[Event | ParseIssue]) -> list[dict[str, object]]:
        made = [item for item in told if isinstance(item, Event)]
        self.events += made
        self.issues += [item for item in told if isinstance(item, ParseIssue)]
        return [dict(event.data) for event in made]

    def _tick(self) -> int:
        self._at += 1_000
        return self._at


class Lines:
    """Lines of one input through a source: the fields of the events, and the codes of the issues."""

    def __init__(self, source: Normaliser) -> None:
        self.session = source.open(Bare(), KnownItems())
        self.events: list[Event] = []
        self.issues: list[ParseIssue] = []
        self._number = 0

    def read(self, *lines: bytes | dict[str, Any]) -> list[dict[str, object]]:
        made: list[dict[str, object]] = []
        for line in lines:
            self._number += 1
            data = line if isinstance(line, bytes) else orjson.dumps(line)
            made += self._keep(self.session.feed(Record(data=data, ref=f"log:{self._number}")))
        return made

    def end(self) -> list[dict[str, object]]:
        return self._keep(self.session.finish())

    @property
    def codes(self) -> list[str]:
        return [issue.code for issue in self.issues]

    def _keep(self, told: Iterable[Event | ParseIssue]) -> list[dict[str, object]]:
        items = list(told)
        self.issues += [item for item in items if isinstance(item, ParseIssue)]
        self.events += (made := [item for item in items if isinstance(item, Event)])
        return [dict(event.data) for event in made]


@pytest.fixture
def lines() -> Callable[[str], Lines]:
    return lambda name: Lines(SOURCES[name])


@pytest.fixture
def tap() -> Tap:
    return Tap()


@pytest.fixture
def second_tap(tap: Tap) -> Tap:
    """Another input of the same run."""
    return Tap(known=tap.known, name="second")


@pytest.fixture
def small_tap() -> Tap:
    return Tap(limits=Limits(open_requests=3, early_answers=2))
