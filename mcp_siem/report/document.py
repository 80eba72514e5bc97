"""JSON that every reader takes: UTF-8 whatever a file name, a log line or a rule held."""

import json
import math
from collections.abc import Mapping

import orjson

__all__ = ["document_bytes"]


def document_bytes(document: object, *, indent: bool = False) -> bytes:
    """The document as JSON without a line end: lone surrogates are spelled out, what is no number of JSON is null."""
    options = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(document, default=str, option=options)
    except TypeError:
        # A lone surrogate, an integer beyond 64 bits or a deep nest: rare, so the slow way is enough.
        separators = None if indent else (",", ":")
        text = json.dumps(
            _plain(document), default=str, ensure_ascii=False, indent=2 if indent else None, separators=separators
        )
        return text.encode("utf-8")


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
