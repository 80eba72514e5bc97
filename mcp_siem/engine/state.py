"""What correlations hold, as bytes that a later process goes on from.

One line names the format and the correlations it was made by, the rest is JSON: what was read back can be wrong, never
run. Numbers beyond 64 bits and lone surrogates are kept too, at the cost of the slower encoder.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from mcp_siem.engine.correlation import Correlation
from mcp_siem.errors import McpSiemError
from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.rule import Rule

__all__ = ["broken", "decode_state", "digest_of", "encode_state"]

_FORMAT = b"mcp-siem-state 1"
_FAST, _WIDE = b"64", b"any"


def digest_of(correlations: Iterable[Correlation], bases: Iterable[Rule]) -> str:
    """Names the correlations and the rules they build on by their meaning: what they find and count, not their titles."""
    meant: list[object] = [
        (one.rule.id, one.type, one.members, one.timespan, one.group_by, one.condition, one.percentile)
        for one in correlations
    ]
    meant += [(one.id, [_found(document) for document in documents_of(one)]) for one in bases]
    return hashlib.sha256(repr(meant).encode("utf-8", "surrogatepass")).hexdigest()


def _found(document: Mapping[str, object]) -> str:
    """What a rule or a filter finds."""
    sections = {name: document.get(name) for name in ("logsource", "detection", "filter")}
    return json.dumps(sections, sort_keys=True, default=str)


def encode_state(document: Mapping[str, object], digest: str) -> bytes:
    """The document as bytes, marked with the digest."""
    try:
        form, body = _FAST, orjson.dumps(document)
    except orjson.JSONEncodeError:
        form, body = _WIDE, json.dumps(document, separators=(",", ":")).encode("ascii")
    return b"%s %s %s\n%s" % (_FORMAT, digest.encode("ascii"), form, body)


def decode_state(data: bytes, digest: str) -> Mapping[str, Any]:
    """The document again; McpSiemError if these bytes are not the state of the correlations that the digest names."""
    head, _, body = data.partition(b"\n")
    if not head.startswith(_FORMAT + b" "):
        raise broken("it does not begin like one of this version")
    marked, _, form = head.removeprefix(_FORMAT + b" ").partition(b" ")
    if marked != digest.encode("ascii"):
        raise McpSiemError(
            "the saved state was made with other correlation rules, or other rules below them",
            hint="remove the saved state to begin with empty windows, or use the rules it was made with",
        )
    try:
        document = orjson.loads(body) if form == _FAST else json.loads(body)
    except (ValueError, RecursionError) as error:
        raise broken("its content is cut off or damaged") from error
    if not isinstance(document, dict):
        raise broken("its content is not what was written")
    return document


def broken(reason: str) -> McpSiemError:
    """The error for bytes that are no state."""
    return McpSiemError(
        f"the saved state cannot be used: {reason}", hint="remove the saved state to begin with empty windows"
    )
