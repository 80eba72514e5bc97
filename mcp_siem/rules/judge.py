"""One rule document, judged: types first, then item by item what pySigma says, each fault on its own line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from sigma.conditions import SigmaCondition
from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections, SigmaRule

from mcp_siem.errors import Issue
from mcp_siem.rules.condition import condition_faults
from mcp_siem.rules.expand import expressible
from mcp_siem.rules.faults import guarded, issue_of
from mcp_siem.rules.shape import shape_issues
from mcp_siem.rules.yamltext import Document

__all__ = ["document_issues"]

_TIMESPAN = re.compile(r"0*[1-9][0-9]*[smhdwMy]")
_RESERVED = frozenset({"condition", "rules"})


def document_issues(document: Document) -> list[Issue]:
    """Everything that is wrong with one rule, correlation or filter, taken alone."""
    issues = shape_issues(document)
    data = document.data
    if issues or not isinstance(data, dict):
        return issues
    if "correlation" in data:
        return _correlation_issues(document, data)
    section = "filter" if "filter" in data else "detection"
    issues = list(_section_issues(document, section, data[section]))
    header = {**data, section: _HARMLESS[section]}
    kind = SigmaFilter if section == "filter" else SigmaRule
    return [*_collected(document, partial(kind.from_dict, header, collect_errors=True)), *issues]


_HARMLESS: Mapping[str, Mapping[str, object]] = {
    "detection": {"s": {"f": "v"}, "condition": "s"},
    "filter": {"s": {"f": "v"}, "rules": "any", "condition": "s"},
}


def _collected(document: Document, parse: object) -> list[Issue]:
    if not callable(parse):
        return []
    rule, issues = guarded(document, parse)
    return issues + [issue_of(error, document) for error in getattr(rule, "errors", ())]


def _section_issues(document: Document, section: str, node: object) -> Iterator[Issue]:
    plain = expressible(node)
    if not isinstance(node, dict) or not isinstance(plain, dict):
        return
    selections = {name: value for name, value in plain.items() if name not in _RESERVED or section == "detection"}
    selections.pop("condition", None)
    found = [
        issue for name, value in selections.items() for issue in _selection_issues(document, value, (section, name))
    ]
    yield from found
    if section == "filter":
        yield from _filter_issues(document, node)
    conditions = node["condition"] if isinstance(node["condition"], list) else [node["condition"]]
    for condition in conditions:
        yield from _condition_issues(document, section, str(condition), selections, sound=not found)


def _selection_issues(document: Document, node: object, where: tuple[str | int, ...]) -> Iterator[Issue]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from guarded(document, partial(SigmaDetectionItem.from_mapping, key, value), *where, key)[1]
    elif isinstance(node, list) and any(isinstance(item, dict | list) for item in node):
        for index, item in enumerate(node):
            yield from _selection_issues(document, item, (*where, index))
    else:
        yield from guarded(document, partial(SigmaDetection.from_definition, node), *where)[1]


def _condition_issues(
    document: Document, section: str, condition: str, selections: Mapping[str, object], *, sound: bool
) -> Iterator[Issue]:
    line = document.line_of(section, "condition")
    faults = list(condition_faults(condition, selections))
    for fault in faults:
        yield Issue(code=fault.code, message=fault.message, path=document.path, line=line, hint=fault.hint)
    if sound and not faults:
        # The whole of it, as the engine and the backends will ask for it.
        parse = partial(_parsed, {**selections, "condition": condition})
        yield from guarded(document, parse, section, "condition")[1]


def _parsed(section: dict[str, object]) -> object:
    detections = SigmaDetections.from_dict(section)
    return SigmaCondition(str(section["condition"]), detections).parsed


def _filter_issues(document: Document, node: Mapping[str, object]) -> Iterator[Issue]:
    rules = node.get("rules")
    hint = "give 'rules: any', or a list of rule ids or names"
    listed = isinstance(rules, list) and all(isinstance(rule, str) for rule in rules)
    if not isinstance(rules, str) and not listed:
        message = "the filter does not say which rules it is for" if rules is None else "rules must be text or a list"
        line = document.line_of("filter", "rules")
        yield Issue(code="MS024", message=message, path=document.path, line=line, hint=hint)
    if isinstance(node["condition"], list):
        line = document.line_of("filter", "condition")
        message = "a filter has one condition"
        yield Issue(
            code="MS024", message=message, path=document.path, line=line, hint="join the conditions with and, or"
        )


def _correlation_issues(document: Document, data: dict[str, object]) -> list[Issue]:
    node = data["correlation"]
    timespan = node.get("timespan") if isinstance(node, dict) else None
    if not isinstance(timespan, str) or not _TIMESPAN.fullmatch(timespan):
        return [_bad_timespan(document, timespan)]
    parse = partial(SigmaCorrelationRule.from_dict, data, collect_errors=True)
    rule, issues = guarded(document, parse, "correlation", "condition")
    return issues + [_correlation_issue(error, document) for error in (rule.errors if rule else ())]


def _correlation_issue(error: BaseException, document: Document) -> Issue:
    """The issue of an error that pySigma located nowhere: its words say which key it is about."""
    keys: Sequence[str] = ("group-by", "aliases", "generate", "timespan", "condition", "type", "rule")
    issue = issue_of(error, document)
    if issue.code not in {"MS017", "MS018", "MS019", "MS020"}:
        return issue
    key = next((key for key in keys if key in issue.message.lower().removeprefix("sigma correlation rule")), "")
    return issue_of(error, document, "correlation", *([key] if key else []))


def _bad_timespan(document: Document, timespan: object) -> Issue:
    return Issue(
        code="MS018",
        message=f"'{timespan}' is not a timespan",
        path=document.path,
        line=document.line_of("correlation", "timespan"),
        hint="write a whole number above zero and a unit: 30s, 5m, 1h, 1d, 2w, 1M, 1y",
    )
