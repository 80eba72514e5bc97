"""A rule's text into fresh pySigma objects: pySigma rewrites its objects in place, so each use parses its own."""

import warnings
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaRuleLocation
from sigma.rule import SigmaRule

from mcp_siem.errors import PackError
from mcp_siem.rules.detection import detections_of
from mcp_siem.rules.documents import documents_of
from mcp_siem.rules.faults import CRASHES, issue_of
from mcp_siem.rules.filters import with_filters
from mcp_siem.rules.rule import Rule
from mcp_siem.rules.threshold import correlation_of
from mcp_siem.rules.yamltext import Document

__all__ = ["main_rule", "parse_rule"]

_HARMLESS = {"selection": {"field": "value"}, "condition": "selection"}


def parse_rule(rule: Rule) -> SigmaCollection:
    """Fresh pySigma objects of a rule and its base rules, filters joined; PackError if pySigma refuses."""
    data = documents_of(rule)
    sieves = [part for part in data if "filter" in part]
    source = SigmaRuleLocation(rule.path, rule.line)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return SigmaCollection(
                [_parsed(with_filters(part, sieves), source) for part in data if "filter" not in part]
            )
    except CRASHES as error:
        raise PackError([issue_of(error, _place(rule))]) from error


def main_rule(rule: Rule, collection: SigmaCollection) -> SigmaRule | SigmaCorrelationRule:
    """The pySigma object of the document that `rule` is; a filter has none of its own."""
    try:
        return collection[UUID(rule.id)]
    except CRASHES as error:
        raise PackError([issue_of(error, _place(rule))]) from error


def _parsed(data: Mapping[str, Any], source: SigmaRuleLocation) -> SigmaRule | SigmaCorrelationRule:
    if "correlation" in data:
        return correlation_of(data, source)
    parsed = SigmaRule.from_dict({**data, "detection": _HARMLESS}, source=source)
    parsed.detection = detections_of(data["detection"], source)
    return parsed


def _place(rule: Rule) -> Document:
    return Document(data=None, path=rule.path, line=rule.line)
