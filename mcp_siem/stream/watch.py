"""The live half of the road: lines as they come -> events -> alerts, and all that must survive the end of a process.

Rules of single events alert at once. What correlations have to know waits for the stated lateness (`pending`).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from mcp_siem.engine.alert import Alert
from mcp_siem.engine.bounds import BOUND_RULE_ID
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.hit import Hit
from mcp_siem.errors import McpSiemError, UsageError
from mcp_siem.events.event import Event
from mcp_siem.inventory.known import KnownItems
from mcp_siem.sources.port import ParseIssue, Record
from mcp_siem.stream.block_judge import BlockJudge, match_live
from mcp_siem.stream.blocks import Block
from mcp_siem.stream.checkpoint import Checkpoint
from mcp_siem.stream.follow import Follower, Read
from mcp_siem.stream.mark import load_mark
from mcp_siem.stream.pending import Pending, Waiting
from mcp_siem.stream.space import UNKNOWN, Space
from mcp_siem.stream.tail import Item

__all__ = ["Clock", "Output", "Policy", "Watch", "alert_id"]

_SECOND = 1_000_000
# What of a line is kept as a dead letter where it is stored nowhere else: no event came of it.
_UNREAD = frozenset({UNKNOWN, "not_json", "not_object", "too_deep", "no_message", "no_direction", "not_jsonrpc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time: `monotonic` in seconds to wait by, `wall` in microseconds since the epoch."""

    monotonic: Callable[[], float]
    wall: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long a hit waits for earlier ones. An event dated `ahead` of our clock, and a `leap` ahead of all before it,
    is not believed: it counts as a leap later than they do. All in seconds.
    """

    lateness: float = 1.0
    ahead: float = 60.0
    leap: float = 3_600.0


Place = tuple[int, str]


class Output(Protocol):
    """What a watch tells."""

    def alert(self, alert: Alert, id_: str) -> None:
        """An alert."""
        ...

    def issue(self, issue: ParseIssue) -> None:
        """Something that could not be read."""
        ...

    def unread(self, issue: ParseIssue, data: bytes) -> None:
        """A line that could not be read and that is stored nowhere else."""
        ...


class Watch:
    """Takes what a follower reads. `open_space` makes the space of a name; a `fleeting` one is stored nowhere else."""

    def __init__(
        self,
        engine: Engine,
        output: Output,
        *,
        open_space: Callable[[str, KnownItems], tuple[Space, bool]],
        clock: Clock,
        policy: Policy,
        known: KnownItems | None = None,
    ) -> None:
        self._engine = engine
        self._output = output
        self._open = open_space
        self._blocks = BlockJudge(engine)
        self._clock = clock
        self._policy = policy
        self._known = KnownItems() if known is None else known
        self._spaces: dict[str, tuple[Space, bool]] = {}
        self._newest: int | None = None
        self._believed = 0
        self.pending = Pending()
        self.events = 0
        self.counts: Counter[str] = Counter()

    def take(self, name: str, number: int, origin: str, items: Sequence[Item], clock: int) -> int:
        """Judges lines of a name; returns the newest time of it, which was `clock` so far."""
        space, fleeting = self._space(name)
        space.look(items)
        self._believed = self._clock.wall() + round(self._policy.ahead * _SECOND)
        place = (number, origin)
        for item in items:
            if isinstance(item, ParseIssue):
                self._issue(item, item, fleeting=fleeting)
            elif space.holds_events:
                clock = self._block(item, place, clock)
            else:
                for line, told in space.feed(space.lines(item)):
                    if isinstance(told, ParseIssue):
                        self._issue(line, told, fleeting=fleeting)
                    else:
                        clock = self._judge(told, place, clock)
        return clock

    def _block(self, block: Block, place: Place, clock: int) -> int:
        """Lines of events, judged at once as a replay judges them."""
        judged, found = self._blocks.judged(block, clock if clock > _BEFORE_ALL else self._clock.wall())
        self.events += judged.events
        for issue in judged.issues:
            self._issue(issue, issue, fleeting=False)
        if judged.last is not None and judged.last > clock:
            clock = self._seen(judged.last, clock)
        for alerts, hits in found:
            self._found(alerts, hits, place, clock)
        return clock

    def read(self, read: Read, name: str) -> None:
        """Judges what one look at a file gave."""
        group = read.group
        group.clock = self.take(name, group.number, read.origin, read.items, group.clock)

    def tick(self, follower: Follower) -> None:
        """Correlates what has waited long enough. While old content is read, files are merged exactly by time."""
        behind = [group.clock for group in follower.behind]
        if behind:
            self._correlate(min(behind), None)
            return
        lateness = self._policy.lateness
        watermark = None if self._newest is None else self._newest - round(lateness * _SECOND)
        self._correlate(watermark, self._clock.monotonic() - lateness)

    def finish(self) -> None:
        """Judges what is still open: nothing more will come, and nobody will go on."""
        self._believed = self._clock.wall() + round(self._policy.ahead * _SECOND)
        for number, (space, _) in enumerate(self._spaces.values()):
            for told in space.finish():
                if isinstance(told, ParseIssue):
                    self._output.issue(told)
                else:
                    self._judge(told, (number, ""), _BEFORE_ALL)
        for waiting in self.pending.drain():
            self._alerts(self._engine.correlate(waiting.hit), waiting.origin)

    def checkpoint(self, follower: Follower, more: dict[str, object]) -> Checkpoint:
        """All that a later process must know to go on from here; `more` is kept with it."""
        document = {
            **more,
            "files": {path: list(map(asdict, marks)) for path, marks in follower.marks().items()},
            "seen": follower.seen(),
            "clocks": {group.path: group.clock for group in follower.groups},
            "done": [[asdict(mark), copy] for mark, copy in follower.done()],
            "spaces": {name: space.dump() for name, (space, fleeting) in self._spaces.items()},
            "known": self._known.dump(),
            "pending": self.pending.dump(),
            "newest": self._newest,
            "events": self.events,
            "counts": dict(self.counts),
        }
        return Checkpoint(document=document, engine=self._engine.state())

    def restore(self, checkpoint: Checkpoint, follower: Follower, place: str) -> list[str]:
        """Goes on from a checkpoint; returns in words what could not be taken over. UsageError if it is damaged."""
        document = checkpoint.document
        said: list[str] = []
        try:
            self._restore(document, follower)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            reason = "this is no usable checkpoint: its content is not what was written"
            raise UsageError(reason, source=place, hint="remove it to begin anew") from error
        try:
            self._engine.restore(checkpoint.engine)
        except McpSiemError as error:
            said.append(f"correlations begin with empty windows: {error.message}")
        return said

    def _restore(self, document: Any, follower: Follower) -> None:
        self._known.load(document["known"])
        for name, dumped in document["spaces"].items():
            self._space(str(name))[0].load(dumped)
        self.pending.load(document["pending"], now=self._clock.monotonic())
        newest = document["newest"]
        self._newest = None if newest is None else int(newest)
        self.events = int(document["events"])
        self.counts = Counter({str(name): int(count) for name, count in document["counts"].items()})
        marks = {str(path): list(map(load_mark, listed)) for path, listed in document["files"].items()}
        done = [(load_mark(mark), bool(copy)) for mark, copy in document["done"]]
        follower.restore(marks, done, {str(path): int(seen) for path, seen in document["seen"].items()})
        for group in follower.groups:
            group.clock = int(document["clocks"].get(group.path, group.clock))

    def _space(self, name: str) -> tuple[Space, bool]:
        found = self._spaces.get(name)
        if found is None:
            found = self._spaces[name] = self._open(name, self._known)
        return found

    def _issue(self, item: Record | ParseIssue, issue: ParseIssue, *, fleeting: bool) -> None:
        self.counts[issue.code] += 1
        self._output.issue(issue)
        if fleeting and issue.code in _UNREAD and isinstance(item, Record):
            self._output.unread(issue, item.data)

    def _judge(self, event: Event, place: Place, clock: int) -> int:
        """One event; returns the newest time of its file."""
        self.events += 1
        if event.time is not None and event.time > clock:
            clock = self._seen(event.time, clock)
        instead = clock if clock > _BEFORE_ALL else self._clock.wall()
        self._found(*match_live(self._engine, event, instead), place, clock)
        return clock

    def _found(self, alerts: Sequence[Alert], hits: Sequence[Hit], place: Place, clock: int) -> None:
        number, origin = place
        self._alerts(alerts, origin)
        for hit in hits:
            limit = max(self._believed, clock)
            self.pending.put(Waiting(hit=hit, origin=origin), space=number, now=self._clock.monotonic(), limit=limit)

    def _seen(self, time: int, clock: int) -> int:
        """The newest time of a file after one that is later: one event from the future must not make all others late."""
        newest = clock if self._newest is None else max(clock, self._newest)
        if time > self._believed and newest > _BEFORE_ALL:
            time = min(time, newest + round(self._policy.leap * _SECOND))
        if self._newest is None or time > self._newest:
            self._newest = time
        return time

    def _correlate(self, watermark: int | None, patience: float | None) -> None:
        for waiting in self.pending.ready(watermark, patience):
            self._alerts(self._engine.correlate(waiting.hit), waiting.origin)

    def _alerts(self, alerts: Sequence[Alert], origin: str) -> None:
        for alert in alerts:
            self._output.alert(alert, alert_id(alert, origin))


def alert_id(alert: Alert, origin: str) -> str:
    """The same for the same alert, however often it is told: rule, group, time, and the line that completed it, in
    the file that `origin` names.
    """
    last = alert.events[-1].raw_ref if alert.events else ""
    told = f"{alert.rule_id}\0{alert.time}\0{last}\0{origin}"
    if alert.group is not None:
        told += repr(sorted((str(key), str(value)) for key, value in alert.group.items()))
    if alert.rule_id == BOUND_RULE_ID:
        # One event may show several losses of the engine: what was lost tells those alerts apart.
        told += repr(alert.evidence)
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


_BEFORE_ALL = -(2**63)
