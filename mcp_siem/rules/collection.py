"""Sigma rule collections: `action: global`, `repeat` and `reset` of one file, resolved into whole rules."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcp_siem.errors import Issue
from mcp_siem.rules.yamltext import Document

__all__ = ["resolve_actions"]


def resolve_actions(documents: Sequence[Document]) -> tuple[list[Document], list[Issue]]:
    """The rules of one file as pySigma reads it: global values win over a rule's own, repeat changes the rule before."""
    out: list[Document] = []
    issues: list[Issue] = []
    shared: dict[str, object] = {}
    before: dict[str, object] = {}
    for document in documents:
        if not isinstance(document.data, dict):
            issues.append(_not_a_rule(document))
            continue
        data = dict(document.data)
        match data.pop("action", None):
            case None if "correlation" in data or "filter" in data:
                out.append(document)
            case None:
                before = _merged(data, shared) if shared else data
                out.append(replace(document, data=before))
            case "global":
                shared = data
                before = data
            case "reset":
                shared = {}
            case "repeat":
                before = _merged(before, data)
                out.append(replace(document, data=before))
            case other:
                issues.append(_unknown(document, other))
    return out, issues


def _merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    out = dict(copy.deepcopy(base))
    for key, value in over.items():
        held = out.get(key)
        if isinstance(value, dict):
            out[key] = _merged(held if isinstance(held, dict) else {}, value)
        else:
            out[key] = copy.deepcopy(value)
    return out


def _not_a_rule(document: Document) -> Issue:
    message = f"a rule is a mapping of keys, this is {'a list' if isinstance(document.data, list) else 'one value'}"
    hint = "start the document with 'title:'"
    return Issue(code="MS005", message=message, path=document.path, line=document.line, hint=hint)


def _unknown(document: Document, action: object) -> Issue:
    message = f"unknown collection action '{action}'"
    hint = "use action: global, repeat or reset, or remove it"
    return Issue(code="MS025", message=message, path=document.path, line=document.line_of("action"), hint=hint)
