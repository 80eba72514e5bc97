"""Every source there is, by the word that `--source` takes, and which of them an input is."""

from collections.abc import Sequence

from mcp_siem.errors import UsageError
from mcp_siem.sources.auditd import AUDITD
from mcp_siem.sources.call_sources import CALL_SOURCES
from mcp_siem.sources.endpoint import ENDPOINT
from mcp_siem.sources.event import EVENT
from mcp_siem.sources.health import HEALTH
from mcp_siem.sources.jsontext import is_fatal, read_json
from mcp_siem.sources.kibana_audit import KIBANA_AUDIT
from mcp_siem.sources.port import Normaliser
from mcp_siem.sources.splunk_audit import SPLUNK_AUDIT
from mcp_siem.sources.web import WEB
from mcp_siem.sources.wire import WIRE

__all__ = ["SOURCES", "detect", "source_named"]

_ALL: tuple[Normaliser, ...] = (WIRE, EVENT, ENDPOINT, AUDITD, WEB, KIBANA_AUDIT, SPLUNK_AUDIT, HEALTH, *CALL_SOURCES)
SOURCES: dict[str, Normaliser] = {source.name: source for source in _ALL}
_MAX_KEYS = 6
_MAX_KEY = 40


def source_named(name: str) -> Normaliser:
    """The source of that name; raises UsageError naming those there are."""
    if name not in SOURCES:
        raise UsageError(f"unknown source {name!r}", hint=_hint())
    return SOURCES[name]


def detect(sample: Sequence[bytes], *, place: str | None = None) -> Normaliser:
    """The source most confident of these lines; raises UsageError saying what was seen if none knows them."""
    best = min(SOURCES.values(), key=lambda source: (-source.confidence(sample), source.name))
    if best.confidence(sample) > 0.0:
        return best
    raise UsageError(f"no source knows this input: {_seen(sample)}", source=place, hint=_hint())


def _hint() -> str:
    return f"say what it is with --source: {', '.join(sorted(SOURCES))}"


def _seen(sample: Sequence[bytes]) -> str:
    """What stands in the first line, in words: names of keys, never values."""
    for line in sample:
        value, fault = read_json(line)
        if isinstance(value, dict):
            keys = ", ".join(repr(key[:_MAX_KEY]) for key in list(value)[:_MAX_KEYS])
            return f"JSON objects with the keys {keys}" if keys else "empty JSON objects"
        if not is_fatal(fault):
            return f"JSON that is no object ({type(value).__name__})"
    return "no line of it is JSON"
