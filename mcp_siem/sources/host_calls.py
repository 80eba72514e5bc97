"""What agent hosts (coding agents, assistants) tell: decisions of people and of settings, modes, and the calls they made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcp_siem.sources.linewise import Made
from mcp_siem.sources.records import made
from mcp_siem.sources.shape import text
from mcp_siem.sources.tool_calls import ToolCall, call_fields

__all__ = ["Host", "call_event", "decision_of", "host_event"]

_DECISIONS = {
    "accept": "allow",
    "auto_accept": "allow",
    "modify": "allow",
    "allow": "allow",
    "allowed": "allow",
    "approve": "allow",
    "approved": "allow",
    "approved_for_session": "allow",
    "approved_with_amendment": "allow",
    "approved_execpolicy_amendment": "allow",
    "approvedforsession": "allow",
    "approve_for_session": "allow",
    "yes": "allow",
    "reject": "deny",
    "rejected": "deny",
    "deny": "deny",
    "denied": "deny",
    "block": "deny",
    "blocked": "deny",
    "abort": "deny",
    "cancel": "deny",
    "timed_out": "deny",
    "no": "deny",
    "ask": "ask",
    "defer": "ask",
    "error": "error",
}
# Of a call that a host ran itself the message has no place among the fields of a host.
_ONLY_PROTOCOL = ("mcp.message.", "gen_ai.operation.name", "jsonrpc.", "mcp.response.content_type", "mcp.result.type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Who and where a record of a host is from: the fields that each of its events has, and a name for the caller."""

    fields: Mapping[str, object] = field(default_factory=dict)
    caller: str | None = None


def decision_of(said: object) -> str | None:
    """allow, deny, ask or error, in whichever words a host says it."""
    found = text(said)
    return _DECISIONS.get(found.lower().replace("-", "_")) if found else None


def host_event(
    host: Host,
    fields: Mapping[str, object],
    *,
    time: int | None,
    ref: str,
    call: ToolCall | None = None,
) -> Made:
    """An event of the host itself; with `call` the fields of the call that it is about."""
    about: Mapping[str, object] = {}
    if call is not None:
        found = call_fields(call).items()
        about = {name: value for name, value in found if not name.startswith(_ONLY_PROTOCOL)}
        if call.server is None:
            about = {name: value for name, value in about.items() if name != "mcp.method.name"}
    told = {"event.dataset": "mcp.host", "event.outcome": "unknown", **about, **host.fields, **fields}
    return made(told, time=time, ref=ref, arguments=None if call is None else call.arguments, caller=host.caller)


def call_event(host: Host, fields: Mapping[str, object], *, time: int | None, ref: str, call: ToolCall) -> Made:
    """The call itself, as an event of the protocol."""
    told = {"event.dataset": "mcp.protocol", **call_fields(call), **host.fields, **fields}
    return made(told, time=time, ref=ref, arguments=call.arguments, caller=host.caller)
