"""The loop of `watch`: reads, judges, delivers, saves, and says what was lost."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep, time
from typing import Any

from mcp_siem import __version__
from mcp_siem.cli.console import Console
from mcp_siem.cli.memory import Memory
from mcp_siem.engine.alert import Alert, Evidence
from mcp_siem.events.time import format_time
from mcp_siem.report.alerts import AlertStory, Summary, alert_json
from mcp_siem.report.terminal import Style
from mcp_siem.sinks.dead import DeadLetters
from mcp_siem.sinks.local import LocalSink
from mcp_siem.sinks.port import Notice, Sink
from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.checkpoint import CheckpointFile, encode_checkpoint
from mcp_siem.stream.follow import Follower
from mcp_siem.stream.listen import BoundedServer, Tally
from mcp_siem.stream.pipe import Pipe
from mcp_siem.stream.spool import Spool
from mcp_siem.stream.watch import Watch, alert_id

__all__ = ["Parts", "Runner", "Teller", "wall_clock"]

_LONGEST_SLEEP = 0.064
_SHORTEST_SLEEP = 0.002
_HOUSE = 1.0
_TOLD_OF_EACH = 5
_REPEATED = 60.0
_GRACE = 10.0
# A checkpoint may take a tenth of the time: one that takes longer to make is made less often.
_SHARE = 10
_LOST_RULE = "5e0f6f0c-6f6e-4c53-9c2b-8f3d1f0f7d11"
_LOST_STEM = "watch_bound_reached"


def wall_clock() -> int:
    """Microseconds since the epoch."""
    return round(time() * 1_000_000)


class Teller:
    """Gives alerts to the sinks, and says what could not be read: of each kind the first few, then how many."""

    def __init__(self, out: Console, sinks: Sequence[Sink], dead: DeadLetters, *, story: AlertStory | None) -> None:
        self.summary = Summary()
        self.alerts = 0
        self._out = out
        self._sinks = sinks
        self._dead = dead
        self._story = story
        self._issues: Counter[str] = Counter()

    def alert(self, alert: Alert, id_: str) -> None:
        """Gives an alert to every sink. Its line is that of a replay with the id as one more key."""
        self.summary.add(alert)
        self.alerts += 1
        line = alert_json(alert)[:-1] + b',"id":"' + id_.encode("ascii") + b'"}'
        text = None
        if self._story is not None:
            text = "\n".join(self._story.lines(alert)).encode("utf-8", "backslashreplace") + b"\n"
        notice = Notice(id=id_, level=alert.level, line=line, text=text)
        for sink in self._sinks:
            sink.write(notice)

    def issue(self, issue: ParseIssue) -> None:
        """Says what could not be read."""
        self.summary.issues += 1
        self._issues[issue.code] += 1
        count = self._issues[issue.code]
        if count <= _TOLD_OF_EACH:
            self._out.note(issue.ref, f"{issue.code}: {issue.reason}")
        if count == _TOLD_OF_EACH:
            self._out.say(f"note: further notes of {issue.code} are counted, not shown")

    def unread(self, issue: ParseIssue, data: bytes) -> None:
        """Keeps a line that is stored nowhere else."""
        self._dead.record(issue.ref, data, f"{issue.code}: {issue.reason}")

    def totals(self) -> Mapping[str, int]:
        """How much of each kind could not be read."""
        return dict(self._issues)


@dataclass(slots=True, kw_only=True)
class Parts:
    """What a watch is made of."""

    watch: Watch
    follower: Follower
    teller: Teller
    sinks: Sequence[Sink]
    dead: DeadLetters
    out: Console
    interval: float
    pipe: Pipe | None = None
    checkpoint: CheckpointFile | None = None
    spools: Sequence[Spool] = ()
    servers: Sequence[BoundedServer] = ()
    heartbeat: bool = False
    tally: Tally = field(default_factory=Tally)
    space_of: Callable[[str], str] = str
    memory: Memory | None = None


class Runner:
    """Runs a watch until it is told to stop or nothing more can come."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.stopped = False
        self._changed_at = monotonic()
        self._due = 0.0
        self._changed = True
        self._next_house = 0.0
        self._lost: Counter[str] = Counter()
        self._told_lost: dict[str, tuple[int, float]] = {}
        self._longest = 0.0
        self._clock = -(2**63)
        # Line numbers of a pipe begin anew with each process: its alerts must not look like those of another.
        self._pipe_origin = str(wall_clock())

    def stop(self) -> None:
        """Ends the watch after what is being judged now."""
        self.stopped = True

    def resume(self) -> None:
        """Goes on from the checkpoint, if there is one."""
        parts = self._parts
        saved = parts.checkpoint.read() if parts.checkpoint else None
        if saved is None or parts.checkpoint is None:
            return
        if parts.memory is not None:
            parts.memory.resume(saved.document.get("inventory", ()))
        for said in parts.watch.restore(saved, parts.follower, parts.checkpoint.path):
            parts.out.note(parts.checkpoint.path, said)
        parts.teller.alerts = int(saved.document.get("alerts", 0))
        self._lost.update({"unfinished bytes of standard input": int(saved.document.get("pipe", 0))})
        sinks = {sink.name: sink for sink in parts.sinks}
        for name, listed in dict(saved.document.get("outbox", {})).items():
            for id_, level, line in listed:
                notice = Notice(id=str(id_), level=str(level), line=str(line).encode())
                if name in sinks:
                    sinks[name].write(notice)
                else:
                    parts.dead.alert(str(name), notice, "the sink is no longer configured")

    def run(self) -> None:
        """Watches."""
        while not self.stopped:
            now = monotonic()
            pause = min(_LONGEST_SLEEP, self._step(now))
            if self._is_over():
                return
            if pause > 0:
                sleep(pause)

    def end(self, *, over: bool) -> None:
        """Ends it: what is open is judged unless a later watch will go on with it, and everything is saved."""
        parts = self._parts
        for server in parts.servers:
            server.stop()
        if over or parts.checkpoint is None:
            for read in parts.follower.finish() if parts.checkpoint is None else ():
                parts.watch.read(read, parts.space_of(read.group.path))
            parts.watch.finish()
        self._tell_losses(monotonic(), final=True)
        left = {sink.name: sink.close(_GRACE) for sink in parts.sinks}
        if parts.checkpoint is None:
            for name, notices in left.items():
                for notice in notices:
                    parts.dead.alert(name, notice, "the watch ended before it was delivered")
        else:
            self._save()
            parts.checkpoint.close()
        if parts.memory is not None:
            parts.memory.finish()
        for spool in parts.spools:
            spool.close()
        parts.dead.close()
        self._say_summary()

    def _step(self, now: float) -> float:
        """One round; returns how long nothing has to be done."""
        parts = self._parts
        moved = False
        for read in parts.follower.read(now):
            parts.watch.read(read, parts.space_of(read.group.path))
            moved = True
        for issue in parts.follower.told():
            self._file_issue(issue)
        if parts.pipe is not None:
            moved |= self._read_pipe(parts.pipe)
        parts.watch.tick(parts.follower)
        for sink in parts.sinks:
            sink.pump()
        if moved and not self._changed:
            self._changed, self._changed_at = True, now
        if now >= self._next_house:
            self._next_house = now + _HOUSE
            self._tell_losses(now)
            self._heartbeat()
        if now >= self._due:
            self._save_if_changed(now)
        if moved and parts.pipe is not None:
            return 0.0
        return max(_SHORTEST_SLEEP if moved else 0.0, parts.follower.wait(monotonic()))

    def _read_pipe(self, pipe: Pipe) -> bool:
        items = pipe.poll()
        if items is None:
            return False
        self._clock = self._parts.watch.take(pipe.name, -1, self._pipe_origin, items, self._clock)
        return True

    def _is_over(self) -> bool:
        """Says whether nothing more can come, or nobody is there to be told."""
        parts = self._parts
        only_pipe = not parts.follower.has_targets and not parts.servers
        if only_pipe and (parts.pipe is None or parts.pipe.ended):
            return True
        local = [sink for sink in parts.sinks if isinstance(sink, LocalSink)]
        return len(local) == len(parts.sinks) and all(sink.reader_gone for sink in local)

    def _file_issue(self, issue: ParseIssue) -> None:
        self._parts.teller.issue(issue)
        if issue.code in ("rest_lost", "bad_rest", "cut_back"):
            self._lost[f"{issue.code}: {issue.ref}"] += 1

    def _save_if_changed(self, now: float) -> None:
        parts = self._parts
        waiting = any(sink.waiting() for sink in parts.sinks) or (parts.memory is not None and parts.memory.waits)
        if not (self._changed or waiting) or (parts.checkpoint is not None and parts.checkpoint.busy):
            return
        self._longest = max(self._longest, now - self._changed_at)
        self._changed, self._changed_at = waiting, now
        if parts.checkpoint is None:
            self._remove(self._read_segments())
            if parts.memory is not None:
                parts.memory.finish()
        else:
            self._save()
        cost = monotonic() - now
        self._due = now + max(parts.interval, _SHARE * cost)

    def _save(self) -> None:
        parts = self._parts
        if parts.checkpoint is None:
            return
        outbox = {
            sink.name: [[one.id, one.level, one.line.decode("utf-8", "replace")] for one in sink.waiting()]
            for sink in parts.sinks
        }
        more: dict[str, Any] = {
            "version": __version__,
            "at": format_time(wall_clock()),
            "alerts": parts.teller.alerts,
            "outbox": {name: listed for name, listed in outbox.items() if listed},
            "pipe": parts.pipe.unfinished if parts.pipe else 0,
            "inventory": self._staged(parts.checkpoint),
        }
        data = encode_checkpoint(parts.watch.checkpoint(parts.follower, more))
        done = self._read_segments()
        handles = [sink.handle for sink in parts.sinks if isinstance(sink, LocalSink)]
        parts.checkpoint.write(data, first=handles, then=lambda: self._remove(done))
        if parts.checkpoint.failed is not None:
            self._lost[f"checkpoint not written: {parts.checkpoint.failed}"] += 1

    def _staged(self, checkpoint: CheckpointFile) -> list[object]:
        durable = not checkpoint.busy and checkpoint.failed is None
        return self._parts.memory.stage(durable=durable) if self._parts.memory is not None else []

    def _read_segments(self) -> list[str]:
        """The files of spools that were read to their end and are not written to any more."""
        sealed = [group for group in self._parts.follower.groups if self._is_sealed(group.path)]
        return [group.path for group in sealed if self._parts.follower.is_at_end(group)]

    def _is_sealed(self, place: str) -> bool:
        return any(spool.is_sealed(place) for spool in self._parts.spools)

    def _remove(self, done: Sequence[str]) -> None:
        for spool in self._parts.spools:
            spool.remove(done)

    def _losses(self) -> Counter[str]:
        """What was dropped so far, by what it was."""
        parts = self._parts
        lost = Counter(self._lost)
        for sink in parts.sinks:
            lost[f"alerts not delivered to {sink.name}"] += getattr(sink, "dropped", 0)
        lost["hits correlated before their time, too many waited"] += parts.watch.pending.forced
        lost["events dated ahead of the clock"] += parts.watch.pending.ahead
        for name, count in parts.tally.counts().items():
            if "lost" in name or "too many" in name:
                lost[name] += count
        if parts.memory is not None and parts.memory.failed is not None:
            lost[f"inventory not written: {parts.memory.failed}"] += 1
        if parts.dead.failed is not None:
            lost[f"dead letters could not be written: {parts.dead.failed}"] += 1
        return +lost

    def _tell_losses(self, now: float, *, final: bool = False) -> None:
        """What was dropped is told as an alert of its own: at once, and while it goes on once a minute."""
        for name, count in self._losses().items():
            told, at = self._told_lost.get(name, (0, -_REPEATED))
            if count > told and (final or now - at >= _REPEATED):
                self._told_lost[name] = (count, now)
                self._changed = True
                alert = _lost_alert(name, count - told)
                self._parts.teller.alert(alert, alert_id(alert, f"{name}{count}"))

    def _heartbeat(self) -> None:
        """A line on standard error while it runs, if somebody may see it there and alerts go elsewhere."""
        if self._parts.heartbeat:
            said = f"{self._parts.watch.events} events read, {self._parts.teller.alerts} alerts"
            _words_over(said)

    def _say_summary(self) -> None:
        parts = self._parts
        summary = parts.teller.summary
        summary.events = parts.watch.events
        for line in summary.lines(Style(color=False)):
            parts.out.say(line)
        pending = parts.watch.pending
        if pending.late:
            parts.out.say(f"  {pending.late} hits came later than --lateness and counted as of the newest time")
        for name, count in sorted(self._losses().items()):
            parts.out.say(f"  lost or bounded: {name} ({count})")
        if parts.dead.alerts or parts.dead.records:
            parts.out.say(f"  {parts.dead.alerts} alerts and {parts.dead.records} lines went to {parts.dead.path}")
        if parts.checkpoint is not None:
            parts.out.say(f"  longest time between two checkpoints: {self._longest:.1f} s")


def _words_over(text: str) -> None:
    """Writes over the last line of a terminal."""
    with suppress(OSError):
        sys.stderr.write(f"\r{text}\x1b[K")
        sys.stderr.flush()


def _lost_alert(name: str, count: int) -> Alert:
    return Alert(
        rule_id=_LOST_RULE,
        stem=_LOST_STEM,
        title="A Watch Reached a Bound or Lost Something",
        level="high",
        time=wall_clock(),
        group=None,
        events=(),
        evidence=(Evidence(field="limit", value=name), Evidence(field="dropped", value=count)),
    )
