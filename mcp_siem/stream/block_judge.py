"""Blocks of events as a live stream judges them: what a replay does, but one bad line never ends it."""

from collections.abc import Sequence
from dataclasses import replace

from mcp_siem.engine.alert import Alert
from mcp_siem.engine.compile import Detection
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.formula import Verdict
from mcp_siem.engine.hit import Hit
from mcp_siem.errors import UsageError
from mcp_siem.events.event import Event
from mcp_siem.stream.blocks import Block
from mcp_siem.stream.judge import Judge, Judged, Place
from mcp_siem.stream.period import Period

__all__ = ["BlockJudge", "Found", "match_live"]

Found = tuple[Sequence[Alert], Sequence[Hit]]


def match_live(engine: Engine, event: Event, instead: int, verdict: Verdict[Detection] | None = None) -> Found:
    """What the engine finds. A correlation needs a time: an event that has none counts as of `instead`.

    In a replay that is an error of the one who asks; in a live stream whoever writes a log could end the watch by it.
    """
    try:
        return engine.match(event, verdict)
    except UsageError:
        return engine.match(replace(event, time=instead))


class BlockJudge(Judge):
    """Judges blocks, and keeps alerts and hits as they are: nothing has to pass to another process."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, _Plain(), Period())
        self._found: list[Found] = []
        self._instead = 0

    def judged(self, block: Block, instead: int) -> tuple[Judged, list[Found]]:
        """What a block holds; `instead` is the time of an event without one, if none before it in the block has any."""
        self._instead = instead
        judged = self.block(block, 0)
        found, self._found = self._found, []
        return judged, found

    def _alerts(
        self,
        event: Event,
        place: Place,  # noqa: ARG002 - as above
        space: int,  # noqa: ARG002 - as above
        time: int | None,
        judged: Judged,  # noqa: ARG002 - as above
        verdict: Verdict[Detection] | None = None,
    ) -> None:
        found = match_live(self._engine, event, self._instead if time is None else time, verdict)
        if found[0] or found[1]:
            self._found.append(found)


class _Plain:
    """Shows nothing: alerts stay what they are."""

    def show(self, alert: Alert) -> object:
        """The alert itself."""
        return alert

    def total(self) -> object:
        """Nothing."""
        return None
