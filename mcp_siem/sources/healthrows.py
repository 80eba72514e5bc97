"""Rows of `mcp.health`: what a prober saw of a telemetry source, as an event. What is too much or too little, rules say."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

__all__ = [
    "CHECKS",
    "AlertVolume",
    "Canary",
    "Clock",
    "Coverage",
    "Heartbeat",
    "Integrity",
    "Latency",
    "Observation",
    "Parse",
    "Payload",
    "Result",
    "Sequence",
    "Source",
    "Volume",
    "health_row",
]

Result: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The telemetry source that a row is about, and whether the inventory expects it."""

    name: str
    expected: bool = True
    host: str | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How long ago the last event came."""

    last_event_age_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """How many numbers of the collector's counter are missing; another epoch is a restart and no gap."""

    seq_gap: int
    seq_epoch: str | None = None
    gap_start: str | None = None
    gap_end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Events of five minutes, and how many are usual in this hour of the week, lately and four weeks ago."""

    volume_5m: int
    baseline_5m: float
    baseline_28d: float | None = None

    @property
    def ratio(self) -> float | None:
        """The volume against its baseline; None where nothing is usual."""
        return self.volume_5m / self.baseline_5m if self.baseline_5m > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Whether a process of the server runs, and how many protocol events tell of it."""

    process_seen: bool
    protocol_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """How much of a message is recorded (`on`, `truncated`, `off`), and how much was before."""

    payload_capture: str
    payload_capture_previous: str | None = None
    payload_length_p50: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """Whether the chain of the records holds."""

    intact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds from an event to its ingest."""

    lag_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clock of the source less ours, and whether its time ran backwards."""

    skew_s: float
    monotonic_break: bool = False

    @property
    def skew_abs_s(self) -> float:
        """The skew without its sign."""
        return abs(self.skew_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """An attack of our own, and whether its alert arrived."""

    canary_id: str
    canary_sent: bool
    alert_seen: bool
    canary_age_s: int | None = None
    time_to_detect_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertVolume:
    """Alerts of the last day, and of a day of the last week."""

    alerts_24h: int
    alerts_baseline_7d: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse:
    """Records that could not be read."""

    parse_failures: int


Observation: TypeAlias = (
    Heartbeat
    | Sequence
    | Volume
    | Coverage
    | Payload
    | Integrity
    | Latency
    | Clock
    | Canary
    | AlertVolume
    | Parse
)  # fmt: skip

CHECKS: Mapping[str, type[Observation]] = {
    "heartbeat": Heartbeat,
    "sequence": Sequence,
    "volume": Volume,
    "coverage": Coverage,
    "payload": Payload,
    "integrity": Integrity,
    "latency": Latency,
    "clock": Clock,
    "canary": Canary,
    "alert_volume": AlertVolume,
    "parse": Parse,
}
"""The kinds of checks by their names."""

_NAMES = {kind: name for name, kind in CHECKS.items()}
_DERIVED = ("ratio", "skew_abs_s")


def health_row(source: Source, observation: Observation, *, result: Result | None = None) -> dict[str, object]:
    """The event of one check of one source; `result` is the prober's own verdict, if it has one."""
    seen: dict[str, object] = {field.name: getattr(observation, field.name) for field in fields(observation)}
    seen |= {name: getattr(observation, name, None) for name in _DERIVED}
    if isinstance(observation, Integrity):
        seen.pop("intact")
        result = "ok" if observation.intact else "fail"
    row = {
        "event.dataset": "mcp.health",
        "event.provider": "health",
        "mcp.health.check": _NAMES[type(observation)],
        "mcp.health.source": source.name,
        "mcp.health.expected": source.expected,
        "mcp.health.result": result,
        "host.name": source.host,
        "mcp.server.name": source.server,
        **{f"mcp.health.{name}": value for name, value in seen.items()},
    }
    return {name: value for name, value in row.items() if value is not None}
